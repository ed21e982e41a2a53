"""What was labeled, and how: continuous, pseudo-continuous or pulsed, from the fields of a sidecar."""

import numpy as np

from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.protocol.pulsed import pulsed_labeling
from simulators.imaging.labeling.base import Labeling
from simulators.imaging.labeling.continuous import CASL, PCASL

KINDS = ("PCASL", "CASL", "PASL")

_FIELDS = ("BolusCutOffFlag", "BolusCutOffTechnique", "BolusCutOffDelayTime")


def check_labeling(sidecar: Sidecar) -> None:
    """Refuse what no method of the package models.

    `BolusDuration` and `InversionTime`, which converters write for any sequence, are no sign of pulsed labeling.

    Raises:
        InputError: for another labeling, contradictory fields, or Look-Locker readouts.
    """
    kind = sidecar.text("ArterialSpinLabelingType")
    if kind not in KINDS:
        raise sidecar.error("ArterialSpinLabelingType", f"give {', '.join(KINDS)}: no other labeling is modeled")
    if sidecar.flag("LookLocker"):
        raise sidecar.error(
            "LookLocker",
            "each of its readouts takes away a part of the label that the next ones see, which is not modeled: give a "
            "scan with one readout for each labeling, or maps of its own software",
        )
    if kind != "PASL" and sidecar.flag("BolusCutOffFlag") is not False:
        for name in _FIELDS:
            if name in sidecar.fields:
                raise sidecar.error(name, f"a bolus cut-off is of PASL, but ArterialSpinLabelingType is {kind}")


def build_labeling(sidecar: Sidecar, durations: np.ndarray) -> Labeling:
    """The labeling of a scan.

    Args:
        sidecar: of the scan.
        durations: of labeling in each frame, s, (K,); of no use for pulsed labeling.

    Raises:
        InputError: as `pulsed_labeling`.
    """
    kind = sidecar.text("ArterialSpinLabelingType")
    if kind == "PASL":
        return pulsed_labeling(sidecar)
    same = np.unique(durations).size == 1
    return (CASL if kind == "CASL" else PCASL)(float(durations[0]) if same else tuple(durations.tolist()))


def bolus_duration(sidecar: Sidecar) -> float | None:
    """Of pulsed labeling, s; None for other labeling."""
    if sidecar.text("ArterialSpinLabelingType") != "PASL":
        return None
    return pulsed_labeling(sidecar).bolus_duration


def labeling_note(labeling: Labeling, delays: tuple[float, ...]) -> str:
    """A line on what was labeled."""
    words = labeling.words(delays)
    said = (value if name == "Labeling" else f"{name[0].lower()}{name[1:]} {value}" for name, value in words)
    return f"labeling: {'; '.join(said)}"
