"""Brains as a whole, on MNI152 at 8 mm."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from simulators import Acquisition, Forest, InputError, NoExchange, NumbaSimulator
from simulators.phantoms.brain import BrainStages, fitted, simulate_brain
from simulators.phantoms.brain_parameters import Angiography, BrainParameters
from simulators.phantoms.brain_vessels import BrainTree, first_vessels
from simulators.phantoms.simulated_brain import NO_TERRITORY, Brain
from simulators.tissue.anatomy import GREY, WHITE, TissueMaps
from simulators.tissue.territories import points_along
from simulators.vessels.great_vessels import GreatVessels, template_arteries, template_veins

FINE_TIME = np.arange(1, 81) * 0.05
"""s; fine enough to integrate S over time."""

T1 = 1.65

COARSE = BrainParameters(voxel_size_mm=(8.0, 8.0, 8.0), t1_blood=T1, t1_tissue=T1)
"""3,400 voxels of MNI152, seconds. With one T1 everywhere the decayed label is ∫ of all label over T1."""

ROUNDING = 2e-6
"""Of float32, relative to the peak; see test_label_transport."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stages of `brain` are kept; its anatomy takes most of the time."""
    return tmp_path_factory.mktemp("brain")


@pytest.fixture(scope="session")
def brain(folder: Path) -> Brain:
    return simulate_brain(COARSE, time=FINE_TIME, folder=folder)


@pytest.fixture(scope="session")
def variant(brain: Brain, folder: Path) -> Callable[..., BrainStages]:
    """Stages of a brain with some other parameters, those that they share with `brain` read from its folder."""
    return lambda **changes: BrainStages(replace(COARSE, **changes), folder=folder)


def voxel_flow(brain: Brain) -> np.ndarray:
    """mm³/s, Q ρ V / 6000, (X, Y, Z)."""
    return brain.perfusion * 1.05 * np.prod(brain.anatomy.voxel_size_mm) / 6000


def x_mm(brain: Brain) -> np.ndarray:
    """Of each voxel's middle, (X, Y, Z)."""
    affine = brain.anatomy.affine
    return np.broadcast_to(
        (affine[0, 3] + affine[0, 0] * np.arange(len(brain.perfusion)))[:, None, None], brain.perfusion.shape
    )


def places(brain: Brain, name: str) -> np.ndarray:
    """Voxels of a territory, (X, Y, Z)."""
    return brain.territory == brain.territory_names.index(name)


def distance_to_segments(points: np.ndarray, vessels: GreatVessels) -> np.ndarray:
    """mm from each point to the nearest segment, (n,)."""
    child = np.flatnonzero(vessels.parent >= 0)
    begin, end = vessels.position[vessels.parent[child]], vessels.position[child]
    along = end - begin
    square = np.maximum((along**2).sum(axis=1), 1e-30)
    nearest = np.empty(len(points))
    for k, point in enumerate(points):
        share = np.clip(((point - begin) * along).sum(axis=1) / square, 0, 1)
        nearest[k] = np.linalg.norm(begin + share[:, None] * along - point, axis=1).min()
    return nearest


def forests(brain: Brain) -> list[Forest]:
    return [brain.vessels.arteries, brain.vessels.veins]


# What a brain is


def test_each_voxel_of_tissue_has_its_own_terminals(brain):
    tissue = brain.anatomy.in_tissue
    assert tissue.sum() > 3000
    for forest in forests(brain):
        np.testing.assert_array_equal(forest.terminal >= 0, tissue)
        terminal = forest.terminal[tissue]
        assert len(np.unique(terminal)) == len(terminal)
        np.testing.assert_array_equal((forest.position[terminal] // 8.0).astype(int), np.argwhere(tissue))
        assert not np.isin(terminal, forest.parent).any()  # leaves
    np.testing.assert_array_equal(np.isfinite(brain.att), tissue)
    np.testing.assert_array_equal(brain.perfusion > 0, tissue)
    assert brain.vessels.detour is None
    assert (brain.vessels.inlet_delay == 0).all()


def test_perfusion_is_that_of_its_tissue(brain):
    """Means within 4 standard errors; a tenth of fluctuation, within 4 of its own, sd/√2n."""
    for kind, mean in ((GREY, 60.0), (WHITE, 20.0)):
        drawn = brain.perfusion[brain.anatomy.tissue == kind] / mean
        assert abs(drawn.mean() - 1) < 4 * 0.1 / np.sqrt(drawn.size)
        assert abs(drawn.std() - 0.1) < 4 * 0.1 / np.sqrt(2 * drawn.size)


def test_capillaries_are_those_of_the_tissue(brain):
    fraction = brain.vessels.capillaries.volume_fraction
    assert (fraction[brain.anatomy.tissue == GREY] == 0.022).all()
    assert (fraction[brain.anatomy.tissue == WHITE] == 0.016).all()
    filled = np.zeros(fraction.size)
    for block in brain.vessels.capillaries.blocks():
        filled[block.voxel] = np.add.reduceat(block.volume, block.start[:-1])
    served = brain.perfusion > 0
    np.testing.assert_allclose(filled.reshape(served.shape), np.where(served, fraction * 512, 0), rtol=1e-12)


def test_flow_is_conserved(brain):
    """Sums of float64 over a few hundred levels: 1e-9 is far above what they round to."""
    flow = voxel_flow(brain)
    for forest in forests(brain):
        np.testing.assert_allclose(forest.flow[forest.terminal[flow > 0]], flow[flow > 0], rtol=1e-9)
        fed = forest.parent >= 0
        below = np.bincount(forest.parent[fed], forest.flow[fed], forest.n_nodes)
        inner = np.bincount(forest.parent[fed], minlength=forest.n_nodes) > 0
        np.testing.assert_allclose(below[inner], forest.flow[inner], rtol=1e-9)
        np.testing.assert_array_equal(~inner, np.isin(np.arange(forest.n_nodes), forest.terminal))
        assert forest.flow[forest.inlets].sum() == pytest.approx(flow.sum(), rel=1e-9)


def test_radii_by_murray(brain):
    for forest, k in zip(forests(brain), (COARSE.arterial_murray_k, COARSE.venous_murray_k), strict=True):
        fed = forest.parent >= 0
        cubes = np.bincount(forest.parent[fed], forest.radius[fed] ** 3, forest.n_nodes)
        inner = cubes > 0
        np.testing.assert_allclose(cubes[inner], forest.radius[inner] ** 3, rtol=1e-9)
        leaf = forest.terminal[forest.terminal >= 0]
        np.testing.assert_allclose(forest.radius[leaf], k * np.cbrt(forest.flow[leaf]), rtol=1e-12)


def test_inlets_and_outlets_are_where_their_names_say(brain):
    """And exactly at the template's roots, which are in mm of the anatomy."""
    for forest, names, great in zip(
        forests(brain), (brain.inlet_names, brain.outlet_names), (template_arteries(), template_veins()), strict=True
    ):
        found = forest.position[forest.inlets] + brain.anatomy.corner_mm
        for name, position in zip(names, found, strict=True):
            expected = great.position[great.roots[great.root_names.index(name)]]
            np.testing.assert_allclose(position, expected, atol=1e-9)
            side = {"L": -1, "R": 1}.get(name[-1], 0) if "_" in name else 0
            assert abs(position[0]) < 5 if side == 0 else side * position[0] > 5
            assert position[2] < -40  # from below
    assert set(brain.inlet_names) == {"ICA_L", "ICA_R", "BA"}
    assert set(brain.outlet_names) == {"SigTrans_L", "SigTrans_R"}


def test_carotids_and_basilar_artery_share_the_flow(brain):
    """72 : 28 (Zarrinkoob) is asked for; a pial end's flow, some 1/400 of all, is not divided."""
    arteries = brain.vessels.arteries
    flow = dict(
        zip(brain.inlet_names, arteries.flow[arteries.inlets] / arteries.flow[arteries.inlets].sum(), strict=True)
    )
    print(flow)
    carotid = flow["ICA_L"] + flow["ICA_R"]
    assert 0.70 < carotid < 0.80
    assert flow["BA"] == pytest.approx(0.28, abs=0.01)
    assert flow["ICA_L"] == pytest.approx(flow["ICA_R"], rel=0.1)
    # 717 ± 123 mL/min (Zarrinkoob), within two standard deviations; mm³/s are 0.06 mL/min.
    assert abs(arteries.flow[arteries.inlets].sum() * 0.06 - 717) < 2 * 123


def test_levels_run_from_great_vessels_to_tissue(brain):
    """Every node of level 0 lies on a segment of the template."""
    for forest, level, great in zip(
        forests(brain), (brain.arterial_level, brain.venous_level), (template_arteries(), template_veins()), strict=True
    ):
        fed = forest.parent >= 0
        assert (level[forest.parent[fed]] <= level[fed]).all()
        assert (level[~fed] == 0).all()
        assert (level[forest.terminal[forest.terminal >= 0]] == 2).all()
        assert set(np.unique(level)) == {0, 1, 2}
        on_great = forest.position[level == 0] + brain.anatomy.corner_mm
        assert distance_to_segments(on_great, great).max() < 1e-6  # mm; rounding of joins that are worked out


def test_territories(brain):
    """Every voxel with flow has one. What feeds the left is left: the middle cerebral arteries wholly, posterior and
    cerebellar ones all but some voxels, of 8 mm, at the midline; the anterior ones run beside it."""
    np.testing.assert_array_equal(brain.territory != NO_TERRITORY, brain.perfusion > 0)
    sided = [f"{name}_{side}" for name in ("ACA", "MCA", "PCA", "CB") for side in "LR"]
    assert sorted(brain.territory_names) == sorted([*sided, "BA"])
    assert brain.territory[brain.perfusion > 0].max() < len(brain.territory_names)
    for name in sided:
        x = x_mm(brain)[places(brain, name)] * (-1 if name.endswith("L") else 1)
        own = (x > -4.0).mean()  # the middle voxels reach over the midline
        print(f"{name}: {len(x)} voxels, {own:.0%} on their side")
        assert len(x) > 100
        assert own > {"MCA": 0.98, "ACA": 0.6}.get(name[:3], 0.8)


def test_territories_hang_on_their_inlets(brain):
    """By walking up from each terminal."""
    arteries = brain.vessels.arteries
    root = np.arange(arteries.n_nodes)
    for node in np.flatnonzero(arteries.parent >= 0):
        root[node] = root[arteries.parent[node]]
    for name in brain.territory_names:
        inlets = {
            brain.inlet_names[k]
            for k in np.searchsorted(arteries.inlets, np.unique(root[arteries.terminal[places(brain, name)]]))
        }
        expected = f"ICA_{name[-1]}" if name[:3] in ("ACA", "MCA") else "BA"
        assert inlets == {expected}, name


def test_transit_times(brain):
    """Grey matter's is 0.6–1.6 s (MacIntosh, Dai); wider here since vessels that end in voxels of 8 mm end early, and
    with pial vessels that have to follow a shell of such voxels paths are longer. Territories of few voxels, such as
    the brainstem beside the basilar artery's inlet, say nothing."""
    grey, white = (brain.anatomy.tissue == kind for kind in (GREY, WHITE))
    n_seen = 0
    for name in brain.territory_names:
        served = brain.att[grey & places(brain, name)]
        if len(served) > 50:
            n_seen += 1
            print(f"{name}: {np.median(served):.2f} s")
            assert 0.3 < np.median(served) < 1.8
    assert n_seen >= 8
    assert np.median(brain.att[white]) > np.median(brain.att[grey]) + 0.05  # 0.25–0.35 s at 1 mm


def test_plug_flow_time_is_the_time_to_the_terminal(brain):
    """Walking up, l/ū by l/ū."""
    arteries = brain.vessels.arteries
    for voxel in np.argwhere(brain.perfusion > 0)[::100]:
        node, time = arteries.terminal[tuple(voxel)], 0.0
        while arteries.parent[node] >= 0:
            length = np.linalg.norm(arteries.position[node] - arteries.position[arteries.parent[node]])
            time += length * np.pi * arteries.radius[node] ** 2 / arteries.flow[node]
            node = arteries.parent[node]
        assert brain.vessels.plug_flow_time[tuple(voxel)] == pytest.approx(time, rel=1e-9)


def test_distance_to_great_vessels(brain):
    """Of voxels' middles to the voxels that hold one: off by half a voxel's diagonal at most, 6.9 mm."""
    points, _ = points_along(template_arteries().position, template_arteries().parent)
    middles = np.argwhere(np.ones(brain.perfusion.shape)) * 8.0 + brain.anatomy.affine[:3, 3]
    exact = cKDTree(points).query(middles)[0]
    assert (
        np.abs(brain.great_vessel_distance.ravel() - exact).max() <= 0.5 * np.sqrt(3) * 8.0 + 0.25
    )  # points 0.5 mm apart
    assert (brain.great_vessel_distance == 0).any()


# Its label


def test_never_negative_and_never_falling(brain):
    for amount in (brain.response.arterial, brain.response.bed):
        tolerance = ROUNDING * amount.max()
        assert amount.dtype == np.float32
        assert amount.min() >= -tolerance
        assert np.diff(amount, axis=0).min() >= -tolerance
    assert np.diff(brain.response.left).min() >= -ROUNDING * brain.response.left.max()


def imbalance(brain: Brain) -> np.ndarray:
    """Label that came in less label that is accounted for, relative to the former, (T,), for inlets without delay."""
    time, t1 = brain.response.time, brain.label.t1_blood
    entered = voxel_flow(brain).sum() * time
    inside = brain.response.total.sum(axis=(1, 2, 3), dtype=float) * np.prod(brain.anatomy.voxel_size_mm)
    means = (inside + np.concatenate([[0.0], inside[:-1]])) / 2
    decayed = 0.0 if np.isinf(t1) else np.cumsum(means * np.diff(time, prepend=0.0)) / t1
    return (entered - inside - decayed - brain.response.left) / entered


def test_label_balance(brain):
    late = brain.response.time >= 0.5  # the least label rounds worst relative to itself
    print(f"{np.abs(imbalance(brain))[late].max():.1e}")
    assert np.abs(imbalance(brain))[late].max() < 1e-3  # the house's limit
    assert brain.response.left[-1] > 0.01 * voxel_flow(brain).sum()


def test_label_balance_without_decay(variant):
    lasting = variant(exchange=NoExchange(), t1_blood=np.inf).brain(np.array([0.5, 1.0, 2.0, 4.0]))
    print(f"{np.abs(imbalance(lasting)).max():.1e}")
    assert np.abs(imbalance(lasting)).max() < 1e-3
    assert lasting.response.left[-1] > 0.1 * voxel_flow(lasting).sum()


# Brains that differ


def test_another_seed_is_another_brain_and_the_same_the_same(brain, folder, tmp_path):
    """From the anatomy on, which is not random and takes long."""
    for file in [*folder.glob("great_vessels-*.npz"), *folder.glob("anatomy-*.npz")]:
        shutil.copy(file, tmp_path)
    again = BrainStages(COARSE, folder=tmp_path)
    other = BrainStages(replace(COARSE, seed=1), folder=tmp_path)
    for one, another in zip(forests(brain), (again.vessels.arteries, again.vessels.veins), strict=True):
        np.testing.assert_array_equal(one.position, another.position)
        np.testing.assert_array_equal(one.flow, another.flow)
    np.testing.assert_array_equal(again.perfusion, brain.perfusion)
    np.testing.assert_array_equal(again.response(FINE_TIME).bed, brain.response.bed)
    assert [record.name for record in again.stages.records if record.kept] == ["great_vessels", "anatomy"]
    np.testing.assert_array_equal(other.anatomy.tissue, brain.anatomy.tissue)
    assert (other.perfusion != brain.perfusion)[brain.anatomy.in_tissue].all()
    for one, another in zip(again.pial_vessels, other.pial_vessels, strict=True):
        pial = [set(map(tuple, made["position"][made["source"] < 0])) for made in (one, another)]
        assert len(pial[0] & pial[1]) < 0.5 * len(pial[0])  # an end may be drawn twice, from few voxels
    for one, another in zip(forests(brain), (other.vessels.arteries, other.vessels.veins), strict=True):
        leaf, moved = (f.position[f.terminal[brain.anatomy.in_tissue]] for f in (one, another))
        assert (np.linalg.norm(leaf - moved, axis=1) > 1e-3).mean() > 0.99
        assert set(map(tuple, one.position)) != set(map(tuple, another.position))


GROWN = {"great_vessels", "anatomy", "pial_arteries", "pial_veins", "arterioles", "venules"}


@pytest.mark.parametrize(
    ("name", "territories", "inlet"),
    [
        ("MCA_L", ("MCA_L",), "ICA_L"),
        ("ICA_R", ("ACA_R", "MCA_R"), "ICA_R"),
        ("BA", ("BA", "CB_L", "CB_R", "PCA_L", "PCA_R"), "BA"),
    ],
)
def test_less_blood_for_a_territory(brain, variant, name, territories, inlet):
    """Half there and only there, in the trees that are there; its inlet carries so much less and no other does."""
    stages = variant(territory_perfusion={name: 0.5})
    inside = np.isin(brain.territory, [brain.territory_names.index(territory) for territory in territories])
    np.testing.assert_allclose(stages.perfusion[inside], 0.5 * brain.perfusion[inside], rtol=1e-12)
    np.testing.assert_array_equal(stages.perfusion[~inside], brain.perfusion[~inside])
    arteries, before = stages.vessels.arteries, brain.vessels.arteries
    np.testing.assert_array_equal(arteries.position, before.position)
    lost = (before.flow - arteries.flow)[arteries.inlets]
    expected = np.where(np.array(brain.inlet_names) == inlet, 0.5 * voxel_flow(brain)[inside].sum(), 0.0)
    np.testing.assert_allclose(lost, expected, atol=1e-9 * before.flow.max())
    assert lost.max() > 0
    assert {record.name for record in stages.stages.records if record.kept} == GROWN
    assert [record.name for record in stages.stages.records if not record.kept] == ["perfusion"]


def test_less_blood_for_a_side(brain, variant):
    stages = variant(territory_perfusion={"left": 0.7, "MCA_R": 1.2})
    factor = np.where(x_mm(brain) < 0, 0.7, 1.0) * np.where(places(brain, "MCA_R"), 1.2, 1.0)
    np.testing.assert_allclose(stages.perfusion, factor * brain.perfusion, rtol=1e-12)


@pytest.mark.parametrize("name", ["MCA_L", "ACA_R", "CB_L", "PCA_R", "ICA_L", "BA"])
def test_blood_that_comes_late(brain, variant, name):
    """A second more there and only there, also where the territory's vessels feed another one on their way: the
    carotid counts as the middle cerebral artery's, and the anterior one springs from it."""
    stages = variant(territory_delay={name: 1.0})
    behind = {"ICA_L": ("ACA_L", "MCA_L"), "BA": ("BA", "CB_L", "CB_R", "PCA_L", "PCA_R")}.get(name, (name,))
    inside = np.isin(brain.territory, [brain.territory_names.index(territory) for territory in behind])
    late = stages.vessels.plug_flow_time - brain.vessels.plug_flow_time
    np.testing.assert_allclose(late[inside], 1.0, rtol=1e-12)  # differences of a few s
    np.testing.assert_array_equal(stages.vessels.att[~inside], brain.att[~inside])
    np.testing.assert_array_equal(stages.perfusion, brain.perfusion)
    assert all(record.kept for record in stages.stages.records)


def test_delays_add_up(brain, variant):
    stages = variant(territory_delay={"BA": 0.5, "PCA_L": 0.25, "MCA_R": 0.125})
    late = stages.vessels.plug_flow_time - brain.vessels.plug_flow_time
    for name, delay in (("PCA_L", 0.75), ("PCA_R", 0.5), ("MCA_R", 0.125), ("ACA_R", 0.0), ("MCA_L", 0.0)):
        np.testing.assert_allclose(late[places(brain, name)], delay, atol=1e-12)


def test_label_that_comes_late(brain, variant):
    """Arteries of the other side hold what they held, those behind the detour less; the fastest label, on the axis,
    is late by half of the plug-flow delay."""
    stages = variant(territory_delay={"MCA_L": 1.0})
    simulator, time = NumbaSimulator(), np.array([0.5, 1.0, 1.5, 2.0])
    late = simulator.arterial_step_response(stages.vessels, time, brain.label)
    prompt = simulator.arterial_step_response(brain.vessels, time, brain.label)
    left = x_mm(brain) < -8
    right = x_mm(brain) > 8
    np.testing.assert_array_equal(late[:, right], prompt[:, right])
    assert late[0, left].sum() < prompt[0, left].sum()
    # No label takes less than half of the delay, the axis being twice as fast as the mean.
    assert (late[:, left][1:] <= prompt[:, left][1:] * (1 + 1e-5)).all()
    behind = places(brain, "MCA_L")
    fastest = stages.vessels.plug_flow_time[behind] / 2
    assert (fastest > 0.5).all()
    assert late[1:, behind].sum() < 0.5 * prompt[1:, behind].sum()


def test_first_vessels_of_a_territory():
    """By hand: a trunk of territory 1 (nodes 0, 1) gives off 2 to itself, then 3 to 0 with two ends 4 and 5, and the
    trunk's end 6; another tree (7, 8, and its ends 9 and 10) feeds 1 alone."""
    terminal = np.full((3, 2, 1), -1)
    terminal.flat[:] = [2, 4, 5, 6, 9, 10]
    tree = BrainTree(
        position=np.zeros((11, 3)),
        parent=np.array([-1, 0, 1, 1, 3, 3, 3, -1, 7, 8, 8]),
        terminal=terminal,
        level=np.zeros(11, np.uint8),
        root=np.array([0] * 7 + [1] * 4),
        root_names=("a", "b"),
        territory=np.array([1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]),
        territory_names=("x", "y"),
    )
    np.testing.assert_array_equal(first_vessels(tree, 0), [4, 5])
    np.testing.assert_array_equal(first_vessels(tree, 1), [2, 6, 8])  # 8, as the inlet 7 has no segment


@pytest.mark.parametrize("field", ["territory_perfusion", "territory_delay"])
def test_territories_that_are_none(variant, field):
    with pytest.raises(InputError) as caught:
        _ = variant(**{field: {"MCA": 0.5}}).vessels
    text = str(caught.value)
    assert text.startswith(f"phantom.{field}: found MCA; give some of ")
    assert {"ICA_L", "BA", "MCA_L", "CB_R"} <= set(text.rpartition("of ")[2].split(", "))
    assert text.count("BA") == 1
    assert "\n" not in text


# Parameters


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("voxel_size_mm", {"voxel_size_mm": (0.0, 1.0, 1.0)}),
        ("voxel_size_mm", {"voxel_size_mm": (1.0, 1.0)}),
        ("voxel_size_mm", {"voxel_size_mm": 2.0}),
        ("voxel_size_mm", {"voxel_size_mm": (np.nan, 1.0, 1.0)}),
        ("pial_spacing_mm", {"pial_spacing_mm": 0.0}),
        ("n_candidates", {"n_candidates": 0}),
        ("grey_perfusion", {"grey_perfusion": -60.0}),
        ("white_perfusion", {"white_perfusion": np.nan}),
        ("perfusion_fluctuation", {"perfusion_fluctuation": 0.5}),
        ("venous_murray_k", {"venous_murray_k": 0.0}),
        ("grey_capillary_volume", {"grey_capillary_volume": 2.2}),
        ("territory_perfusion.MCA_L", {"territory_perfusion": {"MCA_L": 0.0}}),
        ("territory_delay.BA", {"territory_delay": {"BA": -0.1}}),
        ("exchange", {"exchange": "some"}),
        ("t1_tissue", {"t1_tissue": 0.0}),
    ],
)
def test_parameters_that_are_none(name, changes):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give") as caught:
        BrainParameters(**changes)
    assert "\n" not in str(caught.value)


def test_angiographies_that_are_none():
    with pytest.raises(InputError, match=r"^swc: found beside tof; give one"):
        Angiography(swc="a.swc", tof="a.nii")
    with pytest.raises(InputError, match=r"^transform: found a file but no swc or tof"):
        Angiography(transform="a.txt")
    with pytest.raises(InputError, match=r"^white: found none"):
        TissueMaps(grey="g.nii", csf="c.nii")


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (1.3, 1.3, 1.3), (6.0, 6.0, 6.0)])
def test_fitted_to_a_protocol(size):
    """Acquired voxels are whole multiples, and there is a time to simulate for the last slice of the last readout."""
    protocol = Acquisition(
        voxel_size_mm=(3.4, 3.4, 5.0), labeling_duration=1.8, post_labeling_delays=(0.5, 3.9), slice_timing=(0.0, 0.31)
    )
    parameters, time = fitted(replace(COARSE, voxel_size_mm=size), protocol)
    ratio = np.array([3.4, 3.4, 5.0]) / parameters.voxel_size_mm
    np.testing.assert_allclose(ratio, np.maximum(np.round(ratio), 1), rtol=1e-9)
    # No other whole division is nearer to what was asked for, as a ratio of voxels.
    asked = np.array([3.4, 3.4, 5.0]) / size
    assert (np.abs(np.round(ratio) - asked) <= np.maximum(0.5, 1 - asked)).all()
    assert time[-1] >= 1.8 + 3.9 + 0.31
    assert (np.diff(time) > 0).all()
    assert replace(parameters, voxel_size_mm=size) == replace(COARSE, voxel_size_mm=size)
    assert fitted(COARSE, Acquisition())[1][-1] == 5.0
