"""Simulated cubes as training data: frames of a protocol in, perfusion out."""

import os
from pathlib import Path

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from qtmnet.cubes import CubeFolder, block_of, recipe_for
from qtmnet.progress import track
from simulators.acquire import average_voxels, frame_weights
from simulators.acquisition import Acquisition
from simulators.cube import CubeParameters
from simulators.errors import InputError
from simulators.seeding import Stage, generator, stage_seed
from simulators.transport.step_response import Simulator

Sample = dict[str, torch.Tensor]
Key = tuple[int, int]
"""(epoch, cube): a sample is a function of these and the configuration, whatever the order or the workers."""


class CubeDataset(Dataset[Sample]):
    """Frames and truth of simulated cubes.

    A sample holds `concentration` (K, X, Y, Z), `slice_time` (1, X, Y, Z) in s after the first slice, and
    `perfusion` (1, X, Y, Z) in mL/100g/min.

    Args:
        increments: of the step response on the acquired voxels, (n, T, X, Y, Z).
        perfusion: truth on the acquired voxels, mL/100g/min, (n, X, Y, Z).
        time: s, (T,).
        acquisition: protocol.
        snr: signal-to-noise ratio of a frame, one or (lowest, highest) of a log-uniform draw: mean signal of the frame
            with most of it over the noise's standard deviation; None for no noise.
        flips: mirror at random along each axis.
        seed: of noise, flips and slice positions.
    """

    def __init__(
        self,
        increments: np.ndarray,
        perfusion: np.ndarray,
        time: np.ndarray,
        acquisition: Acquisition,
        *,
        snr: float | tuple[float, float] | None,
        flips: bool,
        seed: int,
    ) -> None:
        self.increments, self.perfusion = increments, perfusion
        self.acquisition = acquisition
        self.snr, self.flips, self.seed = snr, flips, seed
        n_slices = len(acquisition.slice_timing) or increments.shape[-1]
        weights = frame_weights(time, acquisition, n_slices)
        self.weights = np.cumsum(weights[..., ::-1], axis=-1)[..., ::-1].astype(np.float32)  # of increments, not of S

    def __len__(self) -> int:
        return len(self.increments)

    def __getitem__(self, key: Key) -> Sample:
        epoch, index = key
        rng = generator(stage_seed((self.seed, epoch, index), Stage.NOISE))
        increments, perfusion = self.increments[index], self.perfusion[index]
        weights, slice_time = self._slab(increments.shape[-1], rng)
        n_slices = weights.shape[1]
        frames = np.einsum("kzt,txyz->kxyz", weights, increments[..., :n_slices], optimize=True)
        frames = self._with_noise(frames, rng)
        images = [frames, np.broadcast_to(slice_time, (1, *frames.shape[1:])), perfusion[None, ..., :n_slices]]
        if self.flips:
            axes = tuple(axis + 1 for axis in range(3) if rng.random() < 0.5)
            images = [np.flip(image, axes) for image in images]
        names = ("concentration", "slice_time", "perfusion")
        return {name: torch.from_numpy(np.array(image, np.float32)) for name, image in zip(names, images, strict=True)}

    def _slab(self, n_slices: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Weights (K, Z, T) and times (Z,) of as many neighbouring slices of the scan as the cube is high."""
        if not self.acquisition.slice_timing:
            return self.weights, np.zeros(n_slices, np.float32)
        timing = np.asarray(self.acquisition.slice_timing, np.float32)
        first = int(rng.integers(max(len(timing) - n_slices, 0) + 1))
        slab = slice(first, first + n_slices)
        return self.weights[:, slab], timing[slab]

    def _with_noise(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.snr is None:
            return frames
        snr = np.exp(rng.uniform(*np.log(np.broadcast_to(np.asarray(self.snr, float), 2))))
        deviation = frames.mean(axis=(1, 2, 3)).max() / snr
        return frames + (deviation * rng.standard_normal(frames.shape)).astype(np.float32)


class EpochSampler(Sampler[Key]):
    """All cubes once an epoch, in an order that the seed and the epoch alone decide."""

    def __init__(self, n: int, *, seed: int, shuffle: bool) -> None:
        self.n, self.seed, self.shuffle, self.epoch = n, seed, shuffle, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n

    def __iter__(self):  # type: ignore[no-untyped-def]
        epoch = self.epoch if self.shuffle else 0
        order = np.random.default_rng((self.seed, epoch)).permutation(self.n) if self.shuffle else range(self.n)
        return iter([(epoch, int(index)) for index in order])


class QTMDataModule(L.LightningDataModule):
    """A folder of simulated cubes, simulated on first use and picked up where that stopped.

    Args:
        acquisition: protocol to read the cubes with.
        phantom: what the cubes are drawn from.
        simulator: of the label's transport.
        n_cubes: cubes to train on and validate with, split by cube.
        n_test: cubes that training never sees.
        dir: folder of the cubes; by default `datasets/cubes-<fingerprint of the settings>`.
        seed: of the cubes, the split and the noise.
        validation_share: of the cubes, taken at random.
        batch_size: samples a step.
        snr: of the training frames; see `CubeDataset`. Validation has the same noise in each epoch.
        flips: mirror training cubes at random.
        n_workers: processes that simulate; by default one for each core.
    """

    def __init__(
        self,
        acquisition: Acquisition,
        phantom: CubeParameters,
        simulator: Simulator,
        *,
        n_cubes: int = 6400,
        n_test: int = 64,
        dir: str | None = None,
        seed: int = 0,
        validation_share: float = 0.1,
        batch_size: int = 16,
        snr: float | tuple[float, float] | None = None,
        flips: bool = True,
        n_workers: int | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("n_cubes", n_cubes, 1),
            ("n_test", n_test, 1),
            ("batch_size", batch_size, 1),
            ("seed", seed, 0),
            ("n_workers", 1 if n_workers is None else n_workers, 1),
        ):
            if not isinstance(value, int) or value < least:
                raise InputError(f"data: {name}: found {value!r}; give a whole number, at least {least}")
        if not 0 < validation_share < 1:
            raise InputError(f"data.validation_share: found {validation_share}; give a share between 0 and 1")
        if snr is not None:
            bounds = np.atleast_1d(np.asarray(snr, float))
            if (
                bounds.size > 2
                or (isinstance(snr, list | tuple) and bounds.size != 2)
                or not 0 < bounds[0] <= bounds[-1]
            ):
                raise InputError(
                    f"data.snr: found {snr}; give a ratio above 0, [lowest, highest], or null for no noise"
                )
        self.acquisition = acquisition
        self.recipes = {
            split: recipe_for(acquisition, phantom=phantom, simulator=simulator, seed=seed, split=split)
            for split in ("train", "test")
        }
        self.n_cubes = {"train": n_cubes, "test": n_test}
        self.path = Path(dir) if dir else Path("datasets") / f"cubes-{self.recipes['train'].fingerprint()}"
        self.seed, self.validation_share, self.batch_size = seed, validation_share, batch_size
        self.snr = (snr[0], snr[1]) if isinstance(snr, list | tuple) else snr
        self.flips = flips
        self.n_workers = n_workers or os.cpu_count() or 1
        self.datasets: dict[str, CubeDataset] = {}

    def folder(self, split: str) -> CubeFolder:
        """Folder of the `train` or `test` cubes."""
        return CubeFolder(self.path if split == "train" else self.path / split, self.recipes[split])

    def simulate(self, split: str) -> None:
        """Simulate the cubes of a split that are missing."""
        folder, n_cubes = self.folder(split), self.n_cubes[split]
        n_missing = len(folder.missing(n_cubes))
        if n_missing:
            done = folder.simulate_missing(n_cubes, self.n_workers)
            for _ in track(done, n_missing, f"Simulating {split} cubes into {folder.path}"):
                pass

    def load(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Increments (n, T, X, Y, Z) and perfusion (n, X, Y, Z) of a split on the acquired voxels, float32."""
        folder = self.folder(split)
        block = block_of(folder.recipe, self.acquisition)
        shape = tuple(np.asarray(folder.recipe.phantom.shape) // block)
        increments = np.empty((self.n_cubes[split], len(folder.recipe.time), *shape), np.float32)
        perfusion = np.empty((self.n_cubes[split], *shape), np.float32)
        for index in track(iter(range(len(perfusion))), len(perfusion), f"Reading {split} cubes"):
            cube = folder.read(index)
            increments[index] = average_voxels(cube.increments, block)
            perfusion[index] = average_voxels(cube.perfusion, block)
        return increments, perfusion

    def dataset(self, split: str, rows: np.ndarray | slice, *, augmented: bool) -> CubeDataset:
        """Part of a split as a data set, with or without flips."""
        increments, perfusion = self._loaded(split)
        return CubeDataset(
            increments[rows],
            perfusion[rows],
            np.asarray(self.recipes[split].time),
            self.acquisition,
            snr=self.snr,
            flips=self.flips and augmented,
            seed=self.seed,
        )

    def _loaded(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(self, f"_{split}"):
            setattr(self, f"_{split}", self.load(split))
        return getattr(self, f"_{split}")

    def prepare_data(self) -> None:
        """Simulate the training cubes; called once on each machine."""
        self.simulate("train")

    def setup(self, stage: str) -> None:
        """Read the cubes and split them, 9 : 1 by default."""
        if stage == "fit" and "fit" not in self.datasets:
            order = np.random.default_rng(self.seed).permutation(self.n_cubes["train"])
            n_validation = max(round(self.validation_share * len(order)), 1)
            self.datasets["fit"] = self.dataset("train", np.sort(order[n_validation:]), augmented=True)
            self.datasets["validate"] = self.dataset("train", np.sort(order[:n_validation]), augmented=False)

    def train_dataloader(self) -> DataLoader:
        """Training samples, shuffled."""
        return self._loader("fit", shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Validation samples, the same in each epoch."""
        return self._loader("validate", shuffle=False)

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader:
        dataset = self.datasets[name]
        sampler = EpochSampler(len(dataset), seed=self.seed, shuffle=shuffle)
        return DataLoader(
            dataset, self.batch_size, sampler=sampler, drop_last=shuffle and len(dataset) > self.batch_size
        )
