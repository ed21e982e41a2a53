"""Acquired voxels laid over simulated ones: exact means, whatever the two sizes are."""

from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError
from simulators.imaging.readout import average_voxels

NESTING = 1e-3
"""By how much of itself an acquired voxel may miss a whole multiple of the simulated one, and be taken for it."""


@dataclass(frozen=True)
class VoxelGrid:
    """A block of acquired voxels within a block of simulated ones.

    Attributes:
        simulated_shape: simulated voxels along each axis.
        simulated_mm: edge lengths of a simulated voxel.
        acquired_mm: edge lengths of an acquired voxel.
        shape: acquired voxels along each axis.
        offset_mm: of the first acquired voxel's corner from the first simulated one's, (3,).
    """

    simulated_shape: tuple[int, int, int]
    simulated_mm: tuple[float, float, float]
    acquired_mm: tuple[float, float, float]
    shape: tuple[int, int, int]
    offset_mm: tuple[float, float, float]

    @classmethod
    def within(
        cls,
        simulated_shape: tuple[int, int, int],
        simulated_mm: tuple[float, float, float],
        acquired_mm: tuple[float, float, float],
        rng: np.random.Generator,
    ) -> "VoxelGrid":
        """As many acquired voxels as fit, somewhere within the simulated ones.

        Raises:
            InputError: if not one fits.
        """
        extent = np.asarray(simulated_shape) * simulated_mm
        acquired = np.asarray(acquired_mm)
        x, y, z = np.floor(extent / acquired + 1e-6).astype(int).tolist()
        if min(x, y, z) < 1:
            raise InputError(
                f"voxel_size_mm: found {acquired.tolist()}, larger than the simulated block of {extent.tolist()} mm; "
                "give a larger shape of the phantom"
            )
        margin = np.maximum(extent - acquired * (x, y, z), 0)
        offset = np.where(margin > 1e-6 * extent, margin, 0) * rng.random(3)
        return cls(simulated_shape, simulated_mm, acquired_mm, (x, y, z), (offset[0], offset[1], offset[2]))

    @classmethod
    def covering(
        cls,
        shape: tuple[int, int, int],
        simulated_mm: tuple[float, float, float],
        acquired_mm: tuple[float, float, float],
    ) -> "VoxelGrid":
        """The fewest acquired voxels that cover all simulated ones, from their first corner on.

        Those at the high ends may reach beyond the simulated voxels: `simulated_shape` counts as many more as fill
        them, see `filled`.

        Args:
            shape: simulated voxels along each axis.
            simulated_mm, acquired_mm: edge lengths of a voxel.
        """
        simulated, acquired = np.asarray(simulated_mm), np.asarray(acquired_mm)
        near = np.round(acquired / simulated)
        nests = np.abs(acquired / simulated - near) <= NESTING * np.maximum(near, 1)
        acquired = np.where(nests & (near >= 1), near * simulated, acquired)
        n = np.ceil(np.asarray(shape) * simulated / acquired - 1e-6).astype(int)
        x, y, z = np.ceil(n * acquired / simulated - 1e-6).astype(int).tolist()
        edges = acquired.tolist()
        return cls(
            (x, y, z), simulated_mm, (edges[0], edges[1], edges[2]), (int(n[0]), int(n[1]), int(n[2])), (0.0,) * 3
        )

    def filled(self, image: np.ndarray) -> np.ndarray:
        """An image (..., X, Y, Z) with nothing in those simulated voxels that it does not have."""
        missing = [(0, size - own) for size, own in zip(self.simulated_shape, image.shape[-3:], strict=True)]
        return np.pad(image, [(0, 0)] * (image.ndim - 3) + missing) if any(size for _, size in missing) else image

    def average(self, image: np.ndarray) -> np.ndarray:
        """Mean over each acquired voxel of images that are constant within a simulated one.

        Args:
            image: (..., X, Y, Z).

        Returns:
            (..., x, y, z).
        """
        block = self._block()
        if block is not None:
            return average_voxels(image, block)
        for axis in range(3):
            shares = self.shares(axis).astype(image.dtype)
            image = np.moveaxis(np.tensordot(image, shares, (image.ndim - 3 + axis, 1)), -1, image.ndim - 3 + axis)
        return image

    def average_known(self, image: np.ndarray) -> np.ndarray:
        """Mean over what each acquired voxel holds that is not NaN, and NaN where it holds nothing else.

        Args:
            image: (..., X, Y, Z).

        Returns:
            (..., x, y, z).
        """
        known = ~np.isnan(image)
        if known.all():
            return self.average(image)
        share = self.average(known.astype(image.dtype))
        total = self.average(np.where(known, image, 0))
        return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)

    def _block(self) -> tuple[int, int, int] | None:
        """Simulated voxels in an acquired one, if whole ones fill it and all of them are used."""
        ratio = np.asarray(self.acquired_mm) / self.simulated_mm
        x, y, z = np.round(ratio).astype(int).tolist()
        nested = np.abs(ratio - (x, y, z)).max() < 1e-6 and not any(self.offset_mm)
        return (x, y, z) if nested and tuple(np.multiply(self.shape, (x, y, z))) == self.simulated_shape else None

    def shares(self, axis: int) -> np.ndarray:
        """What part of each acquired voxel lies in each simulated one along an axis, (n_acquired, n_simulated)."""
        edge = np.arange(self.simulated_shape[axis] + 1) * self.simulated_mm[axis]
        start = self.offset_mm[axis] + np.arange(self.shape[axis])[:, None] * self.acquired_mm[axis]
        low, high = np.maximum(edge[:-1], start), np.minimum(edge[1:], start + self.acquired_mm[axis])
        overlap = np.maximum(high - low, 0)
        return overlap / overlap.sum(axis=1, keepdims=True)
