"""What perfusion rests on besides the images: known from the files, given, or assumed."""

from dataclasses import dataclass
from typing import Literal

Standing = Literal["known", "usual", "unknown"]
"""Of a premise: files or the user say it, the field's usual value stands in, or it is assumed where it can well be
otherwise. Only what is known can be in order."""


@dataclass(frozen=True)
class Premise:
    """One such thing.

    Attributes:
        name: of the check that a report makes of it.
        found: its value and where that came from, a phrase.
        standing: how far it is known.
        matters: what is wrong if it does not hold, a sentence.
        advice: how to make it known, a sentence.
        note: line of the scan's notes that says the same; empty for none.
        doubts: lines to warn with, if nobody reads the check.
    """

    name: str
    found: str
    standing: Standing
    matters: str
    advice: str
    note: str = ""
    doubts: tuple[str, ...] = ()
