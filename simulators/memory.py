"""How much memory this process may still take."""

from contextlib import suppress
from pathlib import Path

import psutil

_GROUPS = (  # of Linux: limit and use of a container or a batch job, in version 2 and 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available_memory() -> int:
    """Bytes that this process can take before the machine, or the container that it runs in, has none left."""
    free = [psutil.virtual_memory().available]
    for limit, used in _GROUPS:
        with suppress(OSError, ValueError):  # no such group, or one without a limit ("max")
            free.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    return max(min(free), 0)
