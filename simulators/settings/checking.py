"""Values held against the annotations of the parameters that take them; see `simulators.settings.limits`."""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from annotated_types import Predicate
from pydantic import ConfigDict, PydanticUserError, Strict, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from simulators.errors import InputError
from simulators.settings.requests import wanted

CONFIG = ConfigDict(allow_inf_nan=False, arbitrary_types_allowed=True)
"""Numbers are finite, unless an annotation says `Infinite`."""

LONGEST_SHOWN = 60
"""Characters of a value that a refusal repeats."""

P = ParamSpec("P")
T = TypeVar("T")


def checked(name: str, value: Any, annotation: Any) -> Any:
    """A value as its annotation has it: tuples for lists, floats for whole numbers, numbers of Python for NumPy's.

    Nothing else is converted: true is no number, nor is "1", and 2.0 is not whole.

    Args:
        name: of the setting, as a refusal is to begin.
        value: found.
        annotation: of the parameter; one that says nothing that can be checked takes anything.

    Raises:
        InputError: in one line: name, what was found, what to give.
    """
    value = plain(value)
    entries = _entries(annotation)
    if entries is not None and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: checked(f"{name}.{key}", entry, entries) for key, entry in value.items()}
    adapter = _adapter(annotation)
    if adapter is None:
        return value
    try:
        return adapter.validate_python(value)
    except (ValidationError, OverflowError, RecursionError):
        raise InputError(f"{name}: found {shown(value)}; give {wanted(annotation)}") from None


def check_fields(instance: Any) -> None:
    """Hold the fields of a frozen dataclass against their annotations, and keep them as these have them.

    To be called first in `__post_init__`.

    Raises:
        InputError: for the first field that is not what its annotation says.
    """
    annotated = annotations(type(instance))
    for field in fields(instance):
        name = field.name
        object.__setattr__(instance, name, checked(name, getattr(instance, name), annotated[name]))


def checks_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function hold its arguments against their annotations, as `check_fields` does for a dataclass.

    The function then raises `InputError` for the first argument that is not what its annotation says.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checking(*arguments: P.args, **keywords: P.kwargs) -> T:
        bound = signature.bind(*arguments, **keywords)
        for name, annotation in annotations(function).items():
            if name in bound.arguments and signature.parameters[name].kind not in _VARIADIC:
                bound.arguments[name] = checked(name, bound.arguments[name], annotation)
        return function(*bound.args, **bound.kwargs)

    return checking


def from_plain(kind: type[T], content: Any, name: str = "") -> T:
    """A dataclass of plain data from somewhere else, such as a file; what has a default need not be there.

    Args:
        kind: the dataclass; fields that are dataclasses themselves are made from mappings likewise.
        content: field by name.
        name: of the content, as refusals are to begin.

    Raises:
        InputError: for content that is no mapping, a field that is missing or not known, or what `kind` refuses.
    """
    where = f"{name}." if name else ""
    if not isinstance(content, Mapping):
        raise InputError(f"{name or kind.__name__}: found {shown(content)}; give {wanted(kind)}, field by field")
    known = {field.name: field for field in fields(kind) if field.init}  # type: ignore[arg-type]
    for key in content:
        if key not in known:
            name = f"{where}{shown(key, quoted=False)}"
            raise InputError(
                f"{name}: {kind.__name__} has no such field; leave it out, or take the version that wrote it"
            )
    optional = {name for name, p in inspect.signature(kind).parameters.items() if p.default is not p.empty}
    for key in known:
        if key not in content and key not in optional:
            raise InputError(f"{where}{key}: not found; give {wanted(annotations(kind)[key])}")
    values = {}
    for key, value in content.items():
        inner = annotations(kind)[key]
        if not is_dataclass(inner) or isinstance(value, inner):  # type: ignore[arg-type]
            values[key] = checked(f"{where}{key}", value, inner)
        elif hasattr(inner, "from_plain"):  # it knows older forms of its content, or which of several classes it is of
            values[key] = inner.from_plain(value, f"{where}{key}")
        else:
            values[key] = from_plain(inner, value, f"{where}{key}")  # type: ignore[arg-type]
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}{error}") from None


def annotations(thing: Any) -> Mapping[str, Any]:
    """What the parameters of a class or function are annotated with, by name; nothing where that cannot be told."""
    return _annotations(thing)


@cache
def _annotations(thing: Any) -> Mapping[str, Any]:
    sources: list[Any] = [thing]
    if isinstance(thing, type):
        fields_only = is_dataclass(thing) and thing.__dataclass_params__.init  # type: ignore[attr-defined]
        if not fields_only:
            sources = [thing.__init__, thing] if is_dataclass(thing) else [thing.__init__]  # type: ignore[misc]
    try:
        hints = {name: hint for source in sources for name, hint in get_type_hints(source, include_extras=True).items()}
    except (NameError, TypeError, AttributeError, ImportError):
        return {}  # of another package, for type checkers only
    return {name: hint for name, hint in hints.items() if name != "return"}


def plain(value: Any) -> Any:
    """NumPy's numbers and arrays, also within lists and mappings, as Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


def shown(value: Any, *, quoted: bool = True) -> str:
    """A value in one short line, as YAML has it."""
    if isinstance(value, str):
        text = repr(value) if quoted else value
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{shown(k, quoted=False)}: {shown(v)}" for k, v in _first(value.items())) + "}"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(shown, _first(value)))}]"
    elif isinstance(value, int) and value.bit_length() > 200:
        text = "a number of more than 60 digits"
    elif isinstance(value, int | float | complex):
        text = str(value)
    else:
        text = f"a {type(value).__name__}"
    text = " ".join(text.split()) if text.isprintable() else repr(text)
    end = text[-1] if text[:1] == text[-1:] and text[:1] in ("'", '"') else ""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…{end}"


def _is_instance_of(kind: type, value: Any) -> bool:
    return isinstance(value, kind)


def _has_all_of(protocol: type, value: Any) -> bool:
    return all(hasattr(value, name) for name in vars(protocol) if not name.startswith("_"))


def _first(values: Any) -> list[Any]:
    """As many as a refusal has room for: what is found may be a list of millions."""
    return [value for value, _ in zip(values, range(LONGEST_SHOWN), strict=False)]


def _entries(annotation: Any) -> Any:
    """What the values of a mapping are annotated with, of a mapping or null; None of anything else."""
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    options = tuple(get_args(option)[0] if get_origin(option) is Annotated else option for option in options)
    mappings = [option for option in options if get_origin(option) in (dict, Mapping, _Mapping)]
    return get_args(mappings[0])[1] if len(mappings) == 1 else None


_Mapping = get_origin(Mapping[str, int])
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_SCALARS = (int, float, str, bool, Path)
_CONTAINERS = (tuple, list, dict, set, frozenset, _Mapping, get_origin(Sequence[int]))


@cache
def _adapter(annotation: Any) -> TypeAdapter | None:
    """What validates values of an annotation; None if it says nothing that can be checked."""
    try:
        return TypeAdapter(_strict(annotation), config=CONFIG)
    except (PydanticUserError, PydanticSchemaGenerationError, TypeError, NameError):
        return None


def _strict(annotation: Any) -> Any:
    """The annotation, in which scalars are taken as they are and classes want their instances."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _SCALARS:
        return Annotated[annotation, Strict()]
    if origin is Annotated:
        return Annotated[_strict(arguments[0]), *annotation.__metadata__]
    if origin in (Union, types.UnionType):
        return Union[tuple(map(_strict, arguments))]  # noqa: UP007, of a tuple that is only known now
    if origin in _CONTAINERS:
        return origin[tuple(argument if argument is ... else _strict(argument) for argument in arguments)]
    if origin is Literal or annotation in (None, type(None), Any, object):
        return Any if annotation is object else annotation
    if isinstance(annotation, type) and annotation not in _CONTAINERS:
        is_one = partial(_has_all_of if getattr(annotation, "_is_protocol", False) else _is_instance_of, annotation)
        return Annotated[Any, Predicate(is_one)]
    return annotation if annotation in _CONTAINERS else Any
