from .evaluation.metrics import Scores, score
from .learning.loading import SampleLoading
from .learning.module import QTMModule
from .learning.stored import StoredCubes
from .methods.base import Frames, Method
from .methods.kinetic_fit import fit
from .methods.mapping import map_perfusion
from .methods.multi_delay import MultiDelay
from .methods.multi_delay_arteries import MultiDelayArteries
from .methods.network.checkpoint import load_estimator
from .methods.network.estimator import Estimator
from .methods.network.method import NetworkMethod
from .methods.single_delay import SingleDelay
from .scans.bids.finding import find_scans
from .scans.nifti import write_map
from .scans.scan import AslScan, read_scan

__version__: str

__all__ = [
    "AslScan",
    "Estimator",
    "Frames",
    "Method",
    "MultiDelay",
    "MultiDelayArteries",
    "NetworkMethod",
    "QTMModule",
    "SampleLoading",
    "Scores",
    "SingleDelay",
    "StoredCubes",
    "find_scans",
    "fit",
    "load_estimator",
    "map_perfusion",
    "read_scan",
    "score",
    "write_map",
]
