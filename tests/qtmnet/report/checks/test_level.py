"""A level of perfusion that no brain has is named, with what would explain it."""

import numpy as np
import pytest

from qtmnet.report.checks.level import perfusion_level

SHAPE = np.linspace(0.4, 1.6, 999)  # of a brain's voxels around their median


@pytest.mark.parametrize("median", [20.5, 38.5, 60.0, 119.0])
def test_levels_that_brains_have(median: float) -> None:
    flag = perfusion_level(median * SHAPE, median)
    assert flag.level == "ok"
    assert not flag.advice


FACTORS = {
    3.0: "scan.nex=3)",
    10.0: "m0_scale=10)",
    32.0: "scan.gain=32)",
    96.0: "scan.nex=3 scan.gain=32",
    1 / 10: "m0_scale=0.1)",
    1 / 32: "m0_scale=0.03125",
    1 / 96: "m0_scale=0.0104",
}


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("truth", [45.0, 60.0, 75.0])
def test_factors_of_scanners_are_named(factor: float, truth: float) -> None:
    flag = perfusion_level(factor * truth * SHAPE)
    assert flag.level == "warning"
    assert FACTORS[factor] in flag.found
    assert "M0" in flag.advice or "scaled" in flag.advice


@pytest.mark.parametrize("median", [19.0, 121.0, 240.0, 1e6, 1e-6, 0.0])
def test_other_levels_are_warned_of_too(median: float) -> None:
    assert perfusion_level(median * SHAPE).level == "warning"


def test_a_negative_level_is_of_swapped_volumes() -> None:
    flag = perfusion_level(-40 * SHAPE)
    assert flag.level == "warning"
    assert "swapped" in flag.found


@pytest.mark.parametrize(("level", "expected"), [(6.0, "warning"), (5760.0, "warning"), (15.0, "ok"), (170.0, "ok")])
def test_a_network_does_not_hide_the_level_of_its_scan(level: float, expected: str) -> None:
    """The consensus equation is off by slice times and late blood, but not by much."""
    assert perfusion_level(40 * SHAPE, level).level == expected


def test_voxels_that_are_no_numbers_do_not_count() -> None:
    assert perfusion_level(np.append(60 * SHAPE, [np.nan] * 2000)).level == "ok"
    assert perfusion_level(np.full(10, np.nan)).level == "warning"
