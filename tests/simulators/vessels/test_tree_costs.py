"""What a tree costs, Σ l F^(2/3): grown trees against the cheapest there can be, and against a public tool's.

Small ones are held to the optimum, found by trying every topology with its best joints. Growth takes terminals in
random order, and joints stay where they are, so it falls behind: by 0.3, 0.7, 1.2 and 2.0 % on average with 3, 4, 5 and
6 terminals, each known to a quarter of that from the trees below.
"""

import numpy as np
import pytest
from scipy.optimize import minimize

from simulators.vessels.forest import Forest
from simulators.vessels.growth import grow_forest
from tests.simulators.vessels.optimal_trees import EXPONENT, fermat_point, optimum, topologies

SIDE = 64
"""Voxels along a cube of 1 mm; so many that one terminal in a voxel is as good as anywhere."""


def tree_of(n_terminals: int, seed: int, n_candidates: int = 3, *, unequal: bool = False) -> Forest:
    """One tree from the middle of a face to random voxels of a cube, with flows of 1 or up to five times apart."""
    rng = np.random.default_rng(seed)
    flow = np.zeros((SIDE,) * 3)
    drawn = rng.choice(flow.size, n_terminals, replace=False)
    flow.ravel()[drawn] = rng.uniform(0.2, 1, n_terminals) if unequal else 1.0
    return grow_forest(
        flow,
        seed=seed,
        inlets=np.array([[SIDE / 2, SIDE / 2, 0.0]]),
        new_inlet_probability=0.0,
        reach_mm=np.inf,
        n_candidates=n_candidates,
    )


def terminals_of(forest: Forest) -> np.ndarray:
    return forest.terminal[forest.terminal >= 0]


def cost(forest: Forest) -> float:
    return float(np.sum(forest.length * forest.flow**EXPONENT))


def excess(forest: Forest) -> float:
    """How much more the tree costs than the cheapest to the same terminals, as a part of it."""
    node = terminals_of(forest)
    best = optimum(forest.position[forest.inlets[0]], forest.position[node], forest.flow[node])
    assert best.upper <= best.lower * (1 + 1e-5)
    assert cost(forest) >= best.lower * (1 - 1e-12)  # sums of ten lengths, rounded
    return cost(forest) / best.lower - 1


@pytest.mark.parametrize(("n_terminals", "number"), [(2, 1), (3, 3), (4, 15), (5, 105), (6, 945)])
def test_the_optimum_tries_every_topology(n_terminals: int, number: int) -> None:
    """(2n − 3)!! rooted binary trees of n named leaves; no two of them part the leaves alike."""
    parted = set()
    for parent in topologies(n_terminals):
        below: list[set[int]] = [{node} if 1 <= node <= n_terminals else set() for node in range(len(parent))]
        for leaf in range(1, n_terminals + 1):
            node = parent[leaf]
            while node >= 0:
                below[node].add(leaf)
                node = parent[node]
        assert [parent.count(node) for node in range(2 * n_terminals)] == [1] + [0] * n_terminals + [2] * (
            n_terminals - 1
        )
        parted.add(frozenset(map(frozenset, below)))
    assert len(parted) == number


def test_the_optimum_of_known_trees() -> None:
    """Two terminals: by the Fermat point. A square's corners, all flows alike but the inlet's: symmetric, 1D."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        inlet, *ends = corners = rng.uniform(0, 1, (3, 3))
        flow = rng.uniform(0.2, 1, 2)
        weights = np.array([flow.sum(), *flow]) ** EXPONENT
        point = fermat_point(corners, weights)
        candidates = corners if point is None else [point]
        least = min(float(weights @ np.linalg.norm(corners - p, axis=1)) for p in candidates)
        found = optimum(inlet, np.array(ends), flow)
        assert found.lower * (1 - 1e-12) <= least <= found.upper * (1 + 1e-12)
    # Four far corners of a pyramid over its tip: two pairs, mirrored, so that three lengths tell where the joints are.
    half, tall = 0.3, 2.0

    def cost_of(lengths: np.ndarray) -> float:
        trunk, away, height = lengths
        pair = 2**EXPONENT * np.hypot(away, height - trunk) + 2 * np.sqrt(
            (half - away) ** 2 + half**2 + (tall - height) ** 2
        )
        return float(4**EXPONENT * abs(trunk) + 2 * pair)

    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}
    least = minimize(cost_of, [1.0, 0.1, 1.5], method="Nelder-Mead", options=options).fun
    found = optimum(np.zeros(3), np.array([[x, y, tall] for x in (-half, half) for y in (-half, half)]), np.ones(4))
    assert found.lower <= least <= found.upper + 1e-9


@pytest.mark.parametrize("unequal", [False, True])
def test_a_tree_of_two_terminals_is_the_cheapest(unequal: bool) -> None:
    """Its only joint is the weighted Fermat point of the inlet and the two."""
    joints = 0
    for seed in range(30):
        forest = tree_of(2, seed, unequal=unequal)
        ends = np.array([forest.inlets[0], *terminals_of(forest)])
        exact = fermat_point(forest.position[ends], forest.flow[ends] ** EXPONENT)
        assert -1e-12 < excess(forest) < 1.1e-5
        if exact is not None:
            joints += 1
            joint = np.setdiff1d(np.arange(forest.n_nodes), ends)
            np.testing.assert_allclose(forest.position[joint], [exact], atol=1e-10)  # rounding of 64 mm
    assert joints > 15


@pytest.mark.parametrize(
    ("n_terminals", "n_trees", "allowed"), [(3, 40, 0.007), (4, 40, 0.014), (5, 30, 0.024), (6, 20, 0.04)]
)
def test_small_trees_are_near_the_cheapest(n_terminals: int, n_trees: int, allowed: float) -> None:
    """On average within twice of what is said above; a single one may have met its terminals in the worst order."""
    found = [excess(tree_of(n_terminals, seed, unequal=seed % 2 == 0)) for seed in range(n_trees)]
    assert np.mean(found) < allowed
    assert max(found) < 0.1


@pytest.mark.parametrize(("n_terminals", "public", "n_trees"), [(250, 2.23, 12), (1000, 2.66, 8)])
def test_trees_cost_no_more_than_a_public_tools(n_terminals: int, public: float, n_trees: int) -> None:
    """physics.md §3: what the best public tool reaches in this cube, for J = Σ l (n/N)^(2/3) / side.

    The mean of so many trees has a standard error of 0.01, allowed three times. Eight candidates instead of three find
    2 % more (0.03 and 0.05), in each pair of trees to the same terminals but few. No tree can cost less than a straight
    vessel of its own to each terminal at the price n/N, since n/N is never more than (n/N)^(2/3).
    """
    three, eight = (
        np.array([j_of(tree_of(n_terminals, seed, n_candidates)) for seed in range(n_trees)]) for n_candidates in (3, 8)
    )
    assert three.mean() <= public + 0.03
    assert eight.mean() <= public
    assert eight.mean() < three.mean()


def j_of(forest: Forest) -> float:
    node = terminals_of(forest)
    straight = np.linalg.norm(forest.position[node] - forest.position[forest.inlets[0]], axis=1)
    j = cost(forest) / len(node) ** EXPONENT / SIDE
    assert j > straight.mean() / SIDE
    return j
