"""Perfusion of the whole brain: whether its level is one that a brain has, and what a wrong scale would explain."""

import numpy as np

from qtmnet.report.quality import Flag
from qtmnet.scans.calibration.signal_scale import PLAUSIBLE

USUAL = (25.0, 100.0)
"""Median perfusion of a brain, mL/100g/min, that a wrong factor is recognized by: what is left when it is taken out."""

TOO_HIGH = {
    3.0: "a difference that is the sum of 3 excitations (NEX of GE's 3D FSE: scan.nex=3)",
    10.0: "M0 that is stored ten times too low (Siemens and others: m0_scale=10)",
    32.0: "the gain of 32 of GE's 3D FSE (scan.gain=32)",
    96.0: "NEX 3 and the gain of 32 of GE's 3D FSE (scan.nex=3 scan.gain=32)",
}
TOO_LOW = {
    1 / 3: "M0 that is the sum of 3 excitations (m0_scale=0.333)",
    0.1: "M0 that is stored ten times too high (Philips: display values of other slopes; m0_scale=0.1)",
    1 / 32: "M0 with the gain of 32 of GE's 3D FSE (m0_scale=0.03125)",
    1 / 96: "M0 with NEX 3 and the gain of 32 of GE's 3D FSE (m0_scale=0.0104)",
}
"""What multiplies perfusion by a factor, in the hands of scanners and converters, with the setting that mends it."""

ROUGHLY = 1.5
"""Factor by which the consensus equation may miss the level: it takes no account of slice times and late blood."""

CHECK = "Check how scan and M0 were scaled (slopes in the headers, NEX and gain of GE, display values of Philips)"


def perfusion_level(cbf: np.ndarray, level: float | None = None, of: str = "") -> Flag:
    """Whether the brain is perfused as brains are.

    An adult's grey matter has 40 to 80 mL/100g/min and white matter a third to a half of it; the median of a mask lies
    between.

    Args:
        cbf: inside the mask, mL/100g/min, (V,).
        level: median perfusion that the scan shows whatever the method, mL/100g/min; a network that was never shown
            such a scale may hide it. None where it is not known.
        of: names the map.
    """
    finite = cbf[np.isfinite(cbf)]
    median = float(np.median(finite)) if finite.size else 0.0
    (low, high), told = PLAUSIBLE, [f"median {median:.3g} mL/100g/min in the mask"]
    hidden = level is not None and not low / ROUGHLY <= level <= ROUGHLY * high
    if level is not None and hidden and low <= median <= high:
        told.append(f"{level:.3g} by the consensus equation")
        median = level
    name, found = f"Level of perfusion{of and f', {of}'}", f"{', '.join(told)} (an adult's: {low:g} to {high:g})"
    if low <= median <= high:
        return Flag(name, "ok", found, "It is a level that brains have; a factor of two would not show in it.")
    if median < 0:
        found += ": control and label are swapped, or deltam is label less control"
        advice = "Check the order of volumes in the aslcontext table, or turn the sign of deltam, and run again."
        return Flag(name, "warning", found, "Blood does not flow backwards.", advice)
    meaning = f"Perfusion is {'higher' if median > high else 'lower'} than an adult's brain usually has."
    if reasons := likely_reasons(median):
        return Flag(name, "warning", f"{found}, as if by {' or '.join(reasons)}", meaning, f"{CHECK}.")
    advice = f"{CHECK}, the labeling efficiency and delays; in children and disease a level may be real."
    return Flag(name, "warning", found, meaning, advice)


def likely_reasons(median: float) -> list[str]:
    """What would explain an impossible level: factors that leave a usual one when they are taken out."""
    factors = TOO_HIGH if median > PLAUSIBLE[1] else TOO_LOW
    return [reason for factor, reason in factors.items() if USUAL[0] <= median / factor <= USUAL[1]]
