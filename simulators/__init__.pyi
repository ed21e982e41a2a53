"""Simulated transport of labeled blood through arteries, capillaries and veins."""

from .errors import InputError
from .imaging.acquisition import Acquisition
from .imaging.labeling.base import Block, Labeling
from .imaging.labeling.continuous import CASL, PCASL
from .imaging.labeling.hadamard import HadamardPCASL
from .imaging.labeling.pulsed import PASL, QUIPSS, PASLUnknownBolus
from .phantoms.brain import simulate_brain
from .phantoms.brain_parameters import Angiography, BrainParameters
from .phantoms.brain_scan import BrainScan, scan_brain
from .phantoms.cube import Cube, CubeParameters, simulate_cube
from .phantoms.cube_scan import acquire
from .phantoms.simulated_brain import Brain
from .tissue.anatomy import Anatomy, TissueMaps
from .tissue.exchange.base import Exchange
from .tissue.exchange.none import NoExchange
from .tissue.exchange.two_compartment import TwoCompartmentExchange
from .tissue.folded_sheets import FoldedSheets
from .tissue.label import LabelKinetics
from .tissue.layout import PerfusionLayout
from .tissue.lesions import Lesions, Voids
from .transport.cupy import CupySimulator
from .transport.numba import NumbaSimulator
from .transport.reference import ReferenceSimulator
from .transport.step_response import StepResponse
from .vessels.forest import Forest
from .vessels.growth import grow_forest
from .vessels.passing import PassingVessels
from .vessels.swc import read_swc, write_swc
from .vessels.vasculature import Vasculature

__all__ = [
    "CASL",
    "PASL",
    "PCASL",
    "QUIPSS",
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
    "Exchange",
    "FoldedSheets",
    "Forest",
    "HadamardPCASL",
    "InputError",
    "LabelKinetics",
    "Labeling",
    "Lesions",
    "NoExchange",
    "NumbaSimulator",
    "PASLUnknownBolus",
    "PassingVessels",
    "PerfusionLayout",
    "ReferenceSimulator",
    "StepResponse",
    "TissueMaps",
    "TwoCompartmentExchange",
    "Vasculature",
    "Voids",
    "acquire",
    "grow_forest",
    "read_swc",
    "scan_brain",
    "simulate_brain",
    "simulate_cube",
    "write_swc",
]
