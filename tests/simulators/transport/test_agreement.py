"""The fast backends against the literal scheme."""

import numpy as np
import pytest

from simulators import LabelKinetics, NoExchange, NumbaSimulator
from simulators.transport import laminar
from simulators.transport.reference import ReferenceSimulator

TIME = np.arange(1, 21) * 0.25


def test_agreement_at_10_ms(vessels_of):
    vessels, time = vessels_of(16), TIME[:12]
    fast, literal = (s.step_response(vessels, time, LabelKinetics()) for s in (NumbaSimulator(), ReferenceSimulator()))
    peak = fast.total.max()
    # Where the first streamline has come within the step, S sets in with a slope of 2/τ, up to 10/s: a label that
    # rises in a step, as the literal one, sees S averaged over that step. Seen so, the two agree to a fifth of it.
    around = np.sort(np.concatenate([time - 0.005, time, time + 0.005]))
    before, at, after = (
        NumbaSimulator()
        .arterial_step_response(vessels, around, LabelKinetics())
        .reshape(len(time), 3, *vessels.shape)
        .swapaxes(0, 1)
    )
    print(
        f"arteries: {np.abs(at - literal.arterial).max() / peak:.2e} of the peak, "
        f"averaged {np.abs((before + 4 * at + after) / 6 - literal.arterial).max() / peak:.2e}; "
        f"beds {np.abs(fast.bed - literal.bed).max() / fast.bed.max():.2e}"
    )
    assert np.abs(at - literal.arterial).max() < 2e-3 * peak
    assert np.abs((before + 4 * at + after) / 6 - literal.arterial).max() < 1e-3 * peak
    assert np.abs(fast.bed - literal.bed).max() < 1e-3 * fast.bed.max()  # stricter than of the arteries' peak
    assert np.abs(fast.left - literal.left).max() < 1e-3 * fast.left.max()


def test_the_error_vanishes_with_the_step(exchange, vessels_of):
    """At least of the first order. Numba at 5 ms stands for the limit: 40 times nearer to it than the last step is."""
    vessels, label = vessels_of(8), LabelKinetics(exchange=exchange)
    limit = NumbaSimulator(0.005).step_response(vessels, TIME, label)
    steps = np.array([0.04, 0.02, 0.01])
    errors = []
    for step in steps:
        literal = ReferenceSimulator(step).step_response(vessels, TIME, label)
        errors.append(
            [
                np.sqrt(np.mean((literal.arterial - limit.arterial) ** 2)) / limit.total.max(),
                np.sqrt(np.mean((literal.bed - limit.bed) ** 2)) / limit.total.max(),
                np.abs(literal.left - limit.left).max() / limit.left.max(),
            ]
        )
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    print(f"{exchange.model}: errors {np.array(errors).tolist()}, slopes {slope}")
    assert (slope >= 0.9).all()
    assert (np.array(errors)[-1] < 1e-4).all()


def test_numbas_own_step(exchange, vessels_of):
    """The default step against a fifth of it: 1e-3 of the peak, wherever."""
    vessels, label = vessels_of(16), LabelKinetics(exchange=exchange)
    default, fine = (s.step_response(vessels, TIME, label) for s in (NumbaSimulator(), NumbaSimulator(0.005)))
    assert np.abs(default.bed - fine.bed).max() < 1e-3 * fine.bed.max()


def test_times_between_steps(backend, vessels_of):
    """Whatever times are asked for with it, S(t) is the same: interpolation between steps errs as the step does."""
    vessels, label = vessels_of(8), LabelKinetics()
    odd = np.array([0.7913, 1.2345, 2.0007])
    alone = backend.simulator.step_response(vessels, odd, label)
    exact = NumbaSimulator(0.0025).step_response(vessels, odd, label)
    assert np.abs(alone.total - exact.total).max() < 2e-3 * exact.total.max()  # 25 ms here: 1e-3 at 10 ms
    entered = vessels.arteries.flow[vessels.arteries.inlets].sum() * odd
    assert (
        np.abs(alone.left - exact.left) < 1e-4 * entered
    ).all()  # the balance's measure; next to nothing has left yet


def test_eight_bundles_are_enough(monkeypatch: pytest.MonkeyPatch, vessels_of):
    """Four times as many move label by 1 % of the peak at most, where most label is in veins: without exchange. The
    slowest streamlines of a vein, 1/16 of the flow, are what 8 bundles tell least apart."""
    vessels, label = vessels_of(16), LabelKinetics(exchange=NoExchange())
    few = NumbaSimulator().step_response(vessels, TIME, label)
    many = laminar.bundle_delays(32)
    monkeypatch.setattr(laminar, "STREAMLINE_BUNDLES", 32)
    monkeypatch.setattr(laminar, "bundle_delays", lambda bluntness: many)
    more = NumbaSimulator().step_response(vessels, TIME, label)
    difference = few.bed - more.bed
    print(
        f"8 for 32 bundles: {np.abs(difference).max() / more.bed.max():.2e} of the peak, "
        f"{np.linalg.norm(difference) / np.linalg.norm(more.bed):.2e} in L2 norm, "
        f"left {few.left[-1] / more.left[-1] - 1:.2e}"
    )
    assert 0 < np.abs(difference).max() < 2e-2 * more.bed.max()
    assert np.linalg.norm(difference) < 1e-2 * np.linalg.norm(more.bed)
