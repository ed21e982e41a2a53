"""How the commands start: help, a first line at once, a configuration from `conf`, then the work.

What the work needs is imported when the configuration stands; so help, refusals and the first line come within a
second or two.
"""

import contextlib
import importlib
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.qtmnet_sweepers import BayesSweeper, GridSweeper
from qtmnet import __version__
from qtmnet.commands.endings import BAD_INPUT, Incomplete, ending_well, line_of
from qtmnet.commands.faults import fault_line
from qtmnet.commands.help import USAGE, help_of
from qtmnet.configuration import words
from qtmnet.configuration.conf_folder import CONF
from qtmnet.configuration.hydra_flags import mend_hydra_flags
from qtmnet.process import invocation, ranks
from qtmnet.process.console import shown
from simulators.errors import InputError

IN_RANKS = ("train",)
"""Commands whose processes, if several are started, do one work together and not each its own."""

RESULTS = {"predict": "output_dir"}
"""Setting that says where results will be, where that is not the run's folder."""

INPUTS = {"predict": "input"}
"""Setting that says what is read; nothing is announced of what is not there."""

Task = Callable[[DictConfig], object]


def run_command(name: str, module: str) -> None:
    """Run a command on what is in `sys.argv`, and end the process as it ends.

    Errors of the user's making print one line and end with exit status 2; an interruption ends with 130, a fault of the
    program with 1. Runs of a sweep that end with an error are outcomes of the sweep.

    Args:
        name: of the command, whose configuration `conf` has under this name.
        module: that has a function of this name, which takes the configuration.
    """
    first = name not in IN_RANKS or ranks.is_first()
    with invocation.called(name) as call:
        ending_well(lambda: _begin(name, module, call.words, first), first=first)


def _begin(name: str, module: str, typed: list[str], first: bool) -> None:
    if words.asked_for(typed, words.HELP):
        print(help_of(name))
        return
    if words.asked_for(typed, ["--version"]):
        print(f"qtmnet {__version__}")
        return
    _refuse_a_folder_that_is_gone()
    given = words.for_hydra(name, typed)
    if name in IN_RANKS:
        given += _of_rank(given)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # raises what it meets before the task
    warnings.formatwarning = _warning_line
    for sweeper in (GridSweeper, BayesSweeper):
        Plugins.instance().register(sweeper)
    mend_hydra_flags()
    run = hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(_task(name, module, first))
    with invocation.arguments(given):
        ending_well(run, first=first)  # here, where the words that Hydra has read are known


def _task(name: str, module: str, first: bool) -> Task:
    """What Hydra runs. Errors are caught here already: Hydra adds lines of its own to those that pass through it."""

    def checked(cfg: DictConfig) -> object:
        from qtmnet.configuration.schema.check import check_settings

        _check_places(name, cfg)
        check_settings(cfg, name)
        with invocation.as_typed():
            return getattr(importlib.import_module(module), name)(cfg)

    def announced(cfg: DictConfig) -> object:
        from qtmnet.configuration.schema.check import check_own_settings

        _check_places(name, cfg)
        check_own_settings(cfg, name)
        where = RESULTS.get(name, "run_dir")
        reads = INPUTS.get(name)
        there = reads is None or os.path.exists(str(cfg[reads]))
        if first and there and not OmegaConf.is_missing(cfg, where) and cfg[where]:
            print(f"{name}: starting; results will be in {shown(str(cfg[where]))}", file=sys.stderr, flush=True)
        return checked(cfg)

    def run(cfg: DictConfig) -> object:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return _run_of_sweep(checked, cfg)
        try:
            return ending_well(lambda: announced(cfg), first=first)
        except SystemExit as end:
            if end.code == BAD_INPUT and first:
                _remove_if_unused(Path(HydraConfig.get().runtime.output_dir))
            raise

    return run


def _check_places(name: str, cfg: DictConfig) -> None:
    """Complain of a path that must be given and is not."""
    for place in words.PLACES.get(name, ()):
        if OmegaConf.is_missing(cfg, place) or cfg[place] in (None, ""):
            raise InputError(f"{place}: not given; {invocation.this()} {USAGE[name]}")


def _refuse_a_folder_that_is_gone() -> None:
    try:
        os.getcwd()
    except OSError:
        raise InputError("the folder that you are in is no longer there; change to another one") from None


def _run_of_sweep(task: Task, cfg: DictConfig) -> object:
    """One run; what ends it is told by the sweep.

    Raises:
        RunFailed: with the line to tell; what is not the user's making is kept in the run's folder.
    """
    from qtmnet.commands.sweeps.runner import RunFailed, RunPruned

    try:
        return task(cfg)
    except RunPruned:
        raise
    except Exception as error:
        told = str(error) if isinstance(error, Incomplete) else line_of(error)
        raise RunFailed(told or fault_line(error)) from error


def _of_rank(given: list[str]) -> list[str]:
    """Let the first of several processes speak and keep the run's folder, and the others do neither.

    Returns:
        What Hydra is given besides.

    Raises:
        InputError: for a sweep, which each process would run.
    """
    if ranks.n_processes() == 1:
        return []
    if {"-m", "--multirun"} & set(given):
        raise InputError(f"{ranks.n_processes()} processes: {ranks.NO_MULTIRUN}")
    if ranks.is_first():
        return []
    warnings.simplefilter("ignore")
    return ["hydra.run.dir=.", "hydra.output_subdir=null"]


def _remove_if_unused(run_dir: Path) -> None:
    """Remove a run's folder in which there is nothing but what Hydra notes before a run, and its empty parents."""
    if not run_dir.is_dir() or [entry.name for entry in run_dir.iterdir()] != [".hydra"]:
        return
    if HydraConfig.get().output_subdir != ".hydra":  # what is there is not of this run
        return
    shutil.rmtree(run_dir / ".hydra")
    here = Path.cwd()
    with contextlib.suppress(OSError):  # a parent holds other runs
        for folder in (run_dir, *(parent for parent in run_dir.parents if here in parent.parents)):
            if folder != here:
                folder.rmdir()


def _warning_line(message: Warning | str, *_where: object, **_source: object) -> str:
    return f"warning: {' '.join(str(message).split())}\n"
