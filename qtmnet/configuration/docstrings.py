"""What the docstring of a class says of its arguments, as griffe reads it; for the reference of settings alone."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module

from griffe import Docstring, DocstringSectionKind

SECTIONS = (
    DocstringSectionKind.attributes,
    DocstringSectionKind.parameters,
    DocstringSectionKind.other_parameters,
)

_SEVERAL = re.compile(r"^(?P<indent> +)(?P<names>\w+(?:, \w+)+):(?P<text> .*(?:\n(?P=indent) +\S.*)*)", re.MULTILINE)


def described_arguments(target: str) -> dict[str, str]:
    """Meaning of each argument of a `_target_`, by name, in one line each; those of base classes are taken in.

    Args:
        target: dotted path of a class or function.

    Raises:
        ImportError, AttributeError: if there is no such thing.
    """
    module, _, name = target.rpartition(".")
    thing = getattr(import_module(module), name)
    described: dict[str, str] = {}
    for source in reversed(inspect.getmro(thing)) if inspect.isclass(thing) else [thing]:
        for member in (source, vars(source).get("__init__")):
            described |= dict(_entries(inspect.cleandoc(getattr(member, "__doc__", None) or "")))
    return described


def one_name_each(docstring: str) -> str:
    """The docstring with an entry for each name where ours has one for several: `low, high: ends of the axis.`

    Google's style does not know these, and griffe takes what follows the comma for a type.
    """
    return _SEVERAL.sub(_one_name_each, docstring)


def _one_name_each(found: re.Match[str]) -> str:
    return "\n".join(f"{found['indent']}{name}:{found['text']}" for name in found["names"].split(", "))


def _entries(docstring: str) -> Iterator[tuple[str, str]]:
    """Names and first paragraphs of the entries of all sections on arguments."""
    for section in Docstring(one_name_each(docstring)).parse("google", warnings=False):
        if section.kind in SECTIONS:
            for entry in section.value:
                yield entry.name, " ".join(entry.description.partition("\n\n")[0].split())
