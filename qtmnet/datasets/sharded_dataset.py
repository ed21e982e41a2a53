"""What all datasets are: records of which each is a function of its index, and tasks that make what is missing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.datasets.shard_files import Records


class ShardedDataset(ABC):
    """Records in shards that can be made by any process, on any machine that sees the same storage."""

    records: Records

    @abstractmethod
    def arrays(self, index: int) -> Mapping[str, np.ndarray]:
        """Make what is kept as record `index`."""

    def missing(self, n: int) -> list["ShardTask"]:
        """What is to be done until the first n records are there."""
        return [ShardTask(self, shard, count) for shard, count in self.records.missing(n)]


@dataclass(frozen=True)
class ShardTask:
    """One shard to make; see `qtmnet.datasets.cluster.Task`.

    Attributes:
        dataset: it is part of.
        shard: its number.
        count: records in it.
    """

    dataset: ShardedDataset
    shard: int
    count: int

    def __call__(self) -> bool:
        """Make the shard; False if another process is at it."""
        return self.dataset.records.write(self.shard, self.count, self.dataset.arrays)
