"""Files that are written whole or not at all, alone or several together.

All files that the project writes get onto the disk this way: figures, maps and reports, checkpoints, and the shards of
a dataset. Content goes to a hidden file beside the final one, is forced onto the disk (fsync), and takes its name then.
It is forced for every kind of file: without, some file systems keep a name whose content a power cut has lost, and some
(over a network, or with quotas) only tell then that they are full. It costs milliseconds a file, and files are few.
"""

import errno
import itertools
import os
import platform
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simulators.errors import InputError

_number = itertools.count()


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that becomes it if all goes well and vanishes if not; its folder is made.

    Raises:
        InputError: if it cannot be written.
    """
    with writing_together() as drafts:
        yield drafts.of(path)


class DiskError(InputError):
    """The disk is full, its quota used up, or nothing can be written to it: other files have no better luck."""


class DraftLostError(InputError):
    """Somebody has removed a temporary file while it was written."""


class Drafts:
    """Temporary files, each beside the file that it is to become.

    The name of one tells its process, so that what a killed process left is found and removed by the next that
    writes the same file on the same machine.
    """

    def __init__(self) -> None:
        self.by_target: dict[Path, Path] = {}
        self.made: list[Path] = []

    def of(self, path: Path) -> Path:
        """The temporary file of a file that is to be written, in a folder that is there.

        Raises:
            OSError: if the folder cannot be made.
        """
        missing = [folder for folder in path.parents if not os.path.lexists(folder)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            what = "a file, or a link to nothing, is in the place of its folder"
            raise NotADirectoryError(errno.ENOTDIR, what) from None
        self.made += missing
        # Short, whatever the length of the name: file systems take no more than 255 bytes.
        begin = f".{path.name[:30]}.{zlib.crc32(os.fsencode(path.name)):08x}.{_machine()}-"
        _remove_left_over(path.parent, begin)
        self.by_target[path] = path.with_name(f"{begin}{os.getpid()}-{next(_number)}.tmp")
        return self.by_target[path]

    def write(self, path: Path, content: bytes) -> None:
        """Write a file; it is there when all of them are.

        Raises:
            InputError: if it cannot be written.
        """
        try:
            with self.of(path).open("xb") as stream:
                stream.write(content)
        except OSError as error:
            raise cannot_write(path, error) from None

    def keep(self) -> None:
        """Put all onto the disk, then give them their names.

        Raises:
            InputError: if that cannot be done; names the files that were written before.
        """
        done: list[Path] = []
        for path, draft in self.by_target.items():
            try:
                _sync(draft)
                if path.is_dir():
                    raise IsADirectoryError(errno.EISDIR, "there is a folder of this name")
            except FileNotFoundError as error:
                raise DraftLostError(str(cannot_write(path, error))) from None
            except OSError as error:
                raise cannot_write(path, error) from None
        for path, draft in self.by_target.items():
            try:
                os.replace(draft, path)
            except FileNotFoundError as error:
                raise DraftLostError(str(cannot_write(path, error, done))) from None
            except OSError as error:
                raise cannot_write(path, error, done) from None
            done.append(path)

    def drop(self) -> None:
        """Remove all, and the folders that were made for them."""
        for draft in self.by_target.values():
            with suppress(OSError):
                draft.unlink()
        for folder in self.made:
            with suppress(OSError):  # others have put something there meanwhile
                folder.rmdir()


@contextmanager
def writing_together() -> Iterator[Drafts]:
    """Temporary files that take their names, all of them, when the context ends well, and vanish if it does not.

    Raises:
        InputError: if they cannot be written.
    """
    drafts = Drafts()
    try:
        yield drafts
        drafts.keep()
    except OSError as error:
        drafts.drop()
        path = next(reversed(drafts.by_target), None)
        raise cannot_write(path or Path(error.filename or "."), error) from None
    except BaseException:
        drafts.drop()
        raise


def check_can_write(paths: list[Path]) -> None:
    """Make sure, before long work, that files can be written; makes nothing.

    Raises:
        InputError: in one line, for a folder that cannot be made or written to, or a name that is taken or too long.
    """
    for path in paths:
        try:
            _check_target(path)
        except (OSError, ValueError) as error:
            raise cannot_write(path, error) from None
    for folder in dict.fromkeys(_first_there(path.parent) for path in paths):
        trial = folder / f".{_machine()}-{os.getpid()}-{next(_number)}.tmp"
        try:
            trial.touch(exist_ok=False)  # rights alone do not tell: the disk may be read-only
        except OSError as error:
            raise cannot_write(folder, error) from None
        finally:
            with suppress(OSError):
                trial.unlink()


def _check_target(path: Path) -> None:
    """Complain of a name that is taken by no file, or that its file system does not take."""
    folder = _first_there(path.parent)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is a file")
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileExistsError(errno.EEXIST, "this name is taken by a folder, a pipe or a device")
    for part in path.relative_to(folder).parts:
        with suppress(FileNotFoundError):
            os.lstat(folder / part)


def _first_there(folder: Path) -> Path:
    """A folder, or the nearest above it that is there."""
    while True:
        try:
            os.stat(folder)
        except (FileNotFoundError, NotADirectoryError):
            if folder.is_symlink():
                raise FileExistsError(errno.EEXIST, f"{folder} is a link to a folder that is not there") from None
            if folder == folder.parent:  # a drive that is not there
                raise
            folder = folder.parent
        else:
            return folder


OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of the operating system that are no single file's."""


def cannot_write(path: Path, error: OSError | ValueError, done: list[Path] | None = None) -> InputError:
    """What to say of a file that cannot be written, naming those that were."""
    what = "no space left on the disk" if getattr(error, "errno", None) == errno.ENOSPC else _said(error)
    before = f"; {', '.join(map(str, done))} had been written" if done else ""
    kind = DiskError if getattr(error, "errno", None) in OF_THE_DISK else InputError
    return kind(f"{path}: cannot be written ({what}); mend that and run again to go on{before}")


def _said(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else "no file can have this name") or one_line(error)


def _sync(path: Path) -> None:
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())  # a full disk may not show before


def _machine() -> str:
    """A mark of this machine: process numbers count on it alone."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _remove_left_over(folder: Path, begin: str) -> None:
    """Remove temporary files of processes of this machine that are no more."""
    left = [name for name in os.listdir(folder) if name.startswith(begin)]
    if not left:
        return
    from psutil import pid_exists  # takes a while to import

    for name in left:
        process = name.removeprefix(begin).partition("-")[0]
        if process.isdigit() and not pid_exists(int(process)):
            with suppress(OSError):
                (folder / name).unlink()


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
