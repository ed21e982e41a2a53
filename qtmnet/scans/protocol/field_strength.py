"""T1 of blood and of tissue by the strength of the magnetic field."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.protocol.premise import Premise
from simulators.constants import T1_BLOOD, T1_GREY_MATTER

USUAL_TESLA = 3.0

BLOOD: Mapping[float, float] = MappingProxyType({1.5: 1.35, 3.0: T1_BLOOD, 7.0: 2.1})
"""s by tesla: Alsop 2015 (10.1002/mrm.25197), and for 7 T Zhang 2013 (10.1002/mrm.24550), 2.087 s in vivo."""

GREY_AT_3_T = 1.607
"""s, Wright 2008 (10.1007/s10334-008-0104-8), as the next."""

TISSUE: Mapping[float, float] = MappingProxyType(
    {tesla: T1_GREY_MATTER * t1 / GREY_AT_3_T for tesla, t1 in {1.5: 1.197, 3.0: GREY_AT_3_T, 7.0: 1.939}.items()}
)
"""s by tesla. Published T1s of grey matter differ by method more than by field; so the T1 that scans are fitted with at
3 T is kept, and goes with the field as grey matter's does in Wright 2008, who measured one group at all three."""

SAME_FIELD = 0.1
"""Relatively: magnets sold as 3 T have 2.89 T."""

TESLA = (0.1, 20.0)
"""Of magnets that people are scanned in, with room: beyond, it is another unit."""


@dataclass(frozen=True)
class RelaxationTimes:
    """T1s that a scan is fitted with.

    Attributes:
        t1_blood, t1_tissue: s.
        note: a line on where they came from.
        premise: of the report's checks.
    """

    t1_blood: float
    t1_tissue: float
    note: str
    premise: Premise


def read_relaxation_times(sidecar: Sidecar, given_blood: float | None = None) -> RelaxationTimes:
    """T1s by `MagneticFieldStrength`.

    Where that is not 1.5, 3 or 7 T, blood's is 1.316 + 0.11 B₀ s (Zhang 2013, 10.1002/mrm.24550), and tissue's between
    those of the fields next to it.

    Args:
        sidecar: of the scan.
        given_blood: s, to use whatever the field is.

    Raises:
        InputError: for a field strength that no scanner has.
    """
    tesla = sidecar.number("MagneticFieldStrength")
    if tesla is not None and not TESLA[0] <= tesla <= TESLA[1]:
        raise sidecar.error("MagneticFieldStrength", f"give tesla, from {TESLA[0]:g} to {TESLA[1]:g}")
    field = USUAL_TESLA if tesla is None else tesla
    near = next((known for known in BLOOD if abs(field / known - 1) <= SAME_FIELD), None)
    blood = BLOOD[near] if near else 1.316 + 0.11 * field
    tissue = TISSUE[near] if near else _between(TISSUE, field)
    doubts = []
    where = f"{field:g} T"
    if tesla is None:
        where = f"{field:g} T assumed, as MagneticFieldStrength is not found"
        doubts.append(
            f"{sidecar.path}: MagneticFieldStrength: not found; T1 of blood is taken to be that of {field:g} T, "
            f"{blood:.4g} s: give the field strength, or t1_blood"
        )
    elif near is None:
        where = f"{field:g} T by a formula fitted to other fields"
        doubts.append(
            f"{sidecar.path}: MagneticFieldStrength: found {tesla:g}, of which T1s are not well known; blood's is "
            f"taken to be {blood:.4g} s: give t1_blood if you know better"
        )
    if given_blood is not None:
        blood, where, doubts = given_blood, "as given", []
    note = f"T1 of blood: {blood:.4g} s ({where})"
    return RelaxationTimes(
        blood,
        tissue,
        note,
        Premise(
            "T1 of blood",
            f"{blood:.4g} s, {where}",
            "unknown" if doubts else "known",
            "Label decays with it: of a scan at 1.5 T, read as one at 3 T, perfusion is a fifth to a third too low, of "
            "one at 7 T some 40 % too high.",
            "Put MagneticFieldStrength into the sidecar, or give t1_blood=.",
            note,
            tuple(doubts),
        ),
    )


def _between(known: Mapping[float, float], tesla: float) -> float:
    """By a power of the field between the known ones next to it; beyond the last as there."""
    fields, values = np.log([*known]), np.log([*known.values()])
    return float(np.exp(np.interp(np.log(tesla), fields, values)))
