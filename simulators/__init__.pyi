"""Simulated transport of labeled blood through arteries, capillaries and veins."""

from .errors import InputError
from .imaging.acquisition import Acquisition
from .imaging.labeling.base import Block, Labeling
from .imaging.labeling.continuous import CASL, PCASL
from .imaging.labeling.hadamard import HadamardPCASL
from .imaging.labeling.pulsed import PASL, PASLUnknownBolus
from .phantoms.brain import Brain, simulate_brain
from .phantoms.brain_parameters import Angiography, BrainParameters
from .phantoms.brain_scan import BrainScan, scan_brain
from .phantoms.cube import Cube, CubeParameters, simulate_cube
from .phantoms.cube_scan import acquire
from .tissue.anatomy import Anatomy, TissueMaps
from .tissue.label import LabelKinetics
from .transport.cupy import CupySimulator
from .transport.numba import NumbaSimulator
from .transport.reference import ReferenceSimulator
from .transport.step_response import StepResponse
from .vessels.forest import Forest
from .vessels.growth import grow_forest
from .vessels.vasculature import Vasculature

__all__ = [
    "CASL",
    "PASL",
    "PCASL",
    "Acquisition",
    "Anatomy",
    "Angiography",
    "Block",
    "Brain",
    "BrainParameters",
    "BrainScan",
    "Cube",
    "CubeParameters",
    "CupySimulator",
    "Forest",
    "HadamardPCASL",
    "InputError",
    "LabelKinetics",
    "Labeling",
    "NumbaSimulator",
    "PASLUnknownBolus",
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
