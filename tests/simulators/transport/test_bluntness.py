"""Velocity profiles between laminar and plug flow, in every backend."""

from dataclasses import replace

import numpy as np
import pytest

from simulators import LabelKinetics, NumbaSimulator, Vasculature
from simulators.transport import laminar
from simulators.transport.cuda.devices import open_device
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.transport.reference import ReferenceSimulator
from simulators.vessels.vasculature import half_arrival

T1 = 1.65
TIME = np.arange(1, 101) * 0.05

# Sums of some hundred float32 terms of up to the peak, each rounded to 6e-8 of itself; see test_label_transport.
ROUNDING = 2e-6


@pytest.fixture(params=[0.4, 0.9])
def blunt(request: pytest.FixtureRequest, vessels_of) -> Vasculature:
    return replace(vessels_of(8), bluntness=request.param)


def test_agreement_with_the_literal_scheme(blunt):
    """Tolerances and their reasons are those of `test_agreement`: a label that rises in a step, as the literal one,
    sees S averaged over that step."""
    time, label = np.arange(1, 13) * 0.25, LabelKinetics()
    fast, literal = (s.step_response(blunt, time, label) for s in (NumbaSimulator(), ReferenceSimulator()))
    around = np.sort(np.concatenate([time - 0.005, time, time + 0.005]))
    before, at, after = (
        NumbaSimulator().arterial_step_response(blunt, around, label).reshape(len(time), 3, *blunt.shape).swapaxes(0, 1)
    )
    averaged = (before + 4 * at + after) / 6
    peak = fast.total.max()
    print(
        f"b = {blunt.bluntness}: arteries {np.abs(averaged - literal.arterial).max() / peak:.2e} of the peak, "
        f"beds {np.abs(fast.bed - literal.bed).max() / fast.bed.max():.2e}, "
        f"left {np.abs(fast.left - literal.left).max() / fast.left.max():.2e}"
    )
    assert np.abs(averaged - literal.arterial).max() < 1e-3 * peak
    assert np.abs(fast.bed - literal.bed).max() < 1e-3 * fast.bed.max()
    assert np.abs(fast.left - literal.left).max() < 1e-3 * fast.left.max()
    laminar_flow = NumbaSimulator().step_response(replace(blunt, bluntness=0.0), time, label)
    for name in ("arterial", "bed", "left"):  # or agreement would say little
        found, other = getattr(fast, name), getattr(laminar_flow, name)
        assert np.abs(found - other).max() > 0.02 * other.max()


@pytest.mark.parametrize("t1", [T1, np.inf])
def test_label_balance(blunt, backend, t1):
    """What came in is before the inlets, in voxels, gone by the veins, or decayed; 1e-3 is the house's limit."""
    label = LabelKinetics(t1_blood=t1, t1_tissue=t1)
    response = backend.simulator.step_response(blunt, TIME, label)
    flow = blunt.arteries.flow[blunt.arteries.inlets]
    inside = flow @ laminar.stored(TIME, blunt.inlet_delay[:, None], t1, blunt.bluntness)
    inside = inside + response.total.sum(axis=(1, 2, 3), dtype=float) * blunt.voxel_volume
    means = (inside + np.concatenate([[0.0], inside[:-1]])) / 2
    decayed = 0.0 if np.isinf(t1) else np.cumsum(means * np.diff(TIME, prepend=0.0)) / t1
    entered = flow.sum() * TIME
    imbalance = (entered - inside - decayed - response.left) / entered
    assert response.left[-1] > 0.01 * entered[-1]
    assert np.abs(imbalance[TIME >= 0.5]).max() < 1e-3  # the least label rounds worst relative to itself


def test_arteries_are_full_once_the_wall_has_come(blunt, backend):
    """In laminar flow they never are; here all label has come by τ/b, 0.1 s before the times asked for."""
    latest = np.nanmax(blunt.plug_flow_time) / blunt.bluntness
    lasting = LabelKinetics(t1_blood=np.inf, t1_tissue=np.inf)
    found = backend.simulator.arterial_step_response(blunt, latest + np.array([0.1, 0.5]), lasting)
    expected = blood_volume(blunt.arteries, cut_at_voxel_faces(blunt.arteries)) / blunt.voxel_volume
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=ROUNDING * expected.max())


def test_the_first_label_comes_with_the_axis(blunt):
    """Exactly none before τ/(2 − b), and some soon after, in the bed, whose terminal is at τ."""
    response = NumbaSimulator().step_response(blunt, TIME, LabelKinetics())
    arrival = blunt.plug_flow_time / (2 - blunt.bluntness)
    in_arteries = cut_at_voxel_faces(blunt.arteries)
    last = np.zeros(blunt.plug_flow_time.size)  # voxels whose only artery is the terminal's last piece
    np.add.at(last, in_arteries.voxel, 1)
    only = (last == 1).reshape(blunt.shape)
    assert only.sum() > 5
    begins = (blunt.plug_flow_time - _last_residence(blunt)) / (2 - blunt.bluntness)
    for k, t in enumerate(TIME):
        assert (response.arterial[k][only & (t < begins)] == 0).all()
        assert (response.arterial[k][only & (t > arrival + 0.05)] > 0).all()


def _last_residence(vessels: Vasculature) -> np.ndarray:
    """Plug-flow time of the segment that ends in each voxel, s, (X, Y, Z)."""
    return vessels.arteries.residence_time[vessels.arteries.terminal]


@pytest.mark.parametrize("b", [0.0, 0.4, 0.9, 0.99])
def test_half_of_the_label_has_arrived_by_the_transit_time(b, vessels_of):
    """Of the label that the flow brings, decay aside; and all of it by the plug-flow time only in plug flow."""
    vessels = replace(vessels_of(8), bluntness=b)
    np.testing.assert_allclose(laminar.flow_weighted(vessels.att, vessels.plug_flow_time, np.inf, b), 0.5, rtol=1e-9)
    assert (vessels.att < vessels.plug_flow_time).all()
    assert np.nanmin(vessels.att / vessels.plug_flow_time) == pytest.approx(half_arrival(b), rel=1e-12)


def test_the_transit_time_by_streamlines():
    """Counted, not integrated: streamlines of equal flow, by hand, half of them sooner."""
    for b in (0.0, 0.4, 0.9):
        velocity = b + 2 * (1 - b) * (np.arange(200_000) + 0.5) / 200_000
        sooner = velocity > 1 / half_arrival(b)
        assert velocity[sooner].sum() == pytest.approx(velocity.sum() / 2, rel=2e-5)  # a streamline more or less


def test_no_bluntness_is_laminar_flow_and_little_is_nearly(backend, vessels_of):
    """S is continuous in b: next to no bluntness makes next to no difference."""
    vessels, time, label = vessels_of(8), np.array([0.8, 1.6]), LabelKinetics()
    none, little = (
        backend.simulator.step_response(replace(vessels, bluntness=b), time, label).total for b in (0.0, 1e-6)
    )
    assert np.abs(none - little).max() < 1e-5 * none.max()


def test_the_kernels_agree_with_numba(kernels, blunt):
    """The same closed forms and steps; sums in float32 are added in another order, see `ROUNDING`."""
    time, label = np.array([0.7913, 1.5, 2.5]), LabelKinetics()
    found, expected = (s.step_response(blunt, time, label) for s in (kernels, NumbaSimulator()))
    for name in ("arterial", "bed", "left"):
        other = getattr(expected, name)
        np.testing.assert_allclose(getattr(found, name), other, atol=20 * ROUNDING * other.max())


def test_each_cube_of_a_batch_has_its_own(kernels, vessels_of):
    """Two bluntnesses and laminar flow, each as it is alone."""
    vessels, time, label = vessels_of(8), np.array([0.8, 1.6]), LabelKinetics()
    cubes = [replace(vessels, bluntness=b) for b in (0.4, 0.0, 0.9)]
    together = kernels.step_responses(kernels.batch(cubes), time, [label] * 3)
    fetch = open_device(kernels.device).fetch
    alone = [kernels.step_response(cube, time, label) for cube in cubes]
    for name in ("arterial", "bed", "left"):
        for found, expected in zip(fetch(getattr(together, name)), alone, strict=True):
            np.testing.assert_array_equal(found, getattr(expected, name))
    assert np.abs(alone[0].bed - alone[1].bed).max() > 0.02 * alone[1].bed.max()
