"""Simulated cubes as training data."""

from pathlib import Path

import lightning as L
import numpy as np
from torch.utils.data import DataLoader, Sampler

from qtmnet.cluster import Cluster
from qtmnet.cluster.local import LocalCluster
from qtmnet.filling import fill
from qtmnet.samples import CubeDataset, Key, SampleMaker
from qtmnet.store.cube_store import CubeStore
from qtmnet.store.recipe import SPLITS, recipe_for
from qtmnet.store.view import Look, View
from simulators.acquisition import Acquisition
from simulators.cube import CubeParameters
from simulators.errors import InputError
from simulators.transport.step_response import Simulator


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
    """A store of simulated cubes, simulated on first use and picked up where that stopped.

    Args:
        acquisition: protocol to read the cubes with.
        phantom: what the cubes are drawn from.
        simulator: of the label's transport.
        cluster: where they are simulated; processes of this machine by default.
        n_cubes: cubes to train on and validate with, split by cube.
        n_test: cubes that training never sees.
        dir: folder or URL of the cubes; by default `datasets/cubes-<fingerprint of the settings>`.
        shard_size: cubes in a file; see `CubeStore`.
        seed: of the cubes, the split and the noise.
        validation_share: of the cubes, taken at random.
        batch_size: samples a step.
        snr: of the training frames; see `SampleMaker`. Validation has the same noise in each epoch.
        flips: mirror training cubes at random.
        loader_workers: processes that make samples beside the one that trains.

    Raises:
        InputError: for settings that make no data set.
    """

    def __init__(
        self,
        acquisition: Acquisition,
        phantom: CubeParameters,
        simulator: Simulator,
        *,
        cluster: Cluster | None = None,
        n_cubes: int = 6400,
        n_test: int = 64,
        dir: str | None = None,
        shard_size: int | None = None,
        seed: int = 0,
        validation_share: float = 0.1,
        batch_size: int = 16,
        snr: float | tuple[float, float] | None = None,
        flips: bool = True,
        loader_workers: int = 0,
    ) -> None:
        super().__init__()
        _check_counts(n_cubes=(n_cubes, 1), n_test=(n_test, 1), batch_size=(batch_size, 1), seed=(seed, 0))
        _check_counts(loader_workers=(loader_workers, 0))
        if not 0 < validation_share < 1:
            raise InputError(f"data.validation_share: found {validation_share}; give a share between 0 and 1")
        self.acquisition = acquisition
        self.cluster = cluster or LocalCluster()
        self.recipes = {
            split: recipe_for(acquisition, phantom=phantom, simulator=simulator, seed=seed, split=split)
            for split in SPLITS
        }
        self.n_cubes = {"train": n_cubes, "test": n_test}
        self.dir = str(dir) if dir else str(Path("datasets") / f"cubes-{self.recipes['train'].fingerprint()[:8]}")
        self.shard_size = shard_size
        self.seed, self.validation_share, self.batch_size = seed, validation_share, batch_size
        self.snr = _checked_snr(snr)
        self.flips, self.loader_workers = flips, loader_workers
        Look.of(acquisition).grid(self.recipes["train"], 0)  # refuses a voxel that does not fit at once
        self.datasets: dict[str, CubeDataset] = {}

    def store(self, split: str) -> CubeStore:
        """Store of the `train` or `test` cubes."""
        url = self.dir if split == "train" else f"{self.dir.rstrip('/')}/{split}"
        return CubeStore(url, self.recipes[split], shard_size=self.shard_size, n_cubes=self.n_cubes[split])

    def simulate(self, split: str) -> CubeStore:
        """Simulate the cubes of a split that are missing."""
        store = self.store(split)
        fill(store, self.n_cubes[split], self.cluster, f"Simulating {split} cubes into {store.url}")
        return store

    def view(self, split: str) -> View:
        """The cubes of a split on the acquired voxels, all there."""
        view = View(self.store(split), Look.of(self.acquisition))
        fill(view, self.n_cubes[split], LocalCluster(1), f"Reading {split} cubes")
        return view

    def dataset(self, split: str, rows: np.ndarray | None = None, *, augmented: bool = False) -> CubeDataset:
        """Part of a split as a data set, all of it by default, with or without flips."""
        view = self.view(split)
        maker = SampleMaker(
            self.recipes[split].time,
            self.acquisition,
            view.shape[2],
            snr=self.snr,
            flips=self.flips and augmented,
            seed=self.seed,
        )
        return CubeDataset(view, np.arange(self.n_cubes[split]) if rows is None else rows, maker)

    def prepare_data(self) -> None:
        """Simulate the training cubes; called once on each machine."""
        self.simulate("train")
        self.view("train")

    def setup(self, stage: str) -> None:
        """Split the cubes, 9 : 1 by default."""
        if stage == "fit" and "fit" not in self.datasets:
            order = np.random.default_rng(self.seed).permutation(self.n_cubes["train"])
            n_validation = max(round(self.validation_share * len(order)), 1)
            self.datasets["fit"] = self.dataset("train", np.sort(order[n_validation:]), augmented=True)
            self.datasets["validate"] = self.dataset("train", np.sort(order[:n_validation]))

    def train_dataloader(self) -> DataLoader:
        """Training samples, shuffled."""
        return self._loader("fit", shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Validation samples, the same in each epoch."""
        return self._loader("validate", shuffle=False)

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader:
        dataset = self.datasets[name]
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=EpochSampler(len(dataset), seed=self.seed, shuffle=shuffle),
            drop_last=shuffle and len(dataset) > self.batch_size,
            num_workers=self.loader_workers,
            persistent_workers=self.loader_workers > 0,
        )


def _check_counts(**counts: tuple[object, int]) -> None:
    for name, (value, least) in counts.items():
        if not isinstance(value, int) or value < least:
            raise InputError(f"data: {name}: found {value!r}; give a whole number, at least {least}")


def _checked_snr(snr: object) -> float | tuple[float, float] | None:
    if snr is None:
        return None
    bounds = np.atleast_1d(np.asarray(snr, float))
    pair = isinstance(snr, list | tuple)
    if bounds.size > 2 or (pair and bounds.size != 2) or not 0 < bounds[0] <= bounds[-1]:
        raise InputError(f"data.snr: found {snr}; give a ratio above 0, [lowest, highest], or null for no noise")
    return (snr[0], snr[1]) if isinstance(snr, list | tuple) else snr  # type: ignore[return-value]
