"""Files that are written whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simulators.errors import InputError


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that becomes it if all goes well and vanishes if not; its folder is made.

    Raises:
        InputError: if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        what = "no space left on the disk" if error.errno == errno.ENOSPC else one_line(error)
        raise InputError(f"{path}: cannot be written ({what}); mend that and run again to go on") from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
