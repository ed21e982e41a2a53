"""What a forest says of itself, against trees small enough to do by hand."""

import numpy as np
import pytest

from simulators.errors import InputError
from simulators.vessels.forest import Forest, murray_radius
from simulators.vessels.growth import grow_forest
from simulators.vessels.tree_order import depth_first_order, flow_from_terminals

MURRAY_K = 0.1


def make_y() -> Forest:
    """A trunk of 3 mm along x that splits into daughters of 4 mm (along y, flow 1) and 5 mm (along z, flow 7)."""
    flow = np.array([8.0, 8.0, 1.0, 7.0])
    terminal = np.full((4, 5, 6), -1)
    terminal[3, 4, 0], terminal[3, 0, 5] = 2, 3
    return Forest(
        position=np.array([[0.0, 0, 0], [3, 0, 0], [3, 4, 0], [3, 0, 5]]),
        parent=np.array([-1, 0, 1, 1]),
        flow=flow,
        radius=murray_radius(flow, MURRAY_K),
        terminal=terminal,
        voxel_size_mm=(1.0, 1.0, 1.0),
    )


def test_lengths_and_inlets() -> None:
    forest = make_y()
    np.testing.assert_array_equal(forest.inlets, [0])
    np.testing.assert_allclose(forest.length, [0, 3, 4, 5])


def test_transit_time_in_closed_form() -> None:
    """τ = Σ l π r² / F, and with Murray's law r² = k² F^(2/3), so each segment takes π k² l F^(−1/3)."""
    trunk = np.pi * MURRAY_K**2 * 3 / 2
    short = trunk + np.pi * MURRAY_K**2 * 4
    long = trunk + np.pi * MURRAY_K**2 * 5 / 7 ** (1 / 3)
    forest = make_y()
    np.testing.assert_allclose(forest.transit_time(), [0, trunk, short, long], rtol=1e-14)
    np.testing.assert_allclose(forest.transit_time(0.7), [0.7, 0.7 + trunk, 0.7 + short, 0.7 + long], rtol=1e-14)
    np.testing.assert_allclose(forest.transit_time(np.array([0.7])), forest.transit_time(0.7), rtol=0)


def test_transit_time_goes_with_the_square_of_the_factor() -> None:
    forest = make_y()
    np.testing.assert_allclose(
        forest.with_murray_radii(2 * MURRAY_K).transit_time(), 4 * forest.transit_time(), rtol=1e-14
    )


def test_velocity_times_cross_section_is_flow() -> None:
    forest = make_y()
    np.testing.assert_allclose(forest.velocity * np.pi * forest.radius**2, forest.flow, rtol=1e-14)


def test_cubes_of_radii_add_up() -> None:
    radius = make_y().radius
    assert radius[1] ** 3 == pytest.approx(radius[2] ** 3 + radius[3] ** 3, rel=1e-14)


def test_murray_radius_of_a_carotid() -> None:
    assert murray_radius(np.array(4200.0), 0.115) == pytest.approx(1.9, abs=0.05)  # physics.md §3
    for bad in (0.0, -1.0, np.nan):
        with pytest.raises(InputError, match="murray_k") as caught:
            murray_radius(np.ones(1), bad)
        assert "\n" not in str(caught.value)


def test_flow_from_terminals() -> None:
    np.testing.assert_array_equal(flow_from_terminals(make_y().parent, np.array([0, 0, 1, 7])), [8, 8, 1, 7])


def random_parents(n: int, rng: np.random.Generator) -> np.ndarray:
    """Trees in no order: each node hangs on one drawn before it, or on none, and then all are renumbered."""
    drawn = np.array([rng.integers(-1, k) if k else -1 for k in range(n)])
    name = rng.permutation(n)
    parent = np.full(n, -1)
    parent[name] = np.where(drawn >= 0, name[drawn], -1)
    return parent


@pytest.mark.parametrize("seed", range(20))
def test_depth_first_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = random_parents(int(rng.integers(1, 200)), rng)
    order = depth_first_order(parent)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(parent)))
    place = np.argsort(order)
    stack: list[int] = []  # the way from an inlet to the node before
    for node in order:
        while stack and stack[-1] != parent[node]:
            stack.pop()
        assert bool(stack) == (parent[node] >= 0), "a subtree is not a run"
        stack.append(int(node))
    assert (place[parent[parent >= 0]] < place[parent >= 0]).all()


def test_a_cycle_is_refused() -> None:
    with pytest.raises(InputError, match="3 of 5 nodes") as caught:
        depth_first_order(np.array([-1, 0, 3, 4, 2]))
    assert "\n" not in str(caught.value)


def test_order_of_a_long_vessel() -> None:
    """A million nodes in a row: nothing recurses."""
    n = 1_000_000
    np.testing.assert_array_equal(depth_first_order(np.arange(n) - 1), np.arange(n))


def test_an_inlet_that_feeds_nothing_stands_still() -> None:
    forest = grow_forest(
        np.ones((2, 2, 2)),
        seed=0,
        new_inlet_probability=0,
        reach_mm=100,
        inlets=np.array([[1.0, 1.0, 1.0], [90.0, 90.0, 90.0]]),
    )
    assert sorted(forest.flow[forest.inlets]) == [0, 8]
    assert np.isfinite(forest.transit_time()).all()
    assert not forest.velocity[forest.flow == 0].any()
