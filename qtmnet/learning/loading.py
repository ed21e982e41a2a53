"""How samples reach the device that trains: in which order, in which process, and as tensors."""

from collections.abc import Iterator, Sequence
from time import sleep

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from qtmnet.learning.samples import Key, Sample, Samples
from qtmnet.learning.source import Source
from qtmnet.process import ranks
from simulators.errors import InputError

SECONDS_BETWEEN_LOOKS = 2.0

Tensors = dict[str, torch.Tensor]
"""Images of one sample, (C, x, y, z), or of a batch, (N, C, x, y, z), by name; see `SampleMaker`."""


def n_samples(batch: Tensors) -> int:
    """Samples in a batch."""
    return len(next(iter(batch.values())))


class EpochSampler(Sampler[Key]):
    """Samples of an epoch, in an order that the seed and the epoch alone decide.

    Args:
        n: samples.
        seed: of the order.
        shuffle: a new order in each epoch, else that of the samples.
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


class TensorSamples(Dataset[Tensors]):
    """Samples as torch takes them.

    Args:
        samples: by (epoch, index).
    """

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __getitem__(self, key: Key) -> Tensors:
        return _tensors(self.samples[key])

    def __getitems__(self, keys: Sequence[Key]) -> list[Tensors]:
        """The samples of a batch: `DataLoader` asks for them together."""
        return [_tensors(sample) for sample in self.samples.batch(keys)]


def _tensors(sample: Sample) -> Tensors:
    return {name: torch.from_numpy(image) for name, image in sample.items()}


class SampleLoading(L.LightningDataModule):
    """Brings the samples of a source to the processes that train.

    Args:
        source: of the samples; it also says how many make a batch, and how many processes make them.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.first_epoch = 0
        """That training begins with: loader workers ask for its samples before the trainer tells its epoch."""
        self.datasets: dict[str, TensorSamples] = {}

    def check_shares(self, n_ranks: int) -> None:
        """Whether so many processes can share each batch evenly, and all have cubes to validate with.

        Raises:
            InputError: if not. An uneven share would leave all others waiting for the largest at each step.
        """
        batch = min(self.source.batch_size, self.source.n_fit)
        if batch % n_ranks:
            raise InputError(
                f"data.batch_size: found batches of {batch}, which {n_ranks} processes cannot share evenly; give a "
                f"multiple of {n_ranks}, and as many cubes"
            )
        if self.source.n_validation < n_ranks:
            raise InputError(
                f"data.n_cubes: {self.source.n_validation} to validate with, for {n_ranks} processes; give more, or "
                "more data.validation_share"
            )

    def prepare_data(self) -> None:
        """Make what is missing. Of processes that train together the first does; the others wait."""
        if ranks.is_first():
            self.source.prepare()
            return
        while not self.source.is_complete():
            sleep(SECONDS_BETWEEN_LOOKS)

    def setup(self, stage: str) -> None:
        """Open what is to train on and to validate with."""
        if stage == "fit" and "fit" not in self.datasets:
            self.datasets["fit"] = TensorSamples(self.source.fitting())
            self.datasets["validate"] = TensorSamples(self.source.validation())

    def first_samples(self) -> Iterator[Tensors]:
        """Samples to fit the linear estimate to, the first of the first epoch: as many as say enough of it."""
        keys = [(0, index) for index in range(min(self.source.n_fit, self.source.samples_to_start_from))]
        loader = DataLoader(
            self.datasets["fit"],
            1,
            sampler=keys,
            num_workers=self.source.loader_workers,
            generator=torch.Generator(),  # else it would take a number that the training draws
        )
        return ({name: value[0] for name, value in batch.items()} for batch in loader)

    def train_dataloader(self) -> DataLoader:
        """Training samples, shuffled."""
        return self._loader("fit", shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Validation samples, the same in each epoch."""
        return self._loader("validate", shuffle=False)

    def _loader(self, name: str, *, shuffle: bool) -> DataLoader:
        """This process's part of the batches: joined with those of the others, they are the batches of one process."""
        source, batch_size = self.source, self.source.batch_size
        n = source.n_fit if shuffle else source.n_validation
        n_workers = source.loader_workers if shuffle else 0
        n_left = n % batch_size if shuffle and n > batch_size else 0  # too few for a batch
        rank, n_ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = EpochSampler(n, seed=source.seed, shuffle=shuffle, n_used=n - n_left, rank=rank, n_ranks=n_ranks)
        sampler.set_epoch(self.first_epoch)
        return DataLoader(
            self.datasets[name],
            max(batch_size // n_ranks, 1),
            sampler=sampler,
            num_workers=n_workers,
            persistent_workers=n_workers > 0,
        )
