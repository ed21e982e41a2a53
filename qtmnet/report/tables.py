"""Scores as the tables of a report."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.evaluation.metrics import Scores
from qtmnet.quantities import CBF, Quantity, number_text

KINDS = {
    "tissue": "By tissue",
    "territory": "By vascular territory",
    "great_vessel_distance": "By distance from the great arteries",
    "att": "By arterial transit time",
    "arterial_blood": "By arteries in the voxel",
    "venous_blood": "By veins in the voxel",
    "arterial_label": "Compared methods with and without arterial label",
}
"""Captions of the kinds of region, in reading order."""


@dataclass(frozen=True)
class Cell:
    """Scores of one method in one region, as text; `bar` is the NRMSE's share of the table's largest, 0 to 1."""

    method: str
    nrmse: str
    bias: str
    ssim: str
    slope: str
    bar: float
    best: bool


@dataclass(frozen=True)
class Region:
    """A region of a table, with a row for each method; `n_voxels` is empty where it does not apply."""

    name: str
    n_voxels: str
    rows: tuple[Cell, ...]


@dataclass(frozen=True)
class ScoreTable:
    """Scores by region and method, the bias in `unit`; a table of the whole has one region without a name."""

    caption: str
    regions: tuple[Region, ...]
    unit: str

    @property
    def counted(self) -> bool:
        """Whether its regions come with their numbers of voxels."""
        return any(region.n_voxels for region in self.regions)


def score_table(
    caption: str,
    scores: Mapping[str, Mapping[str, Scores]],
    titles: Mapping[str, str],
    n_voxels: Mapping[str, int] | None = None,
    quantity: Quantity = CBF,
) -> ScoreTable:
    """A table of scores by region and method; a score that is not defined is a dash.

    Args:
        caption: of the table.
        scores: by region and method.
        titles: of the methods, by name.
        n_voxels: in each region, if they are to be shown.
        quantity: that is scored.
    """
    found = [value.nrmse for by_method in scores.values() for value in by_method.values() if np.isfinite(value.nrmse)]
    top = max(found, default=0.0) or 1.0
    regions = []
    for name, by_method in scores.items():
        least = float(np.nanmin([np.inf, *(value.nrmse for value in by_method.values())]))
        rows = tuple(_cell(titles[method], value, top, least, quantity) for method, value in by_method.items())
        regions.append(Region(name.replace("_", " "), f"{n_voxels[name]:,}" if n_voxels else "", rows))
    return ScoreTable(caption, tuple(regions), quantity.unit)


def _cell(title: str, value: Scores, top: float, least: float, quantity: Quantity) -> Cell:
    return Cell(
        method=title,
        nrmse=_text(value.nrmse, ".3f"),
        bias=_text(value.bias, f"+.{quantity.digits + 1}f"),
        ssim=_text(value.ssim, ".3f"),
        slope=_text(value.slope, ".3f"),
        bar=min(value.nrmse / top, 1.0) if np.isfinite(value.nrmse) else 0.0,
        best=bool(value.nrmse == least),
    )


def _text(value: float, form: str) -> str:
    return number_text(value, form).replace("-", "−")
