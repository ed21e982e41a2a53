"""Bayesian search: what to try next, from what came of the runs before, with Optuna."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from qtmnet.commands.sweeps.grid import Run, split
from qtmnet.commands.sweeps.outcomes import DONE, FAILED, PRUNED, Outcome
from simulators.errors import InputError

STUDY = "sweep"
FILE = "study.db"


def storage_url(folder: Path) -> str:
    """Of the study in a folder."""
    return f"sqlite:///{(folder / FILE).absolute()}"


def optuna() -> Any:
    """The library, quiet.

    Raises:
        InputError: if it is not installed.
    """
    try:
        import optuna as library
    except ImportError:
        raise InputError(
            "hydra/sweeper=bayes: Optuna is not installed; pip install -c constraints.txt -e '.[search]'"
        ) from None
    library.logging.set_verbosity(library.logging.WARNING)
    warnings.simplefilter("ignore", library.exceptions.ExperimentalWarning)  # the choice of a sampler is the user's
    return library


class Search:
    """A study in a file, which proposes runs and is told what came of them.

    Args:
        folder: of the sweep; the study in it, if there is one, is gone on with.
        overrides: swept and fixed; see `distribution`.
        sampler: makes Optuna's sampler, given how many runs there were before.
    """

    def __init__(self, folder: Path, overrides: Sequence[Override], sampler: Callable[[int], Any]) -> None:
        library = optuna()
        self._fixed, swept = split(overrides)
        if not swept:
            raise InputError(
                "hydra/sweeper=bayes: nothing to search; give settings as optimizer.lr=interval(1e-4,1e-2) or "
                "model.base_channels=8,16,32"
            )
        self._keys = {override.get_key_element().lstrip("+"): override.get_key_element() for override in swept}
        self._space = {override.get_key_element().lstrip("+"): distribution(override) for override in swept}
        folder.mkdir(parents=True, exist_ok=True)
        self._study = library.create_study(
            study_name=STUDY, storage=storage_url(folder), load_if_exists=True, direction="minimize"
        )
        self._study.sampler = sampler(len(self._study.trials))

    def interrupted(self) -> list[int]:
        """Numbers of the runs that were begun and not ended."""
        return [trial.number for trial in self._study.trials if not trial.state.is_finished()]

    def n_ended(self) -> int:
        """How many runs ended, in whatever way."""
        return sum(trial.state.is_finished() for trial in self._study.trials)

    @property
    def exhausted(self) -> bool:
        """Whether everything that there is has been tried."""
        return bool(self._study.user_attrs.get("exhausted"))

    def again(self, number: int) -> Run:
        """The run of this number, as it was proposed."""
        return self._run(self._study.trials[number].params)

    def propose(self) -> tuple[int, Run]:
        """Number and overrides of the next run."""
        trial = self._study.ask(self._space)
        return trial.number, self._run(trial.params)

    def tell(self, outcome: Outcome) -> None:
        """Say what came of a run."""
        states = optuna().trial.TrialState
        state = {DONE: states.COMPLETE, PRUNED: states.PRUNED, FAILED: states.FAIL}[outcome.state]
        value = next(iter(outcome.values.values()), None) if outcome.state == DONE else None
        try:
            self._study.tell(outcome.number, value, state=state)
        except (
            RuntimeError
        ) as error:  # a sampler that has tried all there is says so by stopping a loop of Optuna's own
            if "Study.stop" not in str(error):
                raise
            self._study.set_user_attr("exhausted", True)

    def _run(self, chosen: Mapping[str, Any]) -> Run:
        swept = {name: str(value) for name, value in chosen.items()}
        return Run(swept, (*self._fixed, *(f"{self._keys[name]}={value}" for name, value in swept.items())))


def first_of(overrides: Sequence[Override]) -> list[str]:
    """Overrides of a run with the first value of whatever is searched.

    Raises:
        InputError: for an interval that is none.
    """
    fixed, swept = split(overrides)
    for override in swept:
        values = distribution(override)
        first = values.choices[0] if hasattr(values, "choices") else values.low
        fixed.append(f"{override.get_key_element()}={first}")
    return fixed


def distribution(override: Override) -> Any:
    """Values that a setting may take, as Optuna's distribution.

    `a,b,c` and `choice(…)` are values without order, `range(1,5)` has a step, `interval(1e-4,1e-2)` is a continuum,
    `int(interval(8,32))` whole numbers; `tag(log,…)` makes the last two even in the logarithm.

    Raises:
        InputError: for an interval that is none.
    """
    library, value = optuna().distributions, override.value()
    logarithmic = "log" in getattr(value, "tags", ())
    try:
        if isinstance(value, IntervalSweep):
            whole = isinstance(value.start, int) and isinstance(value.end, int)
            kind = library.IntDistribution if whole else library.FloatDistribution
            return kind(value.start, value.end, log=logarithmic)
        if isinstance(value, RangeSweep):
            whole = all(isinstance(number, int) for number in (value.start, value.stop, value.step))
            kind = library.IntDistribution if whole else library.FloatDistribution
            last = [*value.range()][-1]
            return kind(value.start, last, step=value.step)
        return library.CategoricalDistribution([*override.sweep_string_iterator()])
    except (ValueError, IndexError) as error:
        raise InputError(f"{override.input_line}: {error or 'no values'}") from None
