"""The closed forms of laminar and blunter flow against sums over streamlines and numerical integrals."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from simulators.transport import laminar

T1 = 1.65
CASES = [(t, tau, t1) for t in (0.3, 1.0, 4.0) for tau in (0.05, 0.7, 2.5) for t1 in (0.4, T1, np.inf)]
BLUNTNESS = (0.0, 0.4, 0.9)


def streamlines(t: float, tau: float, t1: float, b: float, n: int = 400_000) -> tuple[float, float]:
    """Concentration averaged over volume and over flow: streamlines of equal area, u/ū = b + 2(1 − b)(1 − ρ²)."""
    relative_velocity = b + 2 * (1 - b) * (1 - (np.arange(n) + 0.5) / n)
    age = tau / relative_velocity
    concentration = np.where(age <= t, np.exp(-age / t1), 0.0)
    return concentration.mean(), (concentration * relative_velocity).mean()


def test_the_papers_numbers():
    """Sums over 2 million streamlines, from the notes on the physics; they agreed to 5e-7."""
    start, end = 2.475 - 1.45, 2.475
    volume = laminar.volume_weighted(end, 1.0, T1) - laminar.volume_weighted(start, 1.0, T1)
    flow = laminar.flow_weighted(end, 1.0, T1) - laminar.flow_weighted(start, 1.0, T1)
    assert volume == pytest.approx(0.115353, abs=1e-6)
    assert flow == pytest.approx(0.083789, abs=1e-6)


@pytest.mark.parametrize("b", BLUNTNESS)
@pytest.mark.parametrize(("t", "tau", "t1"), CASES)
def test_sum_over_streamlines(t, tau, t1, b):
    # One streamline more or less at the front: 1/400 000 of the volume, twice that of the flow.
    volume, flow = streamlines(t, tau, t1, b)
    assert laminar.volume_weighted(t, tau, t1, b) == pytest.approx(volume, abs=3e-6)
    assert laminar.flow_weighted(t, tau, t1, b) == pytest.approx(flow, abs=6e-6)


def integral(function, *edges: float) -> float:
    """∫ between the first and the last edge; the others are where its slope jumps."""
    return sum(quad(function, low, high, epsabs=1e-11)[0] for low, high in pairwise(edges) if low < high)


@pytest.mark.parametrize("b", BLUNTNESS)
@pytest.mark.parametrize(("t", "tau", "t1"), CASES)
def test_integrals_over_time_and_space(t, tau, t1, b):
    first, last = min(tau / (2 - b), t), min(float(laminar.oldest(tau, b)), t)
    entered = integral(lambda s: laminar.flow_weighted(s, tau, t1, b), first, last, t)
    assert laminar.inflow(t, tau, t1, b) == pytest.approx(entered, abs=1e-9)
    held = integral(lambda x: laminar.volume_weighted(t, x, t1, b), 1e-12, min(tau, b * t), min(tau, (2 - b) * t))
    assert laminar.stored(t, tau, t1, b) == pytest.approx(held, abs=1e-9)


@pytest.mark.parametrize("t1", [0.4, T1, np.inf])
@pytest.mark.parametrize("b", BLUNTNESS)
def test_stored_for_ever(b, t1):
    """After 100 s all streamlines but those next to the wall have come, and in laminar flow τ²/4t is still missing."""
    tau = np.array([0.0, 0.05, 0.7, 2.5])
    missing = 0.0 if b > 0 else tau.max() ** 2 / 4 / 100
    np.testing.assert_allclose(
        laminar.stored(100.0, tau, t1, b), laminar.stored_for_ever(tau, t1, b), atol=missing + 1e-14
    )


@pytest.mark.parametrize("velocity", [0.0, 0.4, 2.0])
def test_slope_of_what_is_held(velocity):
    """Central differences of 1 ms, whose error is h²/6 of the third derivative, e^(−τ/(v T1))/(τ T1)."""
    tau, h = np.array([0.3, 0.7, 2.5]), 1e-3
    ends = (laminar.held_by_velocity(tau + sign * h, velocity, T1) for sign in (1, -1))
    slope = np.subtract(*ends) / (2 * h)
    np.testing.assert_allclose(laminar.slope_by_velocity(tau, velocity, T1), slope, atol=1e-6)


def test_nearly_plug_flow():
    """With b → 1 all label comes at τ with e^(−τ/T1); at 0.98 within 2 % of τ on either side."""
    tau, b = 1.0, 0.98
    for step_response in (laminar.volume_weighted, laminar.flow_weighted):
        assert step_response(0.98, tau, T1, b) == 0
        assert step_response(1.021, tau, T1, b) == pytest.approx(np.exp(-tau / T1), rel=1e-3)


@pytest.mark.parametrize("tau", [0.05, 0.7, 2.5])
def test_without_decay(tau):
    """c_V = 1 − τ/2t and c_F = 1 − (τ/2t)², so G = τ − τ²/4t: by hand."""
    t = np.array([0.6, 2.0, 10.0])
    arrived = t > tau / 2
    np.testing.assert_allclose(
        laminar.volume_weighted(t, tau, np.inf), np.where(arrived, 1 - tau / 2 / t, 0), atol=1e-14
    )
    np.testing.assert_allclose(
        laminar.flow_weighted(t, tau, np.inf), np.where(arrived, 1 - (tau / 2 / t) ** 2, 0), atol=1e-14
    )
    expected = np.where(arrived, tau - tau**2 / 4 / t, t)
    np.testing.assert_allclose(laminar.stored(t, tau, np.inf), expected, rtol=1e-13)


@pytest.mark.parametrize("b", BLUNTNESS)
def test_nothing_enters_or_leaves_unseen(b):
    """Without decay: what entered is stored or has come past τ."""
    t, tau = np.linspace(0.1, 6, 30)[:, None], np.linspace(0.01, 3, 20)
    np.testing.assert_allclose(
        laminar.stored(t, tau, np.inf, b) + laminar.inflow(t, tau, np.inf, b), np.broadcast_to(t, (30, 20)), rtol=1e-12
    )


@pytest.mark.parametrize("b", BLUNTNESS)
def test_nothing_at_the_labeling_plane(b):
    assert laminar.stored(2.0, 0.0, T1, b) == 0


@pytest.mark.parametrize("b", BLUNTNESS)
@pytest.mark.parametrize("n", [1, 8, 32])
def test_bundles(n, b):
    """Of equal flow, so their mean delay is that of plug flow; each against its share of a great many streamlines."""
    delays = laminar.bundle_delays(n, b)
    assert delays.mean() == pytest.approx(1, rel=1e-12)  # the volume is right
    assert (np.diff(delays) > 0).all()
    phi = (np.arange(n * 100_000) + 0.5) / (n * 100_000)
    # The flow nearest the axis up to velocity v is ((2 − b)² − v²)/(4(1 − b)), by hand.
    many = (1 / np.sqrt((2 - b) ** 2 - 4 * (1 - b) * phi)).reshape(n, -1).mean(axis=1)
    np.testing.assert_allclose(delays, many, rtol=2e-3)  # the last streamline's delay is infinite: its midpoint is not
