"""Signals of label by the integral of the general kinetic model, and scans made of them.

Nothing here is the package's: arrival and residue are Buxton's (1998, 10.1002/mrm.1910400308, eqs. 1 to 4), and SciPy
integrates their product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.integrate import quad

from tests.qtmnet.made_scans import ball, write_scan

CBF, ATT, M0, PARTITION = 60.0, 0.8, 1000.0, 0.9
INSIDE = np.pad(ball((7, 8, 6)) > 0, 1)
SLICES = tuple(0.04 * z for z in range(INSIDE.shape[2]))
"""s after the first slice, of a 2D readout."""


@dataclass(frozen=True)
class Tissue:
    """T1s in s; label that stays in its blood has that of blood, and never leaves with the water."""

    t1_blood: float = 1.65
    t1_tissue: float = 1.3
    in_blood: bool = False

    def residue(self, age: float) -> float:
        rate = 1 / self.t1_blood if self.in_blood else 1 / self.t1_tissue + CBF / 6000 / PARTITION
        return float(np.exp(-age * rate))


@dataclass(frozen=True)
class Bolus:
    """Label that arrives in tissue between two times (s since labeling began), and the time of the readout.

    Labeled at once, it is as old as the labeling when it arrives, else as the way is long.
    """

    first: float
    last: float
    readout: float
    pulsed: bool = False


def continuous(duration: float, delay: float) -> Bolus:
    return Bolus(ATT, ATT + duration, duration + delay)


def cut_off(ti1: float, ti: float) -> Bolus:
    return Bolus(ATT, ATT + ti1, ti, pulsed=True)


def saturated(ti1: float, ti: float) -> Bolus:
    """QUIPSS: what arrives before the saturation is gone, and the slab is long enough for the rest."""
    return Bolus(max(ATT, ti1), np.inf, ti, pulsed=True)


def difference(bolus: Bolus, efficiency: float, tissue: Tissue, after_first_slice: float = 0.0) -> float:
    """ΔM of a voxel of M0, 2 α (M0/λ) f ∫ c(t) r(TI − t) dt."""
    readout = bolus.readout + after_first_slice
    last = min(bolus.last, readout)
    if last <= bolus.first:
        return 0.0

    def label(time: float) -> float:
        age = time if bolus.pulsed else ATT
        return float(np.exp(-age / tissue.t1_blood)) * tissue.residue(readout - time)

    amount, _ = quad(label, bolus.first, last, epsabs=1e-13)
    return 2 * efficiency * M0 / PARTITION * CBF / 6000 * amount


def frames(
    boluses: Sequence[Bolus], efficiency: float, tissue: Tissue, slices: Sequence[float] | None = None
) -> np.ndarray:
    """ΔM (K, X, Y, Z) in a ball of one perfusion."""
    times = [0.0] * INSIDE.shape[2] if slices is None else slices
    values = [[difference(bolus, efficiency, tissue, time) for time in times] for bolus in boluses]
    return np.where(INSIDE, np.array(values)[:, None, None, :], 0.0)


def write(path: Path, delta_m: np.ndarray, delays: Sequence[float], **fields: object) -> Path:
    """A scan with M0 and pairs of these differences, at these values of PostLabelingDelay."""
    return write_scan(path, delta_m, np.where(INSIDE, M0, 0.0), tuple(delays), mask=INSIDE, **fields)
