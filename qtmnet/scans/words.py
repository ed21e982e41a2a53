"""What texts say of simulated frames."""

from collections.abc import Sequence


def noise(snr: float | Sequence[float] | None) -> str:
    """Noise of simulated frames in words."""
    if snr is None:
        return "none"
    if isinstance(snr, Sequence):
        return f"signal-to-noise ratio drawn from {snr[0]:g} to {snr[1]:g}"
    return f"signal-to-noise ratio {snr:g}"
