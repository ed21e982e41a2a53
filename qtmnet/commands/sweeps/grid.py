"""Which runs a command line of choices and ranges asks for: all combinations."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from simulators.errors import InputError

MOST_RUNS = 10_000
"""Of a grid; a day of the shortest."""


@dataclass(frozen=True)
class Run:
    """Overrides of a run; `swept` are those that tell it from others, setting → value; `size` is for a law of error."""

    swept: dict[str, str]
    overrides: tuple[str, ...]
    size: float | None = None


@dataclass(frozen=True)
class Row:
    """Settings that go together, setting → value as on a command line."""

    settings: dict[str, str]
    size: float | None = None


def grid_of(overrides: Sequence[Override], rows: Sequence[Row] = (Row({}),)) -> list[Run]:
    """All combinations of the swept settings, the last of them varying fastest.

    Args:
        overrides: fixed and swept.
        rows: of settings that go together, which vary slowest.

    Raises:
        InputError: for an interval, which has no end of values, or for more runs than anyone waits for.
    """
    fixed, choices = split(overrides)
    for override in choices:
        if not override.is_discrete_sweep():
            raise InputError(
                f"{override.input_line}: a grid takes values or a range; give some, or hydra/sweeper=bayes to search"
            )
    names = [override.get_key_element() for override in choices]
    values = list(map(_values, choices))
    if (n_runs := math.prod(map(len, values)) * len(rows)) > MOST_RUNS:
        raise InputError(
            f"{', '.join(names)}: found {n_runs} combinations; give at most {MOST_RUNS}, or hydra/sweeper=bayes"
        )
    runs = []
    for row in rows:
        for chosen in itertools.product(*values):
            together = {**row.settings, **dict(zip(names, chosen, strict=True))}
            swept = {name.lstrip("+"): value for name, value in together.items()}
            runs.append(Run(swept, (*fixed, *(f"{name}={value}" for name, value in together.items())), row.size))
    return runs


def _values(override: Override) -> list[str]:
    try:
        values = list(itertools.islice(override.sweep_string_iterator(), MOST_RUNS + 1))
    except ValueError as error:
        raise InputError(f"{override.input_line}: not to be swept ({error}); give the values") from None
    if not 0 < len(values) <= MOST_RUNS:
        found = f"more than {MOST_RUNS}" if values else "no"
        raise InputError(f"{override.input_line}: found {found} values; give 1 to {MOST_RUNS}")
    return values


def split(overrides: Sequence[Override]) -> tuple[list[str], list[Override]]:
    """Overrides that are the same for all runs, and those that are swept."""
    swept = [override for override in overrides if override.is_sweep_override()]
    return [str(override.input_line) for override in overrides if not override.is_sweep_override()], swept
