"""Checks of a scan's numbers."""

from collections.abc import Iterator, Mapping

import numpy as np

from qtmnet.report.quality import Flag

FLOW_RATIO = (0.7, 1.3)
"""Of total flow by ASL over that by phase contrast; a judgement, not a measurement: both err by some tenths."""


def flow_flags(numbers: Mapping[str, float]) -> Iterator[Flag]:
    """Whether total flow agrees with that by phase contrast, where this is known.

    Args:
        numbers: by column of `qtmnet.evaluation.scan_numbers.columns`.
    """
    ratio = numbers["flow_ratio"]
    if not np.isfinite(ratio):
        return
    low, high = FLOW_RATIO
    bad = not low <= ratio <= high
    yield Flag(
        "Total flow beside phase contrast",
        "warning" if bad else "ok",
        f"total flow is {numbers['flow_total']:.0f} mL/min, {ratio:.2f} of the {numbers['flow_phase_contrast']:.0f} "
        f"mL/min by phase contrast (warning below {low:g} and above {high:g})",
        "The level of perfusion is not that of the flow into the brain."
        if bad
        else "The level of perfusion is about that of the flow into the brain.",
        "Look whether the mask holds the whole brain, and at M0 and the labeling efficiency, which scale perfusion "
        "everywhere."
        if bad
        else "",
    )
