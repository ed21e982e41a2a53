"""Pulsed labeling, from the fields of a sidecar: how its bolus is cut off, and what that makes of it."""

import re
from collections.abc import Mapping

import numpy as np

from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.protocol.premise import Premise
from simulators.imaging.labeling.base import Labeling
from simulators.imaging.labeling.pulsed import PASL, QUIPSS, PASLUnknownBolus

SHORTEST_BOLUS_S = 0.05
"""Shorter is another unit, or a slab of no use."""

SLAB_MM = (5.0, 500.0)
"""Of labeled slabs: published are 60 to 200."""

SAME_INVERSION_S = 0.01
"""Of fields that are to say one time."""

TECHNIQUES: Mapping[str, type[PASL] | type[QUIPSS]] = {
    "QUIPSS": QUIPSS,
    "QUIPSSI": QUIPSS,
    "QUIPSSII": PASL,
    "Q2TIPS": PASL,
}


def pulsed_labeling(sidecar: Sidecar) -> PASL | QUIPSS | PASLUnknownBolus:
    """Pulsed labeling by its cut-off, or by its slab where there is none.

    Of `BolusCutOffDelayTime` the first counts, from the pulse to the first saturation: BIDS gives the last one besides
    for Q2TIPS, which saturates again and again in between.

    Raises:
        InputError: where the bolus cannot be known, or fields contradict each other.
    """
    cut_off, technique = sidecar.flag("BolusCutOffFlag"), sidecar.text("BolusCutOffTechnique")
    times = sidecar.seconds("BolusCutOffDelayTime")
    if cut_off is None and (technique is None or times is None):
        raise sidecar.error(
            "BolusCutOffFlag", "PASL needs it: give true, with BolusCutOffTechnique and BolusCutOffDelayTime, or false"
        )
    if cut_off is False:
        return _without_cut_off(sidecar)
    if times is None or times[0] < SHORTEST_BOLUS_S or (np.diff(times) <= 0).any():
        raise sidecar.error(
            "BolusCutOffDelayTime",
            f"give s from the labeling pulse to the cut-off, at least {SHORTEST_BOLUS_S:g}, for Q2TIPS to its first "
            "and last saturation pulse, in rising order",
        )
    kind = TECHNIQUES.get(re.sub(r"[^A-Z0-9]", "", (technique or "").upper()))
    if kind is None:
        raise sidecar.error("BolusCutOffTechnique", "give QUIPSS, QUIPSSII or Q2TIPS, which differ in their bolus")
    return kind(float(times[0]))


def _without_cut_off(sidecar: Sidecar) -> PASLUnknownBolus:
    name, (thinnest, thickest) = "LabelingSlabThickness", SLAB_MM
    slab = sidecar.number(name)
    if slab is None or not thinnest <= slab <= thickest:
        raise sidecar.error(
            name,
            f"without a cut-off (BolusCutOffFlag false) only the slab tells how long the bolus is: give {thinnest:g} "
            f"to {thickest:g} mm; perfusion by a bolus that nothing limits (0, non-selective FAIR) cannot be told",
        )
    return PASLUnknownBolus(slab)


def check_inversion_times(sidecar: Sidecar, delays: np.ndarray) -> tuple[str, ...]:
    """What looks wrong with the delays (K,) of pulsed labeling, lines to warn with.

    Raises:
        InputError: if none is after the cut-off.
    """
    labeling = pulsed_labeling(sidecar)
    cut_off = labeling.bolus_duration
    if isinstance(labeling, PASLUnknownBolus):
        return ()
    late = delays > cut_off
    if not late.all() if isinstance(labeling, QUIPSS) else not late.any():
        raise sidecar.error(
            "PostLabelingDelay",
            f"PASL counts it from the labeling pulse (inversion time TI), and the bolus is cut off {cut_off:g} s after "
            "that: give longer ones",
        )
    inversion = sidecar.numbers("InversionTime")
    if inversion is not None and len(inversion) == 1:
        ti = float(inversion[0])
        from_cut_off = np.abs(delays + cut_off - ti).min() < SAME_INVERSION_S
        if from_cut_off and np.abs(delays - ti).min() > SAME_INVERSION_S:
            return (
                f"{sidecar.origins['PostLabelingDelay']}: PostLabelingDelay: found {delays.min():g}, which with the "
                f"cut-off at {cut_off:g} s is the InversionTime {ti:g}; BIDS counts it from the labeling pulse, and so "
                "it was taken: if it is counted from the cut-off, give the sum",
            )
    return ()


def bolus_premise(sidecar: Sidecar, labeling: Labeling) -> Premise | None:
    """Of the report's checks: the duration of a bolus that nothing cuts off."""
    if not isinstance(labeling, PASLUnknownBolus):
        return None
    doubt = (
        f"{sidecar.path}: BolusCutOffFlag: found no cut-off of the bolus, whose duration is then not known; "
        f"{labeling.bolus_duration:.3g} s is taken ({labeling.slab_length_mm:g} mm at "
        f"{labeling.assumed_velocity_mm_s:g} mm/s), and perfusion is as wrong as that"
    )
    return Premise(
        "Duration of the bolus",
        f"{labeling.bolus_duration:.3g} s assumed: a slab of {labeling.slab_length_mm:g} mm (LabelingSlabThickness) at "
        f"{labeling.assumed_velocity_mm_s:g} mm/s, and no cut-off",
        "unknown",
        "Perfusion is divided by it: blood that flows a fifth faster makes it a fifth too low.",
        "Read such maps for their pattern alone; a scan with QUIPSS II or Q2TIPS tells the level.",
        doubts=(doubt,),
    )
