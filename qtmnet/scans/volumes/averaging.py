"""Control and label volumes of a scan, paired by delay and labeling duration, looked at, and averaged."""

from dataclasses import dataclass

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.nifti import mean_volume
from qtmnet.scans.volumes.inspection import Inspection
from simulators.errors import InputError


@dataclass(frozen=True, eq=False)
class Averages:
    """Frames of a scan, by rising delay, then duration.

    Attributes:
        delta_m: weighted mean of control less label, (K, X, Y, Z) float32.
        spread: root of the unbiased variance of a single pair's difference, (K, X, Y, Z) float32; 0 of one pair.
        pairs: of each frame, (K,); a pair of lower weight counts as that. Differences that the scan holds itself count
            as pairs.
        delays: s, (K,).
        durations: of labeling, s, (K,).
        notes: on the volumes.
    """

    delta_m: np.ndarray
    spread: np.ndarray
    pairs: np.ndarray
    delays: np.ndarray
    durations: np.ndarray
    notes: list[str]


def average(inspection: Inspection) -> Averages:
    """Weighted mean of control less label for each distinct delay and duration, and how its pairs vary.

    Weights are those of `qtmnet.scans.volumes.weighting`; in a clean scan all are 1. A delay without any pair that can
    be used is left out.

    Raises:
        InputError: if no pair can be used, or nothing but 0 comes of them.
    """
    series, pairing, weight = inspection.looked.series, inspection.pairing, inspection.weight
    left = [k for k in range(len(pairing.delays)) if weight[pairing.frame == k].any()]
    if not left:
        raise InputError(
            f"{series.path}: found no pair of volumes that can be used: {'; '.join(inspection.notes())}; convert the "
            "scan again, or mark what is spoiled n/a"
        )
    shape = series.volumes.shape[:3]
    delta_m, spread = np.empty((2, len(left), *shape), np.float32)
    pairs = np.empty(len(left))
    for j, k in enumerate(left):
        used = np.flatnonzero((pairing.frame == k) & (weight > 0))
        pairs[j] = weight[used].sum()
        delta_m[j], spread[j] = _weighted(series.volumes, pairing.rows[used], weight[used])
    if not delta_m.any():
        raise InputError(f"{series.path}: found a difference of 0 in every voxel; check {series.context_path.name}")
    notes = [*pairing.notes, *inspection.notes()]
    lost = np.delete(pairing.delays, left)
    if lost.size:
        listed = ", ".join(f"{delay:g}" for delay in lost)
        notes.append(f"volumes: no pair is left at PostLabelingDelay {listed} s, which is left out")
    return Averages(delta_m, spread, pairs, pairing.delays[left], pairing.durations[left], notes)


def _weighted(volumes: np.ndarray, rows: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
    """Weighted mean of differences, and the root of the variance of one of weight 1, both (X, Y, Z).

    They are read one after the other: copies of a long scan may not fit the memory. Weights are taken for inverse
    variances: of n pairs the weighted squares, over n − 1, are then the variance where the weight is 1.
    """
    shape = volumes.shape[:3]
    mean, squares, total = np.zeros(shape), np.zeros(shape), 0.0
    for pair, share in zip(rows, weight, strict=True):
        difference = volumes[..., pair[0]].astype(float)
        if len(pair) == 2:
            difference -= volumes[..., pair[1]]
        total += share
        step = difference - mean  # West 1979, 10.1145/359146.359153
        mean += share / total * step
        squares += share * step * (difference - mean)
    return mean, np.sqrt(squares / (len(rows) - 1)) if len(rows) > 1 else 0.0


def mean_control(series: Series) -> np.ndarray | None:
    """Mean over the control volumes, (X, Y, Z), if there are any."""
    rows = series.types == "control"
    return mean_volume(series.volumes, rows).astype(np.float32) if rows.any() else None
