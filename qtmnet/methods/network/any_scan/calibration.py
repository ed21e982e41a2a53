"""How far off the ends of intervals are, by bins, and how they are put right.

A network's quantiles are those of its training, as far as it has learned them. On samples that nothing was chosen on,
each end's distance from the map is scaled so that 5 % of the truths lie beyond it, in each bin of the number of frames
and of the width of the interval: one factor for all would be too wide here and too narrow there. It is split conformal
prediction, by groups (Romano, Patterson and Candès 2019, Conformalized quantile regression, NeurIPS).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from qtmnet.quantities import BOUNDS
from simulators.errors import InputError
from simulators.settings.checking import check_fields
from simulators.settings.limits import Within

FRAME_EDGES = (2, 4, 7)
"""Numbers of frames at which a bin begins, beside the first: 1, 2 to 3, 4 to 6, 7 and more."""

N_WIDTHS = 6
"""Bins of the width, of as many voxels each."""

LEAST_IN_BIN = 200
"""Voxels; a bin of fewer takes the factors of all widths."""

LEAST_WIDTH = 1e-6
"""Half of an interval that is taken to have any."""

Factor = Annotated[float, Within(0, 1000)]

Edge = Annotated[float, Within(0, 1e6)]


@dataclass(frozen=True)
class Calibration:
    """Factors on both sides of an interval.

    Attributes:
        width_edges: between the bins of width, for each bin of the number of frames, in the quantity's unit.
        low, high: factors of each bin of frames and of width.

    Raises:
        InputError: for tables that do not fit together.
    """

    width_edges: tuple[tuple[Edge, ...], ...] = field(default=((),) * (len(FRAME_EDGES) + 1))
    low: tuple[tuple[Factor, ...], ...] = field(default=((1.0,),) * (len(FRAME_EDGES) + 1))
    high: tuple[tuple[Factor, ...], ...] = field(default=((1.0,),) * (len(FRAME_EDGES) + 1))

    def __post_init__(self) -> None:
        check_fields(self)
        n = len(FRAME_EDGES) + 1
        rows = zip(self.width_edges, self.low, self.high, strict=False)
        if {len(self.width_edges), len(self.low), len(self.high)} != {n} or any(
            not len(edges) + 1 == len(low) == len(high) for edges, low, high in rows
        ):
            raise InputError(
                f"calibration: found tables of other sizes; give {n} rows, each of one factor more than edges"
            )

    def applied(
        self, middle: np.ndarray, low: np.ndarray, high: np.ndarray, n_frames: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ends of intervals, put right, of any shape.

        Args:
            middle, low, high: map and ends, in the quantity's unit.
            n_frames: of the scan.
        """
        row = int(np.searchsorted(FRAME_EDGES, n_frames, side="right"))
        at = np.searchsorted(self.width_edges[row], high - low)
        below, above = np.asarray(self.low[row], np.float32)[at], np.asarray(self.high[row], np.float32)[at]
        return middle - below * (middle - low), middle + above * (high - middle)


Voxels = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Map, low end, high end and truth of voxels, (V,) each."""


def calibrate(samples: Iterable[tuple[int, Voxels]]) -> Calibration:
    """Factors that put ends right on samples.

    Args:
        samples: number of frames, and voxels of each.
    """
    by_row: list[list[Voxels]] = [[] for _ in range(len(FRAME_EDGES) + 1)]
    for n_frames, voxels in samples:
        by_row[int(np.searchsorted(FRAME_EDGES, n_frames, side="right"))].append(voxels)
    edges, low, high = [], [], []
    for found in by_row:
        if not found:
            raise InputError("calibration: found no sample with some number of frames; give more samples")
        middle, bottom, top, truth = (np.concatenate(part) for part in zip(*found, strict=True))
        width = top - bottom
        cuts = np.unique(np.quantile(width, np.arange(1, N_WIDTHS) / N_WIDTHS))
        of_bin = np.searchsorted(cuts, width)
        below = (middle - truth) / np.maximum(middle - bottom, LEAST_WIDTH)
        above = (truth - middle) / np.maximum(top - middle, LEAST_WIDTH)
        edges.append(tuple(cuts.tolist()))
        low.append(_factors(below, of_bin, len(cuts) + 1))
        high.append(_factors(above, of_bin, len(cuts) + 1))
    return Calibration(tuple(edges), tuple(low), tuple(high))


def _factors(ratio: np.ndarray, of_bin: np.ndarray, n_bins: int) -> tuple[float, ...]:
    """Of each bin, what a share of 5 % of its ratios is beyond."""
    level = BOUNDS["high"]
    of_all = np.quantile(ratio, level)
    found = [ratio[of_bin == k] for k in range(n_bins)]
    return tuple(float(max(np.quantile(r, level) if r.size >= LEAST_IN_BIN else of_all, 0.0)) for r in found)
