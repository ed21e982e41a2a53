"""Each kernel against what it stands for: forests, closed forms, matrix exponentials."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from simulators import LabelKinetics, NoExchange, TwoCompartmentExchange
from simulators.seeding import generator
from simulators.transport import laminar
from simulators.transport.chain import rate_matrices
from simulators.transport.cuda.devices import open_device
from simulators.transport.cuda.stages import capillary_responses
from simulators.vessels.forest import murray_radius
from simulators.vessels.tree_order import flow_from_terminals


@pytest.fixture
def device(kernels):
    return open_device(kernels.device)


@pytest.fixture
def two_cubes(vessels_of):
    """Of different trees; the second one's blood makes detours."""
    one, other = vessels_of(8), vessels_of(8, (5.0, 40.0), 11)
    detour = np.where(np.arange(other.arteries.n_nodes) % 50 == 1, 0.4, 0.0)
    return one, replace(other, detour=detour)


def test_flows_and_transit_times_as_grown(kernels, device, two_cubes):
    """Added in the same order as on the host, so differences are those of a product or a root: 1e-12."""
    batch = kernels.batch(two_cubes)
    for blood, forests in zip(
        batch.as_grown, ([v.arteries for v in two_cubes], [v.veins for v in two_cubes]), strict=True
    ):
        residence = np.concatenate([forest.residence_time for forest in forests])
        np.testing.assert_allclose(device.fetch(blood.residence), residence, rtol=1e-12)
    arterial, venous = (device.fetch(blood.transit) for blood in batch.as_grown)
    expected = np.concatenate([v.arterial_transit_time for v in two_cubes])
    np.testing.assert_allclose(arterial, expected, rtol=1e-12)
    np.testing.assert_allclose(venous, np.concatenate([v.veins.transit_time() for v in two_cubes]), rtol=1e-12)


def test_flows_for_a_new_perfusion(kernels, device, two_cubes):
    """Some voxels without flow, and a factor of Murray's law for each cube."""
    voxel_flow = generator(3).uniform(0, 0.02, (2, 8, 8, 8))
    voxel_flow[:, :3, :3] = 0
    blood = kernels.batch(two_cubes).perfused(voxel_flow, np.array([0.1, 0.13]), 0.15)
    for k, name in enumerate(("arteries", "veins")):
        expected = {"flow": [], "radius": [], "transit": []}
        for into, vessels, factor in zip(voxel_flow, two_cubes, ((0.1, 0.15), (0.13, 0.15)), strict=True):
            forest = getattr(vessels, name)
            own = np.zeros(forest.n_nodes)
            own[forest.terminal.ravel()] = into.ravel()
            flow = flow_from_terminals(forest.parent, own)
            radius = murray_radius(flow, factor[k])
            forest = replace(forest, flow=flow, radius=radius)
            delays = (vessels.inlet_delay, vessels.detour) if name == "arteries" else ()
            for list_, values in zip(expected.values(), (flow, radius, forest.transit_time(*delays)), strict=True):
                list_.append(values)
        np.testing.assert_array_equal(device.fetch(blood[k].flow), np.concatenate(expected["flow"]))  # sums alone
        for quantity in ("radius", "transit"):
            np.testing.assert_allclose(
                device.fetch(getattr(blood[k], quantity)), np.concatenate(expected[quantity]), rtol=1e-12
            )


@pytest.mark.parametrize("b", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("t1", [1.65, 0.3, np.inf])
def test_label_stored_in_closed_form(device, t1, b):
    """One segment of each length: exponential integrals by series and by continued fraction, and none."""
    tau = np.concatenate([[0.0, 1e-9, 2 * t1 if np.isfinite(t1) else 1.0], np.geomspace(1e-3, 50, 200)])
    n = len(tau)
    node, share = np.arange(n, dtype=np.int32), np.tile([0.0, 1.0], (n, 1))
    tissue, found = np.ones(n, np.int32), []
    for velocity in (2 - b, b):
        ends = device.empty((n, 4))
        arrays = node, share, tau, tau, tissue, np.array([0.7, velocity]), np.array([0.1, laminar.density(b)])
        device.launch("artery_piece_ends", n, *map(device.put, arrays), 1 / t1, 200.0, ends)
        begin_tau, begin, end_tau, end = device.fetch(ends).T
        assert (begin_tau == 0).all()
        assert (begin == 0).all()
        np.testing.assert_array_equal(end_tau, np.minimum(tau, 200.0 * velocity))
        found.append(end)
    # Differences of up to 5 times what they leave, for b = 0.9.
    np.testing.assert_allclose(found[0] - found[1], laminar.stored_for_ever(tau, t1, b), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("b", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("t1", [1.65, np.inf])
def test_inflow_of_beds(device, t1, b):
    tau, step, n_steps = np.array([0.1, 0.7, 2.3, 9.0]), 0.025, 120
    edges = step * np.arange(n_steps + 1)
    tails = np.stack([laminar.tail_integral(n, edges[1:], t1) for n in (2, 3)], axis=1)
    inflow = device.empty((1, n_steps, 32), np.float32)
    node = device.put(np.arange(4, dtype=np.int32))
    tissue, bluntness = device.put(np.ones(4, np.int32)), device.put(np.array([0.7, b]))
    arrays = (node, device.put(tau), tissue, bluntness, device.put(tails))
    device.launch("bed_inflow", 4, *arrays, step, 1 / t1, n_steps, inflow)
    entered = laminar.inflow(np.maximum(edges, 1e-9)[:, None], tau, t1, b)
    np.testing.assert_allclose(device.fetch(inflow)[0, :, :4], np.diff(entered, axis=0), atol=1e-7 * step)  # float32


LABELS = [
    (LabelKinetics(), 0.02),
    (LabelKinetics(exchange=NoExchange(), t1_blood=np.inf, t1_tissue=np.inf), 0.02),
    (LabelKinetics(t1_tissue=0.8, exchange=TwoCompartmentExchange(400.0, 0.1)), 0.005),
]


def by_matrix_exponential(theta, fraction, label, step, n_steps):
    """Means over each step of the amount and of what has flowed out, from the whole matrix and its integrals."""
    system = np.zeros((23, 23))
    system[:20, :20] = rate_matrices(np.array([theta]), fraction, label)[0]
    system[20, :20] = 1  # integral of the amount
    system[21, 9] = 10 / theta  # outflow
    system[22, 21] = 1  # its integral
    advance, state, integrals = expm(system * step), np.eye(23)[0], [[0.0, 0.0]]
    for _ in range(n_steps):
        state = advance @ state
        integrals.append(state[[20, 22]])
    return np.diff(integrals, axis=0).T / step


@pytest.mark.parametrize("step", [0.025, 0.1])
def test_responses_of_capillaries(device, step):
    theta, n_steps = np.geomspace(0.02, 400, 7), 80
    responses = [device.fetch(table) for table in capillary_responses(device, theta, LABELS, step, n_steps)]
    for k, (label, fraction) in enumerate(LABELS):
        for j in range(len(theta)):
            expected = by_matrix_exponential(theta[j], fraction, label, step, n_steps)
            for table, values in zip(responses, expected, strict=True):
                np.testing.assert_allclose(table[k, j], values, atol=1e-7)  # of 1, in float32


def test_spectrum_of_capillaries(device):
    """Cubic interpolation is exact for a cubic polynomial in the logarithm, whatever the transit times."""
    rng, log_theta = generator(2), np.log(np.geomspace(0.02, 400, 160))
    count = rng.integers(50, 151, 70)
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    flow, theta = rng.uniform(1e-5, 1e-4, start[-1]), rng.uniform(0.05, 8, start[-1])
    grown, now = np.full(70, 2.0), rng.uniform(1, 4, 70)
    spectrum, span = device.empty((3, 160, 32), np.float32), device.empty((3, 2), np.int32)
    device.launch(
        "capillary_spectrum",
        70,
        *map(device.put, (start, flow, flow * theta, np.arange(70, dtype=np.int32), now, grown)),
        *(float(log_theta[0]), float(log_theta[1] - log_theta[0]), 160, spectrum),
    )
    device.launch("spectrum_range", 3, spectrum, 70, 160, span)
    spectrum, span = device.fetch(spectrum).swapaxes(0, 1).reshape(160, 96)[:, :70], device.fetch(span)
    row = np.repeat(np.arange(70), count)
    flow_now = flow * (now / grown)[row]  # volumes stay
    log_now = np.log(flow * theta / flow_now)
    for power in range(4):
        expected = np.bincount(row, flow_now * log_now**power)
        largest = np.bincount(row, flow_now * np.abs(log_now) ** power)
        # Some hundred float32 additions of shares up to a voxel's flow, weighted with logarithms up to 6.
        assert np.abs(log_theta**power @ spectrum - expected).max() < 1e-5 * largest.max()
    for tile, (first, end) in enumerate(span):
        rows = spectrum[:, 32 * tile : 32 * tile + 32]
        used = np.flatnonzero(rows.any(axis=1))
        assert (first, end) == (used[0], used[-1] + 1)
