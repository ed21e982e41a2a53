"""How a command ends: results, or one line on what the user can mend."""

import errno
import os
import sys
import time
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from qtmnet import ranks
from qtmnet.spelling import configuration_line
from simulators.errors import InputError

INCOMPLETE = 1
BAD_INPUT = 2
INTERRUPTED = 130
STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR)


class Incomplete(Exception):
    """Work of which a part failed, which has been told; the message says how much, and how to go on."""


def line_of(error: BaseException) -> str | None:
    """What to tell about an error that the user can mend, in one line; None for any other."""
    if isinstance(error, InputError):
        line = str(error)
    elif isinstance(error, HydraException | OmegaConfBaseException):
        cause = error.__cause__
        line = str(cause) if isinstance(cause, InputError) else configuration_line(error)
    elif isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
        where = error.filename or "a file of this run"
        line = f"{where}: cannot be written ({error.strerror}); mend that and run again to go on"
    else:
        return None
    return " ".join(line.split())


def ending_well(call: Callable[[], object], *, first: bool) -> object:
    """Call, and end the process on what users can mend, with exit status 2.

    Work of which a part failed ends with 1, an interruption with 130.

    Args:
        call: what to do.
        first: whether this is the process that speaks, of those that work together.
    """
    try:
        return call()
    except BrokenPipeError:  # the reader of our output has had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt as error:
        if first:
            print(str(error) or "interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Incomplete as error:
        print(error, file=sys.stderr)
        sys.exit(INCOMPLETE)
    except Exception as error:
        line = line_of(error)
        if line is None:
            raise
        _end(line, told_here=first or isinstance(error, ranks.OwnError | OSError))
    return None


def _end(line: str, *, told_here: bool) -> None:
    if told_here:
        print(f"error: {line}", file=sys.stderr, flush=True)
    else:
        time.sleep(ranks.SECONDS_FOR_THE_FIRST)
    sys.exit(BAD_INPUT)
