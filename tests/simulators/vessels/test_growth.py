"""Growth: what must hold for every forest, and the choices of the search and the joint against brute force."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import minimize

from simulators.errors import InputError
from simulators.tissue.perfusion import flow_from_perfusion, regional_perfusion
from simulators.vessels.forest import Forest
from simulators.vessels.growth import UnreachedVoxels, grow_forest
from simulators.vessels.growth_kernel import NODE, _cheapest_join, _join, _list_new, grow
from simulators.vessels.segment_cells import lay_cells, nearest_segments, workspace


def map_of(n: int, *, holes: bool = False) -> np.ndarray:
    """Flow of an n³ cube with regions, a third of it without flow if there are holes."""
    flow = flow_from_perfusion(regional_perfusion((n, n, n), seed=n), np.ones(3))
    if holes:
        flow[np.random.default_rng(n).random(flow.shape) < 1 / 3] = 0
    return flow


FORESTS = {
    "16": (map_of(16), {}),
    "32": (map_of(32), {}),
    "holes": (map_of(16, holes=True), {}),
    "anisotropic": (map_of(16), {"voxel_size_mm": (0.5, 1.0, 3.0)}),
    "oblong": (map_of(16)[:3, :, :9], {"reach_mm": 1.5, "new_inlet_probability": 0.2}),
    "one voxel thick": (map_of(16)[:, :1], {}),
    "given inlets": (map_of(16), {"inlets": [[8.0, 8, 0], [0.0, 0, 0], [16.0, 16, 16]], "reach_mm": np.inf}),
    "given inlet alone": (
        map_of(16, holes=True),
        {"inlets": [[8.0, 8, 0]], "reach_mm": np.inf, "new_inlet_probability": 0.0},
    ),
    "many candidates": (map_of(16), {"n_candidates": 12}),
    "unequal flows": (np.random.default_rng(0).uniform(0, 1, (16, 16, 16)) ** 20 + 1e-12, {}),
}


@pytest.fixture(params=FORESTS, scope="module")
def grown(request: pytest.FixtureRequest) -> tuple[np.ndarray, Forest]:
    flow, options = FORESTS[request.param]
    return flow, grow_forest(flow, seed=5, **options)


def test_each_voxel_with_flow_has_one_terminal_in_it(grown: tuple[np.ndarray, Forest]) -> None:
    flow, forest = grown
    np.testing.assert_array_equal(forest.terminal >= 0, flow > 0)
    node = forest.terminal[flow > 0]
    assert len(np.unique(node)) == len(node)
    voxel = np.floor(forest.position[node] / forest.voxel_size_mm)
    np.testing.assert_array_equal(voxel, np.argwhere(flow > 0))
    np.testing.assert_array_equal(forest.flow[node], flow[flow > 0])
    leaf = ~np.isin(np.arange(forest.n_nodes), forest.parent)
    np.testing.assert_array_equal(np.sort(node), np.flatnonzero(leaf & (forest.flow > 0)))


def test_blood_is_conserved(grown: tuple[np.ndarray, Forest]) -> None:
    flow, forest = grown
    branching = forest.parent >= 0
    out = np.bincount(forest.parent[branching], forest.flow[branching], forest.n_nodes)
    inner = np.isin(np.arange(forest.n_nodes), forest.parent)
    np.testing.assert_allclose(out[inner], forest.flow[inner], rtol=1e-9)
    assert forest.flow[forest.inlets].sum() == pytest.approx(flow.sum(), rel=1e-9)
    cubes = np.bincount(forest.parent[branching], forest.radius[branching] ** 3, forest.n_nodes)
    np.testing.assert_allclose(cubes[inner], forest.radius[inner] ** 3, rtol=1e-9)


def test_every_node_is_in_the_domain(grown: tuple[np.ndarray, Forest]) -> None:
    flow, forest = grown
    extent = np.array(flow.shape) * forest.voxel_size_mm
    slack = 1e-12 * extent  # a joint on a face is a mean of three points, rounded
    assert (forest.position >= -slack).all()
    assert (forest.position <= extent + slack).all()


def test_nodes_are_in_depth_first_order(grown: tuple[np.ndarray, Forest]) -> None:
    _, forest = grown
    assert (forest.parent < np.arange(forest.n_nodes)).all()  # so no cycle, and all reach an inlet
    size = np.ones(forest.n_nodes, int)
    last = np.arange(forest.n_nodes)
    for node in range(forest.n_nodes - 1, -1, -1):
        above = forest.parent[node]
        if above >= 0:
            size[above] += size[node]
            last[above] = max(last[above], last[node])
    np.testing.assert_array_equal(last - np.arange(forest.n_nodes) + 1, size)


def test_trees_branch_in_two(grown: tuple[np.ndarray, Forest]) -> None:
    """An inlet feeds one segment in a tree of its own, and every joint two; given inlets may feed more."""
    _, forest = grown
    children = np.bincount(forest.parent[forest.parent >= 0], minlength=forest.n_nodes)
    inner = (children > 0) & (forest.parent >= 0)
    assert (children[inner] == 2).all()


def test_a_short_reach_asks_for_more_trees() -> None:
    """What lies out of reach of all vessels is dropped until a tree of its own starts nearby."""
    short, long = (grow_forest(map_of(16), seed=0, reach_mm=reach) for reach in (0.8, 5.0))
    assert len(short.inlets) > 2 * len(long.inlets)


@pytest.mark.parametrize("seed", range(3))
def test_a_voxel_beyond_fluid_is_reached_from_farther_away(seed: int) -> None:
    flow = np.zeros((16, 16, 16))
    flow[:4] = 0.01
    flow[13, 8, 8] = 0.01  # alone: no tree of its own starts there, as that needs a second voxel
    forest = grow_forest(flow, seed=seed, reach_mm=2.0)
    np.testing.assert_array_equal(forest.terminal >= 0, flow > 0)
    assert forest.flow[forest.inlets].sum() == pytest.approx(flow.sum(), rel=1e-12)


def test_a_reach_too_short_for_tissue_without_gaps_is_refused() -> None:
    with pytest.raises(UnreachedVoxels, match=r"^reach_mm: found 0\.001; \d+ voxels could not be reached: raise it"):
        grow_forest(map_of(4), seed=0, reach_mm=0.001, new_inlet_probability=1e-9, inlets=np.array([[0.0, 0, 0]]))


def test_given_inlets_come_first_and_feed() -> None:
    points = np.array([[8.0, 8, 0], [1.0, 2, 3]])
    forest = grow_forest(map_of(16), seed=0, inlets=points, reach_mm=np.inf, new_inlet_probability=0.0)
    np.testing.assert_array_equal(forest.position[forest.inlets], points)
    assert (forest.flow[forest.inlets] > 0).all()


def digest(forest: Forest) -> str:
    parts = (forest.position, forest.parent, forest.flow, forest.radius, forest.terminal)
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_the_same_seed_gives_the_same_bits() -> None:
    flow = np.full((16, 16, 16), 0.01)
    here = digest(grow_forest(flow, seed=[3, 4]))
    assert digest(grow_forest(flow, seed=[3, 4])) == here
    assert digest(grow_forest(np.asfortranarray(flow), seed=[3, 4])) == here
    assert digest(grow_forest(flow, seed=[3, 5])) != here


def test_another_process_gives_the_same_bits() -> None:
    code = (
        "import hashlib, numpy as np; from simulators.vessels.growth import grow_forest as g;"
        "f = g(np.full((16, 16, 16), 0.01), seed=[3, 4]);"
        "p = (f.position, f.parent, f.flow, f.radius, f.terminal);"
        "print(hashlib.sha256(b''.join(x.tobytes() for x in p)).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == digest(grow_forest(np.full((16, 16, 16), 0.01), seed=[3, 4]))


@pytest.mark.parametrize(
    ("flow", "options", "field"),
    [
        (np.ones((3, 3)), {}, "flow"),
        (np.zeros((3, 3, 3)), {}, "flow"),
        (-np.ones((3, 3, 3)), {}, "flow"),
        (np.full((3, 3, 3), np.nan), {}, "flow"),
        (np.full((3, 3, 3), np.inf), {}, "flow"),
        (np.ones((3, 3, 3)), {"voxel_size_mm": 0.0}, "voxel_size_mm"),
        (np.ones((3, 3, 3)), {"voxel_size_mm": (1.0, np.nan, 1.0)}, "voxel_size_mm"),
        (np.ones((3, 3, 3)), {"new_inlet_probability": 0.0}, "new_inlet_probability"),
        (np.ones((3, 3, 3)), {"new_inlet_probability": 1.5}, "new_inlet_probability"),
        (np.ones((3, 3, 3)), {"reach_mm": 0.0}, "reach_mm"),
        (np.ones((3, 3, 3)), {"reach_mm": np.nan}, "reach_mm"),
        (np.ones((3, 3, 3)), {"n_candidates": 0}, "n_candidates"),
        (np.ones((3, 3, 3)), {"murray_k": 0.0}, "murray_k"),
        (np.ones((1, 1, 1)), {}, "reach_mm"),  # an inlet and its first terminal need two voxels
        (np.ones((3, 3, 3)), {"inlets": [[9.0, 9, 9]], "new_inlet_probability": 0.0, "reach_mm": 1.0}, "reach_mm"),
    ],
)
def test_what_cannot_be_grown_is_said_in_one_line(flow: np.ndarray, options: dict, field: str) -> None:
    with pytest.raises(InputError, match=field) as caught:
        grow_forest(flow, seed=0, **options)
    assert "\n" not in str(caught.value)


# --- the search and the choice --------------------------------------------------------------------------------


FLAT = (np.empty((0, 0, 0), np.bool_), np.empty(0, np.int64), np.ones(3), 0.0)
"""Avoidance in which vessels may run anywhere."""


def partly_grown(n_served: int, shape: tuple[int, int, int], seed: int) -> tuple[np.ndarray, int]:
    """Nodes, as the kernel keeps them, of a forest that serves some voxels; and how many there are."""
    flow = np.zeros(shape)
    rng = np.random.default_rng(seed)
    flow.ravel()[rng.choice(flow.size, n_served, replace=False)] = rng.uniform(0.1, 1, n_served)
    nodes = np.zeros(2 * flow.size, NODE)
    nodes[0] = (shape[0] / 2, shape[1] / 2, 0, 0, 0, 0, 0, -1, -1)
    n, _, stuck = grow(
        flow.ravel(), np.array(shape), np.ones(3), 0.02, np.inf, 3, rng, nodes, 1, workspace(len(nodes)), FLAT
    )
    assert stuck == 0
    return nodes, n


def true_distances(point: np.ndarray, nodes: np.ndarray, n: int) -> np.ndarray:
    """Distance of each of n nodes' segments, infinite where there is none, (n,)."""
    position = np.stack([nodes["x"], nodes["y"], nodes["z"]], axis=1)[:n]
    parent = nodes["parent"][:n]
    start = position[np.where(parent >= 0, parent, np.arange(n))]
    along = position - start
    share = np.sum((point - start) * along, axis=1) / np.maximum(np.sum(along**2, axis=1), 1e-300)
    apart = np.linalg.norm(start + np.clip(share, 0, 1)[:, None] * along - point, axis=1)
    return np.where((parent >= 0) | (nodes["flow"][:n] == 0), apart, np.inf)


def check_nearest(point: np.ndarray, nodes: np.ndarray, n: int, cells: tuple, reach: float, n_candidates: int) -> None:
    candidate, distance = np.full(n_candidates, -1), np.full(n_candidates, np.nan)
    found = nearest_segments(point, cells, reach, candidate, distance)
    apart = true_distances(point, nodes, n)
    expected = np.sort(apart[(apart <= reach) & (apart < np.inf)])[:n_candidates]
    assert found == len(expected)
    assert len(set(candidate[:found])) == found
    # Single precision of coordinates up to 16 mm: 1e-6 mm each, and of the squares at distances from 1e-2 mm.
    np.testing.assert_allclose(distance[:found], expected, atol=3e-5)
    np.testing.assert_allclose(apart[candidate[:found]], expected, atol=3e-5)


@pytest.mark.parametrize("reach", [0.8, 5.0, np.inf])
@pytest.mark.parametrize(
    ("n_served", "shape"), [(1, (4, 4, 4)), (12, (16, 16, 16)), (800, (5, 30, 7)), (4096, (16,) * 3)]
)
def test_nearest_segments(n_served: int, shape: tuple[int, int, int], reach: float) -> None:
    nodes, n = partly_grown(n_served, shape, seed=n_served)
    cells, _ = lay_cells(nodes, n, np.array(shape, float), workspace(len(nodes)))
    rng = np.random.default_rng(1)
    for n_candidates in (1, 3, 10):
        for _ in range(40):
            check_nearest(rng.uniform(0, shape), nodes, n, cells, reach, n_candidates)


def test_the_search_keeps_up_with_a_growing_forest() -> None:
    """No segment that has been split is found, and each new one is, while the cells stay as they were laid."""
    shape = np.array([8.0, 8.0, 8.0])
    nodes, n = partly_grown(60, (8, 8, 8), seed=3)
    cells, n_blocks = lay_cells(nodes, n, shape, workspace(len(nodes)))
    rng = np.random.default_rng(2)
    for _ in range(200):
        point = rng.uniform(0, shape)
        check_nearest(point, nodes, n, cells, np.inf, 3)
        candidate, distance = np.empty(3, np.int64), np.empty(3)
        found = nearest_segments(point, cells, np.inf, candidate, distance)
        before = n
        n, moved = _join(point, 0.5, candidate[:found], nodes, n, cells, FLAT)
        n_blocks = _list_new(nodes, before, n, moved, cells, n_blocks)
        assert n_blocks > 0


def whole_volume(position: np.ndarray, parent: np.ndarray, terminal_flow: np.ndarray) -> float:
    """Σ l F^(2/3) of a tree, each flow found by walking up from every terminal."""
    flow = np.zeros(len(parent))
    for node in np.flatnonzero(terminal_flow):
        above = node
        while above >= 0:
            flow[above] += terminal_flow[node]
            above = parent[above]
    start = np.where(parent >= 0, parent, np.arange(len(parent)))
    return float(np.sum(np.linalg.norm(position - position[start], axis=1) * flow ** (2 / 3)))


@pytest.mark.parametrize("seed", range(8))
def test_the_join_is_the_cheapest_of_all_candidates(seed: int) -> None:
    nodes, n = partly_grown(25, (6, 6, 6), seed)
    rng = np.random.default_rng(seed)
    point, flow = rng.uniform(0, 6, 3), float(rng.uniform(0.1, 2))
    position = np.stack([nodes["x"], nodes["y"], nodes["z"]], axis=1)[:n]
    parent = nodes["parent"][:n].copy()
    candidate = rng.choice(np.flatnonzero(parent >= 0), 6, replace=False)
    leaf = ~np.isin(np.arange(n), parent)
    terminal_flow = np.where(leaf, nodes["flow"][:n], 0.0)

    def volume(node: int, joint: np.ndarray) -> float:
        longer = np.append(parent, [parent[node], n])
        longer[node] = n
        return whole_volume(
            np.concatenate([position, [joint], [point]]), longer, np.concatenate([terminal_flow, [0.0, flow]])
        )

    def least_volume(node: int) -> float:
        corners = np.array([position[parent[node]], position[node], point])
        options = {"xatol": 1e-7, "fatol": 1e-10}
        search = minimize(lambda p: volume(node, p), corners.mean(axis=0), method="Nelder-Mead", options=options)
        return min(search.fun, *(volume(node, corner) for corner in corners))

    best, x, y, z = _cheapest_join(point, flow, candidate, nodes, n + 1_000_000, FLAT)
    cheapest = min(least_volume(int(node)) for node in candidate)
    assert volume(int(best), np.array([x, y, z])) == pytest.approx(cheapest, abs=1e-7)
