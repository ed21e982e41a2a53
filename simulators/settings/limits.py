"""What a setting may be: the words that annotations of parameters are written in.

A parameter says once, where it is declared, what it takes: `reach_mm: Length` with `Length = Annotated[float,
Within(0, 100, "mm", above=True)]`. `simulators.settings.checking` holds values against it; the commands, the
checkpoints, the reference of settings and the offers to the misspelt all read the same annotation.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from annotated_types import Ge, GroupedMetadata, Gt, Le, Predicate
from pydantic import AllowInfNan, BeforeValidator


@dataclass(frozen=True)
class Within(GroupedMetadata):
    """Numbers of a range.

    Attributes:
        low, high: that numbers may be, from and to.
        unit: of the numbers.
        why: the reason of the range, a few words that a refusal ends with.
        above: `low` itself is too low.
        below: `high` itself is too high.
    """

    low: float
    high: float
    unit: str = ""
    why: str = ""
    above: bool = False
    below: bool = False

    def __iter__(self) -> Iterator[object]:
        yield Gt(self.low) if self.above else Ge(self.low)
        yield Predicate(lambda value: value < self.high) if self.below else Le(self.high)


@dataclass(frozen=True)
class Which(GroupedMetadata):
    """Values for which something holds.

    Attributes:
        wanted: what to give, as a refusal says it.
        holds: tells whether a value will do.
    """

    wanted: str
    holds: Callable[[Any], bool]

    def __iter__(self) -> Iterator[object]:
        yield Predicate(self.holds)


@dataclass(frozen=True)
class SettingsOf:
    """Of `**keywords`: they are the settings of something else.

    Attributes:
        target: class or function that takes them.
        or_word: that may be given in place of any of them.
    """

    target: Callable[..., object]
    or_word: str = ""


def one_as_list(value: Any) -> Any:
    """A lone number as a list of one."""
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else value


def edges_of(value: Any) -> Any:
    """A lone number as the three edges of a cube."""
    return (value,) * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


def none_as_empty(value: Any) -> Any:
    """Null as no entries."""
    return {} if value is None else value


def is_ascending(pair: tuple[float, float]) -> bool:
    """Whether the first of two numbers is not the higher one."""
    return pair[0] <= pair[1]


Each = TypeVar("Each")

Span: TypeAlias = Annotated[tuple[Each, Each], Predicate(is_ascending)]
"""(low, high)."""

Drawn: TypeAlias = Each | Annotated[tuple[Each, Each], Predicate(is_ascending)]
"""A number, or (low, high) to draw from."""

LONGEST_PATH = 4096
"""Characters; what Linux takes."""


LONGEST_NAME = 255
"""Bytes of a file's or folder's name; what all file systems in use take."""


def is_path(value: str) -> bool:
    """Whether a string can be a path or URL at all."""
    if not value.strip() or len(value) > LONGEST_PATH or "\0" in value:
        return False
    names = [] if "://" in value else value.split("/")
    return all(len(os.fsencode(name)) <= LONGEST_NAME for name in names)


PathText = Annotated[str, Which("a path", is_path)] | Path

Word = Annotated[str, Which("a name", lambda value: 0 < len(value.strip()) <= 1000 and value.isprintable())]

Share = Annotated[float, Within(0, 1, above=True, below=True)]

SeedNumber = Annotated[int, Within(0, 2**32 - 1, why="what all generators of random numbers take")]

Infinite = Annotated[float, AllowInfNan(True), Ge(inf), Which(".inf", lambda value: value == inf)]

VoxelEdge = Annotated[float, Within(0.05, 100, "mm", why="edges of a voxel, not μm")]

VoxelSize = Annotated[tuple[VoxelEdge, VoxelEdge, VoxelEdge], BeforeValidator(edges_of)]

Perfusion = Annotated[float, Within(0, 1000, "mL/100g/min", why="the kidney's cortex has 400")]

Fluctuation = Annotated[float, Within(0, 1, why="beyond 1 blood would flow backwards in a sixth of the voxels")]

MurrayConstant = Annotated[float, Within(1e-3, 1, "mm (mm³/s)^(−1/3)", why="published are 0.09 to 0.25")]

CapillaryVolume = Annotated[float, Within(1e-4, 0.5, "mL/mL", why="published are 0.01 to 0.06")]

Bluntness = Annotated[float, Within(0, 0.99, why="0 is laminar flow, towards 1 it is plug flow")]

Permeability = Annotated[
    float, Within(0, 1e5, "mL/100g/min", why="water has 100 to 200; from 10 000 on it is mixed at once")
]

T1 = Annotated[float, Within(0.05, 20, "s", why="not ms")] | Infinite

Candidates = Annotated[int, Within(1, 100, why="more do not change a tree")]

TimeStep = Annotated[float, Within(5e-4, 0.1, "s", why="the error falls with its square, memory grows as it falls")]

Threads = Annotated[int, Within(1, 1024)]
