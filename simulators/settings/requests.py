"""What annotations ask for, in words; see `simulators.settings.limits`."""

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Len, Predicate

from simulators.settings.limits import Which, Within, is_ascending

NOUNS = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    bool: ("true or false", "true or false"),
    Path: ("a path", "paths"),
}


def wanted(annotation: Any) -> str:
    """What to give for a parameter: "a number above 0, at most 20 s (not ms)"."""
    options = list(_options(annotation))
    if any(option in (None, type(None)) for option in options):
        options = [option for option in options if option not in (None, type(None))] + [None]
    reasons = list(dict.fromkeys(reason for option in options for reason in _reasons(option)))
    told = list(dict.fromkeys(_told(option, options) for option in options))
    line = f"{', '.join(told[:-1])} or {told[-1]}" if len(told) > 1 else "".join(told)
    return f"{line} ({'; '.join(reasons)})" if reasons else line


def limits_of(annotation: Any) -> Within | None:
    """The range of the numbers that an annotation takes, alone, in a list or one of several options."""
    if get_origin(annotation) is Annotated:
        found = [part for part in annotation.__metadata__ if isinstance(part, Within)]
        if found:
            return found[0]
    for argument in get_args(annotation):
        found_within = limits_of(argument)
        if found_within is not None:
            return found_within
    return None


def choices_of(annotation: Any) -> tuple[str, ...]:
    """The words to choose from, if there are any."""
    options = [get_args(option) for option in _options(annotation) if get_origin(option) is Literal]
    return tuple(word for words in options for word in words if isinstance(word, str))


def _options(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for option in get_args(annotation) for inner in _options(option))
    return (annotation,)


def _told(option: Any, beside: list[Any], *, many: bool = False) -> str:
    origin, arguments = get_origin(option), get_args(option)
    if option in (None, type(None)):
        return "null"
    if origin is Annotated:
        return _annotated(option, arguments[0], beside, many=many)
    if origin is Literal:
        words = [*dict.fromkeys(str(word).lower() if isinstance(word, bool) else str(word) for word in arguments)]
        return words[0] if len(words) == 1 else f"one of {', '.join(words)}"
    if origin in (tuple, list) and arguments:
        return _several(arguments, beside, many=many)
    if origin in (dict, Mapping, get_origin(Mapping[str, int])) and arguments:
        values = "anything" if arguments[1] is Any else _told(arguments[1], [], many=True)
        return f"{values} by name, as {{name: …}}"
    if option in NOUNS:
        return NOUNS[option][many]
    if not isinstance(option, type):
        return "something else"
    return f"{'an' if option.__name__[0] in 'AEIOU' else 'a'} {option.__name__}"


def _annotated(option: Any, inner: Any, beside: list[Any], *, many: bool) -> str:
    for part in reversed(option.__metadata__):
        if isinstance(part, Which):
            return part.wanted
        if isinstance(part, Within):
            return f"{NOUNS.get(inner, NOUNS[float])[many]} {_range(part)}"
        if isinstance(part, Predicate) and part.func is is_ascending and get_args(inner)[0] not in beside:
            return f"[lowest, highest] of {_told(get_args(inner)[0], [], many=True)}"
        if isinstance(part, Len):
            n = f"{part.min_length} to {part.max_length}" if part.max_length else f"{part.min_length} or more"
            element = get_args(inner)[0]
            return f"a list of {n} {'such' if element in beside else _told(element, [], many=True)}"
    return _told(inner, beside, many=many)


def _several(arguments: tuple[Any, ...], beside: list[Any], *, many: bool) -> str:
    if len(arguments) == 2 and arguments[0] in beside:
        return "[lowest, highest] of such"
    n = f"{len(arguments)} " if len(arguments) > 1 and arguments[-1] is not ... else ""
    return f"{'lists' if many else 'a list'} of {n}{_told(arguments[0], [], many=True)}"


def _range(limits: Within) -> str:
    unit = f" {limits.unit}" if limits.unit else ""
    if limits.above or limits.below:
        low = f"above {number(limits.low)}" if limits.above else f"from {number(limits.low)}"
        return f"{low}, {'below' if limits.below else 'at most'} {number(limits.high)}{unit}"
    return f"from {number(limits.low)} to {number(limits.high)}{unit}"


def number(value: float) -> str:
    """A number as one reads it: 10 000 000, 0.05, 1e-10."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", " ") if abs(value) >= 10_000 else str(int(value))
    return f"{value:g}"


def _reasons(option: Any) -> list[str]:
    limits = limits_of(option)
    return [limits.why] if limits is not None and limits.why else []
