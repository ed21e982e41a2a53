"""How much memory this process may still take."""

import sys
from collections.abc import Iterator
from pathlib import Path

from simulators.machine.control_groups import own_groups

_FILES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By version: files with limit and use, and the name in memory.stat of what counts as free."""


def free_memory() -> float:
    """Bytes of memory that a process may still take: what is free or easily freed, within the limits of its cgroups."""
    return min([_free_on_machine(), *cgroup_room()])


def _free_on_machine() -> float:
    try:
        from psutil import virtual_memory
    except ImportError:  # a system that psutil does not know: nobody can tell
        return float(sys.maxsize)
    return float(virtual_memory().available)


def cgroup_room() -> Iterator[float]:
    """Bytes left within each memory limit that this process is under; nothing where there are none.

    Pages of files that have not been used for long count as free: the system drops them first.
    """
    for version, folder in own_groups("memory"):
        of_limit, of_use, of_files = _FILES[version]
        limit, used = _number(folder / of_limit), _number(folder / of_use)
        if limit is not None and used is not None:
            yield max(limit - used + _statistic(folder / "memory.stat", of_files), 0.0)


def _number(file: Path) -> float | None:
    """The number in a file; None for "max" or where there is no such file."""
    try:
        return float(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _statistic(file: Path, name: str) -> float:
    try:
        rows = (line.split() for line in file.read_text(encoding="ascii").splitlines())
        return next((float(row[1]) for row in rows if len(row) == 2 and row[0] == name), 0.0)
    except (OSError, ValueError):
        return 0.0
