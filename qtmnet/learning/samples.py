"""From cubes on the acquired voxels to training samples: frames of a protocol in, truth out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np

from qtmnet.datasets.acquired_cubes import AcquiredCube
from qtmnet.datasets.cubes import Cubes
from qtmnet.quantities import CBF, QUANTITIES
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.noise import with_noise
from simulators.imaging.readout import frame_weights
from simulators.seeding import Stage, generator, stage_seed

Sample = dict[str, np.ndarray]
"""Images of one sample by name, (C, x, y, z) each, float32; see `SampleMaker`."""

Key = tuple[int, int]
"""(epoch, index): a sample is a function of these and the configuration, whatever the order or the workers."""

TRUTHS = (CBF.key,)
"""Quantities whose truth a sample has, if nothing else is asked for."""


class Samples(ABC):
    """Samples by (epoch, index)."""

    @abstractmethod
    def __getitem__(self, key: Key) -> Sample: ...

    def batch(self, keys: Sequence[Key]) -> list[Sample]:
        """The samples of a batch, which are asked for together: some are faster made so."""
        return [self[key] for key in keys]


class SampleMaker:
    """Reads cubes as a scanner would.

    A sample holds `concentration` (K, x, y, z) in mL/mL, `slice_time` (1, x, y, z) in s after the first slice, and the
    truth of each quantity under its key, (1, x, y, z) in the quantity's unit, NaN where it is not defined.

    Args:
        time: s since labeling began, of the increments, (T,).
        acquisition: protocol.
        n_slices: of a cube.
        snr: signal-to-noise ratio of a frame, one or (lowest, highest) of a log-uniform draw: mean signal of the frame
            with most of it over the noise's standard deviation; None for no noise.
        flips: mirror at random along each axis.
        seed: of noise, flips and slice positions.
        truths: keys of the quantities.
        t1_blood: s, of the label in the cubes; see `frame_weights`.
    """

    def __init__(
        self,
        time: Sequence[float] | np.ndarray,
        acquisition: Acquisition,
        n_slices: int,
        *,
        snr: float | tuple[float, float] | None,
        flips: bool,
        seed: int,
        truths: Sequence[str] = TRUTHS,
        t1_blood: float | None = None,
    ) -> None:
        self.acquisition = acquisition
        self.snr, self.flips, self.seed = snr, flips, seed
        self.truths = {key: QUANTITIES[key].truth for key in truths}
        n_slices = len(acquisition.slice_timing) or n_slices
        weights = frame_weights(np.asarray(time), acquisition, n_slices, t1_blood=t1_blood)
        self.weights = np.cumsum(weights[..., ::-1], axis=-1)[..., ::-1].astype(np.float32)  # of increments, not of S

    @classmethod
    def of(
        cls,
        cubes: Cubes,
        *,
        snr: float | tuple[float, float] | None,
        flips: bool = False,
        truths: Sequence[str] = TRUTHS,
    ) -> Self:
        """Reads cubes with the protocol that they are for, with noise of the cubes' own seed."""
        recipe = cubes.recipe
        return cls(
            recipe.time,
            cubes.acquisition,
            cubes.shape[2],
            snr=snr,
            flips=flips,
            seed=recipe.seed,
            truths=truths,
            t1_blood=recipe.phantom.t1_blood,
        )

    def sample(self, cube: AcquiredCube, key: Key) -> Sample:
        """The sample that a cube becomes in the role of (epoch, index)."""
        return self.sample_and_noise(cube, key)[0]

    def sample_and_noise(self, cube: AcquiredCube, key: Key) -> tuple[Sample, float]:
        """The sample, and the standard deviation of the noise of its frames, mL/mL."""
        rng = generator(stage_seed((self.seed, *key), Stage.NOISE))
        increments = cube.increments
        weights, slice_time = self._slab(increments.shape[-1], rng)
        n_slices = weights.shape[1]
        frames, noise = with_noise(self._frames(weights, increments[..., :n_slices]), self.snr, rng)
        images = {"concentration": frames, "slice_time": np.broadcast_to(slice_time, (1, *frames.shape[1:]))}
        for quantity, truth in self.truths.items():
            images[quantity] = _defined(cube.maps[truth][None, ..., :n_slices])
        if self.flips:
            axes = tuple(axis + 1 for axis in range(3) if rng.random() < 0.5)
            images = {name: np.flip(image, axes) for name, image in images.items()}
        return {name: np.array(image, np.float32) for name, image in images.items()}, noise

    def _frames(self, weights: np.ndarray, increments: np.ndarray) -> np.ndarray:
        """Sums (K, x, y, z) of increments (T, x, y, z) with weights (K, z, T)."""
        if not self.acquisition.slice_timing:  # the same in all slices: one product, several times faster
            return np.tensordot(weights[:, 0], increments, 1)
        return np.einsum("kzt,txyz->kxyz", weights, increments, optimize=True)

    def _slab(self, n_slices: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Weights (K, Z, T) and times (Z,) of as many neighbouring slices of the scan as the cube is high."""
        if not self.acquisition.slice_timing:
            return self.weights, np.zeros(n_slices, np.float32)
        timing = np.asarray(self.acquisition.slice_timing, np.float32)
        first = int(rng.integers(max(len(timing) - n_slices, 0) + 1))
        slab = slice(first, first + n_slices)
        return self.weights[:, slab], timing[slab]


def _defined(image: np.ndarray) -> np.ndarray:
    """An image with NaN for all that is not finite: a transit time without flow is no number."""
    finite = np.isfinite(image)
    return image if finite.all() else np.where(finite, image, np.nan)


class ByIndex(Protocol):
    """Cubes on the acquired voxels, by index."""

    def __getitem__(self, index: int) -> AcquiredCube: ...


class CubeSamples(Samples):
    """Samples of kept cubes.

    Args:
        cubes: on the acquired voxels.
        rows: which of them, (n,).
        maker: reads them.
    """

    def __init__(self, cubes: ByIndex, rows: Sequence[int] | np.ndarray, maker: SampleMaker) -> None:
        self.cubes, self.rows, self.maker = cubes, rows, maker

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Key) -> Sample:
        return self.maker.sample(self.cubes[int(self.rows[key[1]])], key)
