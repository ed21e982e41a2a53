"""What the docstring of a class says of its arguments."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module

SECTIONS = ("Args", "Arguments", "Attributes", "Parameters")

_ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:, \w+)*)(?: \([^)]*\))?: (?P<text>.*)")


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


def _entries(docstring: str) -> Iterator[tuple[str, str]]:
    """Names and texts of the entries of all sections on arguments."""
    for section in re.split(r"\n(?=\w+:\n)", docstring):
        heading, _, body = section.partition(":\n")
        if heading.strip() not in SECTIONS:
            continue
        for entry in _unindented(body):
            found = _ENTRY.fullmatch(" ".join(entry.partition("\n\n")[0].split()))
            if found:
                yield from ((name, found["text"]) for name in found["names"].split(", "))


def _unindented(body: str) -> list[str]:
    """The entries of a section: each begins at the least indentation there is, and goes on further in."""
    lines = [line for line in body.splitlines() if line[:1] in ("", " ")]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return [entry.strip() for entry in re.split(rf"\n(?! {{{indent + 1}}}|\s*$)", "\n".join(lines))]
