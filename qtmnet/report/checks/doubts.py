"""Warnings that were given on the way, as checks of a report: whoever reads it later has not seen the console."""

import re
from collections.abc import Sequence

from qtmnet.report.quality import Flag

_FILE_AND_FIELD = re.compile(r"(.*/)?(?P<file>[^/]+\.(?:json|tsv|nii|nii\.gz)): (?P<field>\w+): (?P<rest>.*)")


def doubt_flags(doubts: Sequence[str], of: str = "") -> tuple[Flag, ...]:
    """A warning for each line, once; one on a field of a file is called by the field.

    Args:
        doubts: lines.
        of: names the method that gave them, if they are not of the scan.
    """
    return tuple(_flag(doubt, of) for doubt in dict.fromkeys(doubts))


def _flag(doubt: str, of: str) -> Flag:
    match = _FILE_AND_FIELD.fullmatch(doubt)
    name, found = (match["field"], f"{match['file']}: {match['rest']}") if match else ("Said on the way", doubt)
    return Flag(f"{name}{of and f', {of}'}", "warning", found, "The maps may be wrong if this is not as it should be.")
