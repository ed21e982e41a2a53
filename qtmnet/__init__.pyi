from .commands.predict import map_with_network
from .evaluation.metrics import Scores, score
from .learning.loading import SampleLoading
from .learning.module import QTMModule
from .learning.stored import StoredCubes
from .methods.kinetic import fit
from .methods.network.checkpoint import load_estimator
from .methods.network.estimator import Estimator
from .scans.bids import find_scans
from .scans.nifti import write_map
from .scans.scan import AslScan, read_scan

__version__: str

__all__ = [
    "AslScan",
    "Estimator",
    "QTMModule",
    "SampleLoading",
    "Scores",
    "StoredCubes",
    "find_scans",
    "fit",
    "load_estimator",
    "map_with_network",
    "read_scan",
    "score",
    "write_map",
]
