"""Where the files of a dataset lie: a folder, or an object store (any URL that fsspec knows: s3://, gs://, …)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

import fsspec
import numpy as np

from qtmnet.store.folder import Folder
from qtmnet.store.object_store import ObjectStore
from simulators.errors import InputError
from simulators.files import one_line


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
        """Bytes so far of what is being written, or was when its writer was killed, by the final name and a mark."""
        ...

    def busy(self, name: str) -> bool:
        """Whether another process is writing a file, as far as can be seen."""
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
