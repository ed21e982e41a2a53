"""What a piece of work takes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a piece of work takes, as it would be told.

    Attributes:
        what: the work, such as "simulating a cube of 32 × 32 × 32 voxels".
        setting: that decides most of it, such as `phantom.shape`.
        advice: what to do about it, such as "give fewer voxels".
        memory_bytes: beyond what the process holds before.
        memory_limit: bytes that there are for it; None: what this machine has free.
        limited_by: how to tell that limit.
        disk_bytes: to be written.
        disk_at: folder or URL that they are written to.
        seconds: wall time; 0 where nobody can tell.
    """

    what: str
    setting: str
    advice: str
    memory_bytes: float = 0.0
    memory_limit: float | None = None
    limited_by: str = "this machine has {} free"
    disk_bytes: float = 0.0
    disk_at: str = "."
    seconds: float = 0.0


def size(n_bytes: float) -> str:
    """Bytes in two significant digits, such as "310 GB"."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB", "EB"):
        if n_bytes < 999.5 or unit == "EB":
            break
        n_bytes /= 1000
    return f"{n_bytes:.2g} {unit}" if n_bytes < 99.5 else f"{_two_digits(n_bytes)} {unit}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them, such as "3 days"."""
    for unit, length, below in (("minutes", 60, 100), ("hours", 3600, 48), ("days", 86400, 1000)):
        if seconds < below * length:
            return f"{max(round(seconds / length), 1)} {unit}"
    return f"{_two_digits(seconds / (365.25 * 86400))} years"


def _two_digits(number: float) -> str:
    """A number above 1 in two significant digits, without an exponent up to a million."""
    return f"{number:.1e}" if number >= 1e6 else f"{float(f'{number:.1e}'):g}"


def times(shape: tuple[int, ...]) -> str:
    """Such as "32 × 32 × 32"."""
    return " × ".join(str(n) for n in shape)
