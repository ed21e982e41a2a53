"""Vessels cut at voxel faces against points strewn along them."""

import numpy as np
import pytest

from simulators import Forest, grow_forest
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces

SAMPLES = 4000


def one_vessel(begin: tuple, end: tuple, size: tuple = (1.0, 1.0, 1.0), shape: tuple = (4, 4, 4)) -> Forest:
    terminal = np.full(shape, -1)
    return Forest(
        position=np.array([begin, end], float),
        parent=np.array([-1, 0]),
        flow=np.array([2.0, 2.0]),
        radius=np.array([0.1, 0.1]),
        terminal=terminal,
        voxel_size_mm=size,
    )


def strewn(forest: Forest) -> np.ndarray:
    """Volume of vessels in each voxel, by `SAMPLES` points along every segment."""
    total = np.zeros(forest.terminal.size)
    shares = (np.arange(SAMPLES) + 0.5) / SAMPLES
    for node in np.flatnonzero(forest.parent >= 0):
        begin, end = forest.position[forest.parent[node]], forest.position[node]
        index = np.floor((begin + shares[:, None] * (end - begin)) / forest.voxel_size_mm).astype(int)
        inside = ((index >= 0) & (index < forest.terminal.shape)).all(axis=1)
        voxel = np.ravel_multi_index(tuple(index[inside].T), forest.terminal.shape)
        volume = np.pi * forest.radius[node] ** 2 * np.linalg.norm(end - begin)
        np.add.at(total, voxel, volume / SAMPLES)
    return total.reshape(forest.terminal.shape)


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (1.0, 2.0, 0.7)])
def test_a_grown_forest(size):
    forest = grow_forest(np.full((6, 5, 7), 0.01), seed=4, voxel_size_mm=size)
    pieces = cut_at_voxel_faces(forest)
    volume = blood_volume(forest, pieces)
    expected = strewn(forest)
    # A piece is off by one point at each end at most.
    assert np.abs(volume - expected).max() < 20 / SAMPLES * volume.max()
    assert volume.sum() == pytest.approx(np.sum(np.pi * forest.radius**2 * forest.length), rel=1e-12)
    assert (pieces.voxel >= 0).all()
    for node in range(forest.n_nodes):
        end = pieces.end[pieces.start[node] : pieces.start[node + 1]]
        assert (len(end) == 0) == (forest.parent[node] < 0)
        assert (np.diff(end, prepend=0) >= 0).all()
        assert len(end) == 0 or end[-1] == 1


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ((0.5, 0.5, 0.5), (0.5, 0.5, 3.5)),  # along an axis
        ((0.5, 0.5, 3.5), (0.5, 0.5, 0.5)),  # and against it
        ((0.2, 0.3, 0.4), (3.7, 2.9, 0.6)),
        ((3.7, 2.9, 0.6), (0.2, 0.3, 0.4)),
        ((-1.5, 0.5, 0.5), (5.5, 2.5, 1.5)),  # through the domain, from outside to outside
        ((0.5, 0.5, 0.5), (0.6, 0.6, 0.6)),  # within a voxel
        ((0.1, 0.1, 0.1), (2.1, 2.1, 2.1)),  # through corners
        ((1.0, 0.5, 0.5), (2.0, 0.5, 0.5)),  # from face to face
    ],
)
def test_one_vessel(begin, end):
    forest = one_vessel(begin, end)
    volume = blood_volume(forest, cut_at_voxel_faces(forest))
    np.testing.assert_allclose(volume, strewn(forest), atol=2 / SAMPLES * np.pi * 0.01 * 7)


def test_no_length():
    forest = one_vessel((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert blood_volume(forest, cut_at_voxel_faces(forest)).sum() == 0
