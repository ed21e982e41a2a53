"""M0, the signal of fully relaxed tissue, which turns a difference of signals into a concentration.

BIDS knows four cases (`M0Type`): volumes of the scan itself, a scan of its own, one number, or nothing. An image
is put on the scale of full relaxation here: Alsop 2015 (10.1002/mrm.25197) multiplies an M0 image of TR < 5 s by
1 / (1 − e^(−TR/T1)), with T1 of tissue.
"""

import os
from pathlib import Path

import numpy as np

from qtmnet.scans.bids import (
    LONGEST_REPETITION_TIME_S,
    NIFTI_ENDINGS,
    Series,
    Sidecar,
    nifti_stem,
    read_context,
    read_sidecar,
    scan_prefix,
)
from qtmnet.scans.nifti import check_same_grid, mean_volume, read_image
from simulators.constants import PARTITION_COEFFICIENT, T1_GREY_MATTER
from simulators.errors import InputError
from simulators.files.reading import kind_there

RELAXED_AFTER_S = 5.0
SHORTEST_REPETITION_TIME_S = 0.1
"""Of an M0 scan, of which the correction for saturation is below 14; half a second is short already."""

SIGNALS = (1e-6, 1e12)
"""Of fully relaxed tissue, in units of the scanner: no image is stored in smaller or larger ones."""

_GIVE_M0 = "give m0, an image or a number"
_A_SIGNAL = "a number from {:g} to {:g}".format(*SIGNALS)


def saturation_correction(repetition_time: np.ndarray) -> np.ndarray:
    """Factor from the signal at a repetition time (s) to that of full relaxation, as in Alsop 2015; 1 from 5 s on."""
    repetition_time = np.asarray(repetition_time, dtype=float)
    return np.where(repetition_time < RELAXED_AFTER_S, 1 / -np.expm1(-repetition_time / T1_GREY_MATTER), 1.0)


def read_m0(series: Series, given: str | os.PathLike | float | None = None) -> tuple[np.ndarray, str]:
    """Find a scan's M0.

    Args:
        series: the scan.
        given: M0 to use whatever the sidecar says. A number is the signal of fully relaxed tissue. An image,
            3D or the mean of 4D, is corrected for saturation if a sidecar beside it has RepetitionTimePreparation.

    Returns:
        (X, Y, Z) float32 on the scale of fully relaxed tissue, and a line on where it came from.

    Raises:
        InputError: if there is no M0, or none that can be used.
    """
    if given is not None:
        return _from_user(series, given)
    sources = {"Included": _included, "Separate": _separate, "Estimate": _estimate, "Absent": _from_control}
    kind = series.sidecar.text("M0Type")
    if kind not in sources:
        raise series.sidecar.error("M0Type", f"give {', '.join(sources)}; or {_GIVE_M0}")
    return sources[kind](series)


def _from_user(series: Series, given: str | os.PathLike | float) -> tuple[np.ndarray, str]:
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        sidecar = read_sidecar(path, required=False)
        if nifti_stem(path).endswith("_asl"):
            return _from_labeled(series, path, sidecar)
        if "RepetitionTimePreparation" in sidecar.fields:
            return _from_image(series, path, sidecar)
        m0 = _above_zero(path, mean_volume(_on_grid(series, path)))
        return m0, f"M0: {path.name} as given, taken as fully relaxed (no RepetitionTimePreparation beside it)"
    if isinstance(given, bool) or not isinstance(given, int | float) or not _is_signal(given):
        raise InputError(f"m0: found {given!r}; give the path of an image, or {_A_SIGNAL}")
    return _everywhere(series, given), f"M0: {given:g} in every voxel, as given"


def _from_labeled(series: Series, path: Path, sidecar: Sidecar) -> tuple[np.ndarray, str]:
    """Of a labeled scan that is given as M0, the volumes of that type alone."""
    volumes = _on_grid(series, path)
    context, types = read_context(path, volumes.shape[-1])
    rows = types == "m0scan"
    if not rows.any():
        raise InputError(f"{context}: volume_type: found no m0scan in the scan that is given as m0; {_GIVE_M0}")
    return _relaxed_mean(path, volumes, sidecar, rows, f"m0scan volumes of {path.name}, as given")


def _is_signal(value: float) -> bool:
    return SIGNALS[0] <= value <= SIGNALS[1]


def _included(series: Series) -> tuple[np.ndarray, str]:
    rows = series.types == "m0scan"
    if not rows.any():
        raise InputError(
            f"{series.context_path}: volume_type: found no m0scan, but M0Type is Included; mark it, or {_GIVE_M0}"
        )
    return _relaxed_mean(series.path, series.volumes, series.sidecar, rows, "m0scan volumes of the scan")


def _separate(series: Series) -> tuple[np.ndarray, str]:
    path = _find_m0scan(series)
    return _from_image(series, path, read_sidecar(path))


def _estimate(series: Series) -> tuple[np.ndarray, str]:
    value = series.sidecar.number("M0Estimate")
    if value is None or not _is_signal(value):
        raise series.sidecar.error("M0Estimate", f"M0Type is Estimate: give M0 of blood, {_A_SIGNAL}; or {_GIVE_M0}")
    tissue = PARTITION_COEFFICIENT * value
    return _everywhere(series, tissue), (
        f"M0: {tissue:g} in every voxel, λ = {PARTITION_COEFFICIENT} times M0Estimate (M0 of blood)"
    )


def _from_control(series: Series) -> tuple[np.ndarray, str]:
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
    return _relaxed_mean(series.path, series.volumes, series.sidecar, rows, "control volumes, as M0Type is Absent")


def _find_m0scan(series: Series) -> Path:
    """The `*_m0scan` beside a scan: of the same name, else the one intended for it, else the only one."""
    folder, prefix = series.path.parent, scan_prefix(series.path)
    same_name = [folder / f"{prefix}_m0scan{ending}" for ending in NIFTI_ENDINGS]
    candidates = [path for path in same_name if kind_there(path)]
    if not candidates:
        beside = sorted(path for ending in NIFTI_ENDINGS for path in folder.glob(f"*_m0scan{ending}"))
        intended = [path for path in beside if series.path.name in _intended_for(path)]
        candidates = intended or [path for path in beside if not _intended_for(path)]
    if len(candidates) == 1:
        return candidates[0]
    found = "no such file" if not candidates else f"found {', '.join(path.name for path in candidates)}"
    raise InputError(
        f"{same_name[0]}: M0Type: {found}, though it is Separate; put one M0 scan beside {series.path.name}, "
        f"name the scan in its IntendedFor, or {_GIVE_M0}"
    )


def _intended_for(path: Path) -> set[str]:
    """Names of the files that an M0 scan says it is for: of paths, or of BIDS URIs (`bids::sub-01/perf/…`)."""
    sidecar = read_sidecar(path, required=False)
    value = sidecar.fields.get("IntendedFor", [])
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise sidecar.error("IntendedFor", "give the path of a scan, or a list of paths")
    return {str(name).rpartition(":")[2].rpartition("/")[2] for name in names}


def _from_image(series: Series, path: Path, sidecar: Sidecar) -> tuple[np.ndarray, str]:
    volumes = _on_grid(series, path)
    return _relaxed_mean(path, volumes, sidecar, np.ones(volumes.shape[-1], dtype=bool), path.name)


def _on_grid(series: Series, path: Path) -> np.ndarray:
    image, volumes = read_image(path)
    check_same_grid(path, image, series.path, series.image)
    return volumes


def _relaxed_mean(
    path: Path, volumes: np.ndarray, sidecar: Sidecar, rows: np.ndarray, source: str
) -> tuple[np.ndarray, str]:
    """Mean of some volumes (X, Y, Z, N), each corrected for its own repetition time."""
    name = "RepetitionTimePreparation"
    times = sidecar.seconds_per_volume(name, len(rows), LONGEST_REPETITION_TIME_S)
    if times is None or (times[rows] < SHORTEST_REPETITION_TIME_S).any():
        least = f"at least {SHORTEST_REPETITION_TIME_S:g}"
        raise sidecar.error(name, f"give the repetition time in s, {least}, of the volumes that M0 is taken from")
    factors = saturation_correction(times[rows])
    mean = mean_volume(volumes, rows, factors)
    note = f"M0: mean of {rows.sum()} ({source}), RepetitionTimePreparation {_listed(times[rows])} s"
    if (factors > 1).any():
        note += f", times {_listed(factors)} for saturation (T1 {T1_GREY_MATTER} s)"
    return _above_zero(path, mean), note


def _above_zero(path: Path, m0: np.ndarray) -> np.ndarray:
    if not (m0 > 0).any():
        raise InputError(f"{path}: M0: found no voxel above 0; {_GIVE_M0}")
    return m0.astype(np.float32)


def _everywhere(series: Series, value: float) -> np.ndarray:
    return np.full(series.volumes.shape[:3], value, dtype=np.float32)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:.4g}" for value in np.unique(values))
