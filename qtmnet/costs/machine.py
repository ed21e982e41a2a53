"""What this machine has left: memory, also within a container or a batch job, and room on disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux keeps the limits of containers and batch jobs."""

OWN_CGROUP = Path("/proc/self/cgroup")


def free_memory() -> float:
    """Bytes of memory that a process may still take: what is free or easily freed, within the limits of its cgroups."""
    return min([float(psutil.virtual_memory().available), *cgroup_room()])


def cgroup_room(root: Path = CGROUPS, own: Path = OWN_CGROUP) -> Iterator[float]:
    """Bytes left within each memory limit that this process is under; nothing where there are none.

    Pages of files that have not been used for long count as free: the system drops them first.

    Args:
        root: where the cgroups are mounted.
        own: file that says which are this process's.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":  # version 2
            yield from _room_above(root, path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _room_above(root / "memory", path, names)


def _room_above(root: Path, path: str, names: tuple[str, str, str]) -> Iterator[float]:
    """Room in a cgroup and in those around it; a container sees its own at the root."""
    inner = root / path.strip("/")
    for folder in (inner, *inner.parents):
        limit, used = _number(folder / names[0]), _number(folder / names[1])
        if limit is not None and used is not None:
            yield max(limit - used + _statistic(folder / "memory.stat", names[2]), 0.0)
        if folder == root:
            return


def _number(file: Path) -> float | None:
    """The number in a file; None for "max" or where there is no such file."""
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return None


def _statistic(file: Path, name: str) -> float:
    try:
        rows = (line.split() for line in file.read_text().splitlines())
        return next((float(row[1]) for row in rows if len(row) == 2 and row[0] == name), 0.0)
    except (OSError, ValueError):
        return 0.0


def free_gpu_memory() -> float | None:
    """Bytes of memory that a CUDA GPU has left; None without one."""
    import torch

    return float(torch.cuda.mem_get_info()[0]) if torch.cuda.is_available() else None


def free_disk(place: str) -> float | None:
    """Bytes that can be written to a folder, there or yet to be made; None where nobody can tell (object stores)."""
    if "://" in place and not place.startswith("file://"):
        return None
    folder = Path(place.removeprefix("file://")).absolute()
    for parent in (folder, *folder.parents):
        try:
            usage = shutil.disk_usage(parent)
            return float(usage.free) if usage.total else None  # what has no size is no disk
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return None
    return None


def device_of(place: str) -> object:
    """What tells places on different file systems apart; the place itself where that cannot be told."""
    folder = Path(place.removeprefix("file://")).absolute()
    for parent in (folder, *folder.parents):
        try:
            return parent.stat().st_dev
        except OSError:
            continue
    return place
