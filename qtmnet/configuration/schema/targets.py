"""What may be set of a `_target_`: the parameters of the class or function, with their annotations."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Literal, get_args, get_origin

from qtmnet.configuration.schema.foreign import FOREIGN
from simulators.settings.checking import annotations
from simulators.settings.limits import SettingsOf


@dataclass(frozen=True)
class Settings:
    """What a class or function takes.

    Attributes:
        by_name: annotation of each parameter; `Any` for one that has none.
        defaults: of those that have one.
        any_other: whether it takes other names too.
    """

    by_name: Mapping[str, Any]
    defaults: Mapping[str, Any]
    any_other: bool


def locate(target: str) -> Callable[..., object]:
    """The class or function of a dotted path.

    Raises:
        ImportError, AttributeError, ValueError: if there is none.
    """
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # it is there, and needs something that is not
        return getattr(locate(module), name)  # of a class


@cache
def settings_of(thing: Callable[..., object], target: str = "") -> Settings:
    """What a class or function takes.

    Args:
        thing: that is called.
        target: its dotted path, which `FOREIGN` may know more of.
    """
    try:
        parameters = inspect.signature(thing).parameters
    except (TypeError, ValueError):  # compiled, and not telling
        return Settings(FOREIGN.get(target, {}), {}, True)
    hints, by_name, defaults, any_other = annotations(thing), {}, {}, False
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            continue
        if parameter.kind is not parameter.VAR_KEYWORD:
            by_name[name] = hints.get(name, Any)
            if parameter.default is not parameter.empty:
                defaults[name] = parameter.default
            continue
        others = _settings_of_others(hints.get(name))
        if others is None:
            any_other = True
        else:
            by_name = {**others.by_name, **by_name}
            defaults = {**others.defaults, **defaults}
    return Settings({**by_name, **FOREIGN.get(target, {})}, defaults, any_other)


def _settings_of_others(annotation: Any) -> Settings | None:
    """Of what `**keywords` are passed on to, if that is said."""
    if get_origin(annotation) is Annotated:
        for part in get_args(annotation)[1:]:
            if isinstance(part, SettingsOf):
                own = settings_of(part.target)
                word = Literal[part.or_word] if part.or_word else None  # type: ignore[valid-type]
                by_name = {name: hint | word if word else hint for name, hint in own.by_name.items()}
                return Settings(by_name, own.defaults, own.any_other)
    return None
