"""How much memory this process may still take."""

import sys
from contextlib import suppress
from pathlib import Path

_GROUPS = (  # of Linux: limit and use of a container or a batch job, in version 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_memory() -> int:
    """Bytes that this process can take before the machine, or the container that it runs in, has none left."""
    free = [free_on_machine()]
    for limit, used in _GROUPS:
        with suppress(OSError, ValueError):  # no such group, or one without a limit ("max")
            free.append(int(Path(limit).read_text(encoding="utf-8")) - int(Path(used).read_text(encoding="utf-8")))
    return max(min(free), 0)


def free_on_machine() -> int:
    """Bytes that are free or easily freed on this machine; no limit where nobody can tell."""
    try:
        from psutil import virtual_memory
    except ImportError:  # of a system that psutil does not know
        return sys.maxsize
    return virtual_memory().available
