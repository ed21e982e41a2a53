"""Images brought from one grid onto another by their affines."""

from itertools import product

import numpy as np
from scipy import ndimage

from qtmnet.scans.grids.grid import Grid

MOST_POINTS = 8
"""Along an edge of a voxel, at which the other image is looked up: enough for voxels eight times as fine."""

_EDGE = 0.5 + 1e-3
"""Of a voxel, beyond its center, to which it reaches; affines are kept in single precision."""


def resample(volumes: np.ndarray, source: Grid, target: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Volumes of one grid on another, by trilinear interpolation.

    Where voxels of the target are larger, each is the mean over so many points in it that none of the source's is
    passed over, as a scanner's larger voxel would show it.

    Args:
        volumes: (X, Y, Z, N) on the source's grid.
        source: where they lie.
        target: where they are wanted, in mm of the same space.

    Returns:
        (X', Y', Z', N) float32, 0 where the source does not reach, and the share of each voxel that it reaches,
        (X', Y', Z') float32.
    """
    step = np.linalg.inv(source.affine) @ target.affine  # indices of the target to indices of the source
    points = _points(step)
    total = np.zeros((*target.shape, volumes.shape[-1]))
    reached = np.zeros(target.shape)
    for point in points:
        offset = step[:3, :3] @ point + step[:3, 3]
        inside = _inside(step[:3, :3], offset, target.shape, source.shape)
        reached += inside
        for k in range(volumes.shape[-1]):
            looked_up = ndimage.affine_transform(
                volumes[..., k].astype(float), step[:3, :3], offset, target.shape, order=1, mode="nearest"
            )
            total[..., k] += np.where(inside, looked_up, 0)
    mean = np.divide(total, reached[..., None], out=np.zeros_like(total), where=reached[..., None] > 0)
    return mean.astype(np.float32), (reached / len(points)).astype(np.float32)


def _points(step: np.ndarray) -> np.ndarray:
    """Places in a voxel of the target, in its indices from its center, (P, 3)."""
    finer = np.abs(step[:3, :3]).max(axis=0)  # voxels of the source that one of the target steps over
    counts = np.clip(np.ceil(finer - 0.25), 1, MOST_POINTS).astype(int)  # a quarter more is no reason to blur
    return np.array(list(product(*((np.arange(n) + 0.5) / n - 0.5 for n in counts))))


def _inside(matrix: np.ndarray, offset: np.ndarray, shape: tuple[int, ...], source: tuple[int, ...]) -> np.ndarray:
    """Whether a point in each voxel of the target lies in the source, (X', Y', Z') bool."""
    inside = np.ones(shape, bool)
    for axis, n in enumerate(source):
        place = offset[axis] + sum(
            matrix[axis, k] * np.arange(n_k).reshape([-1 if j == k else 1 for j in range(3)])
            for k, n_k in enumerate(shape)
        )
        inside &= (place >= -_EDGE) & (place <= n - 1 + _EDGE)
    return inside
