"""The files of users, opened: regular files of bounded size, whatever else a name may lead to told in one line.

A named pipe would keep a reader waiting for ever, a device has no end, and a file of the wrong kind may be larger than
the memory. So a file is looked at before it is opened, and read no further than its kind can be long.
"""

import codecs
import errno
import os
import stat
from dataclasses import dataclass
from typing import BinaryIO

from simulators.errors import InputError
from simulators.files.writing import one_line

MIB = 2**20

Name = str | os.PathLike[str]


@dataclass(frozen=True)
class FileKind:
    """What a file is to hold.

    Attributes:
        what: it is, with its article.
        at_most: bytes that one can have.
    """

    what: str
    at_most: int


JSON_FILE = FileKind("a JSON file", 16 * MIB)
"""Sidecars of converters have some 10 kB, those with a header of each slice up to some MB."""

TABLE_FILE = FileKind("a table", 4 * MIB)
"""A NIfTI-1 has at most 32767 volumes, of which each takes a row of some ten bytes."""

TEXT_FILE = FileKind("a text of numbers", MIB)
"""A transform is four rows."""

SWC_FILE = FileKind("an SWC file", 2048 * MIB)
"""20 million nodes of a hundred bytes, ten times those of a whole brain."""

CHECKPOINT_FILE = FileKind("a checkpoint", 16384 * MIB)
"""Weights and two moments of an optimiser in single precision: a network of 1.4 billion parameters."""

NIFTI_FILE = FileKind("a NIfTI image", 1024 * 1024 * MIB)
"""What the header claims is held against the memory; this only ends what is none."""

NUMPY_FILE = FileKind("a file of arrays", 1024 * 1024 * MIB)
"""Stages of a brain that we wrote ourselves, of some GB."""


def kind_there(path: Name, *, setting: str = "") -> str | None:
    """What lies under a name: "a file", "a folder", "a named pipe", "a device", "a socket"; None for nothing.

    Links are followed; one that leads nowhere is "a link to nothing", which is more than nothing: with DataLad, the
    content of a file that is meant to be there.

    Raises:
        InputError: if that cannot be told: for a name that no file can have, links in a circle, closed folders.
    """
    try:
        return _kind_of(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return "a link to nothing" if os.path.islink(path) else None
    except (OSError, ValueError) as error:
        raise _error(path, setting, _reason(path, error), "give another name") from None


def open_file(path: Name, kind: FileKind, *, setting: str = "", advice: str = "") -> BinaryIO:
    """Open a regular file for reading.

    Args:
        path: of the file.
        kind: what it is to hold, which bounds its size.
        setting: that names the file, for the complaint.
        advice: what to do if there is no such file; by default to check the name.

    Raises:
        InputError: for whatever is no regular file of that size, or cannot be opened.
    """
    advice = advice or f"give the name of {kind.what}"
    try:
        _check_regular(path, os.stat(path), kind, setting, advice)
        # It may have become a pipe since: then this neither waits for a writer nor is it read.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            _check_regular(path, os.fstat(descriptor), kind, setting, advice)
            os.read(descriptor, 1)  # some of /proc, and of broken disks, can be opened and not read
            os.lseek(descriptor, 0, os.SEEK_SET)
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise _error(path, setting, _reason(path, error), advice) from None


def check_file(path: Name, kind: FileKind, *, setting: str = "", advice: str = "") -> None:
    """Make sure that a file can be opened by those who open it themselves.

    Raises:
        InputError: as `open_file`.
    """
    open_file(path, kind, setting=setting, advice=advice).close()


def read_bytes(path: Name, kind: FileKind, *, setting: str = "", advice: str = "") -> bytes:
    """The whole of a regular file.

    Raises:
        InputError: as `open_file`, or if it cannot be read.
    """
    with open_file(path, kind, setting=setting, advice=advice) as stream:
        try:
            content = _up_to(kind.at_most + 1, stream)  # some, as those of /proc, do not say how long they are
        except OSError as error:
            raise _error(path, setting, f"cannot be read ({error.strerror})", "copy it again") from None
    if len(content) > kind.at_most:
        raise _too_large(path, setting, "more", kind)
    return content


def _up_to(n_bytes: int, stream: BinaryIO) -> bytes:
    pieces = []
    while n_bytes and (piece := stream.read(min(n_bytes, MIB))):
        pieces.append(piece)
        n_bytes -= len(piece)
    return b"".join(pieces)


def read_text(path: Name, kind: FileKind, *, setting: str = "", advice: str = "", strict: bool = True) -> str:
    """The whole of a text file in UTF-8, or in UTF-16 with a byte order mark.

    Args:
        path, kind, setting, advice: see `open_file`.
        strict: refuse what is neither, instead of putting a mark in its place.

    Raises:
        InputError: as `read_bytes`, or if it is no such text.
    """
    content = read_bytes(path, kind, setting=setting, advice=advice)
    try:
        return decoded(content, strict=strict)
    except ValueError as error:
        raise _error(path, setting, f"not readable as {kind.what} ({error})", "save it as UTF-8") from None


def decoded(content: bytes, *, strict: bool = True) -> str:
    """The text that bytes of UTF-8, or of UTF-16 with a byte order mark, stand for.

    Raises:
        ValueError: if they are neither; says where.
    """
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig", "strict" if strict else "replace")
    except UnicodeDecodeError as error:
        name = "UTF-16" if wide else "UTF-8"
        raise ValueError(f"no {name} text: byte {error.start} is {content[error.start]:#04x}") from None


def _check_regular(path: Name, status: os.stat_result, kind: FileKind, setting: str, advice: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _error(path, setting, f"found {_kind_of(status.st_mode)}", advice)
    if status.st_size > kind.at_most:
        raise _too_large(path, setting, str(status.st_size), kind)


def _kind_of(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return "a device"
    return "a socket" if stat.S_ISSOCK(mode) else "a file"


def _reason(path: Name, error: OSError | ValueError) -> str:
    """Why a file cannot be opened."""
    if not isinstance(error, OSError):
        return "found a name that no file can have"
    if isinstance(error, FileNotFoundError) and os.path.islink(path):
        return "found a link to a file that is not there (with DataLad, get the file's content first)"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file"
    if error.errno == errno.ELOOP:
        return "found links that lead in a circle"
    if error.errno == errno.ENAMETOOLONG:
        return "found a name that is too long for a file"
    return f"cannot be read ({error.strerror or one_line(error)})"


def _too_large(path: Name, setting: str, found: str, kind: FileKind) -> InputError:
    what = f"found {found} bytes, but {kind.what} has at most {kind.at_most}"
    return _error(path, setting, what, "give another file")


def _error(path: Name, setting: str, found: str, advice: str) -> InputError:
    return InputError(": ".join(filter(None, (os.fspath(path), setting, found))) + f"; {advice}")
