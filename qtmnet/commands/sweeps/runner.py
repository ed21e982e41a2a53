"""The runs of a sweep, one after the other or as many at once as the launcher takes."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf

from qtmnet.commands.endings import line_of
from qtmnet.commands.sweeps.outcomes import DONE, FAILED, PRUNED, Outcome, OutcomeLog
from qtmnet.process.locks import BusyError, locked
from simulators.errors import InputError
from simulators.files.writing import writing


class RunFailed(Exception):
    """A run of a sweep ended with an error; the message is the line to tell."""


class RunPruned(Exception):
    """A run of a search was given up; the message says when.

    Args:
        message: to tell.
        values: what it measured last.
    """

    def __init__(self, message: str, values: dict[str, float]) -> None:
        super().__init__(message)
        self.values = values


class SweepFolder:
    """Where the runs of a sweep are: one folder each, `outcomes.jsonl` beside them.

    Args:
        path: of the folder; one that holds runs is gone on with.
        settings: the overrides of the sweep, which those in the folder must have been started with.
    """

    def __init__(self, path: Path, settings: Sequence[str]) -> None:
        self.path = path
        self.log = OutcomeLog(path / "outcomes.jsonl")
        self._settings = sorted(settings)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes out of the folder.

        Raises:
            InputError: if another process is in it, or if it holds another sweep.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as inside:
            try:
                inside.enter_context(locked(self.path / ".lock"))
            except BusyError:
                raise InputError(
                    f"hydra.sweep.dir: another process is at the sweep in {self.path}; give another folder, or wait"
                ) from None
            self._check_same_sweep()
            yield

    def _check_same_sweep(self) -> None:
        kept = self.path / "sweep.yaml"
        if not kept.exists():
            with writing(kept) as partly:
                OmegaConf.save(OmegaConf.create(self._settings), partly)
        elif (theirs := OmegaConf.to_container(OmegaConf.load(kept))) != self._settings:
            raise InputError(
                f"hydra.sweep.dir: {self.path} holds another sweep ({' '.join(map(str, theirs))}); "  # type: ignore[arg-type]
                "repeat its settings to go on with it, or give another folder"
            )

    def checkpoint_of(self, number: int) -> Path | None:
        """What an interrupted training of the run can go on from."""
        path = self.path / str(number) / "checkpoints" / "last.ckpt"
        return path if path.exists() else None

    def keep_metrics(self, number: int) -> None:
        """Put the curves of an interrupted run aside, as those of its second part take their name."""
        metrics = self.path / str(number) / "metrics.csv"
        if metrics.exists():
            part = len(list(metrics.parent.glob("metrics-part-*.csv"))) + 1
            metrics.rename(metrics.with_name(f"metrics-part-{part}.csv"))


class SweepRunner:
    """Runs what a sweeper asks for and notes what came of it.

    Args:
        launcher: of Hydra.
        folder: of the sweep.
        n_runs: how many there will be, for the lines of progress.
        resumable: whether the command has a setting `resume` for an interrupted run.
    """

    def __init__(self, launcher: Launcher, folder: SweepFolder, n_runs: int, *, resumable: bool) -> None:
        self._launcher = launcher
        self._folder = folder
        self._n_runs = n_runs
        self._resumable = resumable

    def run(self, number: int, swept: dict[str, str], overrides: Sequence[str]) -> Outcome:
        """Run once.

        Args:
            number: of the run.
            swept: what tells it from the others, setting → value.
            overrides: all of its overrides.
        """
        told = " ".join(f"{name}={value}" for name, value in swept.items())
        overrides = list(overrides)
        if self._resumable and (checkpoint := self._folder.checkpoint_of(number)) is not None:
            overrides.append(f"resume={QuotedString(str(checkpoint), Quote.single).with_quotes()}")
            self._folder.keep_metrics(number)
            told += " (goes on where it was)"
        print(f"run {number}, one of {self._n_runs}: {told}", file=sys.stderr, flush=True)
        start = time.monotonic()
        try:
            (result,) = self._launcher.launch([overrides], initial_job_idx=number)
        except HydraException as error:  # no configuration
            outcome = Outcome(number, swept, FAILED, reason=line_of(error) or str(error))
        else:
            outcome = outcome_of(result, number, swept, time.monotonic() - start)
        self._folder.log.add(outcome)
        if outcome.reason:
            print(f"run {number} {outcome.state}: {outcome.reason}", file=sys.stderr, flush=True)
        return outcome


def outcome_of(result: JobReturn, number: int, swept: dict[str, str], seconds: float) -> Outcome:
    """What Hydra has of a run, as an outcome."""
    seed = result.cfg.get("seed") if result.cfg is not None else None
    if result.status == JobStatus.COMPLETED:
        values = values_of(result.return_value)
        lost = [name for name, value in values.items() if not math.isfinite(value)][:1]
        if lost:
            reason = f"{lost[0]} is not defined, so there is nothing to compare"
            return Outcome(number, swept, FAILED, seed, {}, reason, seconds)
        return Outcome(number, swept, DONE, seed, values, "", seconds)
    error = result._return_value  # asking for return_value raises it and prints a line
    if isinstance(error, RunPruned):
        return Outcome(number, swept, PRUNED, seed, error.values, str(error), seconds)
    return Outcome(number, swept, FAILED, seed, {}, str(error), seconds)


def values_of(result: object) -> dict[str, float]:
    """What a command measured, by name: its `measures()` if it has any."""
    measures = getattr(result, "measures", None)
    return {name: float(value) for name, value in measures().items()} if callable(measures) else {}
