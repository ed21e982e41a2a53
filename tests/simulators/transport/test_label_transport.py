"""What must hold for the step response of every backend."""

from dataclasses import replace

import numpy as np
import pytest

from simulators import (
    CupySimulator,
    LabelKinetics,
    NoExchange,
    NumbaSimulator,
    StepResponse,
    TwoCompartmentExchange,
    Vasculature,
)
from simulators.errors import InputError
from simulators.transport import laminar
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.transport.reference import ReferenceSimulator

T1 = 1.65

# Amounts are sums of some hundred float32 terms of up to the peak, each rounded to 6e-8 of itself.
ROUNDING = 2e-6


def integral(values: np.ndarray, time: np.ndarray) -> np.ndarray:
    """∫_0^t along the first axis by the trapezoidal rule, for values that are 0 at t = 0."""
    steps = np.diff(time, prepend=0.0).reshape(-1, *[1] * (values.ndim - 1))
    before = np.concatenate([np.zeros_like(values[:1]), values[:-1]])
    return np.cumsum((values + before) / 2 * steps, axis=0)


def imbalance(response: StepResponse, vessels: Vasculature, t1: float) -> np.ndarray:
    """Label that entered less label that is accounted for, relative to the former, (T,)."""
    time = response.time
    flow = vessels.arteries.flow[vessels.arteries.inlets]
    feeding = flow @ laminar.stored(time, vessels.inlet_delay[:, None], t1)
    inside = feeding + response.total.sum(axis=(1, 2, 3), dtype=float) * vessels.voxel_volume
    decayed = 0.0 if np.isinf(t1) else integral(inside / t1, time)
    entered = flow.sum() * time
    return (entered - inside - decayed - response.left) / entered


@pytest.mark.parametrize("t1", [T1, np.inf])
def test_never_negative_and_never_falling(backend, exchange, t1, response_of):
    response = response_of(backend, exchange, t1)
    for amount in (response.arterial, response.bed):
        tolerance = ROUNDING * amount.max()
        assert amount.dtype == np.float32
        assert amount.min() >= -tolerance
        assert np.diff(amount, axis=0).min() >= -tolerance
    assert np.diff(response.left).min() >= -ROUNDING * response.left.max()


def first_arrivals(vessels: Vasculature) -> tuple[np.ndarray, np.ndarray]:
    """Earliest times (s) at which label can be in the arteries and in the bed of each voxel, (X·Y·Z,) each.

    The fastest streamline takes half the plug-flow time. For the veins: when it enters them, however far upstream.
    """
    arteries, veins = vessels.arteries, vessels.veins
    pieces = cut_at_voxel_faces(arteries)
    node = np.repeat(np.arange(arteries.n_nodes), np.diff(pieces.start))
    share = np.where(np.diff(node, prepend=-1) == 0, np.roll(pieces.end, 1), 0.0)
    tau = vessels.arterial_transit_time - arteries.residence_time
    begins = tau[node] + share * arteries.residence_time[node]
    arterial = np.full(arteries.terminal.size, np.inf)
    np.minimum.at(arterial, pieces.voxel, begins / 2)

    bed = vessels.plug_flow_time.ravel() / 2
    at_node = np.full(veins.n_nodes, np.inf)
    at_node[veins.terminal.ravel()] = bed
    for k in range(veins.n_nodes - 1, -1, -1):
        if veins.parent[k] >= 0:
            at_node[veins.parent[k]] = min(at_node[veins.parent[k]], at_node[k])
    pieces = cut_at_voxel_faces(veins)
    bed = bed.copy()
    np.minimum.at(bed, pieces.voxel, np.repeat(at_node, np.diff(pieces.start)))
    return arterial, bed


def test_nothing_before_the_first_arrival(backend, exchange, response_of, vessels_of):
    response = response_of(backend, exchange, T1)
    arterial, bed = first_arrivals(vessels_of(backend.side))
    # A step spreads label over a step to either side, 0.025 s; the veins of numba go by two steps. Then the
    # reference's veins interpolate at every node: what gets ahead by n steps is the product of n interpolations.
    for amount, arrival, margin in ((response.arterial, arterial, 0.05), (response.bed, bed, 0.1)):
        amount = amount.reshape(len(response.time), -1)
        early = response.time[:, None] < arrival - margin
        late = response.time[:, None] > arrival + 1.0
        assert early.any(axis=0).mean() > 0.9  # or this would say little
        assert np.abs(amount[early]).max() <= ROUNDING * amount.max()
        # In each voxel that is reached, more than rounding could make of what it holds in the end.
        assert (amount > ROUNDING * amount[-1])[late].all()
    if backend.name != "reference":  # closed form: exactly nothing, up to the very arrival
        early = response.time[:, None] < arterial
        assert (response.arterial.reshape(early.shape)[early] == 0).all()


@pytest.mark.parametrize("t1", [T1, np.inf])
def test_label_balance(backend, exchange, t1, response_of, vessels_of):
    response = response_of(backend, exchange, t1)
    assert response.left[-1] > 0.01 * np.sum(vessels_of(backend.side).veins.flow[vessels_of(backend.side).veins.inlets])
    # 1e-3 is the house's limit; from 0.5 s on, since the least label rounds worst relative to itself.
    late = response.time >= 0.5
    assert np.abs(imbalance(response, vessels_of(backend.side), t1)[late]).max() < 1e-3


def test_decay_goes_with_the_age_of_the_label(backend, exchange, response_of):
    """With one T1 everywhere S(T1) = ∫ dS(∞)/ds e^(−s/T1) ds, wherever the label has been: in parts,
    e^(−t/T1) S(∞) + ∫ S(∞) e^(−s/T1) ds / T1. The trapezoidal rule errs by (0.05 s)²/12 |S'|/T1, far below 1e-3."""
    decaying, lasting = response_of(backend, exchange, T1), response_of(backend, exchange, np.inf)
    weight = np.exp(-lasting.time / T1)
    for with_decay, without in ((decaying.arterial, lasting.arterial), (decaying.bed, lasting.bed)):
        aged = without * weight[:, None, None, None]
        expected = aged + integral(aged, lasting.time) / T1
        assert np.abs(with_decay - expected).max() < 1e-3 * expected.max()
    # What has left is the integral of a step response, so its own parts come twice.
    aged = lasting.left * weight
    once = integral(aged, lasting.time)
    expected = aged + 2 * once / T1 + integral(once, lasting.time) / T1**2
    np.testing.assert_allclose(decaying.left, expected, atol=1e-3 * expected.max())


@pytest.mark.parametrize(
    "exchange", [TwoCompartmentExchange(extravascular_volume=0.05), NoExchange()], ids=lambda model: model.model
)
def test_without_decay_everything_fills(backend, exchange, vessels_of):
    """S → blood volume (plus V_t): flow of 60 mL/100g/min through V_c + V_t = 0.07 takes 7 s to exchange it."""
    vessels = vessels_of(8, (55.0, 65.0))
    label = LabelKinetics(t1_blood=np.inf, t1_tissue=np.inf, exchange=exchange)
    time = np.array([50.0, 100.0])
    response = backend.coarse.step_response(vessels, time, label)
    arteries, veins = (
        blood_volume(forest, cut_at_voxel_faces(forest)) / vessels.voxel_volume
        for forest in (vessels.arteries, vessels.veins)
    )
    # The wall's streamlines never end: of plug-flow time τ the share τ/2t is not there yet, so take away the term in
    # 1/t. What is left is of order (τ/t)², below 1e-3 for the 3 s of the longest τ.
    arterial = 2 * response.arterial[1] - response.arterial[0]
    assert np.abs(arterial - arteries).max() < 1e-3 * arteries.max()
    # The bed's inflow lacks (τ/2t)², 2e-4 at 100 s; its slowest capillary has V/F of 5 s, with tissue 18 s.
    expected = vessels.capillaries.volume_fraction + exchange.water_volume + veins
    np.testing.assert_allclose(response.bed[1], expected, rtol=5e-3)
    assert abs(response.bed[1].sum() / expected.sum() - 1) < 1e-3


def test_twice_the_label_in_twice_the_space(backend, half_and_whole, vessels_of):
    """Flows, blood and tissue doubled in the same voxels: velocities stay, so all label doubles."""
    vessels, time = vessels_of(8), np.array([0.5, 1.0, 2.0, 3.0])

    def doubled(forest):
        return replace(forest, flow=2 * forest.flow, radius=np.sqrt(2) * forest.radius)

    beds = vessels.capillaries
    twice = replace(
        vessels,
        arteries=doubled(vessels.arteries),
        veins=doubled(vessels.veins),
        capillaries=replace(beds, flow=2 * beds.flow, volume=2 * beds.volume, volume_fraction=2 * beds.volume_fraction),
    )
    half, whole = (LabelKinetics(exchange=exchange) for exchange in half_and_whole)
    one = backend.simulator.step_response(vessels, time, half)
    two = backend.simulator.step_response(twice, time, whole)
    np.testing.assert_allclose(two.arterial, 2 * one.arterial, atol=ROUNDING * two.arterial.max())
    np.testing.assert_allclose(two.bed, 2 * one.bed, atol=10 * ROUNDING * two.bed.max())
    np.testing.assert_allclose(two.left, 2 * one.left, atol=10 * ROUNDING * two.left.max())


def test_exchange_holds_label_back(backend, response_of):
    """Arteries do not know of exchange; with it less label leaves, more stays."""
    with_exchange, without = (
        response_of(backend, exchange, np.inf) for exchange in (TwoCompartmentExchange(), NoExchange())
    )
    np.testing.assert_array_equal(with_exchange.arterial, without.arterial)
    assert with_exchange.left[-1] < 0.5 * without.left[-1]
    assert with_exchange.bed[-1].sum() > 1.1 * without.bed[-1].sum()


def test_no_permeability_is_no_exchange(backend, vessels_of):
    vessels, time = vessels_of(8), np.array([1.0, 2.0])
    impermeable = LabelKinetics(exchange=TwoCompartmentExchange(0.0))
    none = LabelKinetics(exchange=NoExchange())
    one, other = (backend.simulator.step_response(vessels, time, label) for label in (impermeable, none))
    np.testing.assert_allclose(one.bed, other.bed, atol=ROUNDING * other.bed.max())


def test_arteries_by_velocity(backend, vessels_of):
    """Slow and fast arteries make all of them; the limit itself belongs to the slow."""
    vessels, time, label = vessels_of(8), np.array([0.5, 1.0, 2.0]), LabelKinetics()
    simulator = backend.simulator
    velocity = np.sort(vessels.arteries.velocity[vessels.arteries.parent >= 0])
    everything = simulator.arterial_step_response(vessels, time, label)
    np.testing.assert_array_equal(everything, simulator.step_response(vessels, time, label).arterial)
    slower = [
        simulator.arterial_step_response(vessels, time, label, slower_than=v) for v in (0.0, *velocity[[300, -1]])
    ]
    assert (slower[0] == 0).all()
    assert (slower[1] <= slower[2]).all()
    np.testing.assert_array_equal(slower[2], everything)
    largest = vessels.arteries.velocity[np.argmax(vessels.arteries.flow * vessels.arteries.residence_time)]
    with_it, without = (
        simulator.arterial_step_response(vessels, time, label, slower_than=v)
        for v in (largest, np.nextafter(largest, 0))
    )
    assert without[-1].sum() < with_it[-1].sum()


def test_slow_arteries_fill_to_their_own_volume(backend, vessels_of):
    """Without decay; the term in 1/t is taken away, and the rest is below 1e-3 of all arteries, as where they fill."""
    vessels, arteries = vessels_of(8), vessels_of(8).arteries
    limit = np.median(arteries.velocity[arteries.parent >= 0])
    lasting = LabelKinetics(t1_blood=np.inf, t1_tissue=np.inf)
    found = backend.coarse.arterial_step_response(vessels, np.array([50.0, 100.0]), lasting, slower_than=limit)
    slow = replace(arteries, radius=np.where(arteries.velocity <= limit, arteries.radius, 0.0))
    expected = blood_volume(slow, cut_at_voxel_faces(slow)) / vessels.voxel_volume
    every = blood_volume(arteries, cut_at_voxel_faces(arteries)) / vessels.voxel_volume
    assert np.abs(2 * found[1] - found[0] - expected).max() < 1e-3 * every.max()
    assert 0.01 * every.max() < expected.max() < every.max()  # far above that, and not all of them


def test_voxels_without_flow_stay_empty(backend):
    from simulators.tissue.capillaries import draw_capillaries
    from simulators.vessels.growth import grow_forest

    flow = np.full((6, 6, 6), 0.01)
    flow[:3] = 0
    arteries, veins = (grow_forest(flow, seed=seed) for seed in (1, 2))
    delay = np.full(len(arteries.inlets), 0.3)
    vessels = Vasculature(arteries, draw_capillaries(flow, 0.02, seed=3), veins, delay)
    lasting = LabelKinetics(t1_blood=np.inf, t1_tissue=np.inf)
    response = backend.simulator.step_response(vessels, np.array([1.0, 2.0]), lasting)
    assert np.isfinite(response.total).all()
    assert (response.bed[-1][flow > 0] > 0).all()
    assert np.abs(imbalance(response, vessels, np.inf)).max() < 1e-3  # the house's limit; all of it is elsewhere
    crossed = blood_volume(arteries, cut_at_voxel_faces(arteries)) + blood_volume(veins, cut_at_voxel_faces(veins)) > 0
    assert (response.total[:, (flow == 0) & ~crossed] == 0).all()


@pytest.mark.parametrize("time", [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [], [-1.0], [np.nan], [np.inf], [[1.0], [2.0]]])
def test_times_that_are_none(backend, time, vessels_of):
    with pytest.raises(InputError, match=r"^time: found .*; give"):
        backend.simulator.step_response(vessels_of(8), np.array(time), LabelKinetics())


@pytest.mark.parametrize("simulator", [CupySimulator, NumbaSimulator, ReferenceSimulator])
@pytest.mark.parametrize("step", [0.0, -0.01, 0.2, np.nan])
def test_steps_that_are_none(simulator, step):
    with pytest.raises(InputError, match=r"^time_step: found"):
        simulator(step)


def test_no_streamlines():
    with pytest.raises(InputError, match=r"^n_streamlines: found 0"):
        ReferenceSimulator(n_streamlines=0)


def test_a_whole_cube(vessels_of):
    """The size that the training uses, once, with the label of real tissue."""
    vessels, time = vessels_of(32), np.arange(1, 41) * 0.1
    response = NumbaSimulator().step_response(vessels, time, LabelKinetics(t1_blood=T1, t1_tissue=T1))
    total = response.total
    assert total.min() >= -ROUNDING * total.max()
    assert np.diff(total, axis=0).min() >= -ROUNDING * total.max()
    assert np.abs(imbalance(response, vessels, T1)[time >= 0.5]).max() < 1e-3
