"""Simulated transport of labeled blood through arteries, capillaries and veins."""

from .acquisition import Acquisition
from .anatomy import Anatomy, TissueMaps
from .brain import Brain, simulate_brain
from .brain_parameters import Angiography, BrainParameters
from .brain_scan import BrainScan, scan_brain
from .cube import Cube, CubeParameters, simulate_cube
from .errors import InputError
from .forest import Forest
from .growth import grow_forest
from .label import LabelKinetics
from .readout import acquire
from .transport.cupy import CupySimulator
from .transport.numba import NumbaSimulator
from .transport.reference import ReferenceSimulator
from .transport.step_response import StepResponse
from .vasculature import Vasculature

__all__ = [
    "Acquisition",
    "Anatomy",
    "Angiography",
    "Brain",
    "BrainParameters",
    "BrainScan",
    "Cube",
    "CubeParameters",
    "CupySimulator",
    "Forest",
    "InputError",
    "LabelKinetics",
    "NumbaSimulator",
    "ReferenceSimulator",
    "StepResponse",
    "TissueMaps",
    "Vasculature",
    "acquire",
    "grow_forest",
    "scan_brain",
    "simulate_brain",
    "simulate_cube",
]
