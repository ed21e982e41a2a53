"""A shard: some hundred records in one NumPy file, each with a checksum and the mark of what it was made from.

The file is plain `.npy` of a structured type, so `numpy.load(path, mmap_mode="r")` reads it anywhere, a record is one
run of bytes (one ranged read from an object store), and there are no pickles. Records are appended one by one: the
size of an unfinished file tells how far it is.
"""

import io
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from qtmnet.datasets.storage.storage import Storage
from simulators.errors import InputError

MARK = (("index", "<i8"), ("made_from", "S16"))
"""First fields of a record: which item it is, and the fingerprint of the settings that it was made from."""

CHECK = (("crc32", "<u4"), ("unused", "<u4"))
"""Last fields of a record: the CRC-32 of all bytes before; padding, so that records stay aligned."""

REPAIR = "delete it, and it is made anew where it is needed"

Fields = tuple[tuple[str, str, tuple[int, ...]], ...]
"""Name, type and shape of each array that is kept."""


def _with_room(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Values as far as a type has room for them.

    What float16 has no room for would be infinite, and what is averaged from it no number: label in voxels that great
    vessels, drawn as lines, fill sixty times over.
    """
    if kind != np.float16:
        return values
    largest = float(np.finfo(np.float16).max)
    return np.clip(values, -largest, largest)


@dataclass(frozen=True)
class ShardFormat:
    """What the records of a dataset look like.

    Attributes:
        fields: arrays of a record.
        made_from: fingerprint of the settings, at most 16 letters.
        shard_size: records in a full shard.
    """

    fields: Fields
    made_from: str
    shard_size: int

    @property
    def dtype(self) -> np.dtype:
        """NumPy type of a record."""
        return np.dtype([*MARK, *self.fields, *CHECK])

    def name(self, shard: int) -> str:
        """File of a shard."""
        return f"shard-{shard:05d}.npy"

    def header(self, count: int) -> bytes:
        """First bytes of a file of so many records."""
        stream = io.BytesIO()
        description = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": (count,)}
        np.lib.format.write_array_header_1_0(stream, description)  # type: ignore[arg-type]
        return stream.getvalue()

    def size(self, count: int) -> int:
        """Bytes of a file of so many records."""
        return len(self.header(count)) + count * self.dtype.itemsize

    def count(self, size: int) -> int | None:
        """Records in a finished file of so many bytes; None if it cannot be a whole file."""
        count = (size - len(self.header(self.shard_size))) // self.dtype.itemsize
        return count if 0 < count <= self.shard_size and size == self.size(count) else None

    def record(self, index: int, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """A record of some arrays, marked and with its checksum, of shape ()."""
        record = np.zeros((), self.dtype)
        record["index"], record["made_from"] = index, self.made_from.encode()
        for name, _, _ in self.fields:
            record[name] = _with_room(arrays[name], record[name].dtype)
        record["crc32"] = self._checksum(record)
        return record

    def _checksum(self, record: np.ndarray | np.void) -> int:
        until = self.dtype.fields["crc32"][1]  # type: ignore[index]
        return zlib.crc32(memoryview(record.tobytes())[:until])

    def flaw(self, record: np.void, index: int) -> str | None:
        """What is wrong with record `index`, None if nothing is."""
        if self._checksum(record) != record["crc32"] or record["unused"]:
            return "damaged (its checksum does not fit)"
        if record["made_from"].decode() != self.made_from:
            return f"made from other settings ({record['made_from'].decode()}, not {self.made_from})"
        if record["index"] != index:
            return f"cube {record['index']}, in the place of another"
        return None


def write_shard(stream: BinaryIO, layout: ShardFormat, count: int, records: Iterable[np.ndarray]) -> None:
    """Write records one by one as they come."""
    stream.write(layout.header(count))
    for record in records:
        stream.write(record.tobytes())
        stream.flush()


class ShardReader:
    """One shard, opened for reading.

    Args:
        storage: where it lies.
        layout: what it should look like.
        shard: its number.
        count: records in it.

    Raises:
        InputError: if it is missing or not what it should be.
    """

    def __init__(self, storage: Storage, layout: ShardFormat, shard: int, count: int) -> None:
        self.path = storage.path(layout.name(shard))
        self.layout, self.first, self.count = layout, shard * layout.shard_size, count
        header = layout.header(count)
        try:
            start = storage.rows(layout.name(shard), np.dtype((np.void, len(header))), 0, 1)[0]
            self.rows = storage.rows(layout.name(shard), layout.dtype, len(header), count)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path}: missing or cut short ({error}); {REPAIR}") from None
        if start.tobytes() != header:
            raise InputError(f"{self.path}: cut short, damaged or made from other settings; {REPAIR}")
        self._sound = np.zeros(count, bool)

    def __getitem__(self, index: int) -> np.void:
        """Record `index` of the dataset, checked when it is first read.

        Raises:
            InputError: if it is damaged or of another dataset.
        """
        row = index - self.first
        record = self.rows[row]
        if not self._sound[row]:
            flaw = self.layout.flaw(record, index)
            if flaw is not None:
                raise InputError(f"{self.path}: cube {index}: {flaw}, in this file; {REPAIR}")
            self._sound[row] = True
        return record
