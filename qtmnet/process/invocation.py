"""How this process was called, so that what it tells its user to type next is in the same form.

`qtmnet train`, `python train.py` and `python -m qtmnet train` are one command; each speaks of others in its own way.
"""

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

NAMES = ("train", "simulate", "evaluate", "predict")


@dataclass(frozen=True)
class Call:
    """A command that runs.

    Attributes:
        name: of the command.
        argv: the program and the words behind it, as they were typed.
    """

    name: str
    argv: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """What was typed behind the name of the command."""
        return list(self.argv[2:] if _has_commands(self.argv[0]) else self.argv[1:])


_running: Call | None = None


@contextmanager
def called(name: str) -> Iterator[Call]:
    """This process is a command meanwhile, called with what is in `sys.argv`."""
    global _running
    before, _running = _running, Call(name, tuple(sys.argv))
    try:
        yield _running
    finally:
        _running = before


def current() -> Call:
    """The command that runs; in a notebook, a test or a program of one's own, a training without settings."""
    return _running or Call("train", ("qtmnet", "train"))


def command(name: str) -> str:
    """How to call a command in the way that the running one was called; `qtmnet train` if none runs."""
    program = PurePath(current().argv[0])
    if program.name == "__main__.py" and _has_commands(program):
        return f"python -m qtmnet {name}"
    if program.suffix == ".py" and program.stem in NAMES:
        return f"python {name}.py"
    if program.suffix == ".py" and name == current().name and not _has_commands(program):
        return f"python {program.name}"  # a script of one's own, which can be only this command
    return f"qtmnet {name}"


def this() -> str:
    """How to call the running command."""
    return command(current().name)


def line(*more: str, without: str | None = None) -> str:
    """The running command as it can be typed again.

    Args:
        more: words to add.
        without: beginning of words to leave out.
    """
    call = current()
    kept = [word for word in call.words if without is None or not word.startswith(without)]
    end = kept.index("--") if "--" in kept else len(kept)  # behind which all words are paths
    return " ".join([this(), *map(shlex.quote, [*kept[:end], *more, *kept[end:]])])


def as_called(text: str) -> str:
    """Text in which commands, written as `python train.py`, are in the form that the running one was called in."""
    return re.sub(rf"\bpython ({'|'.join(NAMES)})\.py\b", lambda found: command(found[1]), text)


@contextmanager
def arguments(words: Sequence[str]) -> Iterator[None]:
    """Let `sys.argv`, which Hydra reads, hold these words meanwhile."""
    before, sys.argv = sys.argv, [sys.argv[0], *words]
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def as_typed() -> Iterator[None]:
    """Let `sys.argv` be what was typed: Lightning starts the other processes of a training with it."""
    before, sys.argv = sys.argv, list(current().argv)
    try:
        yield
    finally:
        sys.argv = before


def _has_commands(program: str | PurePath) -> bool:
    """Whether a program takes the name of a command as its first word."""
    path = PurePath(program)
    return path.stem == "qtmnet" or (path.name == "__main__.py" and path.parent.name == "qtmnet")
