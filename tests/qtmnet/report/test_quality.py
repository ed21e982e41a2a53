"""Each check warns of what it is for, and is silent about a scan in order."""

import numpy as np
import pytest

from qtmnet.report.checks.m0 import low_m0, m0_scale
from qtmnet.report.checks.premises import premise, resting_on
from qtmnet.report.quality import (
    Flag,
    coverage,
    impossible_cbf,
    label_order,
    negative_cbf,
    transit_times,
)
from qtmnet.scans.protocol.premise import Premise, Standing
from simulators.imaging.acquisition import Acquisition

RAS = np.eye(4)
CBF = np.linspace(5, 90, 1000)
M0 = np.full(1000, 1000.0)
DIFFERENCE = np.full(1000, 6.0)


def changed(values: np.ndarray, n: int, value: float) -> np.ndarray:
    """The values, of which n are others."""
    return np.concatenate([values[n:], np.full(n, value)])


def brain(*sides: slice) -> np.ndarray:
    mask = np.zeros((20, 20, 20), bool)
    mask[sides or (slice(4, 16),) * 3] = True
    return mask


PLAIN = Acquisition(post_labeling_delays=(1.0, 2.0))
SLICES = Acquisition(post_labeling_delays=(1.0, 2.0), slice_timing=tuple(np.linspace(0, 0.5, 20)))


def times(share: float, value: float) -> np.ndarray:
    """Transit times of 1.6 s, but for a share of the voxels."""
    att = np.full((20, 20, 20), 1.6)
    att.reshape(-1)[: round(share * att.size)] = value
    return att


def premise_of(standing: Standing) -> Premise:
    return Premise("Field strength", "3 T assumed", standing, "Label decays with it.", "Put it into the sidecar.")


ORDERLY = {
    "few early": transit_times(times(0.19, 1.0), brain(slice(None)), PLAIN),
    "late only without the slices' times": transit_times(
        np.broadcast_to(1.5 + np.linspace(0, 0.6, 20), (20, 20, 20)), brain(slice(None)), SLICES
    ),
    "a premise that is known": premise(premise_of("known")),
    "no negative": negative_cbf(CBF),
    "few negative": negative_cbf(changed(CBF, 99, -1.0)),
    "no impossible": impossible_cbf(CBF),
    "few impossible": impossible_cbf(changed(CBF, 5, 250.0)),
    "order": label_order([5.0, 6.0, -1.0]),
    "m0 unsuppressed": m0_scale(DIFFERENCE, M0, 0.95 * M0, suppressed=False),
    "m0 suppressed": m0_scale(DIFFERENCE, M0, 0.1 * M0, suppressed=True),
    "m0 of differences": m0_scale(DIFFERENCE, M0),
    "m0 everywhere": low_m0(M0, 5),
    "m0 in nearly all": low_m0(changed(M0, 9, 50.0)),
    "inside": coverage(brain(), RAS),
    "a corner at the edge": coverage(brain() | (np.indices((20,) * 3).sum(0) == 0), RAS),
}
TROUBLED = {
    "many early": (transit_times(times(0.21, 1.0), brain(slice(None)), PLAIN), "21.0%"),
    "before it began": (transit_times(times(0.01, -0.4), brain(slice(None)), PLAIN), "1.00% are below 0 or no number"),
    "many late": (transit_times(times(0.21, 2.0), brain(slice(None)), PLAIN), "21.0%"),
    "first delay of each slice": (
        transit_times(np.broadcast_to(1 + np.linspace(0, 0.5, 20), (20, 20, 20)), brain(slice(None)), SLICES),
        "100.0%",
    ),
    "a premise that nothing says": (premise(premise_of("unknown")), "3 T assumed"),
    "negative": (negative_cbf(changed(CBF, 101, -1.0)), "10.1%"),
    "too high": (impossible_cbf(changed(CBF, 6, 250.0)), "0.60%"),
    "not a number": (impossible_cbf(changed(CBF, 1, np.nan)), "1 voxels are not finite"),
    "infinite": (impossible_cbf(changed(CBF, 2, np.inf)), "2 voxels are not finite"),
    "swapped": (label_order([-5.0, -6.0, 1.0]), "2 of 3 delays"),
    "m0 too small": (m0_scale(DIFFERENCE, M0 / 10, 0.95 * M0, suppressed=False), "9.5 of M0"),
    "m0 too large": (m0_scale(DIFFERENCE, 100 * M0, 0.95 * M0, suppressed=None), "0.0095 of M0"),
    "not suppressed after all": (m0_scale(DIFFERENCE, M0, 0.95 * M0, suppressed=True), "with background suppression"),
    "suppressed after all": (m0_scale(DIFFERENCE, M0, 0.1 * M0, suppressed=False), "without background suppression"),
    "m0 too small for differences": (m0_scale(DIFFERENCE, M0 / 100), "0.6 of M0"),
    "m0 too large for differences": (m0_scale(DIFFERENCE, 100 * M0), "6e-05 of M0"),
    "m0 missing": (low_m0(M0, 20), "20 of 1020"),
    "m0 low": (low_m0(changed(M0, 11, 50.0)), "1.1%"),
    "nearly nothing": (coverage(brain(slice(9, 11), slice(9, 11), slice(9, 11)), RAS), "0.1% of the field of view"),
    "nearly all": (coverage(brain(slice(1, 19), slice(1, 19), slice(1, 19)), RAS), "72.9% of the field of view"),
    "cut off below": (coverage(brain(slice(4, 16), slice(4, 16), slice(0, 16)), RAS), "inferior (144 voxels)"),
}


@pytest.mark.parametrize("flag", ORDERLY.values(), ids=ORDERLY)
def test_a_scan_in_order_gets_no_warning(flag: Flag) -> None:
    assert flag.level == "ok"
    assert flag.found
    assert flag.meaning
    assert not flag.advice


@pytest.mark.parametrize(("flag", "number"), TROUBLED.values(), ids=TROUBLED)
def test_a_defect_is_warned_of_with_its_number_and_what_to_do(flag: Flag, number: str) -> None:
    assert flag.level == "warning"
    assert number in flag.found
    assert flag.advice
    assert flag.meaning not in {other.meaning for other in ORDERLY.values()}


@pytest.mark.parametrize(
    ("codes", "face"), [("RAS", "right"), ("LAS", "left"), ("ASR", "anterior"), ("IPL", "inferior")]
)
def test_the_side_that_is_cut_off_is_the_bodys(codes: str, face: str) -> None:
    """Whatever the order and direction in which voxels are stored."""
    mask = brain(slice(4, 20), slice(4, 16), slice(4, 16))  # at the high end of the first axis
    assert f"edges: {face} (" in coverage(mask, affine_of(codes)).found


def affine_of(codes: str) -> np.ndarray:
    """An affine whose axes point to these sides."""
    ways = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, code in enumerate(codes):
        row, sign = ways[code]
        affine[row, column] = sign
    return affine


def test_nothing_is_in_order_whose_premise_was_assumed() -> None:
    usual, unknown, known = (premise_of(standing) for standing in ("usual", "unknown", "known"))
    assert premise(usual).level == "assumed"
    fine, bad = negative_cbf(CBF), negative_cbf(changed(CBF, 101, -1.0))
    assert fine.level == "ok"
    assert resting_on(fine, known) == fine
    for of in (usual, unknown):
        assert resting_on(fine, of).level == "assumed"
        assert of.found in resting_on(fine, of).meaning
        assert resting_on(bad, of) == bad


def test_checks_are_listed_by_what_to_look_at_first() -> None:
    flags = [premise(premise_of(standing)) for standing in ("known", "unknown", "usual")]
    assert [flag.level for flag in sorted(flags, key=lambda flag: flag.rank)] == ["warning", "assumed", "ok"]
