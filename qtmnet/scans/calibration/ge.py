"""GE's 3D FSE scans: how to tell one, and what they hold.

They hold differences that are summed over excitations and multiplied by 32, beside a proton density image that is read
2 s after a saturation. Perfusion is then

    Q = 6000 λ (1 − e^(−ST/T1t)) e^(PLD/T1b) / (2 T1b (1 − e^(−LD/T1b)) ε) · PW / (SF · NEX · PD)

with ST = 2 s, T1t = 1.2 s and SF = 32 (GE Healthcare, 3D ASL): Alsop 2015 (10.1002/mrm.25197), eq. 1, but for these.
"""

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.bids.sidecar import Sidecar

GAIN = 32.0
"""SF above."""

SATURATION_S, T1_TISSUE = 2.0, 1.2
"""ST and T1t above, s."""

MOST_EXCITATIONS = 64
"""Three are usual; more than this takes an hour."""

_SEQUENCE_FIELDS = ("PulseSequenceType", "PulseSequenceDetails", "PulseSequenceName", "SequenceName")
_SEQUENCE_WORDS = ("asl", "fse", "spiral", "fast spin echo")


def is_of_ge(series: Series) -> bool:
    """Whether a scan looks like one of GE's 3D FSE: by manufacturer, readout, sequence and what its volumes are."""
    fields = series.sidecar.fields
    maker = str(fields.get("Manufacturer", "")).strip().upper()
    words = " ".join(str(fields[name]) for name in _SEQUENCE_FIELDS if name in fields).lower()
    fitting = not words or any(word in words for word in _SEQUENCE_WORDS)
    only_differences = not np.isin(series.types, ("control", "label")).any()
    return maker.split(" ")[0] == "GE" and fields.get("MRAcquisitionType") == "3D" and fitting and only_differences


def excitations(sidecar: Sidecar) -> int | None:
    """NEX, if the sidecar has it as converters write it."""
    value = sidecar.number("NumberOfAverages")
    return int(value) if value is not None and value.is_integer() and 1 <= value <= MOST_EXCITATIONS else None
