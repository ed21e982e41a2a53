"""A lock between processes, on any system: a file that is there while one of them holds it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import lock_descriptor

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a file system without locks answers."""


class BusyError(Exception):
    """Another process is in."""


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Keep others out until the context, or this process, ends; its file is removed then.

    Args:
        path: of the lock's file, for nothing else; its folder is there.

    Yields:
        False where the file system has no locks, and nobody is kept out.

    Raises:
        BusyError: if somebody else is in.
        OSError: if the file cannot be made.
    """
    removed = True
    stream = open(path, "ab")  # noqa: SIM115 (closed before it is removed where that is needed)
    try:
        alone = _take(path, stream)
        try:
            yield alone
        finally:
            removed = _remove(path)  # while it is held: afterwards it may be another's
    finally:
        stream.close()
        if not removed:  # Windows, where it can only be removed as long as nobody else has opened it
            _remove(path)


def is_locked(path: Path) -> bool:
    """Whether somebody is in, as far as can be seen."""
    try:
        mode = "r+b" if os.access(path, os.W_OK) else "rb"  # network file systems lock what is open for writing
        with open(path, mode) as stream:
            return not lock_descriptor(stream.fileno(), blocking=False)
    except OSError:  # there is no such file, or there are no locks on this file system
        return False


def _take(path: Path, stream: BinaryIO) -> bool:
    try:
        if not lock_descriptor(stream.fileno(), blocking=False):
            raise BusyError(str(path))
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    if not _is_still(path, stream):  # removed between opening and locking: somebody else was faster
        raise BusyError(str(path))
    return True


def _is_still(path: Path, stream: BinaryIO) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(stream.fileno()))
    return False


def _remove(path: Path) -> bool:
    """Whether the file could be removed, or had been."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        return False
    return True
