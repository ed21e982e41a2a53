"""Where the files of a dataset lie: a folder, or an object store (any URL that fsspec knows: s3://, gs://, …)."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import fsspec
import numpy as np

from simulators.errors import InputError
from simulators.files import one_line


class BusyError(Exception):
    """Another process is writing the file."""


class Storage(Protocol):
    """Files of one folder."""

    def __str__(self) -> str: ...

    def path(self, name: str) -> str:
        """How to name a file to the user."""
        ...

    def sizes(self) -> dict[str, int]:
        """Bytes of each finished file."""
        ...

    def unfinished(self) -> dict[str, int]:
        """Bytes so far of each file that is being written, or was when its writer was killed, as far as can be seen."""
        ...

    def read(self, name: str) -> bytes:
        """A whole small file; FileNotFoundError if there is none."""
        ...

    def rows(self, name: str, dtype: np.dtype, offset: int, count: int) -> Sequence[np.void]:
        """Rows of a table of raw records, each read when it is asked for."""
        ...

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file that is there, whole, when the context ends well, and not at all otherwise.

        Raises:
            BusyError: if another process of this machine is writing it.
            InputError: if it cannot be written.
        """
        ...


def storage_at(url: str | Path) -> Storage:
    """The folder of a path, or the prefix of a URL.

    Raises:
        InputError: for a URL of a kind that is not installed or not known.
    """
    url = str(url)
    if url.startswith("file://"):
        return Folder(Path(url.removeprefix("file://")))
    if "://" not in url:
        return Folder(Path(url))
    try:
        files, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(f"data.dir: {url}: {one_line(error)}; give a folder or a URL that fsspec can open") from None
    return ObjectStore(files, root.rstrip("/"), url.rstrip("/"))


class Folder:
    """A folder of a file system.

    A file that is being written has a hidden name and is locked by its writer: the lock ends with the process, however
    that ends, and what a killed process left is written over by the next.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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

    def _all_sizes(self) -> dict[str, int]:
        if not self.folder.is_dir():
            return {}
        sizes = {}
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # renamed meanwhile
                if entry.is_file():
                    sizes[entry.name] = entry.stat().st_size
        return sizes

    def read(self, name: str) -> bytes:
        """A whole small file."""
        return (self.folder / name).read_bytes()

    def rows(self, name: str, dtype: np.dtype, offset: int, count: int) -> Sequence[np.void]:
        """Rows of a table, by memory map."""
        return np.memmap(self.folder / name, dtype, "r", offset, (count,))  # type: ignore[return-value]

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A locked hidden file that takes its name when it is whole."""
        final, temporary = self.folder / name, self.folder / f".{name}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(temporary) as stream:
                try:
                    yield stream
                    stream.flush()
                    os.fsync(stream.fileno())
                    os.replace(temporary, final)
                except BaseException:
                    temporary.unlink(missing_ok=True)
                    raise
        except OSError as error:
            what = "no space left on the disk" if error.errno == errno.ENOSPC else one_line(error)
            raise InputError(f"{final}: cannot be written ({what}); mend that and run again to go on") from None


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """An empty file that no other process writes."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(str(path)) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            # No locks on this file system: two writers would share a file, so each gets one of its own name.
            raise OSError(error.errno, "this file system has no file locks; give a folder on one that has") from None
        if not _is_still(path, stream):  # renamed or removed between opening and locking: somebody else was faster
            raise BusyError(str(path))
        stream.truncate()
        yield stream


def _is_still(path: Path, stream: BinaryIO) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(stream.fileno())
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


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
            found = self.files.ls(self.root, detail=True)
        except FileNotFoundError:
            return {}
        return {item["name"].rsplit("/", 1)[-1]: item["size"] for item in found if item["type"] == "file"}

    def unfinished(self) -> dict[str, int]:
        """Nothing: an upload is not seen before it is complete."""
        return {}

    def read(self, name: str) -> bytes:
        """A whole small object."""
        return self.files.cat_file(f"{self.root}/{name}")

    def rows(self, name: str, dtype: np.dtype, offset: int, count: int) -> Sequence[np.void]:
        """Rows of a table, each by one ranged read."""
        return RemoteRows(self.files, f"{self.root}/{name}", dtype, offset, count)  # type: ignore[return-value]

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A file on this machine that is uploaded when it is whole."""
        with tempfile.NamedTemporaryFile(prefix="qtmnet-") as stream:
            try:
                yield stream  # type: ignore[misc]
                stream.flush()
                self.files.makedirs(self.root, exist_ok=True)
                self.files.put_file(stream.name, f"{self.root}/{name}")
            except OSError as error:
                what = one_line(error)
                raise InputError(
                    f"{self.path(name)}: cannot be written ({what}); mend that and run again to go on"
                ) from None


class RemoteRows:
    """Rows of a table in an object store."""

    def __init__(self, files: fsspec.AbstractFileSystem, path: str, dtype: np.dtype, offset: int, count: int) -> None:
        self.files, self.path, self.dtype, self.offset, self.count = files, path, dtype, offset, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> np.void:
        start = self.offset + row * self.dtype.itemsize
        data = self.files.cat_file(self.path, start=start, end=start + self.dtype.itemsize)
        return np.frombuffer(data, self.dtype)[0]
