"""How often the truth lies in the interval that a method tells, and how wide that is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from qtmnet.evaluation.estimates import Estimates
from qtmnet.quantities import BOUNDS


@dataclass(frozen=True)
class IntervalScore:
    """An interval held against the truth; NaN where there is no voxel.

    Attributes:
        coverage: share of voxels whose truth lies in it, ends included.
        width: mean of its upper less its lower end, in the quantity's unit.
    """

    coverage: float
    width: float

    def as_dict(self) -> dict[str, float | None]:
        """Plain numbers for JSON, which has no NaN: None where a score is not defined."""
        return {name: value if np.isfinite(value) else None for name, value in asdict(self).items()}


IntervalScores = dict[str, dict[str, dict[str, IntervalScore]]]
"""Quantity → region → method → score of its interval."""


def score_interval(low: np.ndarray, high: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> IntervalScore:
    """Score an interval.

    Args:
        low, high: its ends, of any shape.
        truth: of that shape.
        counts: voxels that count, bool of that shape.
    """
    if not counts.any():
        return IntervalScore(np.nan, np.nan)
    low, high, truth = (values[counts].astype(float) for values in (low, high, truth))
    return IntervalScore(float(((low <= truth) & (truth <= high)).mean()), float((high - low).mean()))


def score_intervals(estimates: Estimates, regions: Mapping[str, np.ndarray]) -> IntervalScores:
    """Scores of all intervals that methods tell, of quantities that there is a truth of.

    Args:
        estimates: maps.
        regions: voxels of each, bool of the maps' shape.
    """
    found: IntervalScores = {}
    for key in estimates.scored:
        low, high = (estimates.of(f"{key}_{end}") for end in BOUNDS)
        defined, truth = estimates.defined(key), estimates.truth[key]
        told = [method for method in low if method in high]
        if told:
            found[key] = {
                region: {name: score_interval(low[name], high[name], truth, inside & defined) for name in told}
                for region, inside in regions.items()
            }
    return found
