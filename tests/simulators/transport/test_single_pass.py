"""A third model of exchange, whose label does not come back from tissue, in closed form and on every backend."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import gamma

from simulators import LabelKinetics
from simulators.transport.chain import impulse_responses

STEP, N_STEPS, FRACTION = 0.05, 60, 0.02


@pytest.mark.parametrize("theta", [0.1, 0.8, 4.0])
def test_what_passes_a_capillary(theta, single_pass):
    """Label leaves each of n elements at rate k for the next and k_c for good: Erlang's density times e^(−k_c t)."""
    label = LabelKinetics(t1_blood=np.inf, t1_tissue=np.inf, exchange=single_pass())
    leave_blood, leave_tissue = label.exchange.rates(FRACTION)
    assert leave_tissue == 0
    present, gone = impulse_responses(np.array([theta]), FRACTION, label, STEP, N_STEPS)
    k = 10 / theta
    passing, erlang = (k / (k + leave_blood)) ** 10, gamma(10, scale=1 / (k + leave_blood))
    expected = [passing * quad(erlang.cdf, i * STEP, (i + 1) * STEP)[0] / STEP for i in range(N_STEPS)]
    np.testing.assert_allclose(gone[0], expected, atol=1e-9)  # of quad
    np.testing.assert_allclose(present[0], 1 - np.array(expected), atol=1e-9)


def test_extraction_of_a_cube(backend, single_pass, vessels_of):
    """In the steady state each capillary lets (1 + PS/(n F))^−n of its label pass, for n → ∞ Renkin's and Crone's
    e^(−PS/F); tissue keeps the rest for ever."""
    vessels = vessels_of(8, (55.0, 65.0))
    label = LabelKinetics(t1_blood=np.inf, t1_tissue=np.inf, exchange=single_pass(30.0))
    beds = vessels.capillaries
    of_capillary = np.repeat(beds.volume_fraction.ravel(), np.diff(beds.start))
    leave_blood = np.array([label.exchange.rates(fraction)[0] for fraction in of_capillary])
    passing = (beds.flow * (1 + leave_blood * beds.volume / beds.flow / 10) ** -10).sum()
    assert 0.2 < passing / beds.flow.sum() < 0.8  # so that both parts are seen
    time = np.array([50.0, 100.0])
    response = backend.coarse.step_response(vessels, time, label)
    left, stored = (
        np.diff(amount)[0] / np.diff(time)[0]
        for amount in (response.left, response.bed.sum(axis=(1, 2, 3), dtype=float) * vessels.voxel_volume)
    )
    # The slowest streamlines, near the walls, are still on their way: (τ/2t)² of the flow, 1e-3 for τ of 3 s at 50 s.
    assert left == pytest.approx(passing, rel=2e-3)
    assert stored == pytest.approx(beds.flow.sum() - passing, rel=2e-3)
