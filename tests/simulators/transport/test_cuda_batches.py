"""Batches of cubes on the kernels' backend: against Numba, against each cube alone, in parts, for a new perfusion."""

from dataclasses import replace

import numpy as np
import pytest

import simulators.tissue.capillaries
from simulators import (
    CubeParameters,
    InputError,
    LabelKinetics,
    NoExchange,
    NumbaSimulator,
    TwoCompartmentExchange,
    Vasculature,
)
from simulators.phantoms.cube import grow_vessels
from simulators.seeding import generator, stage_seed
from simulators.tissue.capillaries import CapillaryPlan, draw_capillaries
from simulators.transport.beds import TRANSIT_TIMES
from simulators.transport.cuda import batch as batches
from simulators.transport.cuda import stages
from simulators.transport.cuda.devices import open_device
from simulators.vessels.tree_order import flow_from_terminals

TIME = np.array([0.4, 0.9, 1.73, 2.5, 4.0])

# The house's limit. Numba reads the veins' totals at faces, the kernels at both ends of each piece: where a junction
# lies in a voxel they differ by what the limits on slopes do to a sum, which shrinks faster than the step squared.
AGREEMENT = 1e-4

NAMES = ("arterial", "bed", "left")


def fetched(simulator, response):
    return {name: open_device(simulator.device).fetch(getattr(response, name)) for name in NAMES}


@pytest.mark.parametrize("step", [0.025, 0.0125])
@pytest.mark.parametrize("side", [8, 16])
def test_agreement_with_numba(kernels, exchange, side, step, vessels_of):
    vessels, label = vessels_of(side), LabelKinetics(exchange=exchange)
    one = replace(kernels, time_step=step).step_response(vessels, TIME, label)
    other = NumbaSimulator(step).step_response(vessels, TIME, label)
    for name in NAMES:
        expected = getattr(other, name)
        error = np.abs(getattr(one, name) - expected).max() / expected.max()
        print(f"{name}: {error:.1e} of the peak")
        assert error < AGREEMENT


def test_a_batch_is_its_cubes(kernels, vessels_of):
    """Different trees, depths, blood volumes and kinetics; bit for bit, since no sum goes across cubes."""
    parameters = CubeParameters(shape=(8, 8, 8), capillary_volume_fraction=0.03, new_inlet_probability=0.2)
    many_trees = grow_vessels(4, parameters, parameters.draw(4))[1]
    cubes = [vessels_of(8), many_trees, vessels_of(8, (5.0, 40.0), 11)]
    labels = [
        LabelKinetics(),
        LabelKinetics(exchange=TwoCompartmentExchange(110.0), t1_tissue=1.0),
        LabelKinetics(exchange=NoExchange()),
    ]
    together = fetched(kernels, kernels.step_responses(kernels.batch(cubes), TIME, labels))
    for k, (vessels, label) in enumerate(zip(cubes, labels, strict=True)):
        alone = kernels.step_response(vessels, TIME, label)
        for name in NAMES:
            np.testing.assert_array_equal(together[name][k], getattr(alone, name))


def test_a_new_perfusion_in_the_same_trees(kernels, vessels_of):
    """Against vessels rebuilt with the new flows and radii, their capillaries' flows in proportion, by Numba."""
    vessels = vessels_of(8)
    factor = generator(6).uniform(0.5, 2, vessels.shape)
    voxel_flow = vessels.arteries.flow[vessels.arteries.terminal] * factor

    def perfused(forest, murray_k):
        own = np.zeros(forest.n_nodes)
        own[forest.terminal.ravel()] = voxel_flow.ravel()
        return replace(forest, flow=flow_from_terminals(forest.parent, own)).with_murray_radii(murray_k)

    beds = vessels.capillaries
    scaled = replace(beds, flow=beds.flow * np.repeat(factor.ravel(), np.diff(beds.start)))
    rebuilt = replace(
        vessels, arteries=perfused(vessels.arteries, 0.1), veins=perfused(vessels.veins, 0.14), capillaries=scaled
    )
    expected = NumbaSimulator().step_response(rebuilt, TIME, LabelKinetics())
    batch = kernels.batch([vessels])
    blood = batch.perfused(voxel_flow[None], 0.1, 0.14)
    found = fetched(kernels, kernels.step_responses(batch, TIME, [LabelKinetics()], blood=blood))
    for name in NAMES:
        values = getattr(expected, name)
        assert np.abs(found[name][0] - values).max() < AGREEMENT * values.max()
    grown = kernels.step_response(vessels, TIME, LabelKinetics())
    assert np.abs(grown.bed - expected.bed).max() > 0.1 * expected.bed.max()  # or this would say little


def test_a_plan_in_parts(kernels, vessels_of, monkeypatch):
    """Capillaries drawn block by block, two blood volumes, groups that are not full, and bundles one at a time."""
    vessels, label = vessels_of(8), LabelKinetics()
    flow = vessels.arteries.flow[vessels.arteries.terminal]
    plan = CapillaryPlan(flow, np.where(np.indices(flow.shape)[2] < 3, 0.016, 0.022), stage_seed(4, 2), 1.0)
    monkeypatch.setattr(simulators.tissue.capillaries, "VOXELS_PER_BLOCK", 70)
    vessels = Vasculature(vessels.arteries, plan, vessels.veins, vessels.inlet_delay)
    whole = kernels.step_response(vessels, TIME, label)
    monkeypatch.setattr(batches, "ROWS_AT_ONCE", 150)
    monkeypatch.setattr(stages, "VENOUS_BYTES", 1)
    parts = kernels.step_response(vessels, TIME, label)
    numba = NumbaSimulator().step_response(vessels, TIME, label)
    for name in NAMES:
        expected = getattr(whole, name)
        np.testing.assert_allclose(getattr(parts, name), expected, atol=1e-6 * expected.max())  # bundles' sums
        assert np.abs(expected - getattr(numba, name)).max() < AGREEMENT * expected.max()


def test_capillaries_drawn_on_the_device(kernels, vessels_of):
    """Those of the host, listed, in one batch with them; spectra are sums in float32 of the same shares."""
    vessels = vessels_of(8)
    flow = vessels.arteries.flow[vessels.arteries.terminal]
    flow[3, 4] = 0
    plan = CapillaryPlan(flow, np.full(flow.shape, 0.02), stage_seed(4, 2), 1.0)
    listed = draw_capillaries(flow, plan.volume_fraction, seed=plan.seed)
    beds = (plan, vessels.capillaries, listed, plan)
    batch = kernels.batch([replace(vessels, capillaries=capillaries) for capillaries in beds])
    found = fetched(kernels, kernels.step_responses(batch, TIME, [LabelKinetics()] * 4))
    for name in NAMES:
        drawn, _, expected, again = found[name]
        np.testing.assert_allclose(drawn, expected, atol=1e-6 * expected.max())
        np.testing.assert_array_equal(drawn, again)
    assert np.abs(found["bed"][1] - found["bed"][2]).max() > 1e-4 * found["bed"].max()  # or this would say little


def test_spectra_drawn_on_the_device(kernels, vessels_of):
    """Against those of the listed capillaries, to what a sum of a hundred float32 numbers is good for."""
    vessels, device = vessels_of(8), open_device(kernels.device)
    flow = vessels.arteries.flow[vessels.arteries.terminal]
    plan = CapillaryPlan(flow, np.full(flow.shape, 0.02), 5, 1.0)
    spectra = []
    for beds in (plan, draw_capillaries(flow, plan.volume_fraction, seed=5)):
        batch = kernels.batch([replace(vessels, capillaries=beds)])
        (rows,) = batch.rows(np.zeros(len(batch.served), np.int32))
        spectrum, grown = device.empty((rows.n_tiles, 160, 32), np.float32), batch.as_grown[0].flow
        log_theta = np.log(TRANSIT_TIMES)
        grid = float(log_theta[0]), float(log_theta[1] - log_theta[0]), 160
        rows.capillaries.share_out(device, rows.n, rows.node, grown, grown, *grid, spectrum)
        spectra.append(device.fetch(spectrum))
    np.testing.assert_allclose(*spectra, atol=1e-6 * spectra[1].max())


def test_results_stay_on_the_device(kernels, vessels_of):
    """Ready for any library that speaks DLPack, the images of all cubes together."""
    response = kernels.step_responses(kernels.batch([vessels_of(8)] * 2), TIME, [LabelKinetics()] * 2)
    kind = {"host": 1, "cuda": 2}[kernels.device]  # kDLCPU, kDLCUDA
    for image in (response.arterial, response.bed):
        assert image.shape == (2, len(TIME), 8, 8, 8)
        assert image.dtype == np.float32
        assert image.__dlpack_device__()[0] == kind
    assert response.left.shape == (2, len(TIME))


def test_batches_that_are_none(kernels, vessels_of):
    cube, label = vessels_of(8), LabelKinetics()
    with pytest.raises(InputError, match=r"^vessels: found shapes .*; give"):
        kernels.batch([cube, vessels_of(16)])
    with pytest.raises(InputError, match=r"^vessels: found shapes \[\]; give"):
        kernels.batch([])
    batch = kernels.batch([cube, cube])
    with pytest.raises(InputError, match=r"^labels: found 2 with t1_blood \[1.5, 1.65\]; give"):
        kernels.step_responses(batch, TIME, [label, replace(label, t1_blood=1.5)])
    with pytest.raises(InputError, match=r"^labels: found 1 "):
        kernels.step_responses(batch, TIME, [label])
    with pytest.raises(InputError, match=r"^voxel_flow: found float32"):
        batch.perfused(np.zeros((2, 8, 8, 8), np.float32), 0.1, 0.1)
