"""Simulated transport of labeled blood through arteries, capillaries and veins."""

from simulators.acquire import acquire
from simulators.acquisition import Acquisition
from simulators.anatomy import Anatomy, TissueMaps
from simulators.brain import Brain, simulate_brain
from simulators.brain_parameters import Angiography, BrainParameters
from simulators.brain_scan import BrainScan, scan_brain
from simulators.cube import Cube, CubeParameters, simulate_cube
from simulators.errors import InputError
from simulators.forest import Forest
from simulators.growth import grow_forest
from simulators.label import LabelKinetics
from simulators.transport.cupy import CupySimulator
from simulators.transport.numba import NumbaSimulator
from simulators.transport.reference import ReferenceSimulator
from simulators.transport.step_response import StepResponse
from simulators.vasculature import Vasculature

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
