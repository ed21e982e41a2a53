"""Pial vessels of a head of spheres: who feeds what, by brute force; that flows add up; that vessels stay outside."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.spatial.distance import cdist

from simulators.errors import InputError
from simulators.phantoms.pial import LEAST_FLOW, Scaffold, draw_ends, grow_pial_vessels
from simulators.tissue.anatomy import CSF, GREY, OUTSIDE, SHELL_MM, WHITE, Anatomy
from simulators.vessels.growth import grow_from_trunk

SPACING = 4.0
MIDDLE = np.array([30.0, 30, 30])


def head() -> Anatomy:
    """30³ voxels of 2 mm: white matter to 15 mm, grey to 20, fluid to 23; the domain's corner is at −30 mm."""
    away = np.linalg.norm(2 * (np.moveaxis(np.indices((30, 30, 30)), 0, -1) + 0.5) - MIDDLE, axis=-1)
    tissue = np.select([away < 15, away < 20, away < 23], [WHITE, GREY, CSF], OUTSIDE).astype(np.uint8)
    shell = (away >= 20) & (distance_transform_edt(tissue == OUTSIDE, sampling=2.0) <= SHELL_MM)
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = -29
    return Anatomy(tissue, shell, affine)


@dataclass(frozen=True)
class Great:
    """Great vessels, mm from the corner of the domain."""

    position: np.ndarray
    parent: np.ndarray
    radius: np.ndarray


def great_vessels() -> Great:
    """Three trees that come from below: one that divides, at one side of the head, and two at the other.

    Two of the ends lie in grey matter, which they feed; one lies in a corner where there is nothing to feed.
    """
    nodes = [
        ([53.5, 30, 0.5], -1, 1.5),
        ([53.5, 30, 20], 0, 1.5),
        ([53, 30, 36], 1, 1.2),
        ([45, 39, 25.5], 1, 1.2),
        ([10, 16, 1], -1, 1.3),
        ([15, 21, 30], 4, 1.3),
        ([10, 44, 1], -1, 0.8),
        ([9, 42, 30], 6, 0.8),
        ([1, 58, 59], 7, 0.8),
    ]
    position, parent, radius = zip(*nodes, strict=True)
    return Great(np.array(position), np.array(parent), np.array(radius))


ANATOMY, GREAT = head(), great_vessels()
ROOT_OF = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
LEAVES = np.array([2, 3, 5, 8])
FLOW = np.where(ANATOMY.in_tissue, np.where(ANATOMY.tissue == GREY, 0.08, 0.025), 0.0)
FLOW *= np.random.default_rng(0).uniform(0.5, 1.5, FLOW.shape)


def grow(shares: list[float] | None, seed: int = 0, great: Great = GREAT, flow: np.ndarray = FLOW) -> Scaffold:
    return grow_pial_vessels(
        ANATOMY,
        flow,
        great.position,
        great.parent,
        great.radius,
        seed=seed,
        spacing_mm=SPACING,
        shares=None if shares is None else np.array(shares),
        n_candidates=3,
    )


SHARES = {"nearest": None, "equal": [1 / 3, 1 / 3, 1 / 3], "unequal": [0.2, 0.5, 0.3]}


@pytest.fixture(scope="module", params=SHARES)
def shares(request: pytest.FixtureRequest) -> list[float] | None:
    return SHARES[request.param]


@pytest.fixture(scope="module")
def scaffold(shares: list[float] | None) -> Scaffold:
    return grow(shares)


def ends_of(scaffold: Scaffold) -> tuple[np.ndarray, np.ndarray]:
    """Nodes at which pial vessels end, and the voxels that they lie in, (E,), (E, 3)."""
    is_end = ~np.isin(np.arange(len(scaffold.source)), scaffold.trunk.parent) & (scaffold.source < 0)
    return np.flatnonzero(is_end), (scaffold.trunk.position[is_end] / 2).astype(int)


def surface() -> np.ndarray:
    """Voxels of the shell with grey matter on one of their six sides."""
    padded = np.pad(ANATOMY.tissue == GREY, 1)
    beside = np.zeros_like(ANATOMY.shell)
    for axis in range(3):
        for step in (-1, 1):
            beside |= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
    return ANATOMY.shell & beside


def check_ends(voxels: np.ndarray, cell_voxels: tuple[int, int, int]) -> None:
    """One in each cell that has surface, none elsewhere."""
    assert surface()[tuple(voxels.T)].all()
    cells = voxels // cell_voxels
    assert len(np.unique(cells, axis=0)) == len(cells)
    expected = np.unique(np.argwhere(surface()) // cell_voxels, axis=0)
    np.testing.assert_array_equal(np.unique(cells, axis=0), expected)


@pytest.mark.parametrize("n_voxels", [1, 2, 3, 5, 60])
def test_each_cell_with_surface_has_one_end(n_voxels: int) -> None:
    check_ends(draw_ends(ANATOMY, 2.0 * n_voxels, np.random.default_rng(0)), (n_voxels,) * 3)


def test_cells_are_cubes_whatever_the_voxels() -> None:
    anatomy = replace(ANATOMY, affine=np.diag([1.0, 2, 4, 1]))
    check_ends(draw_ends(anatomy, 4.0, np.random.default_rng(0)), (4, 2, 1))


def test_ends_are_drawn_evenly_among_the_surface_of_a_cell() -> None:
    """One cell of six voxels of surface, drawn 600 times: each comes up 100 times, within five standard deviations."""
    tissue, shell = np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4), bool)
    tissue[:, :, 1], shell[:, :, 2] = GREY, True
    anatomy = Anatomy(tissue, shell, np.eye(4))
    rng = np.random.default_rng(0)
    drawn = np.concatenate([draw_ends(anatomy, 10.0, rng) for _ in range(600)])
    _, count = np.unique(drawn, axis=0, return_counts=True)
    assert len(drawn) == 600
    assert len(count) == 6
    assert (np.abs(count - 100) < 5 * np.sqrt(600 * 5 / 36)).all()


def test_pial_vessels_end_in_each_cell_with_surface(scaffold: Scaffold) -> None:
    check_ends(ends_of(scaffold)[1], (2, 2, 2))


def test_parents_come_first_and_each_tree_is_a_run(scaffold: Scaffold) -> None:
    parent, root = scaffold.trunk.parent, scaffold.root
    assert (parent < np.arange(len(parent))).all()
    assert (np.diff(root) >= 0).all()
    assert (root[parent >= 0] == root[parent[parent >= 0]]).all()
    np.testing.assert_array_equal(np.flatnonzero(parent < 0), np.searchsorted(root, [0, 1, 2]))
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    assert set(children[scaffold.source < 0]) == {0, 2}
    assert children.max() == 2


def test_great_vessels_stay_in_place(scaffold: Scaffold) -> None:
    """Their pieces lie on their segments, one behind the other to their end; none is missing."""
    trunk, source = scaffold.trunk, scaffold.source
    for node, before in enumerate(GREAT.parent):
        pieces = np.flatnonzero(source == node)
        assert (scaffold.root[pieces] == ROOT_OF[node]).all()
        np.testing.assert_array_equal(trunk.position[pieces[-1]], GREAT.position[node])
        if before < 0:
            assert len(pieces) == 1
            assert trunk.parent[pieces[0]] == -1
            continue
        np.testing.assert_array_equal(trunk.parent[pieces[1:]], pieces[:-1])
        entry = trunk.parent[pieces[0]]
        np.testing.assert_array_equal(trunk.position[entry], GREAT.position[before])
        assert source[entry] == before
        steps = np.linalg.norm(trunk.position[pieces] - trunk.position[trunk.parent[pieces]], axis=1)
        length = np.linalg.norm(GREAT.position[node] - GREAT.position[before])
        # Points whose steps add up to the straight distance lie on it, in order.
        assert steps.sum() == pytest.approx(length, rel=1e-12)
    assert (scaffold.source[ends_of(scaffold)[0]] == -1).all()


def test_pial_vessels_lie_in_the_shell(scaffold: Scaffold) -> None:
    """Their ends and where they branch; what lies between may cut a corner."""
    pial = scaffold.trunk.position[scaffold.source < 0]
    assert ANATOMY.shell[tuple((pial / 2).astype(int).T)].all()


def test_the_share_off_the_shell_is_that_of_their_length(scaffold: Scaffold) -> None:
    position, parent = scaffold.trunk.position, scaffold.trunk.parent
    pial = np.flatnonzero(scaffold.source < 0)
    begin, end = position[parent[pial]], position[pial]
    along = ((np.arange(200) + 0.5) / 200)[:, None, None]
    off = ~ANATOMY.shell[tuple(np.moveaxis(((begin + along * (end - begin)) / 2).astype(int), -1, 0))]
    n_points = np.maximum(np.ceil(np.linalg.norm(end - begin, axis=1) / 0.5), 1)  # 0.5 mm apart or less
    truth = np.average(off.mean(axis=0), weights=n_points)
    # Points count each stretch off the shell, which has two ends, to within one point.
    stretches = (np.diff(off.astype(int), axis=0, prepend=0) > 0).sum()
    assert scaffold.share_in_tissue == pytest.approx(truth, abs=stretches / n_points.sum())
    assert truth > stretches / n_points.sum()  # so that neither none nor twice as much would pass


def owners(scaffold: Scaffold) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each voxel with flow from each end of a pial or great vessel, and the tree of those."""
    nodes, voxels = ends_of(scaffold)
    points = np.concatenate([2 * (voxels + 0.5), GREAT.position[LEAVES]])
    return cdist(2 * (np.argwhere(FLOW > 0) + 0.5), points), np.concatenate([scaffold.root[nodes], ROOT_OF[LEAVES]])


def test_each_voxel_belongs_to_the_tree_of_its_nearest_end(scaffold: Scaffold) -> None:
    np.testing.assert_array_equal(scaffold.territory >= 0, FLOW > 0)
    apart, tree = owners(scaffold)
    nearest = apart <= apart.min(axis=1, keepdims=True) + 1e-9  # all of them, where there is a tie
    mine = tree == scaffold.territory[FLOW > 0][:, None]
    assert (nearest & mine).any(axis=1).all()
    assert scaffold.territory.dtype == np.int8


def test_expected_flows_add_up(scaffold: Scaffold) -> None:
    """At the roots to the flow of the territories, and so to the whole; at each joint to what goes on from there.

    An end that is nearest to nothing expects a thousandth of an end's mean flow instead of none.
    """
    trunk = scaffold.trunk
    roots = np.flatnonzero(trunk.parent < 0)
    territories = np.bincount(scaffold.territory[FLOW > 0], FLOW[FLOW > 0], 3)
    assert territories.sum() == pytest.approx(FLOW.sum(), rel=1e-12)
    np.testing.assert_allclose(trunk.flow[roots], territories, rtol=2 * LEAST_FLOW)
    assert (trunk.flow > 0).all()
    below = trunk.parent >= 0
    out = np.bincount(trunk.parent[below], trunk.flow[below], len(trunk.flow))
    # Great vessels' ends hand on what they are nearest to, and expect at least a thousandth of the mean flow of an end.
    is_great_end = np.zeros(len(trunk.flow), bool)
    for leaf in LEAVES:
        is_great_end[np.flatnonzero(scaffold.source == leaf)[-1]] = True
    inner = (out > 0) & ~is_great_end
    floor = LEAST_FLOW * trunk.flow[ends_of(scaffold)[0]].mean()
    np.testing.assert_allclose(trunk.flow[inner], out[inner], rtol=1e-9, atol=2 * floor)


def test_each_end_expects_the_flow_of_what_is_nearest_to_it(scaffold: Scaffold) -> None:
    """Between what is nearest to it alone, and that with all ties."""
    apart, _ = owners(scaffold)
    ties = apart <= apart.min(axis=1, keepdims=True) + 1e-9
    alone = ties & (ties.sum(axis=1, keepdims=True) == 1)
    flow = FLOW[FLOW > 0]
    nodes, _ = ends_of(scaffold)
    parent, expected = scaffold.trunk.parent, scaffold.trunk.flow
    floor = LEAST_FLOW * expected[nodes].mean()
    last = [np.flatnonzero(scaffold.source == leaf)[-1] for leaf in LEAVES]  # of a great vessel: what it keeps itself
    own = np.concatenate([expected[nodes], [expected[node] - expected[parent == node].sum() for node in last]])
    assert (own >= flow @ alone - 2 * floor).all()
    assert (own <= flow @ ties + 2 * floor).all()
    assert np.count_nonzero(own[-len(LEAVES) :] > 10 * floor) >= 2


@pytest.mark.parametrize("name", ["equal", "unequal"])
def test_each_root_gets_its_share(name: str) -> None:
    scaffold, share = grow(SHARES[name]), np.array(SHARES[name])
    found = np.bincount(scaffold.territory[FLOW > 0], FLOW[FLOW > 0], 3) / FLOW.sum()
    # Ends are whole: at most two of three sources' ends would have to be divided.
    one_end = scaffold.trunk.flow[ends_of(scaffold)[0]].max() / FLOW.sum()
    np.testing.assert_allclose(found, share, atol=2 * one_end)
    assert 2 * one_end < 0.04


def test_without_shares_each_end_joins_the_nearest_tree() -> None:
    scaffold = grow(None)
    nodes, voxels = ends_of(scaffold)
    along = np.linspace(0, 1, 1001)[:, None]
    lines = [
        np.concatenate(
            [
                GREAT.position[before] + along * (GREAT.position[node] - GREAT.position[before])
                for node, before in enumerate(GREAT.parent)
                if before >= 0 and ROOT_OF[node] == root
            ]
        )
        for root in range(3)
    ]
    apart = np.stack([cdist(2 * (voxels + 0.5), line).min(axis=1) for line in lines], axis=1)
    # Distances are to points 0.5 mm apart, so to a quarter of a millimetre.
    assert (apart[np.arange(len(nodes)), scaffold.root[nodes]] <= apart.min(axis=1) + 0.25).all()


def test_a_great_vessel_that_shall_feed_more_reaches_further() -> None:
    """Shares move the border between two trees; its own side stays with each."""
    few, many = (grow([0.4, share, 0.6 - share]) for share in (0.15, 0.45))
    served = FLOW > 0
    assert (many.territory[served] == 1).sum() > 2 * (few.territory[served] == 1).sum()
    first, last = (np.argwhere(few.territory == root).mean(axis=0)[1] for root in (1, 2))
    assert first < last  # the trees stand at y = 18 and 42 mm


@pytest.mark.parametrize("name", ["nearest", "unequal"])
def test_the_same_seed_gives_the_same_bits(name: str) -> None:
    one, same, other = grow(SHARES[name], 7), grow(SHARES[name], 7), grow(SHARES[name], 8)
    for field in ("source", "root", "territory"):
        np.testing.assert_array_equal(getattr(one, field), getattr(same, field))
    for field in ("position", "parent", "flow"):
        np.testing.assert_array_equal(getattr(one.trunk, field), getattr(same.trunk, field))
    assert one.share_in_tissue == same.share_in_tissue
    assert not np.array_equal(ends_of(one)[1], ends_of(other)[1])


def with_a_far_root(first: bool) -> Great:
    """A fourth tree in the corner of the domain, nearest to nothing, before or behind the others."""
    far = Great(np.array([[1.0, 59, 1], [1.0, 59, 9]]), np.array([-1, 0]), np.array([1.0, 1]))
    parts = (far, GREAT) if first else (GREAT, far)
    before = len(parts[0].parent)
    return Great(
        np.concatenate([part.position for part in parts]),
        np.concatenate([parts[0].parent, np.where(parts[1].parent < 0, -1, parts[1].parent + before)]),
        np.concatenate([part.radius for part in parts]),
    )


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("share", [None, 1e-9])
def test_a_root_without_territory_breaks_nothing(share: float | None, first: bool) -> None:
    great, far = with_a_far_root(first), 0 if first else 3
    shares = None
    if share is not None:
        shares = [(1 - share) / 3] * 3
        shares.insert(far, share)
    scaffold = grow(shares, great=great)
    assert not (scaffold.territory == far).any()
    assert set(np.unique(scaffold.territory[FLOW > 0])) == {0, 1, 2, 3} - {far}
    mine = scaffold.root == far
    np.testing.assert_array_equal(scaffold.trunk.position[mine], great.position[great.position[:, 1] == 59])
    np.testing.assert_array_equal(great.position[scaffold.source[mine]], scaffold.trunk.position[mine])
    assert np.isfinite(scaffold.trunk.flow).all()
    assert (scaffold.trunk.flow[~mine] > 0).all()
    check_ends(ends_of(scaffold)[1], (2, 2, 2))
    assert scaffold.trunk.flow[scaffold.trunk.parent < 0].sum() == pytest.approx(FLOW.sum(), rel=2 * LEAST_FLOW)


def test_arterioles_grow_from_every_tree_of_the_scaffold() -> None:
    """What it was made for: each tree is a trunk that growth takes, and feeds its territory."""
    scaffold = grow([0.2, 0.5, 0.3])
    for root in range(3):
        mine = np.flatnonzero(scaffold.root == root)
        parent = np.where(scaffold.trunk.parent[mine] >= 0, scaffold.trunk.parent[mine] - mine[0], -1)
        trunk = replace(
            scaffold.trunk,
            position=scaffold.trunk.position[mine],
            parent=parent,
            flow=scaffold.trunk.flow[mine],
        )
        flow = np.where(scaffold.territory == root, FLOW, 0.0)
        grown = grow_from_trunk(flow, trunk, seed=0, voxel_size_mm=ANATOMY.voxel_size_mm)
        assert grown.forest.flow[grown.forest.inlets].sum() == pytest.approx(flow.sum(), rel=1e-9)


def test_no_fluid_beside_grey_matter_is_said_in_one_line() -> None:
    for anatomy in (
        replace(ANATOMY, shell=np.zeros_like(ANATOMY.shell)),
        replace(ANATOMY, tissue=np.where(ANATOMY.tissue == GREY, WHITE, ANATOMY.tissue)),
    ):
        with pytest.raises(InputError, match="no fluid beside grey matter") as caught:
            draw_ends(anatomy, SPACING, np.random.default_rng(0))
        assert "\n" not in str(caught.value)
