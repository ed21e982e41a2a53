"""Echoes of one readout in files of their own (`echo-1`, `echo-2`, …), of which the first is mapped.

Label decays from echo to echo by a T2* that differs between blood and tissue: the first has the most of it.
"""

import re
from collections.abc import Iterable
from pathlib import Path

_ECHO = re.compile(r"_echo-(\d+)(?=_)")


def first_echoes(scans: Iterable[Path]) -> list[Path]:
    """The scans without those that have an earlier echo among them."""
    found = list(scans)
    least: dict[Path, int] = {}
    for scan in found:
        if (number := echo_of(scan)) is not None:
            together = _without_echo(scan)
            least[together] = min(number, least.get(together, number))
    return [scan for scan in found if echo_of(scan) in (None, least.get(_without_echo(scan)))]


def echo_of(scan: Path) -> int | None:
    """Number of the echo by the file's name, from 1 on; None where it has none."""
    match = _ECHO.search(scan.name)
    return int(match[1]) if match else None


def other_echoes(scan: Path) -> list[Path]:
    """Files of the other echoes beside a scan, by their number."""
    if echo_of(scan) is None:
        return []
    wanted = _without_echo(scan)
    beside = [path for path in scan.parent.iterdir() if path.name != scan.name and echo_of(path) is not None]
    return sorted((path for path in beside if _without_echo(path) == wanted), key=lambda path: echo_of(path) or 0)


def _without_echo(scan: Path) -> Path:
    return scan.with_name(_ECHO.sub("", scan.name, count=1))
