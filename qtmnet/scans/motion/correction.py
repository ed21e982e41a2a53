"""Rigid correction of motion within a scan: volumes that have moved are put back where the others are.

A volume that has not moved, or no further than noise explains, is left as it is to the last bit: a scan without motion
is not changed. Data are looked up where the head has been; the times of slices stay with the slices, though tissue that
has moved along them was read at another time.
"""

from dataclasses import dataclass, replace

import numpy as np

from qtmnet.scans.bids.preprocessed import is_preprocessed
from qtmnet.scans.bids.series import Series
from qtmnet.scans.motion.estimate import LEAST_MOVED_MM, Estimate, estimate_motion
from qtmnet.scans.motion.moving import moved

M0_ROWS = ("m0scan",)

SHORT_LIST = 12
"""Volumes that a note names one by one."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """A scan with its volumes in one place.

    Attributes:
        series: the scan.
        estimate: how the head moved in labeled volumes; None where that cannot be told.
        notes: a line on what was done, or on why nothing had to be.
        doubts: a line on why it could not be done.
    """

    series: Series
    estimate: Estimate | None
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def correct_motion(series: Series) -> Corrected:
    """Put the volumes of a scan where most of them are.

    Args:
        series: before label and control are made a difference.
    """
    if is_preprocessed(series.path):
        return Corrected(series, None, ("motion: left as it is: the series was preprocessed, in one place already",))
    estimate = estimate_motion(series)
    if isinstance(estimate, str):
        return Corrected(series, None, doubts=(f"{series.path}: motion_correction: nothing was corrected: {estimate}",))
    corrected, notes = _put_back(series, estimate), [_note(estimate)]
    if (series.types == M0_ROWS[0]).sum() > 1:
        of_m0 = estimate_motion(series, M0_ROWS)
        if not isinstance(of_m0, str) and of_m0.has_moved.any():
            corrected = _put_back(corrected, of_m0)
            notes.append(f"motion: of M0 {_moved_back(of_m0)}")
    return Corrected(corrected, estimate, tuple(notes))


def _put_back(series: Series, estimate: Estimate) -> Series:
    """Volumes that have moved, moved back. Where one has not shown the head, it gets the mean of others like it."""
    if not estimate.has_moved.any():
        return series
    volumes, affine = series.volumes.copy(), series.image.affine
    missing = np.zeros(volumes.shape[:3], bool) if series.missing is None else series.missing.copy()
    shown = {}
    for row in np.flatnonzero(estimate.has_moved).tolist():
        matrix = estimate.head.matrix(estimate.motion[row])
        volumes[..., row], shown[row] = moved(series.volumes[..., row], affine, matrix)
    for rows in estimate.groups:
        total, count = np.zeros(missing.shape), np.zeros(missing.shape, int)
        gone = [row for row in rows.tolist() if row in shown and not shown[row].all()]
        for row in rows.tolist() if gone else ():
            there = shown.get(row, True)
            total += np.where(there, volumes[..., row], 0)
            count += there
        mean = total / np.maximum(count, 1)
        for row in gone:
            volumes[..., row] = np.where(shown[row], volumes[..., row], mean)
        missing |= (count == 0) & bool(gone)
    volumes[missing] = 0
    return replace(series, volumes=volumes, missing=missing if missing.any() else series.missing)


def _note(estimate: Estimate) -> str:
    framewise = estimate.framewise[np.isfinite(estimate.framewise)]
    if not framewise.size:
        return "motion: not corrected: too little structure to tell it by"
    told = f"framewise displacement {framewise.mean():.2f} mm in the mean, {framewise.max():.2f} mm at most"
    return f"motion: {told}; {_moved_back(estimate)}"


def _moved_back(estimate: Estimate) -> str:
    n, rows = int(np.isfinite(estimate.distance).sum()), np.flatnonzero(estimate.has_moved)
    unsure = float(np.median(estimate.spread[np.isfinite(estimate.spread)]))
    if not rows.size:
        return (
            f"none of {n} volumes lies elsewhere by more than {LEAST_MOVED_MM:g} mm and what noise explains "
            f"({unsure:.2f} mm in the median): all left as they are"
        )
    far = estimate.distance[rows]
    named = ", ".join(map(str, rows)) if rows.size <= SHORT_LIST else f"{rows.size} in all"
    return (
        f"{rows.size} of {n} volumes put back by {far.min():.2f} to {far.max():.2f} mm, by cubic splines ({named}, "
        "counted from 0), the others left as they are; slice times stay with their slices"
    )
