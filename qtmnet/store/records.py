"""All records of a dataset, over its shards: which are there, which are missing, and each one by its index."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from qtmnet.store.shard import ShardFormat, ShardReader, write_shard
from qtmnet.store.storage import BusyError, Storage
from simulators.errors import InputError

SHARD = re.compile(r"shard-(\d{5,})\.npy")


@dataclass
class Records:
    """Records 0, 1, … in shards.

    Attributes:
        storage: where the shards lie.
        layout: what they look like.
    """

    storage: Storage
    layout: ShardFormat
    _readers: dict[int, ShardReader] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Without the open shards, which belong to a process."""
        return {**self.__dict__, "_readers": {}}

    def counts(self) -> dict[int, int]:
        """Records in each finished shard.

        Raises:
            InputError: for a file that is no whole shard.
        """
        counts = {}
        for name, size in self.storage.sizes().items():
            match = SHARD.fullmatch(name)
            if match is None:
                continue
            count = self.layout.count(size)
            if count is None:
                raise InputError(
                    f"{self.storage.path(name)}: cut short or of another format ({size} bytes); delete it and run "
                    "simulate.py to make it anew"
                )
            counts[int(match[1])] = count
        return counts

    def missing(self, n: int) -> list[tuple[int, int]]:
        """Shards to be written until the first n records are there, each with the records it should have."""
        there = self.counts()
        return [(shard, count) for shard, count in self._wanted(n) if there.get(shard, 0) < count]

    def _wanted(self, n: int) -> Iterator[tuple[int, int]]:
        size = self.layout.shard_size
        for shard in range(-(-n // size)):
            yield shard, min(size, n - shard * size)

    def n_done(self, n: int) -> int:
        """How many of the first n records are there, those of unfinished shards among them."""
        there = self.counts()
        header, each = len(self.layout.header(self.layout.shard_size)), self.layout.dtype.itemsize
        started = {
            int(match[1]): max(size - header, 0) // each
            for name, size in self.storage.unfinished().items()
            if (match := SHARD.fullmatch(name))
        }
        return sum(min(max(there.get(k, 0), started.get(k, 0)), count) for k, count in self._wanted(n))

    def write(self, shard: int, count: int, arrays: Callable[[int], Mapping[str, np.ndarray]]) -> bool:
        """Write a shard, taking what a shorter one of the same number holds already.

        Args:
            shard: its number.
            count: records in it.
            arrays: makes the arrays of the record of an index.

        Returns:
            False if another process is writing it.
        """
        first = shard * self.layout.shard_size
        there = self.counts().get(shard, 0)
        if there >= count:
            return True
        old = ShardReader(self.storage, self.layout, shard, there) if there else None
        indices = range(first, first + count)
        records = (
            np.asarray(old[index])
            if old is not None and index < first + there
            else self.layout.record(index, arrays(index))
            for index in indices
        )
        try:
            with self.storage.writing(self.layout.name(shard)) as stream:
                if self.counts().get(shard, 0) < count:  # else somebody finished it meanwhile
                    write_shard(stream, self.layout, count, records)
                else:
                    raise BusyError
        except BusyError:
            return False
        self._readers.pop(shard, None)
        return True

    def __getitem__(self, index: int) -> np.void:
        """Record `index`, sound.

        Raises:
            InputError: if it is missing, damaged or of another dataset.
        """
        shard = index // self.layout.shard_size
        if shard not in self._readers:
            count = self.counts().get(shard)
            if count is None:
                name = self.storage.path(self.layout.name(shard))
                raise InputError(f"{name}: missing; run simulate.py to make it")
            self._readers[shard] = ShardReader(self.storage, self.layout, shard, count)
        return self._readers[shard][index]

    def flaws(self, n: int) -> Iterator[str]:
        """Read the first n records and tell what is wrong, one line for each damaged or missing shard."""
        for shard, count in self._wanted(n):
            first = shard * self.layout.shard_size
            try:
                for index in range(first, first + count):
                    self[index]
            except InputError as error:
                yield str(error)
            self._readers.pop(shard, None)
