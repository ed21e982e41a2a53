"""M0 as the scan's own readout would show it: fields that make two images of one tissue differ in signal.

What the sidecars of both tell is used; what they tell but nothing can be made of is a doubt, or refused.
"""

from dataclasses import dataclass

import numpy as np

from qtmnet.scans.bids.series import LABELED, Series
from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.calibration.saturation import EXCITATION_UP_TO
from simulators.constants import T2_GREY_MATTER, T2_STAR_GREY_MATTER

LONGEST_ECHO_TIME_S = 1.0  # anything longer is milliseconds
SAME_ECHO_TIME = 0.0005  # s; it changes signal by 1 %
SAME_ANGLE = 0.5  # degrees
LARGEST_ECHO_FACTOR = 2.0
"""Of M0 by its echo time: beyond, the assumed T2 decides, not the image."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """What M0 volumes are multiplied by, and why.

    Attributes:
        factors: of each volume, (N,).
        notes: what was done, a phrase each.
        doubts: what differs and could not be put right for sure, a line each.
    """

    factors: np.ndarray
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def __mul__(self, other: "Scaling") -> "Scaling":
        return Scaling(self.factors * other.factors, self.notes + other.notes, self.doubts + other.doubts)


def as_the_scan(series: Series, sidecar: Sidecar, n_volumes: int, rows: np.ndarray) -> Scaling:
    """Factors that bring M0 volumes to the flip angle, echo time and scale of the scan.

    Args:
        series: the scan.
        sidecar: of the image that M0 is taken from; the scan's own, if it is of the scan.
        n_volumes: of that image.
        rows: those that are taken, (n_volumes,) bool.

    Raises:
        InputError: for fields of no use, or echo times too far apart.
    """
    steps = (_by_flip_angle, _by_echo_time)
    scaling = Scaling(np.ones(int(rows.sum())))
    for step in steps:
        scaling = scaling * step(series, sidecar, n_volumes, rows)
    return scaling * _by_rescaling(series.sidecar, sidecar, int(rows.sum()))


def flip_angles(sidecar: Sidecar, n_volumes: int) -> np.ndarray | None:
    """Degrees, (n_volumes,); None where they are not told.

    Raises:
        InputError: for angles that are none.
    """
    values = sidecar.numbers("FlipAngle")
    if values is None:
        return None
    if not ((values > 0) & (values <= 360)).all():
        raise sidecar.error("FlipAngle", "give degrees, above 0")
    return sidecar.per_volume("FlipAngle", values, n_volumes)


def echo_times(sidecar: Sidecar, n_volumes: int) -> np.ndarray | None:
    """Seconds, (n_volumes,); None where they are not told.

    Raises:
        InputError: for times that are none.
    """
    return sidecar.seconds_per_volume("EchoTime", n_volumes, LONGEST_ECHO_TIME_S)


def _of_the_scan(values: np.ndarray | None, series: Series) -> float | None:
    """The value that all labeled volumes of a scan share; None where they share none, or it is not told."""
    if values is None:
        return None
    distinct = np.unique(values[np.isin(series.types, LABELED)])
    return float(distinct[0]) if distinct.size == 1 else None


def _by_flip_angle(series: Series, sidecar: Sidecar, n_volumes: int, rows: np.ndarray) -> Scaling:
    """Signal goes with the sine of the excitation's angle."""
    unchanged = np.ones(int(rows.sum()))
    found, scan = flip_angles(sidecar, n_volumes), _of_the_scan(_scan_angles(series), series)
    if found is None or scan is None or (np.abs(found[rows] - scan) <= SAME_ANGLE).all():
        return Scaling(unchanged)
    angles = found[rows]
    differ = f"FlipAngle {_listed(angles)}, but {scan:g} of the scan"
    if max(angles.max(), scan) > EXCITATION_UP_TO:
        doubt = (
            f"{sidecar.path}: FlipAngle: found {_listed(angles)}, but the scan has {scan:g}; angles beyond 90 degrees "
            "are of refocusing pulses, and M0 was left as it is: give m0_scale if its excitation differs"
        )
        return Scaling(unchanged, doubts=(doubt,))
    factors = np.sin(np.radians(scan)) / np.sin(np.radians(angles))
    return Scaling(factors, (f"times {_listed(factors)} for {differ}",))


def _scan_angles(series: Series) -> np.ndarray | None:
    return flip_angles(series.sidecar, len(series.types))


def _by_echo_time(series: Series, sidecar: Sidecar, n_volumes: int, rows: np.ndarray) -> Scaling:
    """Signal decays by T2 (spin echoes, as of 3D readouts) or T2* (gradient echoes, as of 2D ones)."""
    unchanged = np.ones(int(rows.sum()))
    found = echo_times(sidecar, n_volumes)
    scan = _of_the_scan(echo_times(series.sidecar, len(series.types)), series)
    if found is None or scan is None or (np.abs(found[rows] - scan) <= SAME_ECHO_TIME).all():
        return Scaling(unchanged)
    times = found[rows]
    spin_echo = series.sidecar.text("MRAcquisitionType") == "3D"
    name, decay = ("T2", T2_GREY_MATTER) if spin_echo else ("T2*", T2_STAR_GREY_MATTER)
    factors = np.exp((times - scan) / decay)
    if max(factors.max(), 1 / factors.min()) > LARGEST_ECHO_FACTOR:
        raise sidecar.error(
            "EchoTime", f"the scan has {scan:g} s, which is too far from it: give an M0 of about the same echo time"
        )
    doubt = (
        f"{sidecar.path}: EchoTime: found {_listed(times)} s, but the scan has {scan:g}; M0 was multiplied by "
        f"{_listed(factors)}, with {name} of grey matter, {decay:g} s: give an M0 of the same echo time if there is one"
    )
    return Scaling(factors, doubts=(doubt,))


def _by_rescaling(scan: Sidecar, sidecar: Sidecar, n_rows: int) -> Scaling:
    """Philips stores each series on a scale of its own, and converters undo that or do not.

    A displayed value over PhilipsRescaleSlope times PhilipsScaleSlope is the scanner's floating point value (Chenevert
    2014, 10.1016/j.tranon.2013.11.005), which series share.
    """
    unchanged = np.ones(n_rows)
    ours, theirs = _floating(sidecar), _floating(scan)
    if ours is None and theirs is None:
        return Scaling(unchanged)
    if ours is None or theirs is None:
        doubt = (
            f"{sidecar.path}: UsePhilipsFloatNotDisplayScaling: M0 and {scan.path.name} do not both tell how they were "
            "scaled, so that they may be on different scales; convert both in the same way, or give m0_scale"
        )
        return Scaling(unchanged, doubts=(doubt,))
    factor = ours / theirs
    if abs(factor - 1) < 1e-3:
        return Scaling(unchanged)
    return Scaling(unchanged * factor, (f"times {factor:.4g} for Philips's scaling of M0 and scan",))


def _floating(sidecar: Sidecar) -> float | None:
    """Factor from a series's values to the scanner's floating point values; None where the sidecar does not tell."""
    if "UsePhilipsFloatNotDisplayScaling" not in sidecar.fields:
        return None
    if sidecar.fields["UsePhilipsFloatNotDisplayScaling"]:
        return 1.0
    slopes = [sidecar.number(name) for name in ("PhilipsRescaleSlope", "PhilipsScaleSlope")]
    if None in slopes or not all(slope > 0 for slope in slopes if slope is not None):
        return None
    return 1 / float(np.prod([slope for slope in slopes if slope is not None]))


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in np.unique(values))
