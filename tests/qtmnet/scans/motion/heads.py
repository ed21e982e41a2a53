"""A head as a formula: what a scanner shows of it in any place is known without interpolation."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

SHAPE = (30, 32, 14)
VOXEL_MM = np.array([4.0, 4.0, 6.0])
AFFINE = np.diag([*VOXEL_MM, 1.0])
AFFINE[:3, 3] = -(np.array(SHAPE) - 1) / 2 * VOXEL_MM
POINTS_OF_A_VOXEL = (2, 2, 3)
STILL = np.zeros(6)


def _ellipsoid(places: np.ndarray, middle: Sequence[float], radii: Sequence[float], edge: float) -> np.ndarray:
    """1 inside, 0 outside, (...), with an edge of so many mm."""
    distance = np.linalg.norm((places - np.array(middle)) / np.array(radii), axis=-1)
    return 1 / (1 + np.exp((distance - 1) * min(radii) / edge))


def tissue(places: np.ndarray) -> dict[str, np.ndarray]:
    """Shares of grey matter, white matter and fluid at places in mm (..., 3)."""
    x, y, z = np.moveaxis(places, -1, 0)
    head = np.maximum(
        _ellipsoid(places, (0, 0, 2), (40, 50, 29), 1.5), _ellipsoid(places, (-3, -30, -16), (26, 17, 14), 1.5)
    )
    fluid = head * np.maximum(
        _ellipsoid(places, (0, 4, 6), (7, 16, 8), 1.5), _ellipsoid(places, (16, -14, -4), (6, 8, 7), 1.5)
    )
    folds = np.sin(x / 7 + 0.5 * np.sin(y / 8)) * np.sin(y / 7.5 + 1) * np.cos(z / 8)
    core = _ellipsoid(places, (0, 0, 2), (33, 43, 22), 3.0) * (0.5 + 0.5 * np.tanh(3 * folds))
    return {"grey": (head - fluid) * (1 - core), "white": (head - fluid) * core, "fluid": fluid}


def shown(contrast: Mapping[str, float], motion: np.ndarray = STILL) -> np.ndarray:
    """A volume (X, Y, Z) of a head that has moved: means over voxels of what each tissue shows.

    Args:
        contrast: signal of each tissue.
        motion: way in mm and vector of the rotation about the middle of the field of view in degrees, (6,).
    """
    shares = _shares(tuple(motion.tolist()))
    return np.sum([signal * shares[name] for name, signal in contrast.items()], axis=0)


@cache
def _shares(numbers: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Share of each voxel that a tissue has after a motion."""
    motion = np.array(numbers)
    voxels = np.indices(SHAPE).transpose(1, 2, 3, 0)
    turned = Rotation.from_rotvec(motion[3:], degrees=True).as_matrix()
    total = {name: np.zeros(SHAPE) for name in CONTROL}
    for point in np.ndindex(POINTS_OF_A_VOXEL):
        within = (np.array(point) + 0.5) / np.array(POINTS_OF_A_VOXEL) - 0.5
        places = (voxels + within) @ AFFINE[:3, :3].T + AFFINE[:3, 3]
        for name, share in tissue((places - motion[:3]) @ turned).items():
            total[name] += share / np.prod(POINTS_OF_A_VOXEL)
    return total


CONTROL = {"grey": 1000.0, "white": 800.0, "fluid": 1200.0}
DIFFERENCE = {"grey": 10.0, "white": 3.0, "fluid": 0.0}
LABEL = {name: CONTROL[name] - DIFFERENCE[name] for name in CONTROL}
