"""Growing from a trunk: what must hold for every forest, and the choices of the kernel against brute force."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.optimize import minimize, minimize_scalar

from simulators.errors import InputError
from simulators.vessels.growth import GrownForest, Trunk, _nearest_allowed, _trunk_nodes, grow_from_trunk
from simulators.vessels.growth_kernel import TRUNK, _cheapest_join, grow
from simulators.vessels.join_point import branch_off, moved_out, weighted_length
from simulators.vessels.segment_cells import workspace
from simulators.vessels.tree_order import flow_from_terminals


def random_trunk(n_nodes: int, n_roots: int, extent: tuple[float, float, float], seed: int) -> Trunk:
    """Trees of random geometry, one child for a root, at most two for others; parents first, in no other order."""
    rng = np.random.default_rng(seed)
    parent = np.full(n_nodes, -1)
    room = np.where(np.arange(n_nodes) < n_roots, 1, 2)
    for node in range(n_roots, n_nodes):
        parent[node] = node - n_roots if node < 2 * n_roots else rng.choice(np.flatnonzero(room[:node]))
        room[parent[node]] -= 1
    leaf = ~np.isin(np.arange(n_nodes), parent)
    flow = flow_from_terminals(parent, np.where(leaf, rng.uniform(0.1, 3, n_nodes), 0.0))
    return Trunk(rng.uniform(0, extent, (n_nodes, 3)), parent, flow)


def random_flow(shape: tuple[int, int, int], n_served: int, seed: int) -> np.ndarray:
    """Flow in some voxels, none in the others."""
    rng = np.random.default_rng(seed)
    flow = np.zeros(shape)
    flow.ravel()[rng.choice(flow.size, n_served, replace=False)] = rng.uniform(0.001, 0.02, n_served)
    return flow


def shell_of(shape: tuple[int, int, int], inner: float, outer: float) -> np.ndarray:
    """Voxels between two spheres about the middle, radii in voxels."""
    away = np.linalg.norm(np.moveaxis(np.indices(shape), 0, -1) + 0.5 - np.array(shape) / 2, axis=-1)
    return (away >= inner) & (away <= outer)


SHELL = shell_of((20, 20, 20), 7, 9.5)
STALK = Trunk(np.array([[6.0, 6, 0], [6, 6, 9]]), np.array([-1, 0]), np.array([5.0, 5.0]))
ON_SHELL = Trunk(np.array([[10.0, 10, 1.5], [10, 3.5, 5], [10, 1.5, 10]]), np.array([-1, 0, 1]), np.full(3, 9.0))

CASES: dict[str, tuple[np.ndarray, Trunk, dict[str, Any]]] = {
    "stalk": (random_flow((12, 12, 12), 1728, 0), STALK, {}),
    "holes": (random_flow((12, 12, 12), 900, 1), random_trunk(20, 1, (12, 12, 12), 1), {}),
    "many trees": (random_flow((12, 12, 12), 900, 2), random_trunk(60, 5, (12, 12, 12), 2), {}),
    "more trunk than forest": (random_flow((12, 12, 12), 25, 3), random_trunk(80, 4, (12, 12, 12), 3), {}),
    "one terminal": (random_flow((12, 12, 12), 1, 4), random_trunk(30, 2, (12, 12, 12), 4), {}),
    "anisotropic": (
        random_flow((8, 12, 5), 480, 5),
        random_trunk(20, 2, (4.0, 12.0, 15.0), 5),
        {"voxel_size_mm": (0.5, 1.0, 3.0), "n_candidates": 7},
    ),
    "shell": (np.where(SHELL, 0.01, 0.0), ON_SHELL, {"avoided": ~SHELL}),
    "all kept": (random_flow((12, 12, 12), 25, 3), random_trunk(80, 4, (12, 12, 12), 3), {"keep_unused": True}),
}


@dataclass(frozen=True)
class Case:
    flow: np.ndarray
    trunk: Trunk
    options: dict[str, Any]
    grown: GrownForest


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    flow, trunk, options = CASES[request.param]
    return Case(flow, trunk, options, grow_from_trunk(flow, trunk, seed=5, **options))


def n_children(parent: np.ndarray) -> np.ndarray:
    return np.bincount(parent[parent >= 0], minlength=len(parent))


def test_each_voxel_with_flow_has_one_terminal_in_it(case: Case) -> None:
    forest = case.grown.forest
    np.testing.assert_array_equal(forest.terminal >= 0, case.flow > 0)
    node = forest.terminal[case.flow > 0]
    assert len(np.unique(node)) == len(node)
    voxel = np.floor(forest.position[node] / forest.voxel_size_mm)
    np.testing.assert_array_equal(voxel, np.argwhere(case.flow > 0))
    np.testing.assert_array_equal(forest.flow[node], case.flow[case.flow > 0])
    # No other end has flow, and no terminal is part of the trunk.
    assert (case.grown.origin[node] == -1).all()
    leaf = n_children(forest.parent) == 0
    np.testing.assert_array_equal(np.sort(node), np.flatnonzero(leaf & (forest.flow > 0)))


def test_blood_is_conserved(case: Case) -> None:
    forest = case.grown.forest
    below = forest.parent >= 0
    out = np.bincount(forest.parent[below], forest.flow[below], forest.n_nodes)
    inner = n_children(forest.parent) > 0
    np.testing.assert_allclose(out[inner], forest.flow[inner], rtol=1e-9)
    assert forest.flow[forest.inlets].sum() == pytest.approx(case.flow.sum(), rel=1e-9)
    # Murray's law takes what flows, not what was expected of the trunk.
    cubes = np.bincount(forest.parent[below], forest.radius[below] ** 3, forest.n_nodes)
    np.testing.assert_allclose(cubes[inner], forest.radius[inner] ** 3, rtol=1e-9)


def test_the_trunk_stays_in_place(case: Case) -> None:
    """The pieces of a segment lie on it, one behind the other from its start, and together have its length."""
    forest, origin, trunk = case.grown.forest, case.grown.origin, case.trunk
    for node in np.unique(origin[origin >= 0]):
        pieces = np.flatnonzero(origin == node)
        before = trunk.parent[node]
        if before < 0:
            assert len(pieces) == 1
            assert forest.parent[pieces[0]] == -1
            np.testing.assert_array_equal(forest.position[pieces[0]], trunk.position[node])
            continue
        np.testing.assert_array_equal(forest.parent[pieces[1:]], pieces[:-1])
        entry = forest.parent[pieces[0]]
        np.testing.assert_array_equal(forest.position[entry], trunk.position[before])
        assert origin[entry] == before
        begin, end = trunk.position[before], trunk.position[node]
        length = np.linalg.norm(end - begin)
        along = (forest.position[pieces] - begin) @ (end - begin) / length
        away = np.linalg.norm(forest.position[pieces] - begin - along[:, None] * (end - begin) / length, axis=1)
        assert away.max() < 1e-12  # mm; rounding of coordinates of 10 mm, a few times
        assert (np.diff([0.0, *along]) > -1e-12).all()
        assert forest.length[pieces].sum() == pytest.approx(along[-1], abs=1e-11)
        goes_on = np.isin(np.flatnonzero(trunk.parent == node), origin).any()
        if goes_on or case.options.get("keep_unused"):
            np.testing.assert_array_equal(forest.position[pieces[-1]], end)
            assert along[-1] == pytest.approx(length, rel=1e-12)
        else:  # what lay behind the last joint may have been left out
            assert along[-1] <= length + 1e-12


def test_unused_ends_are_left_out(case: Case) -> None:
    if not case.options.get("keep_unused"):
        assert (case.grown.forest.flow > 0).all()


@pytest.mark.parametrize("name", ["many trees", "more trunk than forest", "one terminal", "shell"])
def test_unused_ends_are_kept_without_flow_if_asked_for(name: str) -> None:
    """All of the trunk is there; without what has no flow, it is the forest in which unused ends are left out."""
    flow, trunk, options = CASES[name]
    used = grow_from_trunk(flow, trunk, seed=5, **options)
    kept = grow_from_trunk(flow, trunk, seed=5, keep_unused=True, **options)
    for node, place in enumerate(trunk.position):
        assert (kept.forest.position[kept.origin == node] == place).all(axis=1).any()
    np.testing.assert_array_equal(kept.forest.inlets, np.flatnonzero(kept.forest.parent < 0))
    assert len(kept.forest.inlets) == (trunk.parent < 0).sum()
    flows = kept.forest.flow > 0
    assert (kept.origin[~flows] >= 0).all()
    assert (kept.forest.flow[~flows] == 0).all()
    assert (kept.forest.radius[~flows] == 0).all()
    number = np.append(np.cumsum(flows) - 1, -1)
    np.testing.assert_array_equal(number[kept.forest.parent[flows]], used.forest.parent)
    np.testing.assert_array_equal(kept.forest.position[flows], used.forest.position)
    np.testing.assert_array_equal(kept.forest.flow[flows], used.forest.flow)
    np.testing.assert_array_equal(kept.origin[flows], used.origin)
    np.testing.assert_array_equal(number[kept.forest.terminal], used.forest.terminal)
    if name != "shell":  # the others have ends that nothing joined, so that all this is said of something
        assert (~flows).any()


def test_trees_branch_in_two(case: Case) -> None:
    """Where a vessel has joined; elsewhere the trunk has as many branches as it had, or fewer if some were left out."""
    forest, origin, trunk = case.grown.forest, case.grown.origin, case.trunk
    count = n_children(forest.parent)
    assert set(count[origin < 0]) <= {0, 2}
    had = n_children(trunk.parent)
    for node in np.flatnonzero(origin >= 0):
        at_end = (forest.position[node] == trunk.position[origin[node]]).all()
        if not at_end:
            assert count[node] in ((2,) if case.options.get("keep_unused") else (1, 2))
        else:
            assert count[node] <= max(had[origin[node]], 1 if forest.parent[node] < 0 else 2)
    assert count.max() <= 2


def test_nodes_are_in_depth_first_order(case: Case) -> None:
    forest = case.grown.forest
    assert (forest.parent < np.arange(forest.n_nodes)).all()  # so no cycle, and all reach an inlet
    size, last = np.ones(forest.n_nodes, int), np.arange(forest.n_nodes)
    for node in range(forest.n_nodes - 1, -1, -1):
        above = forest.parent[node]
        if above >= 0:
            size[above] += size[node]
            last[above] = max(last[above], last[node])
    np.testing.assert_array_equal(last - np.arange(forest.n_nodes) + 1, size)


def digest(grown: GrownForest) -> str:
    forest = grown.forest
    parts = (forest.position, forest.parent, forest.flow, forest.radius, forest.terminal, grown.origin)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.mark.parametrize("name", ["many trees", "shell"])
def test_the_same_seed_gives_the_same_bits(name: str) -> None:
    flow, trunk, options = CASES[name]
    here = digest(grow_from_trunk(flow, trunk, seed=[3, 4], **options))
    assert digest(grow_from_trunk(flow, trunk, seed=[3, 4], **options)) == here
    assert digest(grow_from_trunk(np.asfortranarray(flow), trunk, seed=[3, 4], **options)) == here
    assert digest(grow_from_trunk(flow, trunk, seed=[3, 5], **options)) != here


def changed(**fields: Any) -> Trunk:
    return Trunk(**{"position": STALK.position, "parent": STALK.parent, "flow": STALK.flow, **fields})


@pytest.mark.parametrize(
    ("flow", "trunk", "options", "field"),
    [
        (np.ones((9, 9)), STALK, {}, "flow"),
        (np.zeros((12, 12, 12)), STALK, {}, "flow"),
        (np.full((12, 12, 12), np.nan), STALK, {}, "flow"),
        (np.ones((12, 12, 12)), STALK, {"n_candidates": 0}, "n_candidates"),
        (np.ones((12, 12, 12)), STALK, {"voxel_size_mm": -1.0}, "voxel_size_mm"),
        (np.ones((5, 12, 12)), STALK, {}, "trunk: found nodes outside"),
        (np.ones((12, 12, 12)), STALK, {"voxel_size_mm": (1.0, 1.0, 0.7)}, "trunk: found nodes outside"),
        (np.ones((12, 12, 12)), changed(position=STALK.position - [0, 0, 1e-3]), {}, "trunk: found nodes outside"),
        (np.ones((12, 12, 12)), changed(position=STALK.position * np.nan), {}, "trunk: found nodes outside"),
        (np.ones((12, 12, 12)), changed(flow=np.array([5.0, 0.0])), {}, "trunk: found nodes without flow"),
        (np.ones((12, 12, 12)), changed(flow=np.array([5.0, -1.0])), {}, "trunk: found nodes without flow"),
        (np.ones((12, 12, 12)), changed(flow=np.array([5.0, np.nan])), {}, "trunk: found nodes without flow"),
        (np.ones((12, 12, 12)), changed(flow=np.array([np.inf, 1])), {}, "trunk: found nodes without flow"),
        (np.ones((12, 12, 12)), changed(parent=np.array([1, -1])), {}, "before their parent"),
        (np.ones((12, 12, 12)), changed(parent=np.array([-1, 1])), {}, "before their parent"),
        (np.ones((12, 12, 12)), changed(parent=np.array([-1, -1])), {}, "trunk: found no segment"),
    ],
)
def test_what_cannot_be_grown_is_said_in_one_line(
    flow: np.ndarray, trunk: Trunk, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InputError, match=field) as caught:
        grow_from_trunk(flow, trunk, seed=0, **options)
    assert "\n" not in str(caught.value)


# --- where a branch leaves a fixed segment --------------------------------------------------------------------

Point = np.ndarray


def branch_cost(share: float, a: Point, b: Point, c: Point, price: float, weight: float) -> float:
    joint = a + share * (b - a)
    return float(price * np.linalg.norm(joint - a) + weight * np.linalg.norm(joint - c))


def least_branch_cost(a: Point, b: Point, c: Point, price: float, weight: float) -> float:
    """The cost is convex along the segment, so SciPy finds its least inside, or an end has it."""
    found = minimize_scalar(
        branch_cost, bounds=(0, 1), args=(a, b, c, price, weight), method="bounded", options={"xatol": 1e-12}
    )
    return min(float(found.fun), *(branch_cost(end, a, b, c, price, weight) for end in (0.0, 1.0)))


def branch_point(a: Point, b: Point, c: Point, price: float, weight: float) -> Point:
    return np.array(branch_off(tuple(a), tuple(b), tuple(c), price, weight))


def test_branch_off_is_the_cheapest_point_of_the_segment() -> None:
    rng = np.random.default_rng(0)
    where = {"start": 0, "inside": 0, "end": 0}
    for _ in range(1000):
        a, b, c = rng.uniform(-5, 5, (3, 3))
        price, weight = rng.uniform(0, 1.2), rng.uniform(0.2, 1)  # some at price ≥ weight
        joint = branch_point(a, b, c, price, weight)
        share = (joint - a) @ (b - a) / ((b - a) @ (b - a))
        assert -1e-12 <= share <= 1 + 1e-12
        np.testing.assert_allclose(joint, a + share * (b - a), atol=1e-12)  # on the segment
        least = least_branch_cost(a, b, c, price, weight)
        # The search is good to 1e-12 of the segment, whose every part costs at most price + weight < 3 a mm.
        assert branch_cost(share, a, b, c, price, weight) <= least + 1e-10
        inside = 1e-9 < share < 1 - 1e-9
        where["inside" if inside else "start" if share < 0.5 else "end"] += 1
        if inside:  # leaves under the angle whose cosine is price / weight
            cosine = (c - joint) @ (b - a) / np.linalg.norm(c - joint) / np.linalg.norm(b - a)
            assert cosine == pytest.approx(price / weight, abs=1e-9)
        if price >= weight:
            np.testing.assert_array_equal(joint, a)
    assert min(where.values()) > 30


@pytest.mark.parametrize("seed", range(5))
def test_branch_off_of_degenerate_geometry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 1, (2, 3))
    for c in (a, b, a + 0.4 * (b - a), a - 0.3 * (b - a), a + 1.3 * (b - a), a + 0.4 * (b - a) + 1e-12):
        for price, weight in ((0.0, 1.0), (0.3, 1.0), (1 - 1e-12, 1.0), (1.0, 1.0), (2.0, 1.0)):
            joint = branch_point(a, b, c, price, weight)
            share = (joint - a) @ (b - a) / ((b - a) @ (b - a))
            # A difference of squares of 1 mm gives the distance from the line, 0, to the root of rounding.
            assert branch_cost(share, a, b, c, price, weight) <= least_branch_cost(a, b, c, price, weight) + 2e-8
    np.testing.assert_array_equal(branch_point(a, a, b, 0.3, 1.0), a)


# --- the cheapest of all candidates ---------------------------------------------------------------------------

FLAT = (np.empty((0, 0, 0), np.bool_), np.empty(0, np.int64), np.ones(3), 0.0)
"""Avoidance in which vessels may run anywhere."""


def position_of(nodes: np.ndarray) -> np.ndarray:
    return np.stack([nodes["x"], nodes["y"], nodes["z"]], axis=1)


def way_price(nodes: np.ndarray, node: int, more: float, is_trunk: np.ndarray) -> float:
    """What `more` flow costs from an inlet to a node: all of the growth in new vessels, the marginal price in trunk."""
    position, cost = position_of(nodes), 0.0
    while nodes["parent"][node] >= 0:
        above, flow = nodes["parent"][node], nodes["flow"][node]
        gain = more * 2 / 3 * flow ** (-1 / 3) if is_trunk[node] else (flow + more) ** (2 / 3) - flow ** (2 / 3)
        cost += gain * float(np.linalg.norm(position[node] - position[above]))
        node = above
    return cost


def least_cost(nodes: np.ndarray, node: int, point: Point, more: float, is_trunk: np.ndarray) -> float:
    """Least cost of joining a terminal to one segment, over all places where it may."""
    position, flow = position_of(nodes), float(nodes["flow"][node])
    a, b = position[nodes["parent"][node]], position[node]
    above = way_price(nodes, int(nodes["parent"][node]), more, is_trunk)
    if is_trunk[node]:
        price = more * 2 / 3 * flow ** (-1 / 3)
        return above + least_branch_cost(a, b, point, price, more ** (2 / 3))
    weights = np.array([flow + more, flow, more]) ** (2 / 3)
    corners = np.array([a, b, point])

    def cost(joint: Point) -> float:
        return float(weights @ np.linalg.norm(corners - joint, axis=1))

    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 5000, "maxfev": 5000}
    found = minimize(cost, weights @ corners / weights.sum(), method="Nelder-Mead", options=options)
    before = flow ** (2 / 3) * float(np.linalg.norm(b - a))
    return above - before + min(float(found.fun), *(cost(corner) for corner in corners))


def chosen_cost(nodes: np.ndarray, chosen: tuple[int, float, float, float], point: Point, more: float) -> float:
    """What the kernel's choice costs, by the rules as they are stated."""
    best, joint = chosen[0], np.array(chosen[1:])
    is_trunk = nodes["mark"] <= TRUNK
    position, flow = position_of(nodes), float(nodes["flow"][best])
    a, b = position[nodes["parent"][best]], position[best]
    cost = way_price(nodes, int(nodes["parent"][best]), more, is_trunk)
    cost += more ** (2 / 3) * float(np.linalg.norm(point - joint))
    first, second = float(np.linalg.norm(joint - a)), float(np.linalg.norm(b - joint))
    if is_trunk[best]:
        assert first + second == pytest.approx(float(np.linalg.norm(b - a)), abs=1e-12)  # the trunk stays
        return cost + more * 2 / 3 * flow ** (-1 / 3) * first
    split = (flow + more) ** (2 / 3) * first + flow ** (2 / 3) * second
    return cost + split - flow ** (2 / 3) * float(np.linalg.norm(b - a))


@pytest.mark.parametrize("seed", range(10))
def test_the_join_to_a_trunk_is_the_cheapest(seed: int) -> None:
    trunk = random_trunk(25, 2, (6, 6, 6), seed)
    nodes = _trunk_nodes(trunk)
    rng = np.random.default_rng(seed)
    candidate = np.flatnonzero(trunk.parent >= 0)
    for _ in range(5):
        point, more = rng.uniform(0, 6, 3), float(10 ** rng.uniform(-3, 0))
        chosen = _cheapest_join(point, more, candidate, nodes, 1000, FLAT)
        least = min(least_cost(nodes, int(node), point, more, nodes["mark"] <= TRUNK) for node in candidate)
        assert chosen_cost(nodes, chosen, point, more) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_the_join_to_what_has_grown_on_a_trunk_is_the_cheapest(seed: int) -> None:
    """Candidates of both kinds, the trunk cut in pieces by what has joined it."""
    trunk, flow = random_trunk(12, 2, (6, 6, 6), seed), random_flow((6, 6, 6), 30, seed)
    nodes = np.zeros(12 + 2 * 30 + 2, _trunk_nodes(trunk).dtype)
    nodes[:12] = _trunk_nodes(trunk)
    rng = np.random.default_rng(seed)
    n, _, stuck = grow(
        flow.ravel(), np.array(flow.shape), np.ones(3), 0.0, np.inf, 3, rng, nodes, 12, workspace(len(nodes)), FLAT
    )
    assert stuck == 0
    nodes = nodes[:n]
    is_trunk = nodes["mark"] <= TRUNK
    for search in range(5):
        point, more = rng.uniform(0, 6, 3), float(10 ** rng.uniform(-3, 0))
        candidate = rng.permutation(np.flatnonzero(nodes["parent"] >= 0))[:12]
        least = min(least_cost(nodes, int(node), point, more, is_trunk) for node in candidate)
        chosen = _cheapest_join(point, more, candidate, nodes, 1000 + search, FLAT)
        assert chosen_cost(nodes, chosen, point, more) == pytest.approx(least, abs=1e-9)


# --- avoidance --------------------------------------------------------------------------------------------------

Avoidance = tuple[np.ndarray, np.ndarray, np.ndarray, float]


def avoidance_of(avoided: np.ndarray, size: tuple[float, float, float], extra: float) -> Avoidance:
    return avoided, _nearest_allowed(avoided, np.array(size)), np.array(size), extra


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (0.5, 2.0, 3.0)])
@pytest.mark.parametrize("extra", [0.0, 4.0, 9.0])
def test_a_way_through_a_slab_counts_by_its_share(size: tuple[float, float, float], extra: float) -> None:
    avoided = np.zeros((20, 10, 10), bool)
    avoided[6:11] = True
    avoidance = avoidance_of(avoided, size, extra)
    low, high = 6 * size[0], 11 * size[0]
    rng = np.random.default_rng(0)
    crossed = 0
    for _ in range(200):
        a, b = rng.uniform(0, np.array(avoided.shape) * size, (2, 3))
        length = float(np.linalg.norm(b - a))
        inside = np.clip([a[0], b[0]], low, high)
        share = abs(inside[1] - inside[0]) / abs(b[0] - a[0])
        counted = weighted_length(tuple(a), tuple(b), avoidance)
        # It looks at the middles of steps of at most half of a voxel, so the share may be off by a step at most.
        # Beside that, either side is rounded some six times, in an order of its own: processors that multiply and add
        # at once round otherwise.
        step, rounding = 0.5 * min(size), 12 * 0.5 * np.finfo(float).eps * length * (1 + extra)
        assert abs(counted - length * (1 + extra * share)) <= extra * step + rounding
        assert weighted_length(tuple(b), tuple(a), avoidance) == pytest.approx(counted, rel=1e-12)
        crossed += 0 < share < 1
        if share in (0.0, 1.0):
            assert counted == pytest.approx(length * (1 + extra * share), rel=1e-12)
    assert crossed > 50


def test_a_way_through_allowed_voxels_is_its_length() -> None:
    a, b = (0.5, 0.5, 0.5), (3.5, 4.5, 0.5)
    assert weighted_length(a, b, FLAT) == 5
    assert weighted_length(a, b, avoidance_of(np.zeros((5, 5, 5), bool), (1, 1, 1), 4.0)) == 5
    avoided = np.ones((5, 5, 5), bool)
    avoided[0, 0, 0] = False
    assert weighted_length(a, a, avoidance_of(avoided, (1, 1, 1), 4.0)) == 0


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (0.5, 2.0, 3.0)])
def test_a_point_is_moved_to_the_nearest_allowed_voxel(size: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(0)
    avoided = rng.random((7, 8, 9)) < 0.95
    avoidance = avoidance_of(avoided, size, 4.0)
    middles = (np.argwhere(~avoided) + 0.5) * size
    moved = 0
    for point in rng.uniform(0, np.array(avoided.shape) * size, (300, 3)):
        there = np.array(moved_out(tuple(point), avoidance))
        voxel = np.floor(point / size).astype(int)
        if not avoided[tuple(voxel)]:
            np.testing.assert_array_equal(there, point)
            continue
        moved += 1
        middle = (voxel + 0.5) * size
        apart = np.linalg.norm(middles - middle, axis=1).min()
        assert np.linalg.norm(there - middle) == pytest.approx(apart, rel=1e-12)
        assert (np.abs(middles - there) < 1e-12).all(axis=1).any()
    assert moved > 200
    assert moved_out((1.0, 2.0, 3.0), FLAT) == (1.0, 2.0, 3.0)


def horseshoe() -> np.ndarray:
    """Land of two arms, x = 0–6 and 14–20, that meet at y < 6; a gulf of 8 voxels between them."""
    allowed = np.ones((20, 30, 4), bool)
    allowed[6:14, 6:] = False
    return allowed


AT_A_CORNER = Trunk(np.array([[1.0, 29, 2], [3.0, 3, 2]]), np.array([-1, 0]), np.array([9.0, 9.0]))


def avoided_share(grown: GrownForest, allowed: np.ndarray) -> float:
    """Part of the length of what has grown that runs through avoided voxels, by a hundred points on each segment."""
    forest = grown.forest
    new = np.flatnonzero(grown.origin < 0)
    share = (np.arange(100) + 0.5)[:, None, None] / 100
    begin = forest.position[forest.parent[new]]
    points = begin + share * (forest.position[new] - begin)
    off = ~allowed[tuple(np.moveaxis(points.astype(int), -1, 0))]
    return float(np.average(off.mean(axis=0), weights=forest.length[new]))


@pytest.mark.parametrize("allowed", [horseshoe(), SHELL], ids=["horseshoe", "shell"])
def test_vessels_branch_in_allowed_voxels_alone(allowed: np.ndarray) -> None:
    trunk = AT_A_CORNER if allowed.shape[1] == 30 else ON_SHELL
    rng = np.random.default_rng(0)
    flow = np.where(allowed & (rng.random(allowed.shape) < 0.3), 0.01, 0.0)
    avoiding, free_ends = 0.0, 0.0
    for seed in range(3):
        grown = grow_from_trunk(flow, trunk, seed=seed, avoided=~allowed)
        new = grown.forest.position[grown.origin < 0]
        assert allowed[tuple(new.astype(int).T)].all()
        anywhere = grow_from_trunk(flow, trunk, seed=seed)
        avoiding += avoided_share(grown, allowed)
        free_ends += avoided_share(anywhere, allowed)
    assert free_ends > 0  # it matters where they may run
    assert avoiding < 0.5 * free_ends


@pytest.mark.parametrize("fixed", [True, False])
def test_a_detour_is_taken_once_avoided_voxels_are_dear(fixed: bool) -> None:
    """From the left arm it is 9 mm to a vessel on the right one, 8 of them through avoided voxels, or 14 mm around."""
    position = np.array([[14.5, 20, 2], [14.5, 28, 2], [1.0, 4, 2], [1.0, 12, 2]])
    nodes = _trunk_nodes(Trunk(position, np.array([-1, 0, -1, 2]), np.full(4, 9.0)))
    if not fixed:
        nodes["mark"] = -1
    point, avoided = np.array([5.5, 25.0, 2.0]), ~horseshoe()
    for candidate in (np.array([1, 3]), np.array([3, 1])):
        chosen = [
            _cheapest_join(point, 0.01, candidate, nodes, 7, avoidance_of(avoided, (1, 1, 1), extra))[0]
            for extra in (0.0, 0.4, 1.0, 4.0)
        ]
        assert chosen == [1, 1, 3, 3]


def test_nearest_allowed_is_the_voxel_itself_on_land() -> None:
    avoided = np.random.default_rng(0).random((4, 5, 6)) < 0.5
    nearest = _nearest_allowed(avoided, np.ones(3)).reshape(avoided.shape)
    np.testing.assert_array_equal(nearest[~avoided], np.flatnonzero(~avoided))
    assert not avoided.ravel()[nearest].any()
    apart = np.linalg.norm(np.stack(np.unravel_index(nearest, avoided.shape)) - np.indices(avoided.shape), axis=0)
    np.testing.assert_allclose(apart, distance_transform_edt(avoided), rtol=1e-12)
