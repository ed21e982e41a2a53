"""Simulated cubes as training data."""

from collections.abc import Iterator
from pathlib import Path
from time import sleep

import lightning as L
import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler

from qtmnet.datasets.cluster import Cluster
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cube_store import CubeStore, NoDatasetError
from qtmnet.datasets.filling import fill
from qtmnet.datasets.recipe import SPLITS, recipe_for
from qtmnet.datasets.view import Look, View
from qtmnet.learning.samples import CubeDataset, Key, Sample, SampleMaker
from qtmnet.limits import BatchSize, CubeCount, LoaderWorkers, ShardSize, SignalToNoise, TestCubeCount
from qtmnet.process import ranks
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.cube import CubeParameters
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import Drawn, PathText, SeedNumber, Share
from simulators.transport.cuda.devices import open_device
from simulators.transport.cupy import CupySimulator
from simulators.transport.step_response import Simulator

SECONDS_BETWEEN_LOOKS = 2.0

SAMPLES_TO_START_FROM = 200
"""Cubes for the linear estimate: a few coefficients from hundreds of thousands of voxels."""


class EpochSampler(Sampler[Key]):
    """Cubes of an epoch, in an order that the seed and the epoch alone decide.

    Args:
        n: cubes.
        seed: of the order.
        shuffle: a new order in each epoch, else that of the cubes.
        n_used: how many to take of the order, all by default.
        rank: which of the processes that share them this one is: it gets each n_ranks-th.
        n_ranks: how many processes share them.
    """

    def __init__(
        self, n: int, *, seed: int, shuffle: bool, n_used: int | None = None, rank: int = 0, n_ranks: int = 1
    ) -> None:
        self.n, self.seed, self.shuffle, self.epoch = n, seed, shuffle, 0
        self.own = slice(rank, n if n_used is None else n_used, n_ranks)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(range(self.n)[self.own])

    def __iter__(self):  # type: ignore[no-untyped-def]
        epoch = self.epoch if self.shuffle else 0
        order = np.random.default_rng((self.seed, epoch)).permutation(self.n) if self.shuffle else range(self.n)
        return iter([(epoch, int(index)) for index in order[self.own]])


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
        batch_size: samples a step, of all processes that train together.
        snr: of the training frames; see `SampleMaker`. Validation has the same noise in each epoch.
        flips: mirror training cubes at random.
        loader_workers: processes that make samples beside the one that trains.

    Raises:
        InputError: for settings that make no data set.
    """

    @checks_arguments
    def __init__(
        self,
        acquisition: Acquisition,
        phantom: CubeParameters,
        simulator: Simulator,
        *,
        cluster: Cluster | None = None,
        n_cubes: CubeCount = 6400,
        n_test: TestCubeCount = 64,
        dir: PathText | None = None,
        shard_size: ShardSize | None = None,
        seed: SeedNumber = 0,
        validation_share: Share = 0.1,
        batch_size: BatchSize = 16,
        snr: Drawn[SignalToNoise] | None = None,
        flips: bool = True,
        loader_workers: LoaderWorkers = 0,
    ) -> None:
        super().__init__()
        self.acquisition = acquisition
        self.cluster = cluster or LocalCluster()
        self.recipes = {
            split: recipe_for(acquisition, phantom=phantom, simulator=simulator, seed=seed, split=split)
            for split in SPLITS
        }
        self.n_cubes = {"train": n_cubes, "test": n_test}
        self.dir = (
            str(dir) if dir is not None else str(Path("datasets") / f"cubes-{self.recipes['train'].fingerprint()[:8]}")
        )
        self.shard_size = shard_size
        self.seed, self.validation_share, self.batch_size = seed, validation_share, batch_size
        self.snr = snr
        self.flips, self.loader_workers = flips, loader_workers
        Look.of(acquisition).grid(self.recipes["train"], 0)  # refuses a voxel that does not fit at once
        self.truths: tuple[str, ...] = ("cbf",)
        """Keys of the quantities that samples hold the truth of."""
        self.first_epoch = 0
        """That training begins with: loader workers ask for its samples before the trainer tells its epoch."""
        self.datasets: dict[str, Dataset[Sample]] = {}

    @property
    def n_validation(self) -> int:
        """Cubes to validate with."""
        return max(round(self.validation_share * self.n_cubes["train"]), 1)

    @property
    def n_fit(self) -> int:
        """Samples of an epoch of training."""
        return self.n_cubes["train"] - self.n_validation

    def url(self, split: str) -> str:
        """Folder or URL of the `train` or `test` cubes."""
        return self.dir if split == "train" else f"{self.dir.rstrip('/')}/{split}"

    def store(self, split: str, *, only_read: bool = False) -> CubeStore:
        """Store of the `train` or `test` cubes; `only_read` refuses one that is not there yet."""
        size, n_cubes = self.shard_size, self.n_cubes[split]
        return CubeStore(self.url(split), self.recipes[split], shard_size=size, n_cubes=n_cubes, only_read=only_read)

    def simulate(self, split: str) -> CubeStore:
        """Simulate the cubes of a split that are missing."""
        self._check_device(split)
        store = self.store(split)
        fill(store, self.n_cubes[split], self.cluster, f"Simulating {split} cubes into {store.url}")
        return store

    def _check_device(self, split: str) -> None:
        """Open the device before a folder is bound to it: what is missing may be made by another simulator."""
        simulator = self.recipes[split].simulator
        if not isinstance(simulator, CupySimulator) or not isinstance(self.cluster, LocalCluster):
            return
        try:
            self.store(split, only_read=True)
        except NoDatasetError:
            open_device(simulator.device)

    def view(self, split: str) -> View:
        """The cubes of a split on the acquired voxels, all there."""
        view = View(self.store(split), Look.of(self.acquisition))
        fill(view, self.n_cubes[split], LocalCluster(1), f"Reading {split} cubes")
        return view

    def maker(self, *, augmented: bool) -> SampleMaker:
        """Reads cubes with the protocol, with or without flips."""
        recipe = self.recipes["train"]
        n_slices = Look.of(self.acquisition).grid(recipe, 0).shape[2]
        flips = self.flips and augmented
        return SampleMaker(
            recipe.time,
            self.acquisition,
            n_slices,
            snr=self.snr,
            flips=flips,
            seed=self.seed,
            t1_blood=recipe.phantom.t1_blood,
            truths=self.truths,
        )

    def dataset(self, split: str, rows: np.ndarray | None = None, *, augmented: bool = False) -> CubeDataset:
        """Part of a split as a data set, all of it by default, with or without flips."""
        every = np.arange(self.n_cubes[split])
        return CubeDataset(self.view(split), every if rows is None else rows, self.maker(augmented=augmented))

    def check_shares(self, n_ranks: int) -> None:
        """Whether so many processes can share each batch evenly, and all have cubes to validate with.

        Raises:
            InputError: if not. An uneven share would leave all others waiting for the largest at each step.
        """
        batch = min(self.batch_size, self.n_fit)
        if batch % n_ranks:
            raise InputError(
                f"data.batch_size: found batches of {batch}, which {n_ranks} processes cannot share evenly; give a "
                f"multiple of {n_ranks}, and as many cubes"
            )
        if self.n_validation < n_ranks:
            raise InputError(
                f"data.n_cubes: {self.n_validation} to validate with, for {n_ranks} processes; give more, or more "
                "data.validation_share"
            )

    def prepare_data(self) -> None:
        """Simulate the training cubes. Of processes that train together the first does; the others wait."""
        if ranks.is_first():
            self.simulate("train")
            self.view("train")
            return
        while not self.is_complete():
            sleep(SECONDS_BETWEEN_LOOKS)

    def is_complete(self) -> bool:
        """Whether all that training needs is there."""
        store, n_cubes = self.store("train"), self.n_cubes["train"]
        return not store.missing(n_cubes) and not View(store, Look.of(self.acquisition)).missing(n_cubes)

    def setup(self, stage: str) -> None:
        """Make the data sets to train on and to validate with."""
        if stage == "fit" and "fit" not in self.datasets:
            self.datasets["fit"] = self.fitting()
            self.datasets["validate"] = self.dataset("train", self._split()[0])

    def fitting(self) -> Dataset[Sample]:
        """Samples to train on: what validation leaves of the cubes."""
        return self.dataset("train", self._split()[1], augmented=True)

    def first_samples(self) -> Iterator[Sample]:
        """Samples to fit the linear estimate to, a few coefficients: as many as say enough of them."""
        fitting = self.datasets["fit"]
        return (fitting[0, index] for index in range(min(self.n_fit, SAMPLES_TO_START_FROM)))

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Cubes to validate with and those to train on, drawn at random."""
        order = np.random.default_rng(self.seed).permutation(self.n_cubes["train"])
        return np.sort(order[: self.n_validation]), np.sort(order[self.n_validation :])

    def train_dataloader(self) -> DataLoader:
        """Training samples, shuffled."""
        return self._loader("fit", shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Validation samples, the same in each epoch."""
        return self._loader("validate", shuffle=False)

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader:
        """This process's part of the batches: joined with those of the others, they are the batches of one process."""
        dataset = self.datasets[name]
        n = self.n_fit if shuffle else self.n_validation
        n_workers = self.loader_workers if shuffle else 0
        n_left = n % self.batch_size if shuffle and n > self.batch_size else 0  # too few for a batch
        rank, n_ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = EpochSampler(n, seed=self.seed, shuffle=shuffle, n_used=n - n_left, rank=rank, n_ranks=n_ranks)
        sampler.set_epoch(self.first_epoch)
        return DataLoader(
            dataset,
            max(self.batch_size // n_ranks, 1),
            sampler=sampler,
            num_workers=n_workers,
            persistent_workers=n_workers > 0,
        )
