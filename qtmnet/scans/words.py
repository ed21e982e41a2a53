"""Words of what texts say of scans and of simulated frames."""

from collections.abc import Sequence


def counted(n: float, noun: str) -> str:
    """So many of something: `1 delay`, `2 delays`, `0.25 pairs`."""
    return f"{n:.3g} {noun}{'' if n == 1 else 's'}"


def noise(snr: float | Sequence[float] | None) -> str:
    """Noise of simulated frames in words."""
    if snr is None:
        return "none"
    if isinstance(snr, Sequence):
        return f"signal-to-noise ratio drawn from {snr[0]:g} to {snr[1]:g}"
    return f"signal-to-noise ratio {snr:g}"
