"""What is known before a scan is seen: of tissue, whatever great vessels run through a few of the voxels."""

import numpy as np
import pytest

from qtmnet.coefficients.prior import fit_prior, trimmed

RNG = np.random.default_rng(0)

FACTOR = np.tril(RNG.standard_normal((4, 4))) + 2 * np.eye(4)

TISSUE = FACTOR @ RNG.standard_normal((4, 20_000))
"""Coefficients (4, V) of a known covariance."""

TRUTH = 3.0 + np.array([1.0, -2.0, 0.5, 0.0]) @ TISSUE


@pytest.mark.parametrize("times", [10.0, 100.0, 1000.0])
def test_vessels_leave_it_that_of_tissue(times: float) -> None:
    """In three of a hundred voxels there is so many times the label, and their perfusion is another.

    Of a normal distribution the largest 7 % count less: its spread is then 0.85 of what it is, hence the bounds.
    """
    coefficients, truth = TISSUE.copy(), TRUTH.copy()
    coefficients[:, ::33] *= times
    truth[::33] = 0.0
    prior = fit_prior(coefficients, {"cbf": truth})
    spread = np.sqrt(np.diag(prior.factor @ prior.factor.T) / np.diag(FACTOR @ FACTOR.T))
    assert (spread > 0.8).all()
    assert (spread < 1.3).all()
    alone = fit_prior(TISSUE, {"cbf": TRUTH})
    np.testing.assert_allclose(alone.linear["cbf"], [3, 1, -2, 0.5, 0], atol=1e-6)


def test_what_is_larger_never_counts_for_more() -> None:
    size = np.concatenate([np.linspace(0.1, 1, 930), np.geomspace(1.1, 1e6, 70)])
    weights = trimmed(size[None])
    assert weights.sum() == pytest.approx(1)
    assert (np.diff(weights) <= 0).all()
    counts = weights * size**2
    assert counts[-1] == pytest.approx(counts[-5])  # as much as any other beyond the limit
    assert np.isfinite(trimmed(np.zeros((2, 5)))).all()
