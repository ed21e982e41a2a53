"""An atlas: an image of labels, and the table that says what each is called."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qtmnet.scans.bids.finding import nifti_stem
from qtmnet.scans.grids.onto import Onto
from qtmnet.scans.nifti import read_image
from simulators.errors import InputError
from simulators.files.reading import TABLE_FILE, kind_there, read_text

INDEX, NAMES = "index", ("name", "label")
"""Columns of a table of labels: BIDS has `index` and `name`; ASLPrep's atlases call it `label`."""

HIGHEST_LABEL = 2**24
"""Whole numbers beyond it are not told apart in single precision."""


TERRITORIES = Path(__file__).parent / "territories.nii.gz"
"""Arterial territories of the package's own phantom, see `qtmnet.scans.regions.build_territories`."""

TERRITORIES_SPACE = "MNI152NLin2009cAsym"
"""Template that they are taken to lie in: they are made in its symmetric sibling of release a, some mm from it."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """Regions on the grid of a scan.

    Attributes:
        name: of the atlas, as file names have it: letters and digits.
        labels: of each voxel, 0 for none, (X, Y, Z) int32.
        names: of the regions, by label, in the order of the table; all of its regions, on the grid or not.
        note: where it came from and what was done to it.
    """

    name: str
    labels: np.ndarray
    names: dict[int, str]
    note: str


def read_atlas(path: Path, table: Path | None, onto: Onto) -> Atlas:
    """Read an atlas and bring it onto the grid of a scan.

    Args:
        path: of the image of labels.
        table: tab-separated, with the columns `index` and `name` (or `label`). By default what lies beside the image
            under its name with the ending `.tsv`; without any, regions are called by their labels.
        onto: how images get onto the scan.

    Raises:
        InputError: for files that cannot be read, values that are no labels, regions without a name, or an atlas that
            does not lie on the scan.
    """
    image, data = read_image(path, n_dimensions=(3,))
    low, high = float(data.min()), float(data.max())
    if low < 0 or high > HIGHEST_LABEL or not np.array_equal(data, np.rint(data)):
        raise InputError(
            f"{path}: atlas: found values from {low:.4g} to {high:.4g}; give whole numbers, one per region"
        )
    if high == 0:
        raise InputError(f"{path}: atlas: found 0 in every voxel; give an image of labels")
    there = np.unique(data[data > 0]).astype(int).tolist()
    beside = path.with_name(f"{nifti_stem(path)}.tsv")
    table = table or (beside if kind_there(beside) else None)
    names = _names(table) if table else {label: str(label) for label in there}
    if unnamed := [label for label in there if label not in names]:
        more = f" and {len(unnamed) - 1} more" if len(unnamed) > 1 else ""
        raise InputError(f"{table}: {INDEX}: found no name of {unnamed[0]}{more}, which {path.name} holds; add a line")
    placed = onto.labels(path, image, data)
    labels = placed.volumes[..., 0].astype(np.int32)
    if not labels.any():
        raise InputError(f"{path}: atlas: found no region on the scan; give an atlas that lies on it")
    said = ", ".join(filter(None, (path.name, placed.note, "" if table else "regions are called by their labels")))
    return Atlas(atlas_name(path), labels, names, f"atlas: {said}")


def atlas_name(path: Path) -> str:
    """What an atlas is called in file names: its entity `atlas-`, else the letters and digits of its name."""
    stem = nifti_stem(path)
    given = re.search(r"(?:^|_)(?:atlas|seg)-([A-Za-z0-9]+)", stem)
    return given[1] if given else re.sub(r"[^A-Za-z0-9]", "", stem) or "atlas"


def _names(path: Path) -> dict[int, str]:
    lines = [line.split("\t") for line in read_text(path, TABLE_FILE).splitlines() if line.strip()]
    heading = [word.strip() for word in lines[0]] if lines else []
    column = next((name for name in NAMES if name in heading), None)
    if INDEX not in heading or column is None or len(lines) < 2:
        raise InputError(f"{path}: found the columns {', '.join(heading) or 'none'}; give {INDEX} and {NAMES[0]}")
    names: dict[int, str] = {}
    for row in lines[1:]:
        if len(row) != len(heading):
            raise InputError(f"{path}: found a row of {len(row)} columns, not {len(heading)}; mend the table")
        text, name = row[heading.index(INDEX)].strip(), row[heading.index(column)].strip()
        if not re.fullmatch(r"\d{1,9}(\.0+)?", text):
            raise InputError(f"{path}: {INDEX}: found {text[:40]!r}; give a whole number")
        label = int(float(text))
        if label in names:
            raise InputError(f"{path}: {INDEX}: found {label} twice; give each region once")
        if label:  # 0 is what lies in no region
            names[label] = name or str(label)
    return names
