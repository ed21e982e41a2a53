"""How far maps of one scan are from the truth, as the table over protocols tells it: error, contrast, intervals."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qtmnet.evaluation.brain_regions import TISSUE_SHARE
from qtmnet.methods.base import Maps
from qtmnet.quantities import ATT, CBF
from simulators.arrays import Bool, Float
from simulators.phantoms.brain_scan import BrainScan

NOMINAL_COVERAGE = 0.9
"""Of the intervals that methods give, from `<quantity>_low` to `<quantity>_high`."""

WIDTH_EDGES = (0.0, 0.1, 0.2, 0.4, 0.8, np.inf)
"""Of half the interval over the estimate, within which intervals are counted apart."""

Numbers = dict[str, float]
"""Measure → value; NaN where it is not defined."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What a scan's maps are held against.

    Attributes:
        cbf: mL/100g/min, (x, y, z).
        att: s, NaN where nothing arrives, (x, y, z).
        counts: voxels that are scored, (x, y, z) bool.
        grey, white: those of them that are grey or white matter, (x, y, z) bool.
    """

    cbf: np.ndarray
    att: np.ndarray
    counts: np.ndarray
    grey: np.ndarray
    white: np.ndarray

    @classmethod
    def of(cls, scan: BrainScan, counts: np.ndarray) -> "Truth":
        """The truth of a scanned brain.

        Args:
            scan: of it.
            counts: voxels that are scored, (x, y, z) bool.
        """
        grey, white = (counts & (share >= TISSUE_SHARE) for share in (scan.grey, scan.white))
        return cls(scan.perfusion, scan.att, counts, grey, white)


def score_maps(maps: Maps, truth: Truth) -> Numbers:
    """All measures of the maps of one scan.

    Of CBF: `nrmse` ‖Q̂ − Q‖₂ / ‖Q‖₂, `bias` (mL/100g/min), `slope` of the least-squares line of Q̂ on Q, `contrast` grey
    over white matter's mean as a share of the true one; with an interval its `coverage`, `width` (mean of half of it,
    mL/100g/min), and by bins of that over the estimate `coverage_<bin>` and `share_<bin>`, see `width_bins`. Of ATT:
    `att_error` (mean size of the error, s), `att_bias` (s), `att_coverage`.
    """
    found: Numbers = {}
    if CBF.key in maps:
        estimate, true = (values[truth.counts].astype(float) for values in (maps[CBF.key], truth.cbf))
        found |= _errors(estimate, true)
        found["contrast"] = _contrast(maps[CBF.key], truth) / _contrast(truth.cbf, truth)
        if (interval := _interval(maps, CBF.key, truth.counts)) is not None:
            found |= _coverage(*interval, estimate, true)
    if ATT.key in maps:
        counts = truth.counts & np.isfinite(truth.att)
        true = truth.att[counts].astype(float)
        error = maps[ATT.key][counts] - true
        found |= {"att_error": _mean(np.abs(error)), "att_bias": _mean(error)}
        if (interval := _interval(maps, ATT.key, counts)) is not None:
            found["att_coverage"] = _mean(_within(*interval, true))
    return found


def width_bins() -> tuple[str, ...]:
    """Names of the bins of relative width: half of an interval over the estimate."""
    return tuple(f"over {low:g}" if np.isinf(high) else f"{low:g} to {high:g}" for low, high in pairwise(WIDTH_EDGES))


def _errors(estimate: Float[np.ndarray, " V"], true: Float[np.ndarray, " V"]) -> Numbers:
    spread = true - true.mean()
    return {
        "nrmse": float(np.linalg.norm(estimate - true) / np.linalg.norm(true)),
        "bias": _mean(estimate - true),
        "slope": float(spread @ estimate / (spread @ spread)) if (spread != 0).any() else np.nan,
    }


def _contrast(perfusion: np.ndarray, truth: Truth) -> float:
    """Mean of grey over mean of white matter; NaN where there is none of one of them."""
    grey, white = _mean(perfusion[truth.grey]), _mean(perfusion[truth.white])
    return grey / white if white != 0 else np.nan


def _interval(maps: Maps, key: str, counts: Bool[np.ndarray, "x y z"]) -> tuple[np.ndarray, np.ndarray] | None:
    """Lower and upper end (V,) of a quantity's interval; None where a method gives none."""
    names = (f"{key}_low", f"{key}_high")
    if any(name not in maps for name in names):
        return None
    low, high = (maps[name][counts].astype(float) for name in names)
    return low, high


def _coverage(low: np.ndarray, high: np.ndarray, estimate: np.ndarray, true: np.ndarray) -> Numbers:
    half, within = (high - low) / 2, _within(low, high, true)
    relative = np.divide(half, np.abs(estimate), out=np.full_like(half, np.inf), where=estimate != 0)
    bins = np.clip(np.searchsorted(WIDTH_EDGES, relative, side="right") - 1, 0, len(WIDTH_EDGES) - 2)
    found = {"coverage": _mean(within), "width": _mean(half)}
    for index, name in enumerate(width_bins()):
        found |= {f"coverage_{name}": _mean(within[bins == index]), f"share_{name}": _mean(bins == index)}
    return found


def _within(low: np.ndarray, high: np.ndarray, true: np.ndarray) -> np.ndarray:
    return (low <= true) & (true <= high)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if values.size else np.nan
