"""How the commands start: help, a first line at once, a configuration from `conf`, then the work.

What the work needs is imported when the configuration stands; so help, refusals and the first line come within a
second or two.
"""

import contextlib
import itertools
import os
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig

from hydra_plugins.qtmnet_sweepers import BayesSweeper, GridSweeper
from qtmnet import ranks
from qtmnet.console import shown, speak_plainly
from qtmnet.endings import BAD_INPUT, ending_well, line_of
from qtmnet.help import help_of
from qtmnet.hydra_flags import mend_hydra_flags
from simulators.errors import InputError

IN_RANKS = ("train",)
"""Commands whose processes, if several are started, do one work together and not each its own."""

HELP = {"-h", "--help"}
FLAGS = {"-m", "--multirun", "-r", "--run", "--resolve"}
FLAGS_WITH_A_WORD = {"-c", "--cfg", "-p", "--package", "-cd", "--config-dir", "-cn", "--config-name", "-i", "--info"}
OTHER_FLAGS = {"--hydra-help", "--version", "-sc", "--shell-completion", "--experimental-rerun"}
"""Flags of Hydra's."""


def command(config_name: str) -> Callable[[Callable[[DictConfig], object]], Callable[[], None]]:
    """Make a command of a function of a configuration.

    Errors of the user's making print one line and end with exit status 2; an interruption ends with 130. Runs of a
    sweep that end with an error are outcomes of the sweep.
    """

    def decorate(task: Callable[[DictConfig], object]) -> Callable[[], None]:
        # Errors are caught inside of Hydra for the task and outside for the configuration: Hydra adds lines of its own
        # to an error that passes through it, and only raises what it meets before the task if told to.
        first = config_name not in IN_RANKS or ranks.is_first()

        def checked(cfg: DictConfig) -> object:
            from qtmnet.schema.check import check_settings

            check_settings(cfg, config_name)
            return task(cfg)

        def run_task(cfg: DictConfig) -> object:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                return _run_of_sweep(checked, cfg)
            if first:
                print(f"{config_name}: starting; results will be in {shown(cfg.run_dir)}", file=sys.stderr, flush=True)
            try:
                return ending_well(lambda: checked(cfg), first=first)
            except SystemExit as end:
                if end.code == BAD_INPUT and first:
                    _remove_if_unused(Path(cfg.run_dir))
                raise

        def main() -> None:
            speak_plainly()
            if HELP & set(sys.argv[1:]):
                print(help_of(config_name))
                return
            ending_well(_put_flags_first, first=first)
            os.environ["HYDRA_FULL_ERROR"] = "1"
            warnings.formatwarning = _warning_line
            if config_name in IN_RANKS:
                ending_well(_take_rank, first=first)
            for sweeper in (GridSweeper, BayesSweeper):
                Plugins.instance().register(sweeper)
            mend_hydra_flags()
            run = hydra.main(version_base="1.3", config_path="pkg://conf", config_name=config_name)(run_task)
            ending_well(run, first=first)

        return main

    return decorate


def _put_flags_first() -> None:
    """Let flags stand between overrides: Hydra takes them only before or after all of these.

    Raises:
        InputError: for a word that is neither.
    """
    flags, overrides = [], []
    rest = iter(sys.argv[1:])
    for word in rest:
        if word in FLAGS_WITH_A_WORD:
            flags += [word, *itertools.islice(rest, 1)]
        elif word in FLAGS or word.split("=")[0] in OTHER_FLAGS | FLAGS_WITH_A_WORD:
            flags.append(word)
        elif word.startswith("-"):
            raise InputError(f"{word}: no such flag; settings have no dashes, as trainer.max_epochs=3")
        elif "=" not in word and not word.startswith("~"):
            raise InputError(f"{word}: no value; give {word}=…")
        else:
            overrides.append(word)
    sys.argv[1:] = flags + overrides


def _run_of_sweep(task: Callable[[DictConfig], object], cfg: DictConfig) -> object:
    """One run; what ends it is told by the sweep.

    Raises:
        RunFailed: with the line to tell; what is not the user's making is in `error.txt` of the run's folder.
    """
    from qtmnet.sweeps.runner import RunFailed, RunPruned

    try:
        return task(cfg)
    except RunPruned:
        raise
    except Exception as error:
        line = line_of(error)
        if line is None:
            path = Path(cfg.run_dir) / "error.txt"
            path.write_text(traceback.format_exc(), encoding="utf-8")
            told = " ".join(str(error).split())
            line = f"{type(error).__name__}: {told[:200]}; see {shown(path)}"
        raise RunFailed(line) from error


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
    with contextlib.suppress(OSError, ValueError):  # a parent holds other runs, or it is not in this folder
        for parent in run_dir.relative_to(Path.cwd()).parents:
            parent.rmdir()


def _warning_line(message: Warning | str, *_where: object, **_source: object) -> str:
    return f"warning: {' '.join(str(message).split())}\n"
