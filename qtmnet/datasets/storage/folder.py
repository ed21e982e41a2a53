"""Files of a dataset in a folder: whole or not at all, each written by one process at a time."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from qtmnet.process.locks import BusyError, is_locked, locked
from simulators.errors import InputError
from simulators.files.reading import JSON_FILE, kind_there, read_bytes
from simulators.files.writing import DraftLostError, cannot_write, writing


class Folder:
    """A folder of a file system.

    A file that is being written has a hidden name of its own, so that writers never share one, whatever the file system
    makes of locks. A lock beside it keeps others from doing the same work: it ends with its process, however that ends,
    and what a killed process left is removed by the next that takes the lock.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getstate__(self) -> dict[str, object]:
        """The same place for a process that works in another folder."""
        return {"folder": self.folder.absolute()}

    def __str__(self) -> str:
        return str(self.folder)

    def path(self, name: str) -> str:
        """How to name a file to the user."""
        return str(self.folder / name)

    def sizes(self) -> dict[str, int]:
        """Bytes of each finished file."""
        return {name: size for name, size in self._all_sizes().items() if not name.startswith(".")}

    def unfinished(self) -> dict[str, int]:
        """Bytes so far of each unfinished file."""
        found = self._all_sizes().items()
        return {name[1:-4]: size for name, size in found if name.startswith(".") and name.endswith(".tmp")}

    def busy(self, name: str) -> bool:
        """Whether another process holds the lock of a file."""
        return is_locked(self._lock(name))

    def _lock(self, name: str) -> Path:
        return self.folder / f".{name}.lock"

    def _all_sizes(self) -> dict[str, int]:
        if not self.folder.is_dir():
            return {}
        sizes = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # renamed meanwhile
                    kind = kind_there(entry.path)
                    if kind == "a file":
                        sizes[entry.name] = entry.stat().st_size
                    elif kind and entry.name.endswith(".npy"):  # in the place of a shard
                        raise InputError(f"{entry.path}: found {kind}; move it away, or choose another folder")
        return sizes

    def read(self, name: str) -> bytes:
        """A whole small file; FileNotFoundError if there is none."""
        if kind_there(self.folder / name) is None:
            raise FileNotFoundError(self.path(name))
        return read_bytes(self.folder / name, JSON_FILE)

    def rows(self, name: str, dtype: np.dtype, offset: int, count: int) -> Sequence[np.void]:
        """Rows of a table, by memory map."""
        return np.memmap(self.folder / name, dtype, "r", offset, (count,))  # type: ignore[return-value]

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A hidden file that takes its name when it is whole."""
        final = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self._lock(name)) as alone:
                if alone:
                    self._remove_unfinished(name)
                with writing(final) as draft, draft.open("xb") as stream:
                    yield stream
        except DraftLostError:  # removed by another machine, where this one's lock is not seen: it writes the same
            raise BusyError(str(final)) from None
        except OSError as error:
            raise cannot_write(final, error) from None

    def _remove_unfinished(self, name: str) -> None:
        for left in self.unfinished():
            if left.startswith(f"{name}."):
                with suppress(PermissionError):  # on Windows, of a file that a virus scanner, say, is looking at
                    (self.folder / f".{left}.tmp").unlink(missing_ok=True)
