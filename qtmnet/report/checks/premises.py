"""What maps rest on besides the images, as checks of a report."""

from collections.abc import Mapping
from dataclasses import replace

from qtmnet.report.quality import Flag, Level
from qtmnet.scans.protocol.premise import Premise

LEVEL_OF: Mapping[str, Level] = {"known": "ok", "usual": "assumed", "unknown": "warning"}
"""Of a check of a premise, by its standing."""


def premise(of: Premise) -> Flag:
    """Whether something that perfusion rests on is known."""
    level = LEVEL_OF[of.standing]
    if level == "ok":
        return Flag(of.name, level, of.found, "It is known from the files, or was given.")
    return Flag(of.name, level, of.found, of.matters, of.advice)


def resting_on(flag: Flag, of: Premise) -> Flag:
    """A check that needs a premise: where that is not known it is not in order either."""
    if flag.level != "ok" or of.standing == "known":
        return flag
    return replace(
        flag,
        level="assumed",
        meaning=f"So it is if this holds: {of.name[0].lower()}{of.name[1:]}, {of.found}.",
        advice=of.advice,
    )
