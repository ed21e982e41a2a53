"""Blood that comes late to a vessel, as behind a stenosis: it is under way outside of all voxels."""

from dataclasses import replace

import numpy as np
import pytest

from simulators import LabelKinetics, NumbaSimulator, Vasculature
from simulators.seeding import generator
from simulators.transport import laminar
from simulators.transport.pieces import cut_at_voxel_faces
from simulators.transport.reference import ReferenceSimulator

FINE_TIME = np.arange(1, 101) * 0.05
"""s; fine enough to integrate S over time, and whole steps of every backend."""

# Sums of some hundred float32 terms of up to the peak, each rounded to 6e-8 of itself; see test_label_transport.
ROUNDING = 2e-6


def with_detours(vessels: Vasculature, n: int = 12, seed: int = 5) -> Vasculature:
    """Detours of 0.2 to 1.5 s before n of the 60 segments that carry most; some lie behind others."""
    arteries, rng = vessels.arteries, generator(seed)
    large = np.argsort(np.where(arteries.parent >= 0, arteries.flow, 0))[-60:]
    detour = np.zeros(arteries.n_nodes)
    detour[rng.choice(large, n, replace=False)] = rng.uniform(0.2, 1.5, n)
    return replace(vessels, detour=detour)


def test_a_detour_behind_an_inlet_is_a_later_inlet(backend, exchange, vessels_of):
    """For every voxel: no vessel lies between an inlet and its child's segment."""
    vessels, time, label = vessels_of(8), np.array([0.6, 1.2, 1.8]), LabelKinetics(exchange=exchange)
    arteries = vessels.arteries
    # 1/64 s, so that sums of delays are rounded alike, and steps of the reference are not whole.
    late = np.round(np.linspace(0.1, 1.3, len(arteries.inlets)) * 64) / 64
    of_node = np.zeros(arteries.n_nodes)
    of_node[arteries.inlets] = late
    behind_inlet = (arteries.parent >= 0) & (arteries.parent[arteries.parent] < 0)
    detour = np.where(behind_inlet, of_node[arteries.parent], 0.0)
    by_detour = replace(vessels, detour=detour)
    by_inlet = replace(vessels, inlet_delay=vessels.inlet_delay + late)
    np.testing.assert_allclose(by_detour.plug_flow_time, by_inlet.plug_flow_time, rtol=1e-14)
    one, other, prompt = (backend.simulator.step_response(v, time, label) for v in (by_detour, by_inlet, vessels))
    for name in ("arterial", "bed", "left"):
        expected = getattr(other, name)
        np.testing.assert_allclose(getattr(one, name), expected, atol=ROUNDING * expected.max())
        assert np.abs(expected - getattr(prompt, name)).max() > 0.1 * expected.max()  # or this would say little


def test_a_detour_delays_what_is_behind_it_and_nothing_else(backend, vessels_of):
    vessels, time, label = vessels_of(8), np.array([0.7, 1.3, 1.9]), LabelKinetics()
    arteries = vessels.arteries
    # The largest vessel that has a sister: its subtree, a run of nodes, is not all of its tree.
    sisters = np.bincount(arteries.parent[arteries.parent >= 0], minlength=arteries.n_nodes)
    candidates = np.flatnonzero((arteries.parent >= 0) & (sisters[arteries.parent] == 2))
    node = candidates[np.argmax(arteries.flow[candidates])]
    behind = np.zeros(arteries.n_nodes, bool)
    behind[node] = True
    for k in range(node + 1, arteries.n_nodes):
        behind[k] = arteries.parent[k] >= 0 and behind[arteries.parent[k]]
    detour = np.zeros(arteries.n_nodes)
    detour[node] = 0.75
    late = replace(vessels, detour=detour)
    served = behind[arteries.terminal]
    assert 10 < served.sum() < served.size - 10
    np.testing.assert_allclose(
        (late.plug_flow_time - vessels.plug_flow_time)[served], 0.75, rtol=1e-12
    )  # differences of seconds
    np.testing.assert_array_equal(late.att[~served], vessels.att[~served])
    one, prompt = (backend.simulator.step_response(v, time, label) for v in (late, vessels))
    own = np.zeros(arteries.terminal.size, bool)  # voxels with a vessel from behind the detour
    pieces = cut_at_voxel_faces(arteries)
    own[pieces.voxel[np.repeat(behind, np.diff(pieces.start)) & (pieces.voxel >= 0)]] = True
    own = own.reshape(served.shape)
    np.testing.assert_array_equal(one.arterial[:, ~own], prompt.arterial[:, ~own])
    assert (one.arterial <= prompt.arterial + ROUNDING * prompt.arterial.max()).all()
    assert (one.bed <= prompt.bed + ROUNDING * prompt.bed.max()).all()
    assert one.bed[:, served].sum() < 0.7 * prompt.bed[:, served].sum()


def under_way(vessels: Vasculature, time: np.ndarray, t1: float) -> np.ndarray:
    """Label in the detours, mm³, (T,), in closed form: F (G(t; τ + d) − G(t; τ)), where τ is gone before each."""
    arteries = vessels.arteries
    before = vessels.arterial_transit_time - arteries.residence_time - vessels.detour
    there = np.flatnonzero(vessels.detour)
    stored = [laminar.stored(time, tau[there][:, None], t1) for tau in (before + vessels.detour, before)]
    return arteries.flow[there] @ (stored[0] - stored[1])


@pytest.mark.parametrize("t1", [1.65, np.inf])
def test_label_balance_with_detours(backend, exchange, t1, vessels_of):
    """What came in is before the inlets, in voxels, in detours, gone by the veins, or decayed."""
    vessels, time = with_detours(vessels_of(backend.side)), FINE_TIME
    label = LabelKinetics(exchange=exchange, t1_blood=t1, t1_tissue=t1)
    response = backend.simulator.step_response(vessels, time, label)
    flow = vessels.arteries.flow[vessels.arteries.inlets]
    entered = flow.sum() * time
    outside = under_way(vessels, time, t1)
    inside = flow @ laminar.stored(time, vessels.inlet_delay[:, None], t1) + outside
    inside = inside + response.total.sum(axis=(1, 2, 3), dtype=float) * vessels.voxel_volume
    means = (inside + np.concatenate([[0.0], inside[:-1]])) / 2
    decayed = 0.0 if np.isinf(t1) else np.cumsum(means * np.diff(time, prepend=0.0)) / t1
    imbalance = (entered - inside - decayed - response.left) / entered
    late = time >= 0.5  # the least label rounds worst relative to itself
    print(f"{np.abs(imbalance[late]).max():.1e} of what came in; in detours {(outside / entered)[late].max():.1e}")
    assert np.abs(imbalance[late]).max() < 1e-3  # the house's limit
    assert (outside / entered)[late].max() > 2e-2  # so that detours are seen


def test_agreement_with_detours(vessels_of):
    """Tolerances and their reasons are those of `test_agreement`: a label that rises in a step, as the literal one,
    sees S averaged over that step."""
    vessels, time, label = with_detours(vessels_of(8)), np.arange(1, 13) * 0.25, LabelKinetics()
    fast, literal = (s.step_response(vessels, time, label) for s in (NumbaSimulator(), ReferenceSimulator()))
    around = np.sort(np.concatenate([time - 0.005, time, time + 0.005]))
    before, at, after = (
        NumbaSimulator()
        .arterial_step_response(vessels, around, label)
        .reshape(len(time), 3, *vessels.shape)
        .swapaxes(0, 1)
    )
    peak = fast.total.max()
    assert np.abs(at - literal.arterial).max() < 2e-3 * peak
    assert np.abs((before + 4 * at + after) / 6 - literal.arterial).max() < 1e-3 * peak
    assert np.abs(fast.bed - literal.bed).max() < 1e-3 * fast.bed.max()
    assert np.abs(fast.left - literal.left).max() < 1e-3 * fast.left.max()
    prompt = NumbaSimulator().step_response(replace(vessels, detour=None), time, label)
    assert np.abs(fast.bed - prompt.bed).max() > 0.1 * prompt.bed.max()


def test_detours_of_nothing(backend, vessels_of):
    vessels, time, label = vessels_of(8), np.array([0.7, 1.3]), LabelKinetics()
    none = backend.simulator.step_response(vessels, time, label)
    zero = backend.simulator.step_response(replace(vessels, detour=np.zeros(vessels.arteries.n_nodes)), time, label)
    for name in ("arterial", "bed", "left"):
        np.testing.assert_array_equal(getattr(zero, name), getattr(none, name))
