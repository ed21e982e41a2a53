"""The command line of BIDS Apps, `BIDS OUT participant --participant-label 01 02`, as settings of `predict`.

See Gorgolewski 2017, BIDS apps (doi:10.1371/journal.pcbi.1005209).
"""

import re
from collections.abc import Sequence

from simulators.errors import InputError

LABEL_FLAGS = ("--participant-label", "--participant_label")
SETTING = "participant_label"
IGNORED = ("--skip-bids-validation", "--skip_bids_validation")
"""Flags that ask to leave out what is not done anyway."""

LEVEL = "participant"
OTHER_LEVELS = ("group", "session", "run")

_LABEL = re.compile(r"[A-Za-z0-9+-]+")
_GIVEN = re.compile(r"[\['\"\s]*(?P<labels>[A-Za-z0-9+,'\"\s-]+?)[\]'\"\s]*")


def as_settings(words: Sequence[str]) -> list[str]:
    """Words of a command line with the flags of BIDS Apps as settings, and labels as text: 01 is not 1.

    Raises:
        InputError: for a flag without labels.
    """
    found, labels, rest = [], [], list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            found += [word, *rest]
            break
        if name in LABEL_FLAGS:
            here = [value] if equals else []
            while not equals and rest and _LABEL.fullmatch(rest[0]) and rest[0] != LEVEL and rest[0][0] != "-":
                here.append(rest.pop(0))
            if not any(here):
                raise InputError(f"{name}: nothing behind it; give labels, as {name} 01 02")
            labels += here
        elif word not in IGNORED:
            found.append(word)
    return [*found, _as_text(labels)] if labels else found


def labels_as_text(word: str) -> str:
    """`participant_label=01,02` or `[01,02]` with labels in quotes, in which a number stays as it is written."""
    name, _, value = word.partition("=")
    given = _GIVEN.fullmatch(value)
    if name != SETTING or given is None or value == "null":
        return word
    return _as_text([label.strip("'\" ") for label in given["labels"].split(",")])


def without_level(rest: Sequence[str], n_places: int) -> list[str]:
    """Words that are no settings, without the level of analysis, which is one behind the two paths.

    Raises:
        InputError: for a level at which nothing is done.
    """
    behind = rest[n_places] if len(rest) == n_places + 1 else ""
    if behind in OTHER_LEVELS:
        raise InputError(f"{behind}: nothing is made at this level; give {LEVEL}")
    return list(rest[:n_places] if behind == LEVEL else rest)


def _as_text(labels: Sequence[str]) -> str:
    return f"{SETTING}=[{','.join(repr(label) for label in labels)}]"
