"""M0, the signal of fully relaxed tissue, which turns a difference of signals into a concentration.

BIDS knows four cases (`M0Type`): volumes of the scan itself, a scan of its own, one number, or nothing. An image
is put on the scale of full relaxation here: Alsop 2015 (10.1002/mrm.25197) multiplies an M0 image of TR < 5 s by
1 / (1 − e^(−TR/T1)), with T1 of tissue.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qtmnet.scans.bids.finding import NIFTI_ENDINGS, nifti_stem, scan_prefix
from qtmnet.scans.bids.series import Series, read_context
from qtmnet.scans.bids.sidecar import LONGEST_REPETITION_TIME_S, Sidecar, read_sidecar
from qtmnet.scans.brain_mask import bright_part, mean_signal
from qtmnet.scans.calibration import ge
from qtmnet.scans.calibration.comparable import SAME_ECHO_TIME, Scaling, as_the_scan, echo_times, flip_angles
from qtmnet.scans.calibration.m0_file import M0File, elsewhere, find_m0_file
from qtmnet.scans.calibration.saturation import inversion_recovery, saturation_correction, saturation_recovery
from qtmnet.scans.grids.placing import Placed, place
from qtmnet.scans.nifti import read_image
from qtmnet.scans.protocol.field_strength import read_relaxation_times
from qtmnet.scans.transforms.through import from_m0_scan
from qtmnet.scans.volumes.repeats import mean_m0
from simulators.constants import PARTITION_COEFFICIENT
from simulators.errors import InputError

SHORTEST_REPETITION_TIME_S = 0.1
"""Of an M0 scan, of which the correction for saturation is below 14; half a second is short already."""

SIGNALS = (1e-6, 1e12)
"""Of fully relaxed tissue, in units of the scanner: no image is stored in smaller or larger ones."""

LEAST_RECOVERED = 0.1
"""Of M0, after an inversion; T1 decides below."""

LEAST_DICE = 0.5
"""Overlap of the bright parts of M0 and scan: suppression of the background changes what is bright, but not so much."""

COVERED_SHARE = 0.98
"""Of the head in a scan, that M0 must show; less is said, as nothing can be divided where it shows none."""

_GIVE_M0 = "give m0, an image or a number"
_A_SIGNAL = "a number from {:g} to {:g}".format(*SIGNALS)


@dataclass(frozen=True, eq=False)
class M0:
    """What differences are divided by.

    Attributes:
        image: (X, Y, Z) float32 on the scale of fully relaxed tissue.
        notes: a line for where it came from, and for what was done to it.
        doubts: a line for each reason why it may be wrong.
        path: of the image that it was read from; None if that is the scan, or there is none.
        stand_in: what stands in for a measurement, a phrase; empty for a measured M0.
        saturation: factor that is in it for saturation, of several volumes the mean; 1 for none.
        is_image: whether it was seen by the scanner, or is one number.
    """

    image: np.ndarray
    notes: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    path: Path | None = None
    stand_in: str = ""
    saturation: float = 1.0
    is_image: bool = True


def read_m0(series: Series, given: str | os.PathLike | float | None = None) -> M0:
    """Find a scan's M0.

    Args:
        series: the scan.
        given: M0 to use whatever the sidecar says. A number is the signal of fully relaxed tissue. An image,
            3D or the mean of 4D, is corrected for saturation if a sidecar beside it has RepetitionTimePreparation.

    Raises:
        InputError: if there is no M0, or none that can be used.
    """
    if given is not None:
        return _from_user(series, given)
    sources = {"Included": _included, "Separate": _separate, "Estimate": _estimate, "Absent": _absent}
    kind = series.sidecar.text("M0Type")
    if kind not in sources:
        raise series.sidecar.error("M0Type", f"give {', '.join(sources)}; or {_GIVE_M0}")
    return sources[kind](series)


def _from_user(series: Series, given: str | os.PathLike | float) -> M0:
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        sidecar = read_sidecar(path, required=False)
        if nifti_stem(path).endswith("_asl"):
            return _from_labeled(series, path, sidecar)
        if "RepetitionTimePreparation" in sidecar.fields:
            return _from_image(series, path, sidecar)
        placed = _on_grid(series, path)
        rows = np.ones(placed.volumes.shape[-1], dtype=bool)
        scaling = as_the_scan(series, sidecar, len(rows), rows)
        mean = mean_m0(path, placed.volumes, rows, scaling.factors)
        note = f"M0: {path.name} as given, taken as fully relaxed (no RepetitionTimePreparation beside it)"
        m0 = M0(_above_zero(path, mean.image), (", ".join((note, *scaling.notes)), *mean.notes), scaling.doubts)
        return _placed(m0, series, path, placed)
    if isinstance(given, bool) or not isinstance(given, int | float) or not _is_signal(given):
        raise InputError(f"m0: found {given!r}; give the path of an image, or {_A_SIGNAL}")
    note, stand_in = f"M0: {given:g} in every voxel, as given", "one number for all voxels, as given"
    return M0(_everywhere(series, given), (note,), stand_in=stand_in, is_image=False)


def _from_labeled(series: Series, path: Path, sidecar: Sidecar) -> M0:
    """Of a labeled scan that is given as M0, the volumes of that type alone."""
    placed = _on_grid(series, path)
    context, types = read_context(path, placed.volumes.shape[-1])
    rows = types == "m0scan"
    if not rows.any():
        raise InputError(f"{context}: volume_type: found no m0scan in the scan that is given as m0; {_GIVE_M0}")
    m0 = _relaxed_mean(series, path, placed.volumes, sidecar, rows, f"m0scan volumes of {path.name}, as given")
    return _placed(m0, series, path, placed)


def _is_signal(value: float) -> bool:
    return SIGNALS[0] <= value <= SIGNALS[1]


def _included(series: Series) -> M0:
    if (series.types == "m0scan").any():
        return _from_rows(series)
    file = _file_of(series)
    if file is None:
        raise InputError(
            f"{series.context_path}: volume_type: found no m0scan, but M0Type is Included; mark it, or {_GIVE_M0}"
        )
    return _contradicted(_from_file(series, file), series, f"{file.path.name} beside it, and no m0scan volume")


def _separate(series: Series) -> M0:
    file = _file_of(series)
    n_volumes = int((series.types == "m0scan").sum())
    if file is not None:
        found = _from_file(series, file)
        left_out = f"M0: {n_volumes} m0scan volumes of the scan left out, as M0Type is Separate"
        return replace(found, notes=(*found.notes, left_out)) if n_volumes else found
    if n_volumes:
        return _contradicted(_from_rows(series), series, f"{n_volumes} m0scan volumes in the scan, and no M0 scan")
    missing = series.path.with_name(f"{scan_prefix(series.path)}_m0scan{NIFTI_ENDINGS[0]}")
    raise InputError(
        f"{missing}: M0Type: no such file, though it is Separate{elsewhere(series.path)}; put one M0 scan beside "
        f"{series.path.name}, name the scan in its IntendedFor, or {_GIVE_M0}"
    )


def _from_rows(series: Series) -> M0:
    rows = series.types == "m0scan"
    return _relaxed_mean(series, series.path, series.volumes, series.sidecar, rows, "m0scan volumes of the scan")


def _from_file(series: Series, file: M0File) -> M0:
    found = _from_image(series, file.path, read_sidecar(file.path))
    notes, doubts = (tuple(filter(None, lines)) for lines in ((file.note,), (file.doubt,)))
    return replace(found, notes=(*found.notes, *notes), doubts=(*found.doubts, *doubts))


def _contradicted(m0: M0, series: Series, found: str) -> M0:
    """M0 from where the files have it, though M0Type says otherwise, with a doubt."""
    kind = series.sidecar.text("M0Type")
    doubt = f"{series.sidecar.path}: M0Type: found {kind}, but {found}: M0 is taken from there; mend M0Type"
    return replace(m0, doubts=(*m0.doubts, doubt))


def _image_there(series: Series) -> tuple[M0, str] | None:
    """M0 from an image that there is though M0Type names none, and what was found."""
    if n_volumes := int((series.types == "m0scan").sum()):
        return _from_rows(series), f"{n_volumes} m0scan volumes in the scan"
    file = _file_of(series)
    return None if file is None else (_from_file(series, file), f"{file.path.name} of the scan")


def _estimate(series: Series) -> M0:
    image, value = _image_there(series), series.sidecar.number("M0Estimate")
    if image is not None:  # which was measured
        return _contradicted(image[0], series, f"{image[1]}{_beside_estimate(series, image[0], value)}")
    if value is None or not _is_signal(value):
        raise series.sidecar.error("M0Estimate", f"M0Type is Estimate: give M0 of blood, {_A_SIGNAL}; or {_GIVE_M0}")
    tissue = PARTITION_COEFFICIENT * value
    note = f"M0: {tissue:g} in every voxel, λ = {PARTITION_COEFFICIENT} times M0Estimate (M0 of blood)"
    return M0(_everywhere(series, tissue), (note,), stand_in="one number for all voxels, by M0Estimate", is_image=False)


def _beside_estimate(series: Series, m0: M0, value: float | None) -> str:
    """How M0 of an image compares with an estimate that was not taken."""
    head = bright_part(mean_signal(series)) & (m0.image > 0)
    if value is None or not head.any():
        return ""
    estimate = PARTITION_COEFFICIENT * value
    return f" ({np.median(m0.image[head]):.4g} in the median voxel; {estimate:.4g} by M0Estimate, which m0= would take)"


def _absent(series: Series) -> M0:
    image = _image_there(series)
    if image is not None:
        return _contradicted(image[0], series, image[1])
    if series.sidecar.flag("BackgroundSuppression") is not False:
        raise series.sidecar.error(
            "BackgroundSuppression",
            f"M0Type is Absent, and only controls without suppression (false) can stand in for M0: {_GIVE_M0}",
        )
    rows = series.types == "control"
    if not rows.any():
        raise InputError(
            f"{series.context_path}: volume_type: found no control to take as M0, and M0Type is Absent; {_GIVE_M0}"
        )
    source = "control volumes, as M0Type is Absent"
    m0 = _relaxed_mean(series, series.path, series.volumes, series.sidecar, rows, source)
    return replace(m0, stand_in="the controls stand in for it, with one T1 for all tissue")


def _file_of(series: Series) -> M0File | None:
    """The M0 scan of a series; that of a preprocessed one may still lie in the raw dataset."""
    found = find_m0_file(series.path)
    return found if found is not None or series.raw is None else find_m0_file(series.raw)


def _from_image(series: Series, path: Path, sidecar: Sidecar) -> M0:
    placed = _on_grid(series, path)
    m0 = _relaxed_mean(series, path, placed.volumes, sidecar, np.ones(placed.volumes.shape[-1], dtype=bool), path.name)
    return _placed(m0, series, path, placed)


def _on_grid(series: Series, path: Path) -> Placed:
    image, volumes = read_image(path)
    if series.raw is not None and path.parent == series.raw.parent:
        through = from_m0_scan(series.path, series.image.shape[:3], series.image.affine)
        if through is not None:
            return through.shares(path, image, volumes)
    return place(path, image, volumes, series.path, series.image)


def _placed(m0: M0, series: Series, path: Path, placed: Placed) -> M0:
    """M0 with what was done to bring it onto the scan's grid, and doubts if it does not show the head where that is."""
    notes = (*m0.notes, f"M0: {placed.note}") if placed.note else m0.notes
    head, doubts = bright_part(mean_signal(series)), list(m0.doubts)
    if (covered := float(placed.reached[head].mean())) < COVERED_SHARE:
        doubts.append(
            f"{path}: affine: found an image that covers {covered:.0%} of what {series.path.name} shows; nothing is "
            "mapped beyond it: give one that covers the head"
        )
    seen, expected = bright_part(m0.image), head & placed.reached
    if m0.image.min() < m0.image.max() and 2 * (seen & expected).sum() < LEAST_DICE * (seen.sum() + expected.sum()):
        doubts.append(
            f"{path}: M0: found the head in another place than in {series.path.name}, though their affines overlap; "
            "check that it is of the same session, and register it"
        )
    return replace(m0, path=path, notes=notes, doubts=tuple(doubts))


def _relaxed_mean(
    series: Series, path: Path, volumes: np.ndarray, sidecar: Sidecar, rows: np.ndarray, source: str
) -> M0:
    """Mean of some volumes (X, Y, Z, N), each as the scan's readout would show it of relaxed tissue."""
    rows = _first_echo(sidecar, rows)
    times, assumed = _repetition_times(series, sidecar, rows)
    angles = flip_angles(sidecar, len(rows))
    t1 = read_relaxation_times(series.sidecar).t1_tissue
    factors = saturation_correction(times, 90.0 if angles is None else angles[rows], t1)
    scaling = _by_inversion(series, sidecar, times, t1) * as_the_scan(series, sidecar, len(rows), rows)
    mean = mean_m0(path, volumes, rows, factors * scaling.factors)
    note = f"M0: mean of {mean.n_volumes} ({source}), RepetitionTimePreparation {_listed(times)} s{assumed}"
    if (factors > 1).any():
        note += f", times {_listed(factors)} for saturation (T1 {t1:.3g} s)"
    notes = (", ".join((note, *scaling.notes)), *mean.notes)
    return M0(_above_zero(path, mean.image), notes, scaling.doubts, saturation=float(factors.mean()))


def _first_echo(sidecar: Sidecar, rows: np.ndarray) -> np.ndarray:
    """Of volumes with several echo times those of the shortest, (N,) bool."""
    times = echo_times(sidecar, len(rows))
    return rows if times is None else rows & (times <= times[rows].min() + SAME_ECHO_TIME)


def _repetition_times(series: Series, sidecar: Sidecar, rows: np.ndarray) -> tuple[np.ndarray, str]:
    """Of the volumes that are taken, s, and what was assumed.

    Raises:
        InputError: if they are not told.
    """
    name = "RepetitionTimePreparation"
    times = sidecar.seconds_per_volume(name, len(rows), LONGEST_REPETITION_TIME_S)
    if times is None and ge.is_of_ge(series):
        assumed = " assumed, not found: GE's 3D FSE saturates so long before it"
        return np.full(int(rows.sum()), ge.SATURATION_S), assumed
    if times is None or (times[rows] < SHORTEST_REPETITION_TIME_S).any():
        least = f"at least {SHORTEST_REPETITION_TIME_S:g}"
        raise sidecar.error(name, f"give the repetition time in s, {least}, of the volumes that M0 is taken from")
    return times[rows], ""


def _by_inversion(series: Series, sidecar: Sidecar, times: np.ndarray, t1: float) -> Scaling:
    """Of an M0 scan of its own that was inverted before it was read.

    In a labeled scan InversionTime is where scanners note its delay, and some note it in M0 scans that nothing
    prepared; only ScanningSequence tells.

    Raises:
        InputError: near the time at which inverted tissue has no signal.
    """
    inversion_time = sidecar.number("InversionTime")
    if not inversion_time or sidecar.path == series.sidecar.path or not 0 < inversion_time < times.min():
        return Scaling(np.ones(times.size))
    shares = np.array([inversion_recovery(inversion_time, time, t1) for time in times])
    if "IR" in _scanning_sequence(sidecar):
        if shares.min() < LEAST_RECOVERED:
            raise sidecar.error("InversionTime", f"inverted tissue has next to no signal then: {_GIVE_M0}")
        # In place of saturation, which the recovery from an inversion holds.
        factors = 1 / (shares * saturation_correction(times, t1=t1))
        return Scaling(factors, (f"times {_listed(1 / shares)} in all for InversionTime {inversion_time:g} s",))
    doubt = (
        f"{sidecar.path}: InversionTime: found {inversion_time:g}, and no ScanningSequence IR; M0 is taken as not "
        f"prepared: if it was inverted before, it is {_listed(shares)} of what it should be, and "
        f"{saturation_recovery(inversion_time, t1):.3g} if it was saturated; give m0_scale then"
    )
    return Scaling(np.ones(times.size), doubts=(doubt,))


def _scanning_sequence(sidecar: Sidecar) -> set[str]:
    """Words of ScanningSequence, such as `EP` and `IR`: a list, or a string of them."""
    value = sidecar.fields.get("ScanningSequence", "")
    words = value if isinstance(value, list) else str(value).replace("\\", "_").split("_")
    return {str(word).strip().upper() for word in words}


def _above_zero(path: Path, m0: np.ndarray) -> np.ndarray:
    if not (m0 > 0).any():
        raise InputError(f"{path}: M0: found no voxel above 0; {_GIVE_M0}")
    return m0.astype(np.float32)


def _everywhere(series: Series, value: float) -> np.ndarray:
    return np.full(series.volumes.shape[:3], value, dtype=np.float32)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in np.unique(values))
