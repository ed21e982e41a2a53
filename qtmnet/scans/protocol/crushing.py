"""Vascular crushing, as the sidecar has it."""

import numpy as np

from qtmnet.scans.bids.series import LABELED, Series

CRUSHING_CM_S = (0.1, 500.0)
"""Of published 0.5 to 40, in cm/s."""


def read_crushing(series: Series) -> tuple[float | None, str]:
    """Velocity (mm/s) above which arterial label is crushed, None without crushing; and a note.

    Raises:
        InputError: for a velocity that is no one's, or several.
    """
    sidecar = series.sidecar
    crushed, velocities = sidecar.flag("VascularCrushing"), sidecar.numbers("VascularCrushingVENC")
    if crushed is False:
        return None, "vascular crushing: none"
    if crushed is None and velocities is None:
        return None, "vascular crushing: none assumed"
    if velocities is None:
        return 0.0, "vascular crushing: of unknown velocity (no VascularCrushingVENC), taken to hide all arterial label"
    used = np.isin(series.types, LABELED)
    distinct = np.unique(sidecar.per_volume("VascularCrushingVENC", velocities, used.size)[used])
    slowest, fastest = CRUSHING_CM_S
    if distinct.size > 1 or not (distinct[0] == 0 or slowest <= distinct[0] <= fastest):
        advice = f"give one velocity for all volumes, 0 or from {slowest:g} to {fastest:g} cm/s"
        raise sidecar.error("VascularCrushingVENC", advice)
    if distinct[0] == 0:  # BIDS: zero marks volumes without crushing
        return None, "vascular crushing: none, as VascularCrushingVENC is 0"
    return 10 * float(distinct[0]), f"vascular crushing: above {10 * distinct[0]:g} mm/s"
