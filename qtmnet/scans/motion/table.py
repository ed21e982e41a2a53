"""How the head moved, as a table of confounds of the volumes; columns as fMRIPrep and ASLPrep call them."""

from pathlib import Path

import numpy as np

from qtmnet.scans.bids.derivatives import Place
from qtmnet.scans.motion.estimate import Estimate
from simulators.files.json_files import json_text
from simulators.files.writing import Drafts

_WHERE = "of the head from the place that most volumes have it in"
_ABOUT = f"Vector of the rotation {_WHERE}, about the middle of the head, along the scanner's axis"

COLUMNS = {
    **{f"trans_{axis}": (f"Way {_WHERE}, along the scanner's axis {axis}, at its middle", "mm") for axis in "xyz"},
    **{f"rot_{axis}": (f"{_ABOUT} {axis}", "rad") for axis in "xyz"},
    "framewise_displacement": (
        "From the labeled volume before, rotations on a sphere of 50 mm (Power et al. 2012, "
        "10.1016/j.neuroimage.2011.10.018)",
        "mm",
    ),
    "displacement": (f"Root mean square distance {_WHERE}, over its voxels", "mm"),
    "displacement_unknown": ("Of that, what noise and contrast leave unknown, a standard deviation", "mm"),
    "moved_back": ("1 if the volume was put back, 0 if it was left as it is", ""),
}
"""Meaning and unit of each column."""


def motion_path(place: Place) -> Path:
    """Where the table of a scan's motion goes."""
    return place.folder / f"{place.prefix}_desc-confounds_timeseries.tsv"


def motion_table(estimate: Estimate) -> str:
    """A row for each volume of the scan, M0 included, n/a for what is not known."""
    translations, rotations = estimate.of_head
    spread = np.where(np.isfinite(estimate.spread), estimate.spread, np.nan)
    numbers = np.column_stack([translations, rotations, estimate.framewise, estimate.distance, spread])
    lines = ["\t".join(COLUMNS)]
    for values, back in zip(numbers.tolist(), estimate.has_moved.tolist(), strict=True):
        cells = ["n/a" if np.isnan(value) else f"{value:.5f}" for value in values]
        lines.append("\t".join([*cells, str(int(back))]))
    return "\n".join(lines) + "\n"


def write_motion(place: Place, estimate: Estimate, drafts: Drafts) -> Path:
    """Write the table and what its columns mean.

    Raises:
        InputError: if they cannot be written.
    """
    path = motion_path(place)
    meanings = {
        name: {"Description": f"{text}."} | ({"Units": unit} if unit else {}) for name, (text, unit) in COLUMNS.items()
    }
    drafts.write(path, motion_table(estimate).encode())
    drafts.write(path.with_suffix(".json"), json_text(meanings, indent=2).encode())
    return path
