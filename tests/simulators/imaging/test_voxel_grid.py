"""Acquired voxels over simulated ones: exact means, by finer sampling and by conservation."""

import numpy as np
import pytest

from simulators import InputError
from simulators.imaging.readout import average_voxels
from simulators.imaging.voxel_grid import VoxelGrid

RNG = np.random.default_rng(5)
IMAGE = RNG.random((2, 12, 10, 8))
SHAPE = (12, 10, 8)


def grid(acquired: tuple[float, float, float], simulated: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> VoxelGrid:
    return VoxelGrid.within(SHAPE, simulated, acquired, np.random.default_rng(0))


def test_nested_voxels_are_means_of_blocks() -> None:
    nested = grid((2.0, 2.0, 4.0))
    assert nested.shape == (6, 5, 2)
    assert nested.offset_mm == (0, 0, 0)
    np.testing.assert_array_equal(nested.average(IMAGE), average_voxels(IMAGE, (2, 2, 4)))


def test_the_two_ways_to_a_mean_agree_where_voxels_nest() -> None:
    nested = grid((2.0, 2.0, 4.0))
    np.testing.assert_allclose(
        np.einsum("vxyz,ax,by,cz->vabc", IMAGE, *(nested.shares(axis) for axis in range(3))),
        average_voxels(IMAGE, (2, 2, 4)),
    )


@pytest.mark.parametrize("acquired", [(3.5, 2.5, 2.0), (1.5, 3.25, 8.0), (12.0, 1.0, 1.25)])
def test_voxels_that_do_not_nest_are_means_over_what_they_cover(acquired: tuple[float, float, float]) -> None:
    """By sampling the image at the midpoints of a grid so fine that no face lies between two of its points."""
    fine = 8  # eighths of a mm: all faces fall on them, for offsets in eighths
    found = grid(acquired)
    offset = tuple(np.floor(np.asarray(found.offset_mm) * fine) / fine)
    found = VoxelGrid(SHAPE, found.simulated_mm, acquired, found.shape, offset)
    expected = np.empty((2, *found.shape))
    magnified = IMAGE.repeat(fine, 1).repeat(fine, 2).repeat(fine, 3)
    for voxel in np.ndindex(*found.shape):
        start = np.rint((np.asarray(offset) + np.multiply(voxel, acquired)) * fine).astype(int)
        x, y, z = (slice(a, a + round(size * fine)) for a, size in zip(start, acquired, strict=True))
        expected[:, *voxel] = magnified[:, x, y, z].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found.average(IMAGE), expected, rtol=1e-12)


@pytest.mark.parametrize("acquired", [(3.7, 2.9, 2.3), (1.1, 1.7, 1.3)])
def test_what_is_covered_is_conserved(acquired: tuple[float, float, float]) -> None:
    """Shares add up to 1 in each acquired voxel; each simulated voxel gives what is covered of it, at most all."""
    found = grid(acquired)
    for axis in range(3):
        shares = found.shares(axis)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        given = shares.sum(axis=0) * acquired[axis]
        assert given.max() < 1 + 1e-12
        assert given.sum() == pytest.approx(found.shape[axis] * acquired[axis])
    np.testing.assert_allclose(found.average(np.ones(SHAPE)), 1)


def test_voxels_lie_within_the_block_at_places_of_their_own() -> None:
    offsets = []
    for seed in range(50):
        found = VoxelGrid.within(SHAPE, (1.0, 1.0, 1.0), (3.5, 5.0, 3.0), np.random.default_rng(seed))
        assert found.shape == (3, 2, 2)
        offsets.append(found.offset_mm)
    low, high = np.min(offsets, axis=0), np.max(offsets, axis=0)
    assert (low >= 0).all()
    assert (high <= [1.5, 0, 2]).all()
    assert high[0] - low[0] > 1  # all of the room is used
    assert high[1] == 0


def test_voxels_of_other_sizes_than_a_mm_count() -> None:
    found = VoxelGrid.within(SHAPE, (0.5, 0.5, 2.0), (1.0, 2.5, 4.0), np.random.default_rng(0))
    assert found.shape == (6, 2, 4)
    np.testing.assert_allclose(found.average(IMAGE), average_voxels(IMAGE, (2, 5, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_keep_their_type(dtype: type) -> None:
    assert grid((3.5, 2.5, 2.0)).average(IMAGE.astype(dtype)).dtype == dtype


def test_a_voxel_larger_than_the_block_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"voxel_size_mm: found \[2\.0, 11\.0, 2\.0\], larger than.*shape of the phantom"
    ):
        grid((2.0, 11.0, 2.0))
