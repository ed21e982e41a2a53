"""Perfusion maps from arterial spin labeling: learning, kinetic models and images.

Names are imported when they are first used, so that what needs no torch does without; `__init__.pyi` lists them.
"""

import contextlib

__version__ = "0.4.0"

with contextlib.suppress(ModuleNotFoundError):  # where nothing is installed the commands still say so
    import lazy_loader

    __getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
