"""Voxels without data, which other programs mark by NaN: outside of the head, and where a moved image has no values."""

import numpy as np


def without_missing(volumes: np.ndarray) -> tuple[np.ndarray, str]:
    """Put 0 where a voxel has no number, and in all other volumes of it: a mean over some of them would be another's.

    A volume that holds no number at all becomes one of 0, as volumes are that a scanner left empty.

    Args:
        volumes: (X, Y, Z, N) float32, changed in place.

    Returns:
        Voxels without data, (X, Y, Z) bool, and a line on them, empty if there are none.
    """
    missing, empty = np.zeros(volumes.shape[:3], bool), 0
    for k in range(volumes.shape[-1]):
        here = ~np.isfinite(volumes[..., k])
        if here.all():
            empty += 1
            volumes[..., k] = 0
        else:
            missing |= here
    if missing.any():
        volumes[missing] = 0
    told = [f"left out {missing.sum()} voxels that hold NaN or infinity in some volume"] * bool(missing.any())
    told += [f"{empty} hold nothing but NaN or infinity, taken as empty"] * bool(empty)
    return missing, f"volumes: {', '.join(told)}" if told else ""
