"""`--multirun` as this project does it: `hydra/sweeper=grid`, the default, and `hydra/sweeper=bayes`.

Hydra only takes sweepers from this package. What they do is in `qtmnet/commands/sweeps`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from qtmnet.commands.endings import Incomplete
from qtmnet.process import invocation

LOOKED_AT = 200
"""Runs whose configurations are composed before the first one begins."""


class _SweeperOfRuns(Sweeper):
    """What both have in common: a folder that is gone on with, and a table at the end."""

    launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra hands over."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run what is left to do, and show what came of all.

        Returns:
            Outcome by number of the run.

        Raises:
            InputError: before the first run, if another process is at it or the folder holds another sweep.
            HydraException: before the first run, if none can be composed.
            Incomplete: if runs failed.
            KeyboardInterrupt: that tells how to go on.
        """
        from qtmnet.commands.sweeps.outcomes import FAILED, print_outcomes
        from qtmnet.commands.sweeps.runner import SweepFolder

        assert self.config is not None
        name, path = self.config.hydra.job.name, self.config.hydra.sweep.dir
        print(f"{name}: a sweep, results will be in {path}; looking at its settings", file=sys.stderr, flush=True)
        arguments = [*arguments, *self._preset(arguments)]
        overrides = OverridesParser.create(config_loader=self.config_loader).parse_overrides(arguments)
        n_runs = self._look_at(overrides)
        folder = SweepFolder(Path(self.config.hydra.sweep.dir), [*arguments, *self._told_apart_by()])
        with folder.held():
            go_on = f"go on with: {_again(folder.path)}"
            print(f"sweep: {folder.path}; after an interruption, {go_on}", file=sys.stderr, flush=True)
            try:
                self._run_all(folder, overrides)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(f"interrupted; {go_on}") from None
            finally:
                outcomes = folder.log.read()
                if outcomes:
                    print_outcomes(outcomes.values(), f"{len(outcomes)} of {n_runs} runs of {folder.path}")
                    print(f"outcomes: {folder.log.path}", flush=True)
                    self._conclude(folder, outcomes.values(), overrides)
        n_failed = sum(outcome.state == FAILED for outcome in outcomes.values())
        if n_failed:
            raise Incomplete(
                f"{n_failed} of {len(outcomes)} runs failed; other values make a new sweep, but if what failed them is "
                f"mended, {go_on}"
            )
        return outcomes

    def _preset(self, arguments: Sequence[str]) -> list[str]:
        """Words that stand behind those of the command line."""
        return []

    def _told_apart_by(self) -> list[str]:
        """What else than the words tells the sweep from others."""
        return []

    def _conclude(self, folder: Any, outcomes: Any, overrides: Sequence[Override]) -> None:
        """Tell and write what came of all runs together."""

    def _look_at(self, overrides: Sequence[Override]) -> int:
        """How many runs there will be at most.

        Raises:
            InputError, HydraException: if none of them can be composed, or all have a setting that nothing takes.
        """
        raise NotImplementedError

    def _run_all(self, folder: Any, overrides: Sequence[Override]) -> None:
        raise NotImplementedError

    def _refuse_if_none_composes(self, runs: Sequence[Sequence[str]]) -> None:
        """A misspelt setting is in all runs and is refused; a value that one run cannot take is that run's outcome."""
        from qtmnet.commands.endings import line_of
        from qtmnet.configuration.schema.check import check_settings
        from simulators.errors import InputError

        assert self.config is not None
        wrong: list[tuple[int, Exception]] = []
        for number, overrides in enumerate(runs[:LOOKED_AT]):
            try:
                cfg = self.config_loader.load_sweep_config(self.config, list(overrides))
                check_settings(cfg, str(self.config.hydra.job.config_name), overrides)
            except (HydraException, InputError) as error:
                wrong.append((number, error))
        if wrong and len(wrong) == len(runs):
            raise wrong[0][1]
        for number, reason in wrong:
            print(f"run {number} will fail: {line_of(reason)}", file=sys.stderr, flush=True)

    @property
    def config_loader(self) -> Any:
        """Of Hydra: composes configurations."""
        assert self.hydra_context is not None
        return self.hydra_context.config_loader

    def _runner(self, folder: Any, n_runs: int) -> Any:
        from qtmnet.commands.sweeps.runner import SweepRunner

        assert self.config is not None
        return SweepRunner(self.launcher, folder, n_runs, resumable="resume" in self.config)


class GridSweeper(_SweeperOfRuns):
    """All combinations of the given values.

    Args:
        params: settings to sweep beside those of the command line, which comes first: setting → values as given there.
        together: rows of settings that go together, each a value of the grid; see `rows_of`.
        law: of the errors by the size of the rows; see `LawWanted`.
    """

    def __init__(self, params: Any = None, together: Any = None, law: Any = None) -> None:
        self.params, self.together, self.law = params, together, law

    def _preset(self, arguments: Sequence[str]) -> list[str]:
        from qtmnet.commands.sweeps.conclusion import LawWanted
        from qtmnet.commands.sweeps.presets import params_words, rows_of

        self._law = LawWanted.of(_plain(self.law))
        self._rows = rows_of(_plain(self.together), arguments)
        return params_words(_plain(self.params), arguments)

    def _told_apart_by(self) -> list[str]:
        rows = [row.settings for row in self._rows if row.settings]
        return [f"hydra.sweeper.together={rows}"] if rows else []

    def _runs(self, overrides: Sequence[Override]) -> Any:
        from qtmnet.commands.sweeps.grid import grid_of

        return grid_of(overrides, self._rows)

    def _run_all(self, folder: Any, overrides: Sequence[Override]) -> None:
        from qtmnet.commands.sweeps.outcomes import DONE

        runs = self._runs(overrides)
        kept, runner = folder.log.read(), self._runner(folder, len(runs))
        for number, run in enumerate(runs):
            if number not in kept or kept[number].state != DONE:
                runner.run(number, run.swept, run.overrides)

    def _look_at(self, overrides: Sequence[Override]) -> int:
        runs = self._runs(overrides)
        self._refuse_if_none_composes([run.overrides for run in runs])
        return len(runs)

    def _conclude(self, folder: Any, outcomes: Any, overrides: Sequence[Override]) -> None:
        from qtmnet.commands.sweeps.conclusion import conclude

        conclude(folder.path, outcomes, self._runs(overrides), self._law, invocation.line())


class BayesSweeper(_SweeperOfRuns):
    """Bayesian search for the least of what runs measure.

    Args:
        n_trials: how many runs there shall have been in all, when the command ends.
        sampler: configuration of the Optuna sampler that proposes runs.
        pruner: configuration of the Optuna pruner that gives runs up; trainings make it, as they ask it.
        of_a_grid: what only a grid has, such as the `params` of `sweep=attention`; refused before the first run.
    """

    def __init__(self, n_trials: int, sampler: DictConfig, pruner: DictConfig, **of_a_grid: Any) -> None:
        self.n_trials, self.sampler, self.pruner, self.of_a_grid = n_trials, sampler, pruner, of_a_grid

    def _look_at(self, overrides: Sequence[Override]) -> int:
        from qtmnet.commands.sweeps.search import first_of, optuna
        from qtmnet.configuration.schema.check import check_part
        from simulators.errors import InputError
        from simulators.settings.checking import checked
        from simulators.settings.limits import Within

        if self.config is None or "trial" not in self.config:
            raise InputError("hydra/sweeper=bayes: searches trainings; leave it out here for a grid, or give train")
        for name in self.of_a_grid:
            raise InputError(f"hydra.sweeper.{name}: for a grid alone; leave out sweep=…, or hydra/sweeper=bayes")
        optuna()
        checked("hydra.sweeper.n_trials", self.n_trials, Annotated[int, Within(1, 1_000_000)])
        for name, part in (("sampler", self.sampler), ("pruner", self.pruner)):
            check_part(f"hydra.sweeper.{name}", part)
        self._refuse_if_none_composes([first_of(overrides)])
        return self.n_trials

    def _run_all(self, folder: Any, overrides: Sequence[Override]) -> None:
        from qtmnet.commands.sweeps.search import Search

        search = Search(folder.path, overrides, lambda n_before: _other_seed(self.sampler, n_before))
        runner, kept = self._runner(folder, self.n_trials), folder.log.read()
        for number in search.interrupted():
            if number in kept:  # killed between noting the outcome and telling the search
                search.tell(kept[number])
        todo = [(number, search.again(number)) for number in search.interrupted()]
        while todo or (search.n_ended() < self.n_trials and not search.exhausted):
            number, run = todo.pop(0) if todo else search.propose()
            search.tell(runner.run(number, run.swept, (*run.overrides, f"trial={number}")))


def _plain(part: Any) -> Any:
    """Containers of Python's for those of a configuration."""
    return OmegaConf.to_container(part, resolve=True) if OmegaConf.is_config(part) else part


def _again(folder: Path) -> str:
    """The command line as it can be typed again, for a folder of a sweep."""
    return invocation.line(f"hydra.sweep.dir={folder}", without="hydra.sweep.dir=")


def _other_seed(sampler: DictConfig, n_before: int) -> Any:
    """The sampler, with another seed if it goes on: it would propose again what it began with."""
    seed = sampler.get("seed")
    return instantiate(sampler, **({"seed": seed + n_before} if isinstance(seed, int) else {}))
