"""What this machine has left: memory, that of its GPU, and room on disk."""

import shutil
from pathlib import Path

from simulators.machine.memory import free_memory

__all__ = ["device_of", "free_disk", "free_gpu_memory", "free_memory"]


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
