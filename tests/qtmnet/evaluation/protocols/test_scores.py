"""Measures of maps, against what they are for errors that are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from qtmnet.evaluation.protocols.scores import Truth, score_maps, width_bins

SHAPE = (30, 30, 30)
RNG = np.random.default_rng(2)
GREY = np.indices(SHAPE)[0] < 10
WHITE = np.indices(SHAPE)[0] >= 20
CBF = np.where(GREY, 60.0, np.where(WHITE, 20.0, 40.0)) * (1 + 0.1 * RNG.standard_normal(SHAPE))
COUNTS = np.indices(SHAPE)[1] >= 2
ATT = np.where(np.indices(SHAPE)[2] == 5, np.nan, RNG.uniform(0.5, 2.5, SHAPE))
TRUTH = Truth(CBF, ATT, COUNTS, GREY & COUNTS, WHITE & COUNTS)


def test_a_perfect_map() -> None:
    found = score_maps({"cbf": CBF, "att": ATT}, TRUTH)
    assert found == pytest.approx(
        {"nrmse": 0, "bias": 0, "slope": 1, "contrast": 1, "att_error": 0, "att_bias": 0}, abs=1e-12
    )


def test_a_line_of_the_truth() -> None:
    """Q̂ = a + b Q: the slope is b, the bias a + (b − 1) mean Q; contrast goes towards 1 as a grows."""
    found = score_maps({"cbf": 10 + 0.5 * CBF}, TRUTH)
    true = CBF[COUNTS]
    assert found["slope"] == pytest.approx(0.5)
    assert found["bias"] == pytest.approx(10 - 0.5 * true.mean())
    assert found["nrmse"] == pytest.approx(np.sqrt(((10 - 0.5 * true) ** 2).sum() / (true**2).sum()))
    grey, white = CBF[TRUTH.grey].mean(), CBF[TRUTH.white].mean()
    assert found["contrast"] == pytest.approx((10 + 0.5 * grey) / (10 + 0.5 * white) / (grey / white))


def test_voxels_that_do_not_count_do_not() -> None:
    spoiled = np.where(COUNTS, CBF, 1e6)
    assert score_maps({"cbf": spoiled}, TRUTH)["nrmse"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("told", [0.5, 1.0, 2.0])
def test_intervals_cover_what_a_normal_error_says(told: float) -> None:
    """Errors of 5 mL/100g/min, intervals for `told` times that: Φ says how many voxels lie within."""
    estimate = CBF + 5 * RNG.standard_normal(SHAPE)
    half = norm.ppf(0.95) * 5 * told
    found = score_maps({"cbf": estimate, "cbf_low": estimate - half, "cbf_high": estimate + half}, TRUTH)
    expected = 2 * norm.cdf(norm.ppf(0.95) * told) - 1
    spread = np.sqrt(expected * (1 - expected) / COUNTS.sum())  # binomial
    assert found["coverage"] == pytest.approx(expected, abs=4 * spread)
    assert found["width"] == pytest.approx(half)


def test_bins_tell_where_intervals_are_too_narrow() -> None:
    """Wide intervals of white matter hold the truth, narrow ones of grey matter do not."""
    half = np.where(GREY, 0.05, 0.3) * CBF
    off = np.where(GREY, 2.0, 0.5) * half
    maps = {"cbf": CBF + off, "cbf_low": CBF + off - half, "cbf_high": CBF + off + half}
    found = score_maps(maps, TRUTH)
    assert found["coverage_0 to 0.1"] == 0
    assert found["coverage_0.2 to 0.4"] == 1
    assert np.isnan(found["coverage_over 0.8"])
    assert found["share_0 to 0.1"] == pytest.approx(TRUTH.grey.sum() / COUNTS.sum())
    assert sum(found[f"share_{name}"] for name in width_bins()) == pytest.approx(1)
    weighted = [found[f"coverage_{name}"] * found[f"share_{name}"] for name in width_bins()]
    assert np.nansum(weighted) == pytest.approx(found["coverage"])


def test_an_interval_of_nothing_is_the_widest() -> None:
    zero = np.zeros(SHAPE)
    found = score_maps({"cbf": zero, "cbf_low": zero - 1, "cbf_high": zero + 1}, TRUTH)
    assert found["share_over 0.8"] == 1
    assert found["coverage"] == 0


def test_transit_times_are_scored_where_there_are_any() -> None:
    late = np.where(np.isfinite(ATT), ATT, 1e3) + np.where(np.indices(SHAPE)[0] < 15, 0.2, -0.2)
    found = score_maps({"att": late, "att_low": late - 0.3, "att_high": late + 0.1}, TRUTH)
    assert found["att_error"] == pytest.approx(0.2)
    assert found["att_bias"] == pytest.approx(0, abs=1e-9)
    assert found["att_coverage"] == pytest.approx(0.5)


def test_what_is_not_defined_is_no_number() -> None:
    flat = replace(TRUTH, cbf=np.full(SHAPE, 50.0), white=np.zeros(SHAPE, bool))
    found = score_maps({"cbf": CBF}, flat)
    assert np.isnan(found["slope"])
    assert np.isnan(found["contrast"])
