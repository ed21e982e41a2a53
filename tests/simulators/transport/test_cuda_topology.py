"""How forests are laid out for the kernels: nodes, voxels and pieces counted through a batch."""

from dataclasses import replace

import numpy as np
import pytest

from simulators import Forest
from simulators.transport.cuda.topology import ForestTopology, TreeLayout, sorted_by
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces


@pytest.fixture(scope="module")
def forests(vessels_of) -> list[Forest]:
    """Three forests, one of which leaves voxels without a terminal and has pieces outside the domain."""
    one, other = vessels_of(8), vessels_of(8, (5.0, 40.0), 11)
    terminal = other.veins.terminal.copy()
    terminal[3] = -1
    beyond = replace(other.veins, terminal=terminal, position=other.veins.position + np.array([0.0, 0.0, 2.5]))
    return [one.arteries, beyond, other.arteries]


@pytest.fixture(scope="module")
def batch(forests) -> ForestTopology:
    return ForestTopology.of([TreeLayout.of(forest) for forest in forests])


def test_entries_sorted_by_owner():
    start, entry = sorted_by(np.array([2, -1, 0, 2, 4, 0], np.int32), 5)
    np.testing.assert_array_equal(start, [0, 2, 2, 4, 4, 5])
    np.testing.assert_array_equal(entry, [2, 5, 0, 3, 4])
    start, entry = sorted_by(np.empty(0, np.int32), 2)
    np.testing.assert_array_equal(start, [0, 0, 0])
    assert entry.size == 0


def test_nodes_are_counted_through_the_batch(batch, forests):
    first = np.cumsum([0] + [forest.n_nodes for forest in forests])
    assert batch.n_nodes == first[-1]
    assert batch.n_forests == 3
    for k, forest in enumerate(forests):
        nodes, voxels = slice(first[k], first[k + 1]), slice(512 * k, 512 * (k + 1))
        shifted = np.where(forest.parent >= 0, forest.parent + first[k], -1)
        np.testing.assert_array_equal(batch.parent[nodes], shifted)
        served = forest.terminal.ravel() >= 0
        np.testing.assert_array_equal(batch.terminal[voxels][served], forest.terminal.ravel()[served] + first[k])
        assert (batch.terminal[voxels][~served] == -1).all()
        assert (batch.forest[nodes] == k).all()
        np.testing.assert_array_equal(batch.length[nodes], forest.length)
        inlets = batch.inlet[batch.inlet_start[k] : batch.inlet_start[k + 1]]
        np.testing.assert_array_equal(inlets, forest.inlets + first[k])
    served = np.flatnonzero(batch.terminal >= 0)
    np.testing.assert_array_equal(batch.voxel[batch.terminal[served]], served)
    assert np.count_nonzero(batch.voxel >= 0) == len(served)


def test_daughters_and_generations(batch):
    daughters = [batch.daughter[batch.daughter_start[k] : batch.daughter_start[k + 1]] for k in range(batch.n_nodes)]
    for node, own in enumerate(daughters):
        np.testing.assert_array_equal(own, np.flatnonzero(batch.parent == node))
    for generations, before in ((batch.depth, batch.parent), (batch.height, None)):
        np.testing.assert_array_equal(np.sort(generations.order), np.arange(batch.n_nodes))
        number = np.empty(batch.n_nodes, int)
        for g, (first, size) in enumerate(generations.spans()):
            number[generations.order[first : first + size]] = g
        if before is not None:
            np.testing.assert_array_equal(number, np.where(before >= 0, number[before] + 1, 0))
        else:
            highest = [max((number[d] + 1 for d in own), default=0) for own in daughters]
            np.testing.assert_array_equal(number, highest)


def test_pieces_of_a_voxel_hold_its_blood(batch, forests):
    """Shares of the segments in each voxel against `blood_volume`; what lies outside the domain is left out."""
    volume = np.concatenate([forest.flow * forest.residence_time for forest in forests])
    assert batch.piece_start[-1] == len(batch.piece_node) == len(batch.piece_share)
    held = volume[batch.piece_node] * np.diff(batch.piece_share, axis=1)[:, 0]
    voxel = np.repeat(np.arange(3 * 512), np.diff(batch.piece_start))
    expected = [blood_volume(forest, cut_at_voxel_faces(forest)).ravel() for forest in forests]
    found = np.bincount(voxel, held, 3 * 512)
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-12)
    assert found[512:1024].sum() < volume[forests[0].n_nodes :][: forests[1].n_nodes].sum()


def test_pieces_that_are_there_are_taken(forests):
    pieces = cut_at_voxel_faces(forests[1])
    for name, values in vars(TreeLayout.of(forests[1])).items():
        np.testing.assert_array_equal(getattr(TreeLayout.of(forests[1], pieces), name), values)
