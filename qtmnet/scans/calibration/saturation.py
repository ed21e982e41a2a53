"""What a repetition time, an inversion and a flip angle leave of the signal of fully relaxed tissue."""

import numpy as np

from simulators.constants import T1_GREY_MATTER

RELAXED_AFTER_S = 5.0
"""From here on M0 counts as fully relaxed (Alsop 2015, 10.1002/mrm.25197)."""

EXCITATION_UP_TO = 90.0
"""Degrees. Larger angles in a sidecar are those of refocusing pulses, and tell nothing of the excitation."""


def saturation_correction(
    repetition_time: np.ndarray | float, flip_angle: np.ndarray | float = 90.0, t1: float = T1_GREY_MATTER
) -> np.ndarray:
    """Factor from the longitudinal magnetisation before each excitation to that of full relaxation.

    It is (1 − cos α e^(−TR/T1)) / (1 − e^(−TR/T1)), the spoiled steady state of Ernst and Anderson 1966
    (10.1063/1.1719961), which for 90° is the factor of Alsop 2015; 1 from 5 s on, as there.

    Args:
        repetition_time: s.
        flip_angle: degrees, of the excitation; beyond 90 it is taken for 90.
        t1: of the tissue, s.
    """
    repetition_time = np.asarray(repetition_time, dtype=float)
    cosine = np.cos(np.radians(np.minimum(flip_angle, EXCITATION_UP_TO)))
    factor = (1 - cosine * np.exp(-repetition_time / t1)) / -np.expm1(-repetition_time / t1)
    return np.where(repetition_time < RELAXED_AFTER_S, factor, 1.0)


def inversion_recovery(inversion_time: float, repetition_time: float, t1: float = T1_GREY_MATTER) -> float:
    """Share of the relaxed signal, in magnitude, at a time (s) after an inversion, each repetition time (s).

    It is |1 − 2 e^(−TI/T1) + e^(−TR/T1)|, with an excitation of 90° (Bydder and Young 1985, J Comput Assist Tomogr
    9:659).
    """
    return float(abs(1 - 2 * np.exp(-inversion_time / t1) + np.exp(-repetition_time / t1)))


def saturation_recovery(inversion_time: float, t1: float = T1_GREY_MATTER) -> float:
    """Share of the relaxed signal at a time (s) after a saturation, 1 − e^(−TI/T1)."""
    return float(-np.expm1(-inversion_time / t1))
