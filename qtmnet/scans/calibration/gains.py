"""The receiver's gain where a scan was put together of several series, each with a gain of its own.

Scanners set the gain before each series. A scan of several delays that were acquired one by one, as older GE scanners
do, then has signals on as many scales: static tissue, which is the same in all of them, tells by how much.
"""

from dataclasses import replace

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.bids.sidecar import LONGEST_REPETITION_TIME_S
from qtmnet.scans.brain_mask import bright_part, mean_signal
from qtmnet.scans.calibration.comparable import LABELED
from qtmnet.scans.calibration.saturation import saturation_correction

SAME_GAIN = 0.03
"""Relative; a scanner's signal is as steady from volume to volume, and gains change in steps of 12 % (1 dB) or more."""

UNSTEADY = 0.1
"""Relative, of controls that only the repetition time tells apart: T1 is assumed, so that less may be its fault."""


def of_one_gain(series: Series) -> tuple[Series, tuple[str, ...], tuple[str, ...]]:
    """A scan with the volumes of all series on the gain of the first, lines on what was done, and doubts.

    Gains are told by the M0 volumes of each series where each has some. Where controls without background suppression
    stand in for them, there is a doubt besides: their signal leans on the repetition time, too.
    """
    blocks = _series_of(series)
    if blocks is not None:
        gains = _gains(series, [block & (series.types == "m0scan") for block in blocks])
        if gains is None or np.ptp(gains) <= SAME_GAIN:
            return series, (), ()
        note = (
            f"receiver gain: {len(blocks)} series, each with its M0, of gains {_listed(gains)} to the first; made alike"
        )
        return _divided(series, blocks, gains), (note,), ()
    delays = _delays_of_controls(series)
    gains = _gains(series, [rows & (series.types == "control") for rows in delays]) if len(delays) > 1 else None
    if gains is None or np.ptp(gains) <= UNSTEADY:
        return series, (), ()
    doubt = (
        f"{series.path}: found controls of {len(delays)} delays whose static tissue is {_listed(gains)} of the first's "
        "and was made alike, as of series with a receiver gain each: check how the scan was put together"
    )
    return _divided(series, delays, gains), (), (doubt,)


def _series_of(series: Series) -> list[np.ndarray] | None:
    """Volumes (N,) bool of each series in a scan of several, in order; None unless each has M0 and labeled volumes."""
    is_m0 = series.types == "m0scan"
    if not is_m0.any() or is_m0.all():
        return None
    edge = np.diff(is_m0.astype(int))
    starts = edge == (1 if is_m0[0] else -1)  # each begins with its M0, or ends with it
    number = np.concatenate([[0], np.cumsum(starts)])
    blocks = [number == k for k in range(number[-1] + 1)]
    whole = all(is_m0[block].any() and not is_m0[block].all() for block in blocks)
    return blocks if len(blocks) > 1 and whole and _of_own_delays(series, blocks) else None


def _of_own_delays(series: Series, blocks: list[np.ndarray]) -> bool:
    """Whether each series has a delay that no other has: what repeats in one series tells of its own volumes."""
    delays = series.sidecar.seconds_per_volume("PostLabelingDelay", len(series.types))
    if delays is None:
        return False
    labeled = np.isin(series.types, LABELED)
    of_each = [set(np.round(delays[block & labeled], 2).tolist()) for block in blocks]
    return all(len(found) == 1 for found in of_each) and len(set.union(*of_each)) == len(blocks)


def _delays_of_controls(series: Series) -> list[np.ndarray]:
    """Volumes (N,) bool of each delay, in the order of the scan; none if controls tell nothing."""
    value = series.sidecar.fields.get("PostLabelingDelay")
    labeled = np.isin(series.types, ("control", "label"))
    if series.sidecar.flag("BackgroundSuppression") is not False or not isinstance(value, list):
        return []
    delays = series.sidecar.seconds_per_volume("PostLabelingDelay", len(series.types))
    if delays is None or not labeled.any():
        return []
    rounded = np.round(delays, 2)
    groups = [labeled & (rounded == delay) for delay in dict.fromkeys(rounded[labeled].tolist())]
    together = all(np.ptp(np.flatnonzero(group)) < group.sum() for group in groups)
    return groups if together else []  # delays in turn are of one series


def _gains(series: Series, groups: list[np.ndarray]) -> np.ndarray | None:
    """Static signal of groups of volumes, each (N,) bool, over that of the first; None if a group has none."""
    if not all(group.any() for group in groups):
        return None
    times = series.sidecar.seconds_per_volume("RepetitionTimePreparation", len(series.types), LONGEST_REPETITION_TIME_S)
    correction = np.ones(len(series.types)) if times is None else saturation_correction(np.maximum(times, 0.1))
    head = bright_part(mean_signal(series))
    levels = []
    for group in groups:
        relaxed = [np.median(series.volumes[..., k][head]) * correction[k] for k in np.flatnonzero(group)]
        levels.append(float(np.median(relaxed)))
    return np.array(levels) / levels[0] if min(levels) > 0 else None


def _divided(series: Series, groups: list[np.ndarray], gains: np.ndarray) -> Series:
    volumes = series.volumes.copy()
    for group, gain in zip(groups, gains, strict=True):
        volumes[..., group] /= np.float32(gain)
    return replace(series, volumes=volumes)


def _listed(gains: np.ndarray) -> str:
    return ", ".join(f"{gain:.3g}" for gain in gains)
