"""Cubes with voxels that no vessel serves, and with lesions that blood reaches late."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from simulators import (
    CubeParameters,
    FoldedSheets,
    InputError,
    Lesions,
    NumbaSimulator,
    PerfusionLayout,
    ReferenceSimulator,
    Voids,
)
from simulators.phantoms.cube import borrow_vessels, draw_perfusion, grow_trees, grow_vessels, simulate_cube
from simulators.tissue.perfusion import LEAST_PERFUSION, flow_from_perfusion
from simulators.vessels.borrowed_trees import Trees, serving
from simulators.vessels.vasculature import half_arrival

LESIONS = Lesions(probability=1.0, perfusion_factor=(0.5, 1.0), extra_delay=0.6, radius_mm=(3.0, 4.0), edge_mm=0.0)
VOIDS = Voids(probability=1.0, count=(2, 2), radius_mm=(1.5, 3.0))
PATCHY = CubeParameters(shape=(8, 8, 8), layout=PerfusionLayout(lesions=LESIONS, voids=VOIDS))
FOLDED = CubeParameters(
    shape=(10, 10, 10), layout=PerfusionLayout(sheets_share=1.0, sheets=FoldedSheets(fluid_share=0.2), lesions=LESIONS)
)
TIME = (0.5, 1.0, 2.0, 4.0)


@pytest.mark.parametrize("parameters", [PATCHY, FOLDED], ids=["patchy", "folded"])
def test_vessels_end_where_there_is_perfusion(parameters):
    cube = simulate_cube(3, parameters=parameters, time=TIME)
    empty = cube.perfusion == 0
    assert 0 < empty.sum() < 0.5 * empty.size
    np.testing.assert_array_equal(np.isnan(cube.att), empty)
    flow = flow_from_perfusion(cube.perfusion, np.ones(3))
    for forest in (cube.arteries, cube.veins):
        np.testing.assert_array_equal(forest.terminal < 0, empty)
        assert forest.flow[forest.inlets].sum() == pytest.approx(flow.sum(), rel=1e-12)
    assert cube.blood_volume[empty].min() == 0  # no vessel passes some of them, and capillaries there are none
    assert cube.blood_volume[~empty].min() > cube.drawn["capillary_volume_fraction"]
    assert cube.response.bed[-1][~empty].min() > 0


@pytest.mark.parametrize("bluntness", [0.0, 0.8])
def test_blood_reaches_a_lesion_late(bluntness):
    """By the extra delay in plug-flow time; nowhere else, and with the same trees, if perfusion is the same."""
    late = replace(LESIONS, perfusion_factor=1.0)
    parameters = CubeParameters(shape=(10, 10, 10), layout=PerfusionLayout(lesions=late), bluntness=bluntness)
    normal = replace(parameters, layout=PerfusionLayout(lesions=replace(late, extra_delay=0.0)))
    one, other = (simulate_cube(5, parameters=each, time=TIME) for each in (parameters, normal))
    shift = one.att - other.att
    lesion = shift > 0.1
    assert 20 < lesion.sum() < 0.8 * lesion.size
    np.testing.assert_allclose(shift[lesion], 0.6 * half_arrival(bluntness))
    np.testing.assert_allclose(shift[~lesion], 0, atol=1e-12)
    after_2_s = TIME.index(2.0)
    assert (one.response.bed[after_2_s] < other.response.bed[after_2_s])[lesion].all()


def test_the_reference_agrees_where_voxels_are_empty_and_lesions_late():
    _, vessels = grow_vessels(3, PATCHY, PATCHY.draw(3))
    assert vessels.detour is not None
    label, time = PATCHY.label(PATCHY.draw(3)), np.array([0.5, 1.0, 1.5, 2.0, 3.0])
    fast, literal = (
        simulator.step_response(vessels, time, label) for simulator in (NumbaSimulator(), ReferenceSimulator(0.025))
    )
    for name in ("arterial", "bed"):
        # Steps of 25 ms are good for 1e-3 of the largest value here, as in the comparison of all backends.
        error = np.abs(getattr(fast, name) - getattr(literal, name)).max()
        assert error < 2e-3 * getattr(literal, name).max()


@pytest.mark.parametrize("parameters", [PATCHY, FOLDED], ids=["patchy", "folded"])
def test_the_kernels_agree_on_borrowed_trees_with_vessels_left_out(kernels, parameters):
    """To 1e-4, as backends do."""
    drawn = parameters.draw(7)
    _, vessels = borrow_vessels(7, parameters, drawn, trees_for(parameters, 1))
    one, other = (
        simulator.step_response(vessels, np.asarray(TIME), parameters.label(drawn))
        for simulator in (NumbaSimulator(), kernels)
    )
    for name in ("arterial", "bed"):
        found, wanted = np.asarray(getattr(other, name)), getattr(one, name)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * wanted.max())


def trees_for(parameters: CubeParameters, seed: int) -> Trees:
    """That end in every voxel."""
    perfusion = np.maximum(draw_perfusion(seed, parameters)[0], LEAST_PERFUSION)
    return grow_trees(seed, parameters, flow_from_perfusion(perfusion, np.ones(3)))


@pytest.mark.parametrize("parameters", [PATCHY, FOLDED], ids=["patchy", "folded"])
def test_borrowed_trees_serve_a_cube_with_empty_voxels(parameters):
    trees = trees_for(parameters, 1)
    perfusion, vessels = borrow_vessels(7, parameters, parameters.draw(7), trees)
    flow = flow_from_perfusion(perfusion, np.ones(3))
    assert (flow == 0).any()
    for forest, whole in ((vessels.arteries, trees.arteries), (vessels.veins, trees.veins)):
        assert forest.flow.min() > 0
        assert 0 < forest.n_nodes < whole.n_nodes
        assert (forest.parent < np.arange(forest.n_nodes)).all()
        np.testing.assert_array_equal(forest.terminal >= 0, flow > 0)
        np.testing.assert_allclose(forest.of_terminals(flow)[forest.terminal[flow > 0]], flow[flow > 0])
        assert forest.flow[forest.inlets].sum() == pytest.approx(flow.sum(), rel=1e-12)
    np.testing.assert_array_equal(np.isnan(vessels.att), flow == 0)
    response = NumbaSimulator().step_response(vessels, np.asarray(TIME), parameters.label(parameters.draw(7)))
    assert np.isfinite(response.total).all()
    assert response.bed[-1][flow > 0].min() > 0


@pytest.mark.parametrize(("share", "highest"), [(0.0, 80.0), (0.5, 110.0), (1.0, 110.0)])
def test_the_highest_perfusion_is_that_of_a_layout_in_use(share, highest):
    assert CubeParameters(layout=PerfusionLayout(sheets_share=share)).highest_perfusion == highest
    dim = PerfusionLayout(sheets_share=share, sheets=FoldedSheets(grey_perfusion=40.0))
    assert CubeParameters(layout=dim).highest_perfusion == (40.0 if share == 1 else 80.0)


def test_trees_that_leave_a_voxel_out_are_refused():
    flow = np.full((4, 4, 4), 0.01)
    flow[0] = 0
    trees = grow_trees(1, CubeParameters(shape=(4, 4, 4)), flow)
    with pytest.raises(InputError, match=r"^trees: found no terminal in 16 voxels with flow; give trees that"):
        serving(trees.arteries, np.full((4, 4, 4), 0.01), 0.1)


def test_parameters_are_read_back_from_plain_data():
    for parameters in (PATCHY, FOLDED, CubeParameters()):
        plain = json.loads(json.dumps(asdict(parameters)))
        assert CubeParameters.from_plain(plain) == parameters
