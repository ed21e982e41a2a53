"""All records of a dataset, over its shards: which are there, which are missing, and each one by its index."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from qtmnet.datasets.shard import REPAIR, ShardFormat, ShardReader, write_shard
from qtmnet.datasets.storage.storage import Storage
from qtmnet.process.invocation import command
from qtmnet.process.locks import BusyError
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
        sizes = self._sizes()
        return {shard: self._count(shard, size) for shard, size in sizes.items()}

    def _sizes(self) -> dict[int, int]:
        """Bytes of each finished shard."""
        found = ((SHARD.fullmatch(name), size) for name, size in self.storage.sizes().items())
        return {int(match[1]): size for match, size in found if match is not None}

    def _count(self, shard: int, size: int) -> int:
        """Records in a finished shard of so many bytes."""
        count = self.layout.count(size)
        if count is None:
            name = self.storage.path(self.layout.name(shard))
            raise InputError(f"{name}: cut short or of another format ({size} bytes); {REPAIR}")
        return count

    def missing(self, n: int) -> list[tuple[int, int]]:
        """Shards to be written until the first n records are there, each with the records it should have."""
        there = self.counts()
        return [(shard, count) for shard, count in self._wanted(n) if there.get(shard, 0) < count]

    def _wanted(self, n: int) -> Iterator[tuple[int, int]]:
        size = self.layout.shard_size
        for shard in range(-(-n // size)):
            yield shard, min(size, n - shard * size)

    def busy(self, shard: int) -> bool:
        """Whether another process is writing a shard, as far as can be seen."""
        return self.storage.busy(self.layout.name(shard))

    def counter(self, n: int) -> Callable[[], int]:
        """A function that tells how many of the first n records are there, those of shards in the making among them.

        What lay unfinished before and does not grow is not counted: a killed process left it, and it will be removed.
        """
        left = self.storage.unfinished()
        header, each = len(self.layout.header(self.layout.shard_size)), self.layout.dtype.itemsize

        def count() -> int:
            there = self.counts()
            for name, size in self.storage.unfinished().items():
                match = SHARD.match(name)
                if match is not None and left.get(name) != size:
                    there[int(match[1])] = max(there.get(int(match[1]), 0), (size - header) // each)
            return sum(min(there.get(shard, 0), wanted) for shard, wanted in self._wanted(n))

        return count

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
                self._readers.pop(shard, None)
                old = None  # like the reader, maps the file to memory, and Windows replaces no file that is mapped
        except BusyError:
            return False
        return True

    def __getitem__(self, index: int) -> np.void:
        """Record `index`, sound.

        Raises:
            InputError: if it is missing, damaged or of another dataset.
        """
        shard, row = divmod(index, self.layout.shard_size)
        reader = self._readers.get(shard)
        if reader is None or row >= reader.count:  # it may have grown since it was opened
            size = self._sizes().get(shard)
            count = 0 if size is None else self._count(shard, size)
            if row >= count:
                name = self.storage.path(self.layout.name(shard))
                raise InputError(f"{name}: cube {index}: missing; run {command('simulate')} to make it")
            reader = self._readers[shard] = ShardReader(self.storage, self.layout, shard, count)
        return reader[index]

    def flaws(self, n: int = 0) -> Iterator[str]:
        """Read all records that are there and tell what is wrong: a line for each damaged shard, and one for all that
        are missing of the first n."""
        sizes = self._sizes()
        for shard, size in sorted(sizes.items()):
            try:
                reader = ShardReader(self.storage, self.layout, shard, self._count(shard, size))
                for row in range(reader.count):
                    reader[reader.first + row]
            except InputError as error:
                yield str(error)
        there = {shard: self.layout.count(size) or self.layout.shard_size for shard, size in sizes.items()}
        missing = [shard for shard, count in self._wanted(n) if there.get(shard, 0) < count]
        if missing:
            name = self.storage.path(self.layout.name(missing[0]))
            more = f", and {len(missing) - 1} files more" if len(missing) > 1 else ""
            yield f"{name}: missing or short of cubes{more}; run {command('simulate')} to make what is missing"
