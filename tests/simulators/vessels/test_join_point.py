"""The joint of three vessels against the exact weighted Fermat point, the balance of pulls and a search by SciPy."""

import numpy as np
import pytest
from scipy.optimize import minimize

from simulators.vessels.join_point import bifurcation
from tests.simulators.vessels.optimal_trees import fermat_point


def cost(point: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ np.linalg.norm(corners - point, axis=1))


def least_cost(corners: np.ndarray, weights: np.ndarray) -> float:
    """The least cost that scipy finds from the corners' weighted mean, or that a corner has.

    The cost is convex, so what no corner betters lies inside, where it is smooth.
    """
    found = minimize(
        cost,
        weights @ corners / weights.sum(),
        (corners, weights),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000, "maxfev": 5000},
    )
    return min(found.fun, *(cost(corner, corners, weights) for corner in corners))


def kernel_cost(corners: np.ndarray, weights: np.ndarray) -> float:
    point = bifurcation(*(tuple(corner) for corner in corners), *weights)
    return cost(np.array(point), corners, weights)


@pytest.mark.parametrize("seed", range(5))
def test_bifurcation_of_random_triangles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(20):
        corners, weights = rng.uniform(-3, 3, (3, 3)), rng.uniform(0.05, 1, 3)
        # Both are minima of one convex cost, so their values agree to the search's tolerance.
        assert kernel_cost(corners, weights) <= least_cost(corners, weights) + 1e-9


def test_bifurcation_balances_the_pulls() -> None:
    """Weights of a joint, parent first, in triangles whose minimum is inside: the three pulls add up to none."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        corners, (b, c) = rng.uniform(0, 1, (3, 3)), rng.uniform(0.01, 1, 2)
        weights = np.array([b + c, b, c]) ** (2 / 3)
        point = np.array(bifurcation(*(tuple(corner) for corner in corners), *weights))
        apart = np.linalg.norm(corners - point, axis=1)
        if apart.min() > 1e-3:
            inside += 1
            pull = (weights / apart) @ (corners - point)
            assert np.linalg.norm(pull) < 1e-9 * weights.sum() / apart.min()
    assert inside > 50


@pytest.mark.parametrize("seed", range(20))
def test_bifurcation_of_degenerate_triangles(seed: int) -> None:
    """Weights as they come up in growth: of a parent that carries what its daughters do."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 1, (2, 3))
    flows = 10.0 ** rng.uniform(-6, 0, 2)
    weights = np.array([flows.sum(), *flows]) ** (2 / 3)
    for corners in (
        [a, b, a + 0.3 * (b - a)],
        [a, b, a - 0.3 * (b - a)],
        [a, b, a + 1.7 * (b - a)],
        [a, a, b],
        [a, b, a],
        [a, b, b],
        [a, a, a],
        [a, b, a + 0.4 * (b - a) + 1e-9 * rng.uniform(-1, 1, 3)],
        [a, a + 1e-9 * rng.uniform(-1, 1, 3), b],
    ):
        exact = least_cost(np.array(corners), weights)
        assert kernel_cost(np.array(corners), weights) <= exact + 1e-8 * weights.sum()


def test_bifurcation_is_the_corner_that_pulls_most() -> None:
    corners = np.random.default_rng(0).uniform(0, 1, (3, 3))
    for strongest in range(3):
        weights = np.full(3, 0.3)
        weights[strongest] = 0.7
        np.testing.assert_array_equal(bifurcation(*(tuple(corner) for corner in corners), *weights), corners[strongest])


def test_bifurcation_is_the_weighted_fermat_point() -> None:
    """Of triangles as they come up in growth, where its closed form has it; else at the corner that costs least."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(1000):
        corners, (b, c) = rng.uniform(0, 1, (3, 3)), rng.uniform(0.01, 1, 2)
        weights = np.array([b + c, b, c]) ** (2 / 3)
        point = bifurcation(*(tuple(corner) for corner in corners), *weights)
        exact = fermat_point(corners, weights)
        if exact is None:
            exact = min(corners, key=lambda corner: cost(corner, corners, weights))
        else:
            inside += 1
        np.testing.assert_allclose(point, exact, atol=1e-12)  # rounding, where two sides are nearly in line
    assert 500 < inside < 900  # of both kinds, many


def test_bifurcation_of_equal_pulls_is_fermats_point() -> None:
    """Equilateral: the centre; a right isosceles triangle: tan 15° of the half-hypotenuse's axis."""
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0.5, np.sqrt(3) / 2, 0]])
    np.testing.assert_allclose(bifurcation(*map(tuple, corners), 1.0, 1.0, 1.0), corners.mean(axis=0), atol=1e-15)
    x, y, z = bifurcation((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 1.0, 1.0, 1.0)
    np.testing.assert_allclose([x, y, z], [(3 - np.sqrt(3)) / 6, (3 - np.sqrt(3)) / 6, 0], atol=1e-15)
