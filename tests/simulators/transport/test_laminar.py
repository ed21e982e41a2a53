"""The closed forms of laminar flow against sums over streamlines and numerical integrals."""

import numpy as np
import pytest
from scipy.integrate import quad

from simulators.transport import laminar

T1 = 1.65
CASES = [(t, tau, t1) for t in (0.3, 1.0, 4.0) for tau in (0.05, 0.7, 2.5) for t1 in (0.4, T1, np.inf)]


def streamlines(t: float, tau: float, t1: float, n: int = 400_000) -> tuple[float, float]:
    """Concentration averaged over volume and over flow: streamlines of equal area, u/ū = 2(1 − ρ²)."""
    relative_velocity = 2 * (1 - (np.arange(n) + 0.5) / n)
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


@pytest.mark.parametrize(("t", "tau", "t1"), CASES)
def test_sum_over_streamlines(t, tau, t1):
    # One streamline more or less at the front: 1/400 000 of the volume, twice that of the flow.
    volume, flow = streamlines(t, tau, t1)
    assert laminar.volume_weighted(t, tau, t1) == pytest.approx(volume, abs=3e-6)
    assert laminar.flow_weighted(t, tau, t1) == pytest.approx(flow, abs=6e-6)


@pytest.mark.parametrize(("t", "tau", "t1"), CASES)
def test_integrals_over_time_and_space(t, tau, t1):
    entered, _ = quad(lambda s: laminar.flow_weighted(s, tau, t1), min(tau / 2, t), t, epsabs=1e-11)
    assert laminar.inflow(t, tau, t1) == pytest.approx(entered, abs=1e-9)
    kink = min(tau, 2 * t)  # nothing beyond
    held, _ = quad(lambda x: laminar.volume_weighted(t, x, t1), 1e-12, kink, epsabs=1e-10)
    assert laminar.stored(t, tau, t1) == pytest.approx(held, abs=1e-9)


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


def test_nothing_enters_or_leaves_unseen():
    """Without decay: what entered is stored or has come past τ."""
    t, tau = np.linspace(0.1, 6, 30)[:, None], np.linspace(0.01, 3, 20)
    np.testing.assert_allclose(
        laminar.stored(t, tau, np.inf) + laminar.inflow(t, tau, np.inf), np.broadcast_to(t, (30, 20)), rtol=1e-12
    )


def test_nothing_at_the_labeling_plane():
    assert laminar.stored(2.0, 0.0, T1) == 0


@pytest.mark.parametrize("n", [1, 8, 32])
def test_bundles(n):
    """Of equal flow, so their mean delay is that of plug flow; each against its share of a great many streamlines."""
    delays = laminar.bundle_delays(n)
    assert delays.mean() == pytest.approx(1, rel=1e-12)  # the volume is right
    assert (np.diff(delays) > 0).all()
    phi = (np.arange(n * 100_000) + 0.5) / (n * 100_000)
    many = (1 / (2 * np.sqrt(1 - phi))).reshape(n, -1).mean(axis=1)
    np.testing.assert_allclose(delays, many, rtol=2e-3)  # the last streamline's delay is infinite: its midpoint is not
