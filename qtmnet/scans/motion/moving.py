"""Volumes moved: looked up once, between voxels, where the head has been."""

import numpy as np
from scipy import ndimage

ORDER = 3
"""Of the splines: cubic ones keep the sharpness that linear interpolation takes, which would make a moved control
unlike an unmoved label at every edge."""

_EDGE = 0.5
"""Of a voxel, beyond its centre, to which it reaches."""


def moved(volume: np.ndarray, affine: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A volume as it looks after a motion.

    Args:
        volume: (X, Y, Z).
        affine: of its voxels, (4, 4).
        matrix: that takes points of the head in the volume to where they are wanted, mm, (4, 4).

    Returns:
        The moved volume, (X, Y, Z) float32, and which of its voxels the given one has shown, bool.
    """
    step = np.linalg.inv(affine) @ np.linalg.inv(matrix) @ affine
    found = ndimage.affine_transform(volume.astype(float), step[:3, :3], step[:3, 3], order=ORDER, mode="nearest")
    places = np.tensordot(step[:3, :3], np.indices(volume.shape), 1) + step[:3, 3][:, None, None, None]
    ends = np.array(volume.shape)[:, None, None, None] - 1
    return found.astype(np.float32), ((places >= -_EDGE) & (places <= ends + _EDGE)).all(axis=0)
