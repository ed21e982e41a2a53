"""Numbers of trees and of a brain, against sums done by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from simulators import CubeParameters, Forest, simulate_cube
from simulators.constants import DENSITY_G_ML
from simulators.phantoms.morphometry import Measure, morphometry
from simulators.phantoms.tree_measures import (
    conservation,
    depth,
    distance_to_watershed,
    log_histogram,
    territory_of_nodes,
    vessel_volume,
)
from simulators.tissue.perfusion import flow_from_perfusion
from simulators.vessels.forest import ARTERIAL_MURRAY_K, murray_radius

ACA, MCA, NOWHERE = 0, 1, 255


@pytest.fixture(scope="module")
def brain() -> SimpleNamespace:
    """A cube dressed as a brain: grey on the left half, white on the right, two territories, front and back."""
    parameters = CubeParameters(shape=(8, 8, 8), voxel_size_mm=(1.0, 1.5, 2.0))
    cube = simulate_cube(3, parameters=parameters, time=(1.0,))
    tissue = np.ones((8, 8, 8), np.uint8)
    tissue[4:] = 2
    territory = np.full(tissue.shape, ACA, np.uint8)
    territory[:, 4:] = MCA
    territory[:, :, 0] = NOWHERE
    vessels = cube.vessels
    return SimpleNamespace(
        anatomy=SimpleNamespace(tissue=tissue, affine=np.diag([1.0, 1.5, 2.0, 1.0]), voxel_size_mm=(1.0, 1.5, 2.0)),
        perfusion=cube.perfusion,
        vessels=vessels,
        att=cube.att,
        territory=territory,
        territory_names=("ACA_L", "MCA_L"),
        inlet_names=("ICA_L", "ICA_R", "VA_L", *(f"BA_{k}" for k in range(3, len(vessels.arteries.inlets)))),
        outlet_names=tuple(f"sinus {k}" for k in range(len(vessels.veins.inlets))),
        arterial_level=np.where(np.arange(vessels.arteries.n_nodes) % 3 == 0, 1, 2).astype(np.uint8),
    )


@pytest.fixture(scope="module")
def found(brain: SimpleNamespace) -> dict[str, Measure]:
    measures = morphometry(brain)
    assert len({measure.name for measure in measures}) == len(measures)
    return {measure.name: measure for measure in measures}


def make_tree() -> Forest:
    """A trunk of 2 mm and flow 8 that ends in voxel 2, and two daughters of 3 and 1 mm there: flows 1 and 5, 2 stay."""
    flow = np.array([8.0, 8.0, 1.0, 5.0])
    terminal = np.full((4, 4, 4), -1)
    terminal[2, 0, 0], terminal[2, 3, 0], terminal[2, 0, 1] = 1, 2, 3
    return Forest(
        position=np.array([[0.5, 0.5, 0.5], [2.5, 0.5, 0.5], [2.5, 3.5, 0.5], [2.5, 0.5, 1.5]]),
        parent=np.array([-1, 0, 1, 1]),
        flow=flow,
        radius=murray_radius(flow, ARTERIAL_MURRAY_K),
        terminal=terminal,
        voxel_size_mm=(1.0, 1.0, 1.0),
    )


def voxel_flow(forest: Forest) -> np.ndarray:
    flow = np.zeros((4, 4, 4))
    flow[2, 0, 0], flow[2, 3, 0], flow[2, 0, 1] = 2, 1, 5
    return flow


def test_flow_that_adds_up_is_conserved() -> None:
    forest = make_tree()
    kept = conservation(forest, voxel_flow(forest))
    assert kept.at_nodes == kept.at_inlets == 0


def test_flow_that_is_lost_is_told_where() -> None:
    forest = make_tree()
    forest.flow[1] = 10.0  # 2 too many come out of the inlet's 8, and only 8 of 10 go on
    assert conservation(forest, voxel_flow(forest)).at_nodes == pytest.approx(0.2)
    assert conservation(forest, voxel_flow(forest)).at_inlets == 0
    assert conservation(forest, 2 * voxel_flow(forest)).at_inlets == pytest.approx(0.5)


def test_a_grown_forest_conserves_flow(brain: SimpleNamespace) -> None:
    flow = flow_from_perfusion(brain.perfusion, np.array(brain.anatomy.voxel_size_mm))
    for forest in (brain.vessels.arteries, brain.vessels.veins):
        kept = conservation(forest, flow)
        assert max(kept.at_nodes, kept.at_inlets) < 1e-9  # physics.md §3


def test_depth_counts_segments() -> None:
    np.testing.assert_array_equal(depth(make_tree()), [0, 1, 2, 2])


def test_volume_is_that_of_tubes() -> None:
    """Σ π r² l with r = k F^(1/3)."""
    expected = np.pi * ARTERIAL_MURRAY_K**2 * (2 * 8 ** (2 / 3) + 3 + 5 ** (2 / 3))
    assert vessel_volume(make_tree()) == pytest.approx(expected, rel=1e-12)


def test_territory_of_a_node_is_that_of_what_it_feeds() -> None:
    territory = np.full((4, 4, 4), NOWHERE)
    territory[2, 3, 0], territory[2, 0, 1] = ACA, MCA
    forest = make_tree()
    np.testing.assert_array_equal(territory_of_nodes(forest, territory, 2), [-1, -1, ACA, MCA])
    # The second daughter's 5 of 8 are a share of 0.625 of the trunk.
    np.testing.assert_array_equal(territory_of_nodes(forest, territory, 2, 0.6), [MCA, MCA, ACA, MCA])


def test_histogram_has_bins_of_equal_ratio() -> None:
    edge, count = log_histogram(np.array([1.0, 1.0, 10.0, 1000.0, 0.0, np.nan]), 3)
    np.testing.assert_allclose(edge, [1, 10, 100, 1000], rtol=1e-12)
    np.testing.assert_array_equal(count, [2, 1, 1])


def test_total_flow_is_the_sum_of_the_voxels(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    """Q in mL/100g/min times the mass of a voxel in units of 100 g."""
    mass_100g = DENSITY_G_ML * 3.0 / 1000 / 100
    total = brain.perfusion.sum() * mass_100g
    assert found["total flow"].value == pytest.approx(total, rel=1e-9)
    assert found["total flow"].unit == "mL/min"
    for kind, names in (("inlets", brain.inlet_names), ("outlets", brain.outlet_names)):
        assert sum(found[f"flow through {name}"].value for name in names) == pytest.approx(total, rel=1e-9), kind


def test_shares_of_the_inlets(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    arteries = brain.vessels.arteries
    left, right = arteries.flow[arteries.inlets[:2]]
    total = arteries.flow[arteries.inlets].sum()
    assert found["carotid share of flow"].value == pytest.approx(100 * (left + right) / total)
    assert found["left share of carotid flow"].value == pytest.approx(100 * left / (left + right))
    assert found["radius of ICA_L"].value == arteries.radius[arteries.inlets[0]]


def test_shares_of_the_territories(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    back = brain.perfusion[:, 4:, 1:].sum() / brain.perfusion.sum()
    assert found["share of flow to MCA_L"].value == pytest.approx(100 * back)
    att = brain.att[:4, :4, 1:]
    assert found["ATT of grey matter, ACA_L"].value == pytest.approx(np.median(att))


def test_perfusion_by_tissue(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    grey, white = brain.perfusion[:4].mean(), brain.perfusion[4:].mean()
    assert found["grey-matter CBF"].value == pytest.approx(grey)
    assert found["grey : white CBF"].value == pytest.approx(grey / white)


def test_blood_of_both_tissues_is_all_blood(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    """A cube's vessels stay inside it, so what the voxels hold is Σ π r² l and the capillaries."""
    large = sum(vessel_volume(forest) for forest in (brain.vessels.arteries, brain.vessels.veins))
    tissue_volume = 512 * 3.0
    capillary = 100 * brain.vessels.capillaries.volume_fraction.mean()
    mean = 0.5 * (found["grey-matter CBV"].value + found["white-matter CBV"].value)
    assert mean == pytest.approx(100 * large / tissue_volume + capillary, rel=1e-9)
    assert found["vessels in the brain"].value == pytest.approx(100 * large / tissue_volume, rel=1e-9)
    ml = found["volume of arteries"].value + found["volume of veins"].value
    assert ml == pytest.approx(large / 1000, rel=1e-9)


def test_capillary_transit_time_is_volume_over_flow(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    fraction = brain.vessels.capillaries.volume_fraction[:4]
    seconds = fraction / (brain.perfusion[:4] * DENSITY_G_ML / 6000)
    assert found["capillary transit time of grey matter"].value == pytest.approx(np.median(seconds), rel=1e-12)


def test_terminals_and_their_depth(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    parent = brain.vessels.arteries.parent

    def steps(node: int) -> int:
        return 0 if parent[node] < 0 else 1 + steps(parent[node])

    depths = [steps(node) for node in brain.vessels.arteries.terminal.ravel()]
    assert found["arterial terminals"].value == 512
    assert found["greatest depth of arterial terminals"].value == max(depths)
    assert found["median depth of arterial terminals"].value == np.median(depths)


def test_no_flow_is_lost(found: dict[str, Measure]) -> None:
    for kind in ("arterial", "venous"):
        assert found[f"flow lost at {kind} nodes"].within
        assert found[f"flow lost at {kind} inlets"].within


def test_length_outside_of_tissue(brain: SimpleNamespace, found: dict[str, Measure]) -> None:
    assert found["length of arteries outside the tissue"].value == pytest.approx(
        brain.vessels.arteries.length[::3].sum() / 1000
    )
    assert np.isnan(found["length ACA : PCA"].value)  # there is no PCA
    assert found["length ACA : PCA"].within is None


def test_references_of_a_side_go_for_both(found: dict[str, Measure]) -> None:
    for name in ("ICA_L", "ICA_R"):
        assert found[f"radius of {name}"].source == "Alastruey 2007"
    assert found["flow through sinus 0"].within is None


@pytest.mark.parametrize(("value", "within"), [(0.9, False), (1.0, True), (2.0, True), (2.1, False), (np.nan, None)])
def test_within(value: float, within: bool | None) -> None:
    assert Measure("x", value, "s", low=1.0, high=2.0).within is within
    assert Measure("x", value, "s").within is None


def test_the_watershed_is_where_two_arteries_meet_not_two_sides() -> None:
    territory = np.full((9, 4, 4), 255, np.uint8)
    territory[1:4], territory[4:6], territory[6:8] = 0, 1, 2
    distance = distance_to_watershed(territory, ("MCA_L", "MCA_R", "PCA_R"), (2.0, 1.0, 1.0))
    np.testing.assert_allclose(distance[:, 0, 0], [10, 8, 6, 4, 2, 0, 0, 2, 4])
    assert np.isinf(distance_to_watershed(territory, ("MCA_L", "MCA_R", "MCA"), (2.0, 1.0, 1.0))).all()
