"""How many processor cores this process may use, on any system, in a container or in a batch job."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

from simulators.machine.control_groups import own_groups


def n_cores() -> int:
    """Cores that this process may use: those it is bound to, if its container and its Slurm task have as many.

    A quota of 1.5 cores counts as 2: two threads make use of all of it.
    """
    return max(int(min(_bound_to(), _of_slurm_task(), *_quotas())), 1)


def _bound_to() -> int:
    """Cores that the system runs this process on; all where it binds none, as on macOS and Windows."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _of_slurm_task() -> float:
    """Cores that Slurm gave each task; sites need not bind tasks to them."""
    asked = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return int(asked) if asked.isdecimal() else math.inf


def _quotas() -> Iterator[float]:
    """Cores' worth of time that the control groups of this process, and those around them, may use."""
    return (_quota(folder, version) for version, folder in own_groups("cpu"))


def _quota(folder: Path, version: int) -> float:
    """Cores' worth of time of a control group, in whole cores; inf if it has no limit."""
    names = ("cpu.max",) if version == 2 else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    try:
        words = " ".join((folder / name).read_text(encoding="ascii") for name in names).split()
        quota, period = (float(word) for word in words)
    except (OSError, ValueError):  # none, or "max"
        return math.inf
    return math.ceil(quota / period) if quota > 0 and period > 0 else math.inf
