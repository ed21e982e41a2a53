"""What volumes are compared on: smoothed, and on a coarser grid where their voxels are finer than need be."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

SMOOTHED_TO_MM = 6.0
"""Full width at half maximum that volumes are smoothed to first, their voxels included: noise moves less then, and
displacements of that size are still found from a start at none."""

OF_VOXEL = 1.2
"""The same over the longest edge of a voxel, at least: what is less smooth cannot be looked up between voxels."""

FINE_ENOUGH_MM = 3.0
"""Edge of a voxel, half of the smoothing: finer ones are averaged up to it."""

LEAST_VOXELS = 8
"""Along an axis, that averaging leaves."""

_FWHM_PER_SD = np.sqrt(8 * np.log(2))


@dataclass(frozen=True, eq=False)
class Canvas:
    """The grid that volumes are compared on.

    Attributes:
        shape: of the volumes.
        voxel_to_mm: of their voxels, (4, 4).
    """

    shape: tuple[int, ...]
    voxel_to_mm: np.ndarray

    @cached_property
    def grain(self) -> np.ndarray:
        """Voxels of a volume along each axis that are averaged to one, (3,) int."""
        finer = FINE_ENOUGH_MM / np.linalg.norm(self.voxel_to_mm[:3, :3], axis=0)
        return np.maximum(np.minimum(finer, np.array(self.shape) // LEAST_VOXELS).astype(int), 1)

    @cached_property
    def affine(self) -> np.ndarray:
        """Indices of the canvas to mm, (4, 4)."""
        step = np.diag([*self.grain, 1.0])
        step[:3, 3] = (self.grain - 1) / 2
        return np.asarray(self.voxel_to_mm @ step)

    def averaged(self, volume: np.ndarray) -> np.ndarray:
        """A volume (X, Y, Z) on the canvas, float32; what is left over at the ends is cut off."""
        if (self.grain == 1).all():
            return np.asarray(volume, np.float32)
        x, y, z = np.array(self.shape) // self.grain
        a, b, c = self.grain
        kept = np.asarray(volume, np.float32)[: x * a, : y * b, : z * c]
        return kept.reshape(x, a, y, b, z, c).mean(axis=(1, 3, 5))

    def smoothed(self, volume: np.ndarray) -> np.ndarray:
        """A volume (X, Y, Z) on the canvas and smoothed, float32.

        With the voxel's own extent the Gaussian makes one width in all directions, so that turned volumes look alike;
        along axes with voxels above 4 mm it is sampled too coarsely for that, and the width is up to a seventh less.
        """
        voxel = np.linalg.norm(self.affine[:3, :3], axis=0)
        width = max(SMOOTHED_TO_MM, OF_VOXEL * voxel.max()) / _FWHM_PER_SD
        spread = np.sqrt(width**2 - voxel**2 / 12) / voxel
        return ndimage.gaussian_filter(self.averaged(volume), spread, mode="nearest")
