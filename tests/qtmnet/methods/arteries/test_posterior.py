"""What is in closed form in the posterior, against its definition."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from qtmnet.methods.arteries import posterior
from qtmnet.methods.arteries.posterior import amounts, least_cost, unit


@pytest.mark.parametrize("z", [0.5, 1.0, 1.2, 2.0, 5.0, 20.0])
def test_the_width_of_the_arteries_prior_is_the_most_probable_one(z):
    """Of one amplitude a ~ N(0, v), told by z ~ N(a, 1): the probability of z is N(0, 1 + v) whatever a was."""

    def twice_log(v: float) -> float:
        return -(z**2) / (1 + v) - np.log(1 + v)

    best = minimize_scalar(lambda v: -twice_log(v), bounds=(0, 1000), method="bounded", options={"xatol": 1e-9})
    v = max(best.x, 0.0)
    gained = twice_log(v) - twice_log(0.0)
    assert posterior.gain(np.array([z]))[0] == pytest.approx(gained, abs=1e-6)
    assert posterior.shrunk(np.array([z]))[0] == pytest.approx(z * v / (1 + v), abs=1e-4)


def test_amounts_without_noise_are_those_that_made_the_frames():
    rng = np.random.default_rng(0)
    tissue, arteries = rng.uniform(0, 1, (2, 5, 40))
    perfusion, volume = rng.uniform(1, 2, (2, 40))
    # In units of noise of 1e-6: the prior takes 1/z² off aBV, at z of some 1e5.
    found = amounts(1e6 * (perfusion * tissue + volume * arteries), tissue, arteries)
    np.testing.assert_allclose(found, 1e6 * np.stack([perfusion, volume]), rtol=1e-6)


def test_nothing_is_negative():
    rng = np.random.default_rng(1)
    signal, tissue, arteries = rng.normal(0, 3, (5, 500)), *rng.uniform(0, 1, (2, 5, 500))
    assert np.min(amounts(signal, tissue, arteries)) == 0
    assert least_cost(signal, unit(tissue, axis=0), arteries).max() <= 0  # as neither costs 0


def test_arteries_that_show_what_the_tissue_shows_are_left_out():
    tissue = np.array([[3.0], [2.0], [1.0]])
    perfusion, volume = amounts(10 * tissue, tissue, 2 * tissue)
    assert perfusion == pytest.approx(10)
    assert volume == 0
