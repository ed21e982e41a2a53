"""Noise as averaged frames of real scans have it: correlated, uneven in space and between frames, and known roughly.

Ranges are those of five scans at 3 T, given for one pair of label and control. Averaged over n pairs, all of it falls
with √n. What a method is told of the noise is no better than what repeats can tell it: see `ScanNoise.draw`.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from simulators.errors import InputError
from simulators.settings.checking import check_fields, shown
from simulators.settings.drawing import drawn
from simulators.settings.limits import Drawn, Within

Deviation = Annotated[float, Within(0, 1, "mL/mL", why="blood alone has 1", above=True)]
Spread = Annotated[float, Within(0, 2, why="of a logarithm: 2 is a factor of 7")]
Part = Annotated[float, Within(0, 1)]
Correlation = Annotated[float, Within(0, 0.7, why="a kernel of three voxels reaches 0.707")]
Pairs = Annotated[float, Within(1, 1000)]
Factor = Annotated[float, Within(1, 100)]
Voxels = Annotated[float, Within(1, 1000, "voxels")]

BLUR = (0.25, 0.5, 0.25)
"""By which frames are smoothed along each axis before the part of the noise that is proportional to signal is told of
them: it leaves a quarter of the noise, and the signal of most arteries."""


@dataclass(frozen=True)
class ScanNoise:
    """What the noise of frames is drawn from. A pair (low, high) is drawn anew for each sample; a number is kept.

    Attributes:
        pair_deviation: standard deviation of the difference of one label and control pair where there is no label,
            mL/mL, drawn log-uniformly: .001 to .006 of M0, times ρ λ / (2 α).
        pairs: averaged to a frame, drawn log-uniformly.
        almost_free: share of samples with next to no noise, as a phantom or a mean of many subjects has.
        almost_free_deviation: of these, mL/mL, drawn log-uniformly.
        part_of_signal: standard deviation in a pair that is proportional to the signal of the voxel.
        gain: standard deviation in a pair of a factor on the signal of the whole frame; see `ScanNoise.draw`.
        spread_between_frames: standard deviation of log σ between frames.
        spread_in_space: standard deviation of log σ between voxels; at .4, the 5th and 95th percentile are .52 and
            1.93 of the median.
        reach_in_space: log σ of voxels d apart has a correlation of exp(−d² / (2 reach²)), voxels.
        in_plane: correlation of a voxel with its neighbour along x, and along y, drawn one by one.
        through_plane: correlation along z.
        outlying: share of frames that are noisier than anyone knows.
        outlying_factor: on σ of these.
        told_error: standard deviation of log σ as told, the same for the whole sample.

    Raises:
        InputError: for values outside of what these can be.
    """

    pair_deviation: Drawn[Deviation] = (0.6e-3, 5e-3)
    pairs: Drawn[Pairs] = (1.0, 16.0)
    almost_free: Part = 0.1
    almost_free_deviation: Drawn[Deviation] = (1e-5, 1e-4)
    part_of_signal: Drawn[Part] = (0.05, 0.3)
    gain: Drawn[Part] = (0.03, 0.12)
    spread_between_frames: Drawn[Spread] = (0.03, 0.12)
    spread_in_space: Drawn[Spread] = (0.25, 0.5)
    reach_in_space: Drawn[Voxels] = (3.0, 10.0)
    in_plane: Drawn[Correlation] = (0.1, 0.6)
    through_plane: Drawn[Correlation] = (0.0, 0.46)
    outlying: Part = 0.03
    outlying_factor: Drawn[Factor] = (2.0, 5.0)
    told_error: Spread = 0.3

    def __post_init__(self) -> None:
        check_fields(self)

    def draw(
        self, frames: np.ndarray, rng: np.random.Generator, *, level: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Noisy frames, and the standard deviation of their noise as a scan would tell it.

        A gain that frames share is not drawn: it cannot be told from perfusion, and learning with it would shrink
        estimates. The gains of a sample have a mean of 1, so that a frame alone has none.

        The deviation told holds the shape in space, the frames' factors and the part that is proportional to signal,
        but of the noisy frames, smoothed as from repeats: were it of the true ones, it would give them away. It does
        not know of outlying frames, and is wrong as a whole by exp(`told_error` · N(0, 1)).

        Args:
            frames: without noise, mL/mL, (K, x, y, z).
            rng: that all is drawn from.
            level: median σ over space and frames where there is no signal, mL/mL; 0 for no noise at all, None to
                draw it.

        Returns:
            Frames with noise and σ as told, mL/mL, (K, x, y, z) float32 each.

        Raises:
            InputError: for a level that is negative or no number.
        """
        frames = np.asarray(frames, np.float32)
        n_frames, *shape = frames.shape
        level, share = self._strength(rng, level)
        part = np.float32(share * drawn(self.part_of_signal, rng))
        gain = np.float32(share * drawn(self.gain, rng))
        in_space = np.exp(drawn(self.spread_in_space, rng) * _smooth(shape, drawn(self.reach_in_space, rng), rng))
        between = np.exp(drawn(self.spread_between_frames, rng) * rng.standard_normal((n_frames,)))
        deviation = (level * between)[:, None, None, None].astype(np.float32) * in_space
        outlying = np.where(rng.random(n_frames) < self.outlying, drawn(self.outlying_factor, rng), 1.0)
        gains = rng.standard_normal((n_frames,))
        gains = 1 + gain * (gains - gains.mean())
        correlations = [drawn(each, rng) for each in (self.in_plane, self.in_plane, self.through_plane)]

        noise = _correlated((n_frames, *shape), correlations, rng)
        noise *= np.hypot(deviation, part * frames)
        noise *= outlying.astype(np.float32)[:, None, None, None]
        noise += gains.astype(np.float32)[:, None, None, None] * frames

        proportional = np.hypot(part, gain * np.float32(np.sqrt(1 - 1 / n_frames)))
        told = np.hypot(deviation, proportional * _blurred(noise))
        told *= np.float32(np.exp(self.told_error * rng.standard_normal()))
        return noise, told

    def _strength(self, rng: np.random.Generator, level: float | None) -> tuple[float, float]:
        """σ of a frame where there is no signal, mL/mL, and its share of that of a pair, at most 1."""
        pair = drawn(self.pair_deviation, rng, logarithmic=True)
        drawn_level = pair / np.sqrt(drawn(self.pairs, rng, logarithmic=True))
        free_level = drawn(self.almost_free_deviation, rng, logarithmic=True)
        if rng.random() < self.almost_free:
            drawn_level = free_level
        if level is None:
            level = drawn_level
        elif not 0 <= level < np.inf:
            raise InputError(f"level: found {shown(level)}; give a standard deviation in mL/mL, 0 or more")
        return level, min(level / pair, 1.0)


def _smooth(shape: list[int], reach: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random field of mean 0 and variance 1 in each voxel, (x, y, z) float32: sums of Gaussians on a grid."""
    weights = [_bumps(length, reach) for length in shape]
    field = rng.standard_normal([each.shape[1] for each in weights], np.float32)
    for each in weights:  # the axis in front goes to the back: after three times all are where they were
        field = np.tensordot(field, each, (0, 1))
    return field


def _bumps(length: int, reach: float) -> np.ndarray:
    """Weights of grid points in each voxel of an axis, (length, points) float32; squares add up to 1 in each voxel."""
    points = np.arange(-2, np.ceil(length / reach) + 3) * reach
    weights = np.exp(-(((np.arange(length)[:, None] - points) / reach) ** 2))
    return (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype(np.float32)


def _correlated(shape: tuple[int, ...], correlations: list[float], rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of variance 1 with these correlations of neighbours along x, y and z, (K, x, y, z) float32."""
    noise = rng.standard_normal((shape[0], *(length + 2 for length in shape[1:])), np.float32)
    for axis, correlation in enumerate(correlations, start=1):
        # Of (side, 1, side), neighbours have 2 side / (1 + 2 side²) in common.
        side = 0.0 if correlation == 0 else (1 - np.sqrt(1 - 2 * correlation**2)) / (2 * correlation)
        noise = _three_voxels(noise, side, 1 / np.sqrt(1 + 2 * side**2), axis)
    return noise


def _blurred(frames: np.ndarray) -> np.ndarray:
    """Frames smoothed by `BLUR` along x, y and z; beyond a face they are what they are at it."""
    frames = np.pad(frames, ((0, 0), (1, 1), (1, 1), (1, 1)), mode="edge")
    side, middle, _ = BLUR
    for axis in (1, 2, 3):
        frames = _three_voxels(frames, side / middle, middle, axis)
    return frames


def _three_voxels(values: np.ndarray, side: float, scale: float, axis: int) -> np.ndarray:
    """Weighted sum of each voxel and its two neighbours along an axis, which is shorter by 2 afterwards."""
    before, here, after = (
        values[(slice(None),) * axis + (slice(start, stop),)] for start, stop in ((0, -2), (1, -1), (2, None))
    )
    total = before + after
    total *= np.float32(side * scale)
    total += np.float32(scale) * here
    return total
