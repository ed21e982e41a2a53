"""The search against a posterior that is computed by its definition, everywhere."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm

from qtmnet.methods.arteries.fit import fit_arteries
from qtmnet.methods.arteries.model import ArrivalPriors
from simulators import PCASL, Acquisition
from simulators.constants import T1_GREY_MATTER
from tests.qtmnet.methods.arteries.convolved import signal_of

PRIORS = ArrivalPriors(1.3, 1.0, 1.0, 1.0)
PAPER = Acquisition(PCASL(1.45), (1.025, 1.525, 2.025, 2.525))


def test_no_other_arrival_is_more_probable():
    """The posterior by its definition, every 4 ms of ATT and over all arrivals, holds nothing better than was found."""
    rng, sigma = np.random.default_rng(3), 4e-4
    truths = [(60.0, 1.4, 0.01, 1.2), (25.0, 1.9, 0.0, 1.0), (80.0, 1.1, 0.03, 1.7), (40.0, 1.6, 0.004, 1.4)]
    frames = np.stack([signal_of(PAPER, *truth) for truth in truths], axis=-1)[..., None, None]
    frames += rng.normal(0, sigma, frames.shape)
    # A partition coefficient without end keeps T1' apart from CBF, so that both take the same.
    found = fit_arteries(frames, PAPER, PRIORS, noise=sigma, partition_coefficient=np.inf).att[:, 0, 0]
    for y, att in zip(frames[..., 0, 0].T / sigma, found, strict=True):
        grid = np.arange(0.0, 2.525, 4e-3)
        lowest, at = np.inf, 0.0
        for tried in grid:
            value = most_probable(y, tried)
            lowest, at = min((value, tried), (lowest, at))
        assert most_probable(y, att) <= lowest + 1e-3
        assert att == pytest.approx(at, abs=8e-3)


def most_probable(y: np.ndarray, att: float) -> float:
    """Least −2 ln of the posterior over perfusion, arteries and their arrival, for one ATT; for PAPER and PRIORS."""
    times = np.array(PAPER.post_labeling_delays)
    wait, whole = np.maximum(times - att, 0), np.maximum(times + 1.45 - att, 0)
    tissue = np.exp(-wait / T1_GREY_MATTER) - np.exp(-whole / T1_GREY_MATTER)
    unit = tissue / np.linalg.norm(tissue)
    least = y @ y - max(unit @ y, 0) ** 2
    ends = np.unique(np.round(np.concatenate([times, times + 1.45]), 6))
    for low, high in pairwise(ends):
        shown = ((low + high) / 2 >= times) & ((low + high) / 2 < times + 1.45)
        rest = shown - unit * (unit @ shown)
        deviation = 1 / np.linalg.norm(rest)
        z = (rest @ y) * deviation
        if z > 1:
            volume = (z - 1 / z) * deviation
            if unit @ (y - volume * shown) > 0:
                share = (norm.cdf(high, 1, 1) - norm.cdf(low, 1, 1)) / norm.sf(0, 1, 1)
                least_squares = y @ y - (unit @ y) ** 2
                least = min(least, least_squares - (z**2 - 1 - 2 * np.log(z)) - 2 * np.log(share))
    return least + (att - 1.3) ** 2
