"""How the commands start and end: a configuration from `conf`, then results or one line on what the user can mend."""

import contextlib
import errno
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from qtmnet import ranks
from simulators.errors import InputError

IN_RANKS = ("train",)
"""Commands whose processes, if several are started, do one work together and not each its own."""

BAD_INPUT = 2
INTERRUPTED = 130
STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR)


def command(config_name: str) -> Callable[[Callable[[DictConfig], object]], Callable[[], None]]:
    """Make a command of a function of a configuration.

    Errors of the user's making print one line and end with exit status 2; an interruption ends with 130.
    """

    def decorate(task: Callable[[DictConfig], object]) -> Callable[[], None]:
        # Errors are caught inside of Hydra for the task and outside for the configuration: Hydra adds lines of its own
        # to an error that passes through it, and only raises what it meets before the task if told to.
        first = config_name not in IN_RANKS or ranks.is_first()

        def run_task(cfg: DictConfig) -> object:
            try:
                return _ending_well(lambda: task(cfg), first=first)
            except SystemExit as end:
                if end.code == BAD_INPUT and first:
                    _remove_if_unused(Path(cfg.run_dir))
                raise

        def main() -> None:
            os.environ["HYDRA_FULL_ERROR"] = "1"
            warnings.formatwarning = _warning_line
            if config_name in IN_RANKS:
                _ending_well(_take_rank, first=first)
            run = hydra.main(version_base="1.3", config_path="pkg://conf", config_name=config_name)(run_task)
            _ending_well(run, first=first)

        return main

    return decorate


def _take_rank() -> None:
    """Let the first of several processes speak and keep the run's folder, and the others do neither.

    Raises:
        InputError: for a sweep, which each process would run.
    """
    if ranks.n_processes() == 1:
        return
    if {"-m", "--multirun"} & set(sys.argv[1:]):
        raise InputError(f"{ranks.n_processes()} processes: {ranks.NO_MULTIRUN}")
    if not ranks.is_first():
        warnings.simplefilter("ignore")
        sys.argv += ["hydra.run.dir=.", "hydra.output_subdir=null"]


def _remove_if_unused(run_dir: Path) -> None:
    """Remove a run's folder in which there is nothing but what Hydra notes before a run, and its empty parents."""
    if not run_dir.is_dir() or [entry.name for entry in run_dir.iterdir()] != [".hydra"]:
        return
    shutil.rmtree(run_dir)
    sweep = run_dir.parent / "multirun.yaml"
    if sweep.is_file() and list(run_dir.parent.iterdir()) == [sweep]:
        sweep.unlink()
    with contextlib.suppress(OSError, ValueError):  # a parent holds other runs, or it is not in this folder
        for parent in run_dir.relative_to(Path.cwd()).parents:
            parent.rmdir()


def _ending_well(call: Callable[[], object], *, first: bool) -> object:
    """Call, and end the process on what users can mend; what all processes meet is told by the first of them."""
    try:
        return call()
    except InputError as error:
        _end(str(error), told_here=first or isinstance(error, ranks.OwnError))
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__
        _end(str(cause) if isinstance(cause, InputError) else _configuration_line(error), told_here=first)
    except BrokenPipeError:  # the reader of our output has had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in STORAGE_ERRORS:
            raise
        where = error.filename or "a file of this run"
        _end(f"{where}: cannot be written ({error.strerror}); mend that and run again to go on")
    except KeyboardInterrupt as error:
        if first:
            print(str(error) or "interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    return None


def _configuration_line(error: Exception) -> str:
    """The telling part of Hydra's and OmegaConf's messages of many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("To append", "Available", "object_type", "set "))]
    return "configuration: " + " ".join(told[:4])


def _warning_line(message: Warning | str, *_where: object, **_source: object) -> str:
    return f"warning: {' '.join(str(message).split())}\n"


def _end(line: str, *, told_here: bool = True) -> None:
    if told_here:
        print(f"error: {' '.join(line.split())}", file=sys.stderr, flush=True)
    else:
        time.sleep(ranks.SECONDS_FOR_THE_FIRST)
    sys.exit(BAD_INPUT)
