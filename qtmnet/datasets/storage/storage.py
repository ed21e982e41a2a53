"""Where the files of a dataset lie: a folder, or an object store (any URL that fsspec knows: s3://, gs://, …)."""

import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import BinaryIO, Protocol

import fsspec
import numpy as np

from qtmnet.datasets.storage.folder import Folder
from qtmnet.datasets.storage.object_store import ObjectStore, told
from simulators.errors import InputError
from simulators.files.reading import kind_there

_NAMES_SOMETHING = re.compile(r"(?s)^(?!.?://)(?!(file|local)://$).*\S")  # one letter before :// is a drive to fsspec

SECONDS_TO_ANSWER = 10.0
"""For a store to be reached and list what it has."""


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


def storage_at(url: str | Path, setting: str = "data.dir") -> Storage:
    """The folder of a path, or the prefix of a URL.

    Args:
        url: a path, `file://` and a path, or another URL that fsspec knows.
        setting: that names it, for complaints.

    Raises:
        InputError: for what is no folder, a URL of a kind that is not installed or not known, or a store that does not
            answer.
    """
    if not isinstance(url, str | Path) or not _NAMES_SOMETHING.search(str(url)):
        raise InputError(f"{setting}: found {url!r}; give a folder or a URL that fsspec can open")
    folder = _local(str(url))
    if folder is None:
        return _reached(str(url), setting)
    kind = kind_there(folder, setting=setting)
    if kind not in (None, "a folder"):
        raise InputError(f"{setting}: {folder} is {kind}; give a folder")
    return Folder(folder)


def _local(url: str) -> Path | None:
    """The path that a name stands for, None for a URL of another kind."""
    kind, mark, path = url.partition("://")
    if not mark:
        return Path(url.removeprefix("file:")) if url.startswith("file:/") else Path(url)
    if kind not in ("file", "local"):
        return None
    return Path(path.removeprefix("localhost") if path.startswith("localhost/") else path)


def _reached(url: str, setting: str) -> ObjectStore:
    """A store that has answered.

    It is asked in a thread of its own: each kind of store has time limits of its own, of minutes, or none.
    """
    answers: SimpleQueue[ObjectStore | str] = SimpleQueue()
    threading.Thread(target=_ask, args=(url, answers), daemon=True).start()
    advice = "give a folder or a URL that fsspec can open"
    try:
        answer = answers.get(timeout=SECONDS_TO_ANSWER)
    except Empty:
        found = f"no answer within {SECONDS_TO_ANSWER:g} s"
        raise InputError(f"{setting}: {url}: {found}; check the address and the network, or {advice}") from None
    if isinstance(answer, str):
        raise InputError(f"{setting}: {url}: {answer}; {advice}")
    return answer


def _ask(url: str, answers: SimpleQueue) -> None:
    """Put a store that has answered, or what it says instead, into a queue."""
    with _unheard():
        try:
            files, root = fsspec.core.url_to_fs(url)
            store = ObjectStore(files, root.rstrip("/"), url.rstrip("/"))
            with suppress(FileNotFoundError):  # to be made
                files.ls(store.root, detail=False)
            answer: ObjectStore | str = store
        except BaseException as error:  # each kind of store has errors of its own
            answer = told(error)
            error.__traceback__ = error.__context__ = error.__cause__ = None  # which hold on to half a store
    answers.put(answer)


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep Python from printing what a store that is half made complains of when it is taken apart."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda *_: None
    try:
        yield
    finally:
        sys.unraisablehook = hook
