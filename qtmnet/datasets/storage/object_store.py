"""Files of a dataset in an object store: any URL that fsspec knows."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import fsspec
import numpy as np

from simulators.errors import InputError
from simulators.files.writing import one_line

LONGEST_TOLD = 200
"""Letters of an error: some stores answer with a page of HTML."""


class ObjectStore:
    """Objects under a prefix. An object is there when its upload is complete; two writers write the same bytes."""

    def __init__(self, files: fsspec.AbstractFileSystem, root: str, url: str) -> None:
        self.files, self.root, self.url = files, root, url

    def __str__(self) -> str:
        return self.url

    def path(self, name: str) -> str:
        """How to name an object to the user."""
        return f"{self.url}/{name}"

    def sizes(self) -> dict[str, int]:
        """Bytes of each object."""
        self.files.invalidate_cache()
        try:
            with _reaching(self.url):
                found = self.files.ls(self.root, detail=True)
        except FileNotFoundError:
            return {}
        return {item["name"].rsplit("/", 1)[-1]: item["size"] for item in found if item["type"] == "file"}

    def unfinished(self) -> dict[str, int]:
        """Nothing: an upload is not seen before it is complete."""
        return {}

    def busy(self, name: str) -> bool:
        """Never, as far as can be seen."""
        return False

    def read(self, name: str) -> bytes:
        """A whole small object."""
        with _reaching(self.path(name)):
            return self.files.cat_file(f"{self.root}/{name}")

    def rows(self, name: str, dtype: np.dtype, offset: int, count: int) -> Sequence[np.void]:
        """Rows of a table, each by one ranged read."""
        return RemoteRows(self, name, dtype, offset, count)  # type: ignore[return-value]

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A file on this machine that is uploaded when it is whole."""
        try:
            with tempfile.TemporaryDirectory(prefix="qtmnet-") as scratch:
                whole = Path(scratch) / "whole"
                with whole.open("xb") as stream:  # closed before it is read: Windows opens no file twice
                    yield stream
                with _reaching(self.path(name)):
                    self.files.makedirs(self.root, exist_ok=True)
                    self.files.put_file(str(whole), f"{self.root}/{name}")
        except OSError as error:
            what = f"{one_line(error)}, in {tempfile.gettempdir()} or there"
            raise InputError(f"{self.path(name)}: cannot be written ({what}); run again to go on") from None


@contextmanager
def _reaching(where: str) -> Iterator[None]:
    """Tell in one line what a store of objects says; a missing object stays a FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # each kind of store has errors of its own
        raise InputError(f"{where}: {told(error)}; run again to go on") from None


def told(error: BaseException) -> str:
    """What a store's error says, in one line; some say nothing but their kind."""
    if isinstance(error, ImportError | ValueError):  # which speak for themselves
        return one_line(error)[:LONGEST_TOLD]
    return f"{type(error).__name__}: {one_line(error)[:LONGEST_TOLD]}"


class RemoteRows:
    """Rows of a table in an object store."""

    def __init__(self, store: ObjectStore, name: str, dtype: np.dtype, offset: int, count: int) -> None:
        self.store, self.name, self.dtype, self.offset, self.count = store, name, dtype, offset, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> np.void:
        if not 0 <= row < self.count:
            raise IndexError(row)
        start = self.offset + row * self.dtype.itemsize
        with _reaching(self.store.path(self.name)):
            data = self.store.files.cat_file(
                f"{self.store.root}/{self.name}", start=start, end=start + self.dtype.itemsize
            )
        return np.frombuffer(data, self.dtype)[0]
