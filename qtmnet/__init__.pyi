from .bids import find_scans
from .checkpoint import load_estimator
from .data import QTMDataModule
from .estimator import Estimator
from .kinetic import fit
from .metrics import Scores, score
from .module import QTMModule
from .nifti import write_map
from .prediction import map_with_network
from .scan import AslScan, read_scan

__version__: str

__all__ = [
    "AslScan",
    "Estimator",
    "QTMDataModule",
    "QTMModule",
    "Scores",
    "find_scans",
    "fit",
    "load_estimator",
    "map_with_network",
    "read_scan",
    "score",
    "write_map",
]
