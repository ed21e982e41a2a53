"""How a command ends: results, one line on what the user can mend, or one line on a fault of the program."""

import errno
import os
import sys
import time
from collections.abc import Callable

import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from qtmnet.commands.faults import fault_line
from qtmnet.configuration.spelling import configuration_line
from qtmnet.process import invocation, ranks
from simulators.errors import InputError
from simulators.files.writing import OF_THE_DISK

INCOMPLETE = 1
FAULT = 1
BAD_INPUT = 2
INTERRUPTED = 130

OF_THE_MACHINE = (
    *OF_THE_DISK,
    *(errno.EIO, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM, errno.ETIMEDOUT, errno.ESTALE),
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRINUSE),
)
"""Errors of the operating system that no file has to be named for, to know that the program is not to blame."""

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")
"""What torch, CUDA and the operating system say."""

LONGEST = 800
"""Characters of what is told."""

DEBUG = "QTMNET_DEBUG"
"""Environment variable; set to anything, errors pass through with their tracebacks."""


class Incomplete(Exception):
    """Work of which a part failed, which has been told; the message says how much, and how to go on."""


def line_of(error: BaseException) -> str | None:
    """What to tell about an error that the user can mend, in one line; None for any other."""
    if isinstance(error, InputError):
        line: str | None = str(error)
    elif isinstance(error, HydraException | OmegaConfBaseException):
        cause = error.__cause__
        told = line_of(cause) if isinstance(cause, InputError | MemoryError | OSError) else None
        line = told or configuration_line(error)
    elif _is_out_of_memory(error):
        line = (
            f"too little memory ({str(error) or 'no more to be had'}); give a smaller phantom, data.batch_size or "
            "model.base_channels, fewer workers, or a machine with more"
        )
    elif isinstance(error, OSError):
        line = _line_of_the_system(error)
    elif isinstance(error, yaml.YAMLError):
        line = f"configuration: no YAML: {error}"
    elif isinstance(error, UnicodeError):
        line = f"text that is not UTF-8, in a name or a file: {error}"
    elif _is_raised_by(error, "hydra", "omegaconf", "antlr4", "logging"):
        line = f"configuration: {error or type(error).__name__}; {invocation.this()} --help shows what there is"
    else:
        line = None
    return None if line is None else " ".join(line.split())


def _is_raised_by(error: BaseException, *packages: str) -> bool:
    """Whether an error arose within packages, which meet nothing but what the user has asked for."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).split(".")[0] in packages


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in said for words in OUT_OF_MEMORY)
    )


def _line_of_the_system(error: OSError) -> str | None:
    """Where, and what the operating system says; None if that may be the program's doing."""
    if error.filename is None and error.errno not in OF_THE_MACHINE:
        return None
    where = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    where = "a file of this run" if where is None else where
    said = error.strerror or str(error)
    said = f"cannot be written ({said})" if error.errno in OF_THE_DISK else said[:1].lower() + said[1:]
    return f"{where}: {said}; mend that and run again to go on"


def ending_well(call: Callable[[], object], *, first: bool) -> object:
    """Call, and end the process on what users can mend, with exit status 2.

    Work of which a part failed ends with 1, so does a fault of the program; an interruption ends with 130.

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
        if os.environ.get(DEBUG):
            raise
        line = line_of(error)
        if line is None:  # told by every process: none knows of the others' faults
            _tell(fault_line(error))
            sys.exit(FAULT)
        if first or isinstance(error, ranks.OwnError | OSError):
            _tell(line)
        else:
            time.sleep(ranks.SECONDS_FOR_THE_FIRST)
        sys.exit(BAD_INPUT)


def _tell(line: str) -> None:
    """Print an error; of one that repeats a long value, beginning and end."""
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2]} … {line[-LONGEST // 2 :]}"
    print(f"error: {line}", file=sys.stderr, flush=True)
