"""How far maps of a scan agree with maps of parts of it: all there is to hold a real scan against, without a truth."""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy import ndimage

from qtmnet.methods.base import Maps
from qtmnet.quantities import ATT, CBF
from simulators.arrays import Bool

QUANTITIES = (CBF.key, ATT.key)
"""That are compared, where a method maps them."""

SMOOTHING = 0.7
"""Voxels, standard deviation of a Gaussian: with it a voxelwise method sees about as far as a network does."""

Numbers = dict[str, float]


def of_halves(first: Maps, second: Maps, mask: Bool[np.ndarray, "x y z"]) -> Iterator[tuple[str, Numbers]]:
    """Each quantity that both have, and how its maps from two halves of the pairs agree.

    Args:
        first: maps of one half.
        second: of the other, whose noise is another.
        mask: voxels that are compared.

    Yields:
        The key of the quantity, and `r` (Pearson), `spread` (standard deviation of the difference, in the quantity's
        unit), both of smoothed maps too (`r_smoothed`, `spread_smoothed`), and where the method states its own standard
        deviation `z`: the spread in units of what both halves state. It is 1 if that is the noise, below 1 if it holds
        more.
    """
    for key in QUANTITIES:
        if key not in first or key not in second:
            continue
        a, b = (maps[key].astype(float) for maps in (first, second))
        found = {"r": _correlation(a[mask], b[mask]), "spread": float((a - b)[mask].std())}
        a_smoothed, b_smoothed = (_smoothed(each, mask)[mask] for each in (a, b))
        found |= {"r_smoothed": _correlation(a_smoothed, b_smoothed)}
        found |= {"spread_smoothed": float((a_smoothed - b_smoothed).std())}
        if f"{key}_sd" in first and f"{key}_sd" in second:
            stated = np.hypot(first[f"{key}_sd"].astype(float), second[f"{key}_sd"])[mask]
            counts = stated > 0
            found["z"] = float(((a - b)[mask][counts] / stated[counts]).std()) if counts.any() else np.nan
        yield key, found


def of_part(part: Maps, whole: Maps, mask: Bool[np.ndarray, "x y z"]) -> Iterator[tuple[str, Numbers]]:
    """Each quantity that both have, and how a part of the delays agrees with all.

    Args:
        part: maps of some of the delays.
        whole: of all.
        mask: voxels that are compared.

    Yields:
        The key of the quantity, and `r`, `difference` (mean of its size, in the quantity's unit), and where there is an
        interval `inside`: the share of voxels whose estimate from all delays lies in the part's interval.
    """
    for key in QUANTITIES:
        if key not in part or key not in whole:
            continue
        a, b = (maps[key][mask].astype(float) for maps in (part, whole))
        found = {"r": _correlation(a, b), "difference": float(np.abs(a - b).mean())}
        if f"{key}_low" in part and f"{key}_high" in part:
            found["inside"] = float(((part[f"{key}_low"][mask] <= b) & (b <= part[f"{key}_high"][mask])).mean())
        yield key, found


def level(maps: Maps, mask: Bool[np.ndarray, "x y z"]) -> Mapping[str, Numbers]:
    """Each quantity's `median` and `median_of_bright`, that of the voxels of the upper two fifths of CBF."""
    bright = mask
    if CBF.key in maps:
        bright = mask & (maps[CBF.key] > np.quantile(maps[CBF.key][mask], 0.6))
    return {
        key: {"median": _median(maps[key][mask]), "median_of_bright": _median(maps[key][bright])}
        for key in QUANTITIES
        if key in maps
    }


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else np.nan


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; NaN where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else np.nan


def _smoothed(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Means within the mask, weighted by a Gaussian."""
    weight = ndimage.gaussian_filter(mask.astype(float), SMOOTHING)
    return ndimage.gaussian_filter(np.where(mask, values, 0), SMOOTHING) / np.maximum(weight, 1e-3)
