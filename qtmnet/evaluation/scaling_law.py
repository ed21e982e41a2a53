"""How an error falls with a size, such as the number of training cubes: a power law above a floor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from simulators.errors import InputError

EXPONENTS = np.geomspace(0.02, 4.0, 400)
"""That are tried; below, a power law is no other than a constant over any range of sizes."""

N_REPLICATES = 2000

LEAST_SIZES = 3

INTERVAL = (5.0, 95.0)
"""Percentiles of the ends of 90 % intervals."""


@dataclass(frozen=True)
class ScalingLaw:
    """error = floor + amplitude · size^(−exponent).

    Attributes:
        floor, amplitude, exponent: that fit best.
        replicates: the same three of errors drawn anew, (R, 3).
    """

    floor: float
    amplitude: float
    exponent: float
    replicates: np.ndarray

    def at(self, size: float) -> tuple[float, float, float]:
        """The error at a size, and the ends of its 90 % interval."""
        low, high = np.percentile(_law(self.replicates.T, size), INTERVAL)
        return float(_law((self.floor, self.amplitude, self.exponent), size)), float(low), float(high)

    def interval(self, name: str) -> tuple[float, float]:
        """Ends of the 90 % interval of `floor`, `amplitude` or `exponent`."""
        column = self.replicates[:, ("floor", "amplitude", "exponent").index(name)]
        low, high = np.percentile(column, INTERVAL)
        return float(low), float(high)


def fit_scaling_law(sizes: Sequence[float], errors: Sequence[float], *, seed: int = 0) -> ScalingLaw:
    """Fit a law to errors, by least squares of relative residuals; neither floor nor amplitude is below 0.

    The intervals are those of a parametric bootstrap (Efron and Tibshirani 1993, ch. 6): errors are drawn about the law
    with the relative spread that repetitions of one size have, or, where none is repeated, that the residuals have.

    Args:
        sizes: (N,), of at least three different values, all above 0.
        errors: (N,), above 0.
        seed: of the bootstrap.

    Raises:
        InputError: for too few sizes, or for as many values as the law has parameters.
    """
    size, error = np.asarray(sizes, float), np.asarray(errors, float)
    if size.shape != error.shape or not (size > 0).all() or not (error > 0).all():
        raise InputError(f"sizes: found {size.size} for {error.size} errors; give one above 0 for each error above 0")
    n_sizes = len(np.unique(size))
    if n_sizes < LEAST_SIZES or error.size <= LEAST_SIZES:
        raise InputError(
            f"sizes: found {error.size} errors of {n_sizes} sizes; give four errors of three sizes at least, for a law "
            "has three parameters"
        )
    smallest = size.min()
    floor, amplitude, exponent = _refined(size / smallest, error)
    fitted = _law((floor, amplitude, exponent), size / smallest)
    spread = _relative_spread(size, error, fitted)
    drawn = fitted * (1 + spread * np.random.default_rng(seed).standard_normal((N_REPLICATES, error.size)))
    replicates = _best_on_grid(size / smallest, np.maximum(drawn, 1e-3 * fitted)) if spread > 0 else None
    if replicates is None:
        replicates = np.array([[floor, amplitude, exponent]])
    replicates[:, 1] *= smallest ** replicates[:, 2]
    return ScalingLaw(floor, amplitude * smallest**exponent, exponent, replicates)


def _law(parameters: Sequence[float] | np.ndarray, size: float | np.ndarray) -> np.ndarray:
    floor, amplitude, exponent = parameters
    return floor + amplitude * np.power(size, -np.asarray(exponent))


def _relative_spread(size: np.ndarray, error: np.ndarray, fitted: np.ndarray) -> float:
    """Relative standard deviation of the errors of one size, pooled over sizes; else about the law."""
    groups = [error[size == value] for value in np.unique(size)]
    n_free = error.size - len(groups)
    if n_free:
        squares = sum(((group / group.mean() - 1) ** 2).sum() for group in groups)
        return float(np.sqrt(squares / n_free))
    return float(np.sqrt(((error / fitted - 1) ** 2).sum() / (error.size - LEAST_SIZES)))


def _solved(size: np.ndarray, error: np.ndarray, exponent: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best floor and amplitude for an exponent, and the sum of squares that is left, (R,) each.

    Args:
        size: (N,).
        error: (R, N).
        exponent: of the law.
    """
    weight, power = 1 / error**2, size**-exponent
    ones, x, xx = weight.sum(1), (weight * power).sum(1), (weight * power**2).sum(1)
    y, xy = (weight * error).sum(1), (weight * error * power).sum(1)
    determinant = ones * xx - x**2
    floor = (xx * y - x * xy) / determinant
    amplitude = (ones * xy - x * y) / determinant
    floor, amplitude = np.where(floor < 0, 0.0, floor), np.where(floor < 0, xy / xx, amplitude)
    floor, amplitude = np.where(amplitude < 0, y / ones, floor), np.maximum(amplitude, 0.0)
    left = (weight * (floor[:, None] + amplitude[:, None] * power - error) ** 2).sum(1)
    return floor, amplitude, left


def _best_on_grid(size: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Best floor, amplitude and exponent of `EXPONENTS` for errors (R, N), (R, 3)."""
    found = np.array([np.stack(_solved(size, error, exponent)) for exponent in EXPONENTS])  # (E, 3, R)
    best = found[:, 2].argmin(0)
    rows = np.arange(len(error))
    return np.stack([found[best, 0, rows], found[best, 1, rows], EXPONENTS[best]], 1)


def _refined(size: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """The best law for errors (N,), between the exponents of the grid."""
    place = int(np.searchsorted(EXPONENTS, _best_on_grid(size, error[None])[0, 2]))
    ends = EXPONENTS[max(place - 1, 0)], EXPONENTS[min(place + 1, len(EXPONENTS) - 1)]
    exponent = minimize_scalar(
        lambda c: _solved(size, error[None], c)[2][0], bounds=ends, method="bounded", options={"xatol": 1e-10}
    ).x
    floor, amplitude, _ = _solved(size, error[None], exponent)
    return float(floor[0]), float(amplitude[0]), float(exponent)
