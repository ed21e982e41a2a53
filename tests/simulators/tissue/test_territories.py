"""Territories: shares are met, over the least distance that brute force and the assignment problem find."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from simulators.errors import InputError
from simulators.tissue.territories import distances_to, divide, points_along


def places(n_places: int, n_sources: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances of points in a box of 100 mm to others, weights from 0.01 to 1, and shares."""
    rng = np.random.default_rng(seed)
    distance = cdist(rng.uniform(0, 100, (n_places, 3)), rng.uniform(0, 100, (n_sources, 3)))
    return distance, rng.uniform(0.01, 1, n_places), rng.dirichlet(np.full(n_sources, 3.0))


def missed(owner: np.ndarray, weight: np.ndarray, share: np.ndarray) -> np.ndarray:
    """By how much of the weight each source misses its share, (S,)."""
    return np.abs(np.bincount(owner, weight, len(share)) - share * weight.sum())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_sources", [1, 2, 3, 6])
def test_shares_are_met_to_the_weight_of_single_places(n_sources: int, seed: int) -> None:
    distance, weight, share = places(400, n_sources, seed)
    owner = divide(distance, weight, share)
    # At most S − 1 places are split at the optimum; each moves its smaller part. The solver meets shares to 1e-6.
    assert missed(owner, weight, share).sum() <= (n_sources - 1) * weight.max() + 1e-4


def test_of_two_sources_the_one_place_split_goes_to_its_larger_part() -> None:
    for seed in range(20):
        distance, weight, share = places(50, 2, seed)
        assert missed(divide(distance, weight, share), weight, share).max() <= weight.max() / 2 + 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_equal_places_are_assigned_as_in_the_assignment_problem(seed: int) -> None:
    """Shares of whole numbers of places: each source stands for as many workers, and the costs agree."""
    count = np.array([5, 12, 20, 23])
    distance, _, _ = places(60, 4, seed)
    owner = divide(distance, np.full(60, 0.3), count / 60)
    np.testing.assert_array_equal(np.bincount(owner, minlength=4), count)
    seats = np.repeat(np.arange(4), count)
    rows, columns = linear_sum_assignment(distance[:, seats])
    # Random distances: one optimum.
    np.testing.assert_array_equal(owner[rows], seats[columns])


@pytest.mark.parametrize("seed", range(8))
def test_no_division_of_the_same_loads_is_cheaper(seed: int) -> None:
    """Brute force over all 3^7 divisions of places of one weight, of which none has to be split."""
    distance, _, _ = places(7, 3, seed)
    load = np.bincount(np.random.default_rng(seed).integers(0, 3, 7), minlength=3) + 1e-9
    weight, each = np.full(7, 0.2), np.arange(7)
    owner = divide(distance, weight, load / load.sum())
    np.testing.assert_array_equal(np.bincount(owner, minlength=3), np.round(load))
    least = min(
        distance[each, division].sum()
        for division in map(list, product(range(3), repeat=7))
        if (np.bincount(division, minlength=3) == np.round(load)).all()
    )
    assert distance[each, owner].sum() == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_two_sources_share_as_in_a_continuous_knapsack(seed: int) -> None:
    """The first source takes places in the order of d_0 − d_1, whatever they weigh, until it has its share."""
    distance, weight, share = places(80, 2, seed)
    order = np.argsort(distance[:, 0] - distance[:, 1])
    before = np.cumsum(weight[order]) - weight[order]
    mostly_its = before + weight[order] / 2 < share[0] * weight.sum()
    np.testing.assert_array_equal(divide(distance, weight, share)[order], np.where(mostly_its, 0, 1))


@pytest.mark.parametrize("seed", range(8))
def test_the_division_that_prices_make_is_found(seed: int) -> None:
    """Each place at the least d + p is the optimum for the shares that it gives (Aurenhammer et al. 1998)."""
    distance, weight, _ = places(300, 4, seed)
    owner = np.argmin(distance + np.random.default_rng(seed).uniform(0, 30, 4), axis=1)
    load = np.bincount(owner, weight, 4)
    assert (load > 0).all()
    np.testing.assert_array_equal(divide(distance, weight, load / load.sum()), owner)


@pytest.mark.parametrize("seed", range(4))
def test_fixed_places_stay(seed: int) -> None:
    distance, weight, share = places(200, 3, seed)
    share = np.full(3, 1 / 3)
    rng = np.random.default_rng(seed)
    fixed = np.where(rng.random(200) < 0.3, rng.integers(0, 3, 200), -1)
    assert np.bincount(fixed[fixed >= 0], weight[fixed >= 0]).max() < weight.sum() / 3
    owner = divide(distance, weight, share, fixed)
    np.testing.assert_array_equal(owner[fixed >= 0], fixed[fixed >= 0])
    assert missed(owner, weight, share).sum() <= 2 * weight.max() + 1e-4
    # The rest is divided as if it were alone, by what is left of the shares.
    free = fixed < 0
    left = share * weight.sum() - np.bincount(fixed[~free], weight[~free], 3)
    np.testing.assert_array_equal(owner[free], divide(distance[free], weight[free], left / weight[free].sum()))


@pytest.mark.parametrize("equal", [0.0, 7.0])
def test_ties_still_meet_the_shares(equal: float) -> None:
    """Places that are as far from every source, as beside a midline."""
    share = np.array([0.1, 0.2, 0.3, 0.4])
    owner = divide(np.full((200, 4), equal), np.full(200, 0.01), share)
    assert missed(owner, np.full(200, 0.01), share).sum() <= 3 * 0.01 + 1e-6


def test_the_unit_of_weight_means_nothing() -> None:
    """Flows of a small animal in m³/s, or of a brain in mm³/h."""
    distance, weight, share = places(300, 3, 0)
    expected = divide(distance, weight, share)
    for unit in (1e-12, 1e-6, 1e6, 1e9):
        np.testing.assert_array_equal(divide(distance, unit * weight, share), expected)


def test_places_of_no_weight_go_to_the_nearest() -> None:
    distance, weight, share = places(300, 3, 0)
    none = np.arange(300) % 5 == 0
    weight[none] = 0
    owner = divide(distance, weight, share)
    np.testing.assert_array_equal(owner[none], np.argmin(distance[none], axis=1))
    np.testing.assert_array_equal(owner[~none], divide(distance[~none], weight[~none], share))


@pytest.mark.parametrize(
    "share", [[0.3, 0.3, 0.3], [0.5, 0.5, 0.5], [0.6, 0.4, 0.0], [1.2, -0.1, -0.1], [np.nan, 1, 0]]
)
def test_shares_that_do_not_add_up_are_said_in_one_line(share: list[float]) -> None:
    distance, weight, _ = places(20, 3, 0)
    with pytest.raises(InputError, match="inlet_shares: found") as caught:
        divide(distance, weight, np.array(share))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [0, 1, 2])
@pytest.mark.parametrize("n_fixed", [12, 20])
def test_fixed_places_beyond_their_share_are_said_in_one_line(source: int, n_fixed: int) -> None:
    distance, _, _ = places(20, 3, 0)
    fixed = np.where(np.arange(20) < n_fixed, source, -1)
    with pytest.raises(InputError, match="inlet_shares") as caught:
        divide(distance, np.ones(20), np.array([0.4, 0.3, 0.3]), fixed)
    assert "\n" not in str(caught.value)


def test_distances_are_to_the_nearest_point_of_each_tree() -> None:
    rng = np.random.default_rng(0)
    trees, points = [rng.uniform(0, 50, (n, 3)) for n in (1, 7, 300)], rng.uniform(0, 50, (40, 3))
    expected = np.stack([cdist(points, tree).min(axis=1) for tree in trees], axis=1)
    np.testing.assert_allclose(distances_to(trees, points), expected, rtol=1e-12)


@pytest.mark.parametrize("step", [0.3, 0.5, 2.0, 100.0])
def test_points_along_a_tree(step: float) -> None:
    rng = np.random.default_rng(1)
    position = rng.uniform(0, 10, (30, 3))
    parent = np.array([-1, *(rng.integers(-1, node) for node in range(1, 30))])
    position[20] = position[parent[20]]  # a segment without length
    position[21] = position[parent[21]] + [0, 0, 2 * step]  # and one of just two steps
    points, node = points_along(position, parent, step)
    for n in range(30):
        mine = points[node == n]
        np.testing.assert_allclose(mine[-1], position[n], atol=1e-12)
        if parent[n] < 0:
            assert len(mine) == 1
            continue
        begin, length = position[parent[n]], np.linalg.norm(position[n] - position[parent[n]])
        along = np.linalg.norm(mine - begin, axis=1)
        # No further apart than asked, and no more of them than that takes; evenly, from one end to the other.
        assert len(mine) == max(np.ceil(length / step - 1e-9), 1)
        np.testing.assert_allclose(along, length * np.arange(1, len(mine) + 1) / len(mine), atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(position[n] - mine, axis=1), length - along, atol=1e-12)


def test_half_a_millimetre_is_the_step_that_is_meant() -> None:
    points, _ = points_along(np.array([[0.0, 0, 0], [0, 0, 3]]), np.array([-1, 0]))
    np.testing.assert_allclose(points[:, 2], [0, 0.5, 1, 1.5, 2, 2.5, 3])
