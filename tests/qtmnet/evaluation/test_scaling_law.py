"""Laws of error by size against laws that were made up."""

import numpy as np
import pytest

from qtmnet.evaluation.scaling_law import fit_scaling_law
from simulators import InputError

SIZES = np.array([360.0, 1440.0, 5760.0, 23040.0])


def law(size: np.ndarray | float, floor: float, amplitude: float, exponent: float) -> np.ndarray:
    return floor + amplitude * np.power(size, -exponent)


@pytest.mark.parametrize("parameters", [(0.04, 0.8, 0.45), (0.0, 2.0, 0.25), (0.1, 30.0, 1.1), (0.02, 0.3, 0.12)])
def test_an_exact_law_is_found(parameters: tuple[float, float, float]) -> None:
    found = fit_scaling_law(SIZES, law(SIZES, *parameters))
    # The sum of squares is flat about its end: its rounding, 1e-16, is some 1e-8 of the exponent's square root.
    assert (found.floor, found.amplitude, found.exponent) == pytest.approx(parameters, rel=1e-4, abs=1e-5)
    value, low, high = found.at(1e6)
    assert value == pytest.approx(float(law(1e6, *parameters)), rel=1e-4)
    assert low == pytest.approx(high, rel=1e-2)  # no spread, but for the steps of the exponents


def test_nine_of_ten_intervals_hold_the_truth() -> None:
    """Of 40 made-up sweeps of three seeds with 3 % spread: fewer than 30 by chance once in 200 (binomial)."""
    parameters, sizes = (0.04, 0.8, 0.45), np.repeat(SIZES, 3)
    held = {"at": 0, "floor": 0}
    for seed in range(40):
        noise = 1 + 0.03 * np.random.default_rng(seed).standard_normal(sizes.size)
        found = fit_scaling_law(sizes, law(sizes, *parameters) * noise, seed=seed)
        value, low, high = found.at(1e6)
        assert low <= value <= high
        held["at"] += low <= law(1e6, *parameters) <= high
        low, high = found.interval("floor")
        held["floor"] += low <= parameters[0] <= high
    assert held["at"] >= 30
    assert held["floor"] >= 30


def test_more_spread_makes_wider_intervals() -> None:
    sizes = np.repeat(SIZES, 3)
    noise = np.random.default_rng(1).standard_normal(sizes.size)
    widths = []
    for spread in (0.01, 0.05):
        _, low, high = fit_scaling_law(sizes, law(sizes, 0.04, 0.8, 0.45) * (1 + spread * noise)).at(1e6)
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_a_constant_error_has_no_amplitude() -> None:
    found = fit_scaling_law(SIZES, [0.2] * 4)
    assert found.at(1e6)[0] == pytest.approx(0.2)


def test_a_rising_error_is_constant() -> None:
    found = fit_scaling_law(SIZES, [0.1, 0.12, 0.14, 0.16])
    assert found.amplitude == 0
    assert 0.1 < found.floor < 0.16


@pytest.mark.parametrize(
    ("sizes", "errors"), [([1, 2], [0.1, 0.2]), ([1, 1, 1, 2], [0.1] * 4), ([1, 2, 3], [0.3, 0.2, 0.1])]
)
def test_too_few_sizes_are_refused(sizes: list[float], errors: list[float]) -> None:
    with pytest.raises(InputError, match=r"errors of . sizes; give four errors of three sizes at least"):
        fit_scaling_law(sizes, errors)


def test_an_error_of_zero_is_refused() -> None:
    with pytest.raises(InputError, match="give one above 0"):
        fit_scaling_law(SIZES, [0.1, 0.1, 0.1, 0.0])
