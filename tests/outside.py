"""Data beside the project that tests look at as well, where it is; each such test has one on data that tests make."""

import os
from pathlib import Path

SHARED = Path(os.environ.get("QTMNET_SHARED", Path(__file__).parents[2] / "shared")) / "data"
SCANS = SHARED / "asl" / "bids"
"""A healthy volunteer's 2D-EPI scan with six delays."""

REFERENCE_OBJECT = SHARED / "asl" / "dro"
"""A digital reference object of asldro."""
