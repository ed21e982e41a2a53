"""Scores as the tables of a report."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.evaluation.metrics import Scores
from qtmnet.quantities import number_text

TITLES = {"qtmnet": "qtmnet (network)", "single_delay": "single delay", "multi_delay": "multi delay"}
"""What methods are called on the page."""

KINDS = {
    "tissue": "By tissue",
    "territory": "By vascular territory",
    "great_vessel_distance": "By distance from the great arteries",
    "att": "By arterial transit time",
    "arterial_blood": "By arteries in the voxel",
    "venous_blood": "By veins in the voxel",
    "arterial_label": "Kinetic models with and without arterial label",
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
    """Scores by region and method; a table of the whole has one region without a name."""

    caption: str
    regions: tuple[Region, ...]

    @property
    def counted(self) -> bool:
        """Whether its regions come with their numbers of voxels."""
        return any(region.n_voxels for region in self.regions)


def title_of(method: str) -> str:
    """What a method is called on the page."""
    return TITLES.get(method, method.replace("_", " "))


def score_table(
    caption: str, scores: Mapping[str, Mapping[str, Scores]], n_voxels: Mapping[str, int] | None = None
) -> ScoreTable:
    """A table of scores by region and method; a score that is not defined is a dash."""
    found = [value.nrmse for by_method in scores.values() for value in by_method.values() if np.isfinite(value.nrmse)]
    top = max(found, default=0.0) or 1.0
    regions = []
    for name, by_method in scores.items():
        least = np.nanmin([np.inf, *(value.nrmse for value in by_method.values())])
        rows = tuple(_cell(method, value, top, float(least)) for method, value in by_method.items())
        regions.append(Region(name.replace("_", " "), f"{n_voxels[name]:,}" if n_voxels else "", rows))
    return ScoreTable(caption, tuple(regions))


def _cell(method: str, value: Scores, top: float, least: float) -> Cell:
    return Cell(
        method=title_of(method),
        nrmse=_text(value.nrmse, ".3f"),
        bias=_text(value.bias_ml_100g_min, "+.2f"),
        ssim=_text(value.ssim, ".3f"),
        slope=_text(value.slope, ".3f"),
        bar=min(value.nrmse / top, 1.0) if np.isfinite(value.nrmse) else 0.0,
        best=bool(value.nrmse == least),
    )


def _text(value: float, form: str) -> str:
    return number_text(value, form).replace("-", "−")
