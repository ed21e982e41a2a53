"""Simulated transport of labeled blood through arteries, capillaries and veins."""

from simulators.acquisition import Acquisition
from simulators.errors import InputError

__all__ = ["Acquisition", "InputError"]
