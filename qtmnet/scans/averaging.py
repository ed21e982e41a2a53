"""Control and label volumes of a scan, paired by delay and labeling duration, and averaged."""

import numpy as np

from qtmnet.scans.bids import Series
from qtmnet.scans.nifti import mean_volume
from qtmnet.scans.protocol import timing
from simulators.errors import InputError


def average(series: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Mean of control less mean of label for each distinct delay and duration.

    Returns:
        ΔM (K, X, Y, Z), by rising delay, then duration; delays (K,) and durations (K,) in s; and notes.

    Raises:
        InputError: if there is nothing to average, at some delay or at all, or nothing but 0 comes of it.
    """
    types, notes = series.types, []
    wanted = ("control", "label") if np.isin(types, ("control", "label")).any() else ("deltam",)
    rows = np.isin(types, wanted)
    if not rows.any():
        raise InputError(
            f"{series.context_path}: volume_type: found {', '.join(np.unique(types))}, nothing to fit; "
            "give control and label volumes, or deltam"
        )
    ignored = np.unique(types[~rows & (types != "m0scan")])
    if ignored.size:
        notes.append(f"volumes: left out {', '.join(f'{(types == kind).sum()} {kind}' for kind in ignored)}")
    times = timing(series, rows)
    distinct = np.unique(times[rows], axis=0)  # by rising delay, then duration
    delta_m = np.empty((len(distinct), *series.volumes.shape[:3]), np.float32)
    for frame, (delay, duration) in zip(delta_m, distinct, strict=True):
        here = rows & (times == (delay, duration)).all(axis=-1)
        means = [_mean_of(series, kind, here & (types == kind), delay, duration) for kind in wanted]
        frame[...] = means[0] - means[1] if len(means) == 2 else means[0]
    if not delta_m.any():
        raise InputError(f"{series.path}: found a difference of 0 in every voxel; check {series.context_path.name}")
    counts = ", ".join(f"{(types == kind).sum()} {kind}" for kind in wanted)
    return delta_m, *distinct.T, [f"volumes: {counts}, averaged to {len(distinct)} delays", *notes]


def _mean_of(series: Series, kind: str, rows: np.ndarray, delay: float, duration: float) -> np.ndarray:
    if not rows.any():
        raise InputError(
            f"{series.context_path}: volume_type: found no {kind} at PostLabelingDelay {delay:g} s, LabelingDuration "
            f"{duration:g} s; give control and label at each delay, or mark the volumes n/a"
        )
    return mean_volume(series.volumes, rows)


def mean_control(series: Series) -> np.ndarray | None:
    """Mean over the control volumes, (X, Y, Z), if there are any."""
    rows = series.types == "control"
    return mean_volume(series.volumes, rows).astype(np.float32) if rows.any() else None
