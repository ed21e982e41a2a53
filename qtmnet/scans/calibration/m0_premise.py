"""Whether M0 was measured, as a premise of perfusion."""

from qtmnet.scans.protocol.premise import Premise


def m0_premise(stand_in: str) -> Premise:
    """What a report says of it.

    Args:
        stand_in: what stands in for a measurement, a phrase; empty for a measured M0.
    """
    return Premise(
        "M0",
        stand_in or "measured",
        "usual" if stand_in else "known",
        "Perfusion is as good as that: it is off by the same factor, everywhere or tissue by tissue.",
        "Acquire an M0 image, or give one that was by m0=.",
    )
