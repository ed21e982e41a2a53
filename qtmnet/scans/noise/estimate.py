"""Noise of a scan's frames, per frame and voxel: from its repeats, or from what is rough in frames without any.

Differences are read in units of the scan; `AslScan.noise` has the deviation as a concentration.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import gammaln

from qtmnet.scans.noise.roughness import Roughness
from qtmnet.scans.volumes.averaging import Averages
from qtmnet.scans.words import counted
from simulators.imaging.scan_noise import BLUR

REPEATS_MM = 8.0
"""Full width at half maximum of the Gaussian over which variances of repeats are averaged: hundreds of degrees of
freedom in a brain, while deviations vary over some tens of mm."""

RESIDUALS_MM = 16.0
"""The same for squares of residuals: they are left where structure is, and must not show it."""

LEAST_SHARE = 0.1
"""Of a smooth variance, that is left to what does not grow with signal."""

ROUNDS = 3
"""Of weights and shares; in scans the third changes deviations by less than a hundredth."""

CERTAIN = 3.0
"""Standard errors above 0 of a part that grows with signal; neighbours, which err alike, make these too small."""

FEWEST_VOXELS = 30
"""Voxels whose residuals tell a deviation to about a fifth."""


@dataclass(frozen=True, eq=False)
class NoiseEstimate:
    """Noise of averaged frames.

    Attributes:
        deviation: standard deviation, in units of the frames, (K, X, Y, Z) float32; 0 off the mask.
        part_of_signal: that of a single pair that is proportional to the signal.
        source: what it was estimated from, in words.
    """

    deviation: np.ndarray
    part_of_signal: float
    source: str


def estimate_noise(averages: Averages, mask: np.ndarray, voxel_size_mm: Sequence[float]) -> NoiseEstimate | None:
    """Noise of a scan, from repeats where there are any.

    Args:
        averages: frames, and how their pairs differ.
        mask: voxels that count, (X, Y, Z) bool.
        voxel_size_mm: (3,).

    Returns:
        The estimate; None where nothing tells: no delay was repeated, and the mask is too small for residuals.
    """
    box = tuple(slice(at.min(), at.max() + 1) for at in np.nonzero(mask))
    frames, spread = averages.delta_m[:, *box], averages.spread[:, *box]
    of = _from_repeats if (averages.pairs > 1).any() else _from_residuals
    found = of(frames, spread, averages.pairs, mask[box], voxel_size_mm)
    if found is None:
        return None
    within, part, source = found
    deviation = np.zeros(averages.delta_m.shape, np.float32)
    deviation[:, mask] = within
    return NoiseEstimate(deviation, part, source)


Found = tuple[np.ndarray, float, str]
"""Deviations within the mask, (K, V), the part of the signal and the source."""


def _from_repeats(
    frames: np.ndarray, spread: np.ndarray, pairs: np.ndarray, inside: np.ndarray, voxel_mm: Sequence[float]
) -> Found:
    """Variance of a pair = f² a² + b² S²: a smooth in space and shared by frames, f of a frame, S the blurred signal.

    b follows from what is not smooth in either (Speckman 1988, 10.1111/j.2517-6161.1988.tb01738.x), f and a from the
    rest. Frames of one pair have the f of the others.
    """
    smooth = Smoothing(inside, voxel_mm, REPEATS_MM)
    repeated, freedom = pairs > 1, pairs[pairs > 1] - 1.0
    variance = spread[repeated][:, inside].astype(float) ** 2
    signal = np.stack([_blurred(frame)[inside] ** 2 for frame in frames])
    of_pairs = np.stack([smooth(each) for each in variance])
    of_signal = np.stack([smooth(each) for each in signal[repeated]])
    square = _square_of_part(variance - of_pairs, signal[repeated] - of_signal, of_pairs, freedom)
    rest = np.maximum(of_pairs - square * of_signal, LEAST_SHARE * of_pairs)
    shape, factors = _shared(rest, freedom)
    every = np.full(len(frames), np.average(factors, weights=freedom))
    every[repeated] = factors
    deviation = np.sqrt((every[:, None] * shape + square * signal) / pairs[:, None])
    deviation /= _mean_of_deviation(freedom.sum() * smooth.n_voxels)
    n = sorted({f"{each:.3g}" for each in pairs}, key=float)
    counts = counted(float(n[0]), "pair") if len(n) == 1 else f"{n[0]} to {n[-1]} pairs"
    part = float(np.sqrt(square))
    in_proportion = f", and {part:.0%} of the signal of a pair" if part else ""
    source = f"by how the {counts} of each delay differ, smoothed over {REPEATS_MM:g} mm{in_proportion}"
    return deviation, part, source


def _square_of_part(variance: np.ndarray, signal: np.ndarray, smooth: np.ndarray, freedom: np.ndarray) -> float:
    """b² of variance = b² signal, both (K, V) and less what is smooth in them, by least squares; 0 if it may be chance.

    Variances are weighted by their own: of a chi-squared one with n degrees of freedom, 2 / n of its mean's square.
    """
    square = 0.0
    for _ in range(ROUNDS):
        total = np.maximum(smooth + square * signal, LEAST_SHARE * smooth)
        weighted = np.divide(signal * freedom[:, None], total**2, out=np.zeros_like(total), where=total > 0)
        scale = (weighted * signal).sum()
        square = max(float((weighted * variance).sum() / scale), 0.0) if scale > 0 else 0.0
    return square if square * np.sqrt(scale / 2) > CERTAIN else 0.0


def _from_residuals(
    frames: np.ndarray, _spread: np.ndarray, _pairs: np.ndarray, inside: np.ndarray, voxel_mm: Sequence[float]
) -> Found | None:
    """A robust deviation of each frame, and a shape in space that frames share; see `Roughness`."""
    rough = Roughness.of(frames, inside)
    if rough.where.sum() < FEWEST_VOXELS:
        return None
    squares = Smoothing(rough.where, voxel_mm, RESIDUALS_MM)((rough.residuals**2).mean(axis=0))
    middle = np.median(squares)
    shape = np.ones(inside.shape)
    shape[rough.where] = np.sqrt(squares / middle) if middle > 0 else 1
    # Off the residuals, at the edge of the mask, the shape is that of the nearest.
    nearest = ndimage.distance_transform_edt(~rough.where, voxel_mm, return_distances=False, return_indices=True)
    deviation = rough.deviation[:, None] * shape[tuple(nearest)][inside]
    return deviation, 0.0, "by what is rough in space, as no delay was repeated"


def _shared(variance: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A shape (V,) and factors (K,) whose product is near these variances (K, V)."""
    factors, shape = variance.mean(axis=1), np.zeros(variance.shape[1])
    for _ in range(ROUNDS):
        shape = np.average(variance / np.where(factors > 0, factors, 1)[:, None], axis=0, weights=weights)
        factors = np.divide(variance, shape, out=np.zeros_like(variance), where=shape > 0).mean(axis=1)
    return shape, factors


class Smoothing:
    """Gaussian means over the voxels of a mask, V of them.

    Args:
        inside: the mask, (X, Y, Z) bool.
        voxel_mm: (3,).
        width_mm: full width at half maximum.

    Attributes:
        n_voxels: as many of the same weight as have a mean of the same variance, (V,).
    """

    def __init__(self, inside: np.ndarray, voxel_mm: Sequence[float], width_mm: float) -> None:
        self.inside = inside
        self.kernels = [_gaussian(width_mm / np.sqrt(8 * np.log(2)) / size) for size in voxel_mm]
        ones = np.ones(int(inside.sum()))
        self.weight = self._sums(ones, self.kernels)
        self.n_voxels = self.weight**2 / self._sums(ones, [kernel**2 for kernel in self.kernels])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Means of values (V,) in the mask's voxels, (V,)."""
        return self._sums(values, self.kernels) / self.weight

    def _sums(self, values: np.ndarray, kernels: Sequence[np.ndarray]) -> np.ndarray:
        image = np.zeros(self.inside.shape)
        image[self.inside] = values
        for axis, kernel in enumerate(kernels):
            image = ndimage.convolve1d(image, kernel, axis, mode="constant")
        return image[self.inside]


def _gaussian(deviation: float) -> np.ndarray:
    reach = int(np.ceil(3 * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return weights / weights.sum()


def _blurred(frame: np.ndarray) -> np.ndarray:
    """A frame (X, Y, Z) as the part that is proportional to signal is told of, in simulations as well."""
    frame = frame.astype(float)
    for axis in range(3):
        frame = ndimage.convolve1d(frame, BLUR, axis, mode="nearest")
    return frame


def _mean_of_deviation(freedom: np.ndarray) -> np.ndarray:
    """Mean of the root of an unbiased variance with so many degrees of freedom, over σ (c₄ of control charts)."""
    return np.sqrt(2 / freedom) * np.exp(gammaln((freedom + 1) / 2) - gammaln(freedom / 2))
