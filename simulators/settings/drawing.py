"""Parameters that may be ranges to draw from; see `simulators.settings.limits.Drawn`."""

import types
from collections.abc import Collection
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

import numpy as np
from annotated_types import Predicate

from simulators.settings.checking import annotations
from simulators.settings.limits import is_ascending


@cache
def drawn_fields(kind: type) -> tuple[str, ...]:
    """Names of the fields of a dataclass that are annotated with `Drawn`, in their order."""
    return tuple(name for name, annotation in annotations(kind).items() if _is_drawn(annotation))


def drawn(value: float | tuple[float, float], rng: np.random.Generator, *, logarithmic: bool = False) -> float:
    """A number of a range (low, high), drawn evenly or with an even logarithm; a number is taken as it is.

    One random number is used either way, so that fixing a setting leaves all that is drawn afterwards as it was.
    """
    low, high = value if isinstance(value, tuple) else (value, value)
    share = rng.random()
    return float(low * (high / low) ** share) if logarithmic else float(low + (high - low) * share)


def draw_numbers(settings: Any, rng: np.random.Generator, *, logarithmic: Collection[str] = ()) -> dict[str, float]:
    """A number for each field of a dataclass that may be a range, as `drawn` has it, in the order of the fields.

    Args:
        settings: the dataclass.
        rng: of the draws.
        logarithmic: names of the fields to be drawn with an even logarithm.
    """
    kind: type = type(settings)
    return {name: drawn(getattr(settings, name), rng, logarithmic=name in logarithmic) for name in drawn_fields(kind)}


def _is_drawn(annotation: Any) -> bool:
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else ()
    return any(
        isinstance(part, Predicate) and part.func is is_ascending
        for option in options
        if get_origin(option) is Annotated
        for part in option.__metadata__
    )
