"""Simulated transport of labeled blood through arteries, capillaries and veins.

Names are imported when they are first used, so that a command shows its help without Numba; `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
