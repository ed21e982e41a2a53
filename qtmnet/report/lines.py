"""How charts tell methods apart: a title, a colour and dashes for each, in the order in which they are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle

from qtmnet.methods.base import Methods

INK = "#010203"
"""Stands for the page's own colour of text, which a figure cannot know."""

LEARNED = ("#d55e00", "#e7298a", "#b8860b")
"""Colours of methods from checkpoints; their lines are solid."""

Dashes = str | tuple[float, tuple[float, ...]]

COMPARED: tuple[tuple[str, Dashes], ...] = (
    ("#4c9fd6", "--"),
    ("#1b9e77", "-."),
    ("#8a6bbf", ":"),
    ("#a6761d", (0, (5, 1, 1, 1, 1, 1))),
    ("#7f7f7f", (0, (8, 2))),
)
"""Colours and dashes of the others: either tells them apart."""


@dataclass(frozen=True)
class Line:
    """How a method's values are drawn.

    Attributes:
        title: of the method.
        colour: in hexadecimal digits.
        dashes: a style of lines of matplotlib's.
    """

    title: str
    colour: str
    dashes: Dashes = "-"


Lines = Mapping[str, Line]
"""By method, and `truth`."""


def lines_of(methods: Methods) -> dict[str, Line]:
    """A line for the truth and for each method."""
    learned = (
        Line(method.title, colour) for method, colour in zip(methods.learned.values(), cycle(LEARNED), strict=False)
    )
    compared = (
        Line(method.title, *look) for method, look in zip(methods.compared.values(), cycle(COMPARED), strict=False)
    )
    return {"truth": Line("truth", INK), **dict(zip(methods.all, (*learned, *compared), strict=True))}
