"""Parts of a scan that are scans of their own: every second pair, or some of the delays."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qtmnet.scans.bids.series import LABELED, Series
from qtmnet.scans.protocol.timing import timing

LEFT_OUT = "n/a"


def some_pairs(series: Series, first: int, step: int = 2) -> Series:
    """The pairs first, first + step, … of every delay; M0 stays.

    Args:
        series: of a scan.
        first: pair that is kept, counted from 0 in the order of the scan, at each delay and duration.
        step: to the next one.
    """
    rows = np.isin(series.types, LABELED)
    times = timing(series, rows)
    kept = ~rows
    for kind in LABELED:
        for time in np.unique(times[series.types == kind], axis=0):
            here = np.flatnonzero((series.types == kind) & (times == time).all(axis=-1))
            kept[here[first::step]] = True
    return _without(series, ~kept)


def some_delays(series: Series, places: Sequence[int]) -> Series:
    """The frames of some of the delays; M0 stays.

    Args:
        series: of a scan.
        places: of the delays and durations kept, in rising order, the first being 0.
    """
    rows = np.isin(series.types, LABELED)
    times = timing(series, rows)
    wanted = np.unique(times[rows], axis=0)[list(places)]
    kept = (times[:, None] == wanted[None]).all(axis=-1).any(axis=-1)
    return _without(series, rows & ~kept)


def _without(series: Series, rows: np.ndarray) -> Series:
    return replace(series, types=np.where(rows, LEFT_OUT, series.types))
