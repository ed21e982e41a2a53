"""What is rough in frames that were not repeated, which is mostly noise."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import brentq

MAD = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""

CLIPPED_AT = 3.0
"""Deviations beyond which a residual is an edge or a vessel."""

FRAMES_OF_A_PATTERN = 2
"""So many frames for each pattern that is taken out of them, two patterns at most: anatomy, early and late."""

STRONGER_THAN_NOISE = 1.2
"""Variance of a pattern over the median of all that are, from which on it is more than chance."""

LEFT_OF_NOISE = 0.2
"""Share of a frame's variance that patterns leave at least: beyond it the frame is the pattern."""

HIGHEST_CORRELATION = 0.9


@dataclass(frozen=True, eq=False)
class Roughness:
    """Mixed second differences in the plane of slices, which bends of the image hardly reach (Immerkær 1996,
    10.1006/cviu.1996.0060), less the patterns that frames share.

    Noise that neighbours share is rough to a lesser degree. How much is told by how residuals of neighbours correlate,
    if the noise has correlations r, r⁴, r⁹ along an axis, those of white noise that a Gaussian smoothed.

    Attributes:
        residuals: over the frame's deviation, of the voxels `where`, (K, V).
        where: voxels that have them, with all their neighbours in the mask, (X, Y, Z) bool.
        deviation: robust, of the noise of each frame, (K,).
    """

    residuals: np.ndarray
    where: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, frames: np.ndarray, inside: np.ndarray) -> Self:
        """Of frames (K, X, Y, Z) within a mask (X, Y, Z)."""
        middle = _all_of_three(_all_of_three(inside, 0), 1)
        where = np.zeros(inside.shape, bool)
        if not middle.any():
            return cls(np.zeros((len(frames), 0)), where, np.zeros(len(frames)))
        where[1:-1, 1:-1] = middle
        rough = [_second_difference(_second_difference(frame.astype(float), 0), 1)[middle] for frame in frames]
        residuals = _without_patterns(np.stack(rough))
        deviation = _robust(residuals)
        residuals /= np.where(deviation > 0, deviation, 1)[:, None]
        np.clip(residuals, -CLIPPED_AT, CLIPPED_AT, out=residuals)
        left = [roughness_left(_neighbours(residuals, where, axis)) for axis in (0, 1)]
        return cls(residuals, where, deviation / np.sqrt(np.prod(left)))


def roughness_left(correlation: float) -> float:
    """Variance of second differences over that of white noise, by the correlation of neighbouring differences."""
    if correlation <= _of_differences(0.0):
        return 1.0
    if correlation >= _of_differences(HIGHEST_CORRELATION):
        return _left(HIGHEST_CORRELATION)
    return _left(brentq(lambda r: _of_differences(r) - correlation, 0, HIGHEST_CORRELATION))


def _left(r: float) -> float:
    return (6 - 8 * r + 2 * r**4) / 6


def _of_differences(r: float) -> float:
    """Correlation of neighbouring second differences where neighbouring voxels have r, the next r⁴, the third r⁹."""
    return (7 * r - 4 - 4 * r**4 + r**9) / (6 - 8 * r + 2 * r**4)


def _without_patterns(residuals: np.ndarray) -> np.ndarray:
    """Residuals (K, V) less what their first principal components explain, scaled up by what these take of noise."""
    n_patterns = min(len(residuals) // FRAMES_OF_A_PATTERN, 2)
    deviation = _robust(residuals)
    if not n_patterns or not deviation.all():
        return residuals
    residuals = residuals / deviation[:, None]
    bounded = np.clip(residuals, -2 * CLIPPED_AT, 2 * CLIPPED_AT)
    variances, components = np.linalg.eigh(bounded @ bounded.T)
    strong = variances[-n_patterns:] > STRONGER_THAN_NOISE * np.median(variances)
    patterns = components[:, -n_patterns:][:, strong]
    left = np.maximum(1 - (patterns**2).sum(axis=1), LEFT_OF_NOISE)
    residuals -= patterns @ (patterns.T @ residuals)
    residuals *= (deviation / np.sqrt(left))[:, None]
    return residuals


def _robust(residuals: np.ndarray) -> np.ndarray:
    """Deviation of each frame, (K,), by the median of the absolute."""
    return MAD * np.array([np.median(np.abs(each)) for each in residuals])


def _second_difference(values: np.ndarray, axis: int) -> np.ndarray:
    before, here, after = _threes(values, axis)
    return (2 * here - before - after) / np.sqrt(6)


def _all_of_three(values: np.ndarray, axis: int) -> np.ndarray:
    before, here, after = _threes(values, axis)
    return before & here & after


def _threes(values: np.ndarray, axis: int) -> list[np.ndarray]:
    length = values.shape[axis]
    return [np.take(values, range(start, max(length - 2 + start, start)), axis) for start in range(3)]


def _neighbours(residuals: np.ndarray, where: np.ndarray, axis: int) -> float:
    """Correlation of residuals (K, V) with the next along an axis of space; that of white noise if there are none."""
    number = np.full(where.shape, -1)
    number[where] = np.arange(residuals.shape[1])
    first, second = (np.take(number, range(start, where.shape[axis] - 1 + start), axis) for start in (0, 1))
    both = (first >= 0) & (second >= 0)
    first, second = first[both], second[both]
    product = sum(float(each[first] @ each[second]) for each in residuals)
    power = sum(float(each[first] @ each[first] + each[second] @ each[second]) for each in residuals) / 2
    return product / power if power > 0 else _of_differences(0.0)
