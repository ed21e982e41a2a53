"""Intervals held against the truth: by closed forms of distributions that are known."""

import json
import math

import numpy as np
import pytest

from qtmnet.evaluation.estimates import Estimates
from qtmnet.evaluation.intervals import score_interval, score_intervals
from qtmnet.evaluation.score_files import write_interval_scores

SHAPE = (20, 20, 20)


def test_coverage_of_a_normal_error_is_that_of_the_normal_distribution() -> None:
    truth = np.random.default_rng(0).normal(50, 10, SHAPE)
    estimate = truth + np.random.default_rng(1).normal(0, 4, SHAPE)
    for half in (2.0, 4.0, 6.58):  # the last is 1.645 standard deviations: 90 %
        found = score_interval(estimate - half, estimate + half, truth, np.ones(SHAPE, bool))
        expected = math.erf(half / 4 / math.sqrt(2))
        # of 8000 voxels the share has a standard error of 0.006 at most
        assert found.coverage == pytest.approx(expected, abs=0.02)
        assert found.width == pytest.approx(2 * half)


def test_ends_are_inside_and_regions_without_voxels_have_no_score() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    everywhere = np.ones(3, bool)
    assert score_interval(truth, truth, truth, everywhere).coverage == 1
    assert score_interval(truth + 1e-9, truth + 1, truth, everywhere).coverage == 0
    nowhere = score_interval(truth, truth, truth, ~everywhere)
    assert nowhere.as_dict() == {"coverage": None, "width": None}


def test_only_what_has_a_truth_and_both_ends_is_scored(tmp_path) -> None:
    truth = np.full(SHAPE, 2.0)
    undefined = np.zeros(SHAPE, bool)
    undefined[0] = True  # there the truth is 0, which no interval holds
    maps = {
        "one": {"att": truth, "att_low": truth - 1, "att_high": truth + 1, "cbf_low": truth, "cbf_high": truth},
        "other": {"att": truth, "att_low": truth},
    }
    estimates = Estimates({"att": np.where(undefined, 0, truth)}, maps, {"att": undefined})
    half = np.zeros(SHAPE, bool)
    half[:, :10] = True
    found = score_intervals(estimates, {"all": np.ones(SHAPE, bool), "half": half, "none": undefined})
    assert list(found) == ["att"]
    assert {region: list(by_method) for region, by_method in found["att"].items()} == {
        "all": ["one"],
        "half": ["one"],
        "none": ["one"],
    }
    assert (found["att"]["all"]["one"].coverage, found["att"]["half"]["one"].width) == (1, 2)
    path = write_interval_scores(tmp_path, found)
    assert path is not None
    assert json.loads(path.read_text(encoding="utf-8"))["att"]["none"]["one"] == {"coverage": None, "width": None}
    assert write_interval_scores(tmp_path, {}) is None
