"""Parameters that may be ranges to draw from; see `simulators.settings.limits.Drawn`."""

import types
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Predicate

from simulators.settings.checking import annotations
from simulators.settings.limits import is_ascending


@cache
def drawn_fields(kind: type) -> tuple[str, ...]:
    """Names of the fields of a dataclass that are annotated with `Drawn`, in their order."""
    return tuple(name for name, annotation in annotations(kind).items() if _is_drawn(annotation))


def _is_drawn(annotation: Any) -> bool:
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else ()
    return any(
        isinstance(part, Predicate) and part.func is is_ascending
        for option in options
        if get_origin(option) is Annotated
        for part in option.__metadata__
    )
