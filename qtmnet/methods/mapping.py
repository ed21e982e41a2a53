"""Arrays in, maps out: for notebooks, and pipelines that have read and corrected a scan by themselves."""

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from qtmnet.methods.base import Frames, Method
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.multi_delay_arteries import MultiDelayArteries
from qtmnet.methods.single_delay import SingleDelay
from qtmnet.scans.brain_mask import INSIDE_FROM
from qtmnet.scans.calibration.concentration import calibrate
from qtmnet.scans.calibration.signal_scale import PLAUSIBLE
from qtmnet.scans.noise.estimate import estimate_noise
from qtmnet.scans.volumes.averaging import Averages
from qtmnet.scans.voxelwise import fit_to
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition


def _any_scan() -> Method:
    from qtmnet.methods.any_scan.method import AnyScan  # which needs torch: the kinetic models do without

    return AnyScan()


METHODS: Mapping[str, Callable[[], Method]] = MappingProxyType(
    {
        "any_scan": _any_scan,
        "single_delay": SingleDelay,
        "multi_delay": MultiDelay,
        "multi_delay_arteries": MultiDelayArteries,
    }
)
"""By the names that the commands have for them, with their default settings."""


def map_perfusion(
    delta_m: ArrayLike,
    m0: ArrayLike,
    acquisition: Acquisition,
    *,
    labeling_efficiency: float,
    method: str | Method = "any_scan",
    mask: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    t1_blood: float | None = None,
    t1_tissue: float | None = None,
    affine: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Maps of perfusion, and of what else a method tells, from differences of control and label.

    Args:
        delta_m: control − label, in units of the scanner, a frame for each delay in the order of the acquisition:
            means (K, X, Y, Z), single pairs (K, R, X, Y, Z), or (X, Y, Z) for one delay. Slices lie along Z.
        m0: of fully relaxed tissue, in the same units, a number or (X, Y, Z); voxels where it is not above 0 are left
            out.
        acquisition: labeling, delays, voxel size and slice timing.
        labeling_efficiency: α in total, loss to background suppression included.
        method: `any_scan`, `single_delay`, `multi_delay`, `multi_delay_arteries`, or one with settings of your own.
        mask: voxels that count, (X, Y, Z), cut at 0.5 if it is soft; None for all.
        noise: standard deviation of the means of `delta_m`, in its units, of a shape that is broadcast to theirs; None
            to take it from how pairs differ, or from what is rough in the means. Kinetic models do without.
        t1_blood, t1_tissue: s; None for those at 3 T, 1.65 and 1.3 s.
        affine: voxel index to mm, (4, 4), if there is one.

    Returns:
        Quantity's key (`cbf` in mL/100g/min, `att` in s, `abv` in mL/mL, ends of intervals …; see
        `qtmnet.quantities.QUANTITIES`) → (X, Y, Z) float32, 0 outside of the mask.

    Raises:
        InputError: for shapes or numbers that do not fit, or a protocol that the method cannot read.
    """
    chosen = _method(method)
    frames, spread, pairs = _averaged(np.asarray(delta_m, np.float32), acquisition.n_frames)
    shape = frames.shape[1:]
    m0 = fit_to("m0", m0, shape)
    if not (m0 > 0).any():
        raise InputError("m0: found no voxel in which it is above 0; give the signal of fully relaxed tissue")
    inside = np.ones(shape, bool) if mask is None else fit_to("mask", mask, shape) >= INSIDE_FROM
    inside &= (m0 > 0) & np.isfinite(frames).all(axis=0)
    if not inside.any():
        raise InputError("mask: found no voxel in which M0 is above 0 and all frames are numbers; give another")
    chosen.check(acquisition)
    frames, spread = (np.where(inside, values, np.float32(0)) for values in (frames, spread))
    deviation = fit_to("noise", noise, frames.shape) if noise is not None else None
    if deviation is None:
        averages = Averages(frames, spread, pairs, np.zeros(len(frames)), np.zeros(len(frames)), [])
        found = estimate_noise(averages, inside, acquisition.voxel_size_mm)
        deviation = None if found is None else found.deviation

    def calibrated(values: np.ndarray) -> np.ndarray:
        made = calibrate(values, np.where(inside, m0, 1), labeling_efficiency=labeling_efficiency)
        return np.where(inside, made, 0).astype(np.float32)

    given = Frames(
        calibrated(frames),
        acquisition,
        inside,
        affine=affine,
        noise=None if deviation is None else calibrated(deviation),
        t1_blood=t1_blood,
        t1_tissue=t1_tissue,
    )
    maps = {key: np.asarray(found, np.float32) for key, found in chosen.maps(given).items()}
    _warn_of_level(maps["cbf"][inside])
    return maps


def _warn_of_level(cbf: np.ndarray) -> None:
    """Warn if perfusion is on a level that no brain has: arrays do not say whether they were exchanged or scaled."""
    median, (low, high) = float(np.median(cbf)), PLAUSIBLE
    if median < 0:
        warnings.warn(
            f"median CBF: found {median:.3g} mL/100g/min; exchange control and label in delta_m", stacklevel=3
        )
    elif not low <= median <= high:
        warnings.warn(
            f"median CBF: found {median:.3g} mL/100g/min, which no brain has ({low:g} to {high:g}); give "
            "delta_m and m0 on one scale, M0 fully relaxed, and labeling_efficiency in total",
            stacklevel=3,
        )


def _method(method: str | Method) -> Method:
    if not isinstance(method, str):
        return method
    if method not in METHODS:
        raise InputError(f"method: found {method!r}; give {', '.join(METHODS)}, or a method's object")
    return METHODS[method]()


def _averaged(delta_m: np.ndarray, n_frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (K, X, Y, Z), the deviation of a single pair, 0 where it is not told, and numbers of pairs (K,)."""
    if delta_m.ndim == 3 and n_frames == 1:
        delta_m = delta_m[None]
    if delta_m.ndim not in (4, 5) or len(delta_m) != n_frames or 0 in delta_m.shape:
        raise InputError(
            f"delta_m: found shape {delta_m.shape}; give (K, X, Y, Z) or, of single pairs, (K, R, X, Y, Z), with K = "
            f"{n_frames}, the frames of the acquisition"
        )
    if delta_m.ndim == 4:
        return delta_m, np.zeros_like(delta_m), np.ones(n_frames, int)
    n_pairs = delta_m.shape[1]
    spread = delta_m.std(axis=1, ddof=1) if n_pairs > 1 else np.zeros_like(delta_m[:, 0])
    return delta_m.mean(axis=1), spread, np.full(n_frames, n_pairs)
