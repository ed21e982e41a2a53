"""Scores of estimates whose error is known."""

import numpy as np
import pytest

from qtmnet.evaluation.metrics import score, score_parts

TRUTH = np.random.default_rng(0).uniform(10, 80, (3, 9, 8, 7))


def test_a_perfect_estimate() -> None:
    scores = score(TRUTH, TRUTH)
    assert (scores.nrmse, scores.bias) == (0, 0)
    assert scores.slope == pytest.approx(1)
    assert scores.ssim == pytest.approx(1)


def test_a_scaled_and_shifted_estimate() -> None:
    scores = score(0.7 * TRUTH + 5, TRUTH)
    assert scores.slope == pytest.approx(0.7)
    assert scores.bias == pytest.approx(5 - 0.3 * TRUTH.mean())
    assert scores.nrmse == pytest.approx(np.linalg.norm(5 - 0.3 * TRUTH) / np.linalg.norm(TRUTH))
    assert scores.ssim < 1


def test_only_the_mask_counts() -> None:
    mask = np.zeros(TRUTH.shape, bool)
    mask[:, 2:6, 2:6, 2:5] = True
    spoiled = np.where(mask, TRUTH, 1e3)
    assert score(spoiled, TRUTH, mask).nrmse == 0
    assert score(TRUTH[0], TRUTH[0]).ssim == pytest.approx(1)


def test_what_is_not_defined_is_none() -> None:
    flat = np.full((5, 5, 5), 50.0)
    scores = score(flat + 5, flat).as_dict()
    assert scores["slope"] is None
    assert scores["nrmse"] == pytest.approx(0.1)
    assert score(flat, 0 * flat).as_dict()["nrmse"] is None


def test_parts_share_one_similarity_map() -> None:
    """So that the mean over parts, weighted by their voxels, is that of the whole."""
    truth, whole = TRUTH[0], np.ones(TRUTH.shape[1:], bool)
    part = np.indices(whole.shape)[0] < 4
    spoiled = np.where(part, truth + 20, truth)
    scores = score_parts(spoiled, truth, whole, {"one": part, "other": ~part})
    assert scores["one"].bias == pytest.approx(20)
    assert scores["other"].nrmse == 0
    mean = part.mean() * scores["one"].ssim + (~part).mean() * scores["other"].ssim
    assert mean == pytest.approx(score(spoiled, truth).ssim)
