"""Volumes of one readout: only those of the same echo time and flip angle can be averaged and compared."""

from dataclasses import replace

import numpy as np

from qtmnet.scans.bids.echoes import echo_of, other_echoes
from qtmnet.scans.bids.series import Series
from qtmnet.scans.calibration.comparable import LABELED, SAME_ANGLE, SAME_ECHO_TIME, echo_times, flip_angles


def echo_file(series: Series) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of a scan whose echoes have files of their own, lines on those left out, and what is doubtful of this one."""
    echo, others = echo_of(series.path), other_echoes(series.path)
    if not others:
        return (), ()
    earlier = [path.name for path in others if (echo_of(path) or 0) < (echo or 0)]
    notes = (f"echoes: echo {echo} taken, left out {', '.join(path.name for path in others)}",)
    if not earlier:
        return notes, ()
    doubt = (
        f"{series.path}: found a later echo than that of {earlier[0]}; label in blood and tissue has decayed unlike M0 "
        "by then: give the first echo"
    )
    return notes, (doubt,)


def of_one_readout(series: Series) -> tuple[Series, tuple[str, ...]]:
    """A scan with its later echoes marked as of no use (n/a), and lines on that.

    Label decays from echo to echo by a T2 that depends on where it is, in blood or in tissue: the first echo has the
    most of it, and that is what M0 is held against.

    Raises:
        InputError: if labeled volumes differ in flip angle, or a type of volume has no such echo.
    """
    n_volumes = len(series.types)
    labeled = np.isin(series.types, LABELED)
    angles = flip_angles(series.sidecar, n_volumes)
    if angles is not None and labeled.any() and np.ptp(angles[labeled]) > SAME_ANGLE:
        advice = "signals of different flip angles cannot be averaged: give one for control and label"
        raise series.sidecar.error("FlipAngle", advice)
    times = echo_times(series.sidecar, n_volumes)
    if times is None or not labeled.any() or np.ptp(times[labeled]) <= SAME_ECHO_TIME:
        return series, ()
    first = times[labeled].min()
    later = labeled & (times > first + SAME_ECHO_TIME)
    for kind in np.unique(series.types[labeled]):
        if later[series.types == kind].all():
            raise series.sidecar.error("EchoTime", f"no {kind} has the first echo of the scan, {first:g} s; give one")
    types = series.types.astype(object)
    types[later] = "n/a"
    note = f"echoes: {later.sum()} volumes of later echoes left out, those of {first:g} s taken"
    return replace(series, types=types.astype(str)), (note,)
