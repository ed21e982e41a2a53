"""Scores of estimates whose error is known."""

import numpy as np
import pytest

from qtmnet.metrics import score

TRUTH = np.random.default_rng(0).uniform(10, 80, (3, 9, 8, 7))


def test_a_perfect_estimate() -> None:
    scores = score(TRUTH, TRUTH)
    assert (scores.nrmse, scores.bias_ml_100g_min) == (0, 0)
    assert scores.slope == pytest.approx(1)
    assert scores.ssim == pytest.approx(1)


def test_a_scaled_and_shifted_estimate() -> None:
    scores = score(0.7 * TRUTH + 5, TRUTH)
    assert scores.slope == pytest.approx(0.7)
    assert scores.bias_ml_100g_min == pytest.approx(5 - 0.3 * TRUTH.mean())
    assert scores.nrmse == pytest.approx(np.linalg.norm(5 - 0.3 * TRUTH) / np.linalg.norm(TRUTH))
    assert scores.ssim < 1


def test_only_the_mask_counts() -> None:
    mask = np.zeros(TRUTH.shape, bool)
    mask[:, 2:6, 2:6, 2:5] = True
    spoiled = np.where(mask, TRUTH, 1e3)
    assert score(spoiled, TRUTH, mask).nrmse == 0
    assert score(TRUTH[0], TRUTH[0]).ssim == pytest.approx(1)
