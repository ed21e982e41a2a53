"""The control groups that Linux puts a process in: containers and batch jobs limit memory and processor time so."""

from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def own_groups(kind: str) -> Iterator[tuple[int, Path]]:
    """Version and folder of the groups that this process is in, the innermost first; nothing on other systems.

    Args:
        kind: of limit: `cpu` or `memory`.
    """
    try:
        lines = OWN_CGROUPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        number, kinds, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not kinds:
            yield from _with_those_around(2, CGROUPS, path)
        elif kind in kinds.split(","):
            yield from _with_those_around(1, CGROUPS / kind, path)


def _with_those_around(version: int, root: Path, path: str) -> Iterator[tuple[int, Path]]:
    """A container sees its own group at the root, whatever its path says."""
    inner = root / path.strip("/")
    for folder in (inner, *inner.parents):
        yield version, folder
        if folder == root:
            return
