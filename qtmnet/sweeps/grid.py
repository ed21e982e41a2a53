"""Which runs a command line of choices and ranges asks for: all combinations."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from simulators.errors import InputError


@dataclass(frozen=True)
class Run:
    """Overrides of a run; `swept` are those that tell it from others, setting → value."""

    swept: dict[str, str]
    overrides: tuple[str, ...]


def grid_of(overrides: Sequence[Override]) -> list[Run]:
    """All combinations of the swept settings, the last of them varying fastest.

    Raises:
        InputError: for an interval, which has no end of values.
    """
    fixed, choices = split(overrides)
    for override in choices:
        if not override.is_discrete_sweep():
            raise InputError(
                f"{override.input_line}: a grid takes values or a range; give some, or hydra/sweeper=bayes to search"
            )
    names = [override.get_key_element() for override in choices]
    values = [list(override.sweep_string_iterator()) for override in choices]
    return [
        Run(
            {name.lstrip("+"): value for name, value in zip(names, chosen, strict=True)},
            (*fixed, *(f"{name}={value}" for name, value in zip(names, chosen, strict=True))),
        )
        for chosen in itertools.product(*values)
    ]


def split(overrides: Sequence[Override]) -> tuple[list[str], list[Override]]:
    """Overrides that are the same for all runs, and those that are swept."""
    swept = [override for override in overrides if override.is_sweep_override()]
    return [str(override.input_line) for override in overrides if not override.is_sweep_override()], swept
