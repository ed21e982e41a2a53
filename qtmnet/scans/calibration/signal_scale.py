"""Differences and M0 on one scale, where the scanner multiplied one of them.

GE's 3D FSE scans do, see `qtmnet.scans.calibration.ge`. To divide differences by their gain is the same as to multiply
M0 by it, which is what is done here.
"""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from qtmnet.limits import SignalFactor
from qtmnet.scans.bids.series import Series
from qtmnet.scans.calibration import ge
from qtmnet.scans.calibration.concentration import calibrate
from qtmnet.scans.calibration.m0 import M0
from qtmnet.scans.calibration.saturation import saturation_correction
from simulators.constants import DENSITY_G_ML, ML_100G_MIN
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.base import Block
from simulators.settings.limits import Within

PLAUSIBLE = (20.0, 120.0)
"""Median perfusion of an adult's brain, mL/100g/min: beyond, no disease explains it better than a wrong scale does.
A judgement."""

USUAL_DELAY_S = 1.8
"""At which a level is told, if there are several: most label has arrived, and little has decayed."""


@dataclass(frozen=True)
class SignalScale:
    """What a scan's differences are to be divided by.

    Attributes:
        nex: excitations that a difference is the sum of; None for 1, or what the sidecar has if `gain` is not 1.
        gain: factor of differences beside M0, 32 for GE's 3D FSE, whose M0 is then corrected for a saturation 2 s
            before; None for 1, or GE's own for a scan of GE's that shows by its level that nothing was divided yet.
    """

    nex: Annotated[int, Within(1, ge.MOST_EXCITATIONS)] | None = None
    gain: SignalFactor | None = None


def on_one_scale(m0: M0, series: Series, scale: SignalScale, m0_scale: float | None, level: float) -> M0:
    """M0 on the scale of the differences.

    Args:
        m0: as it was read.
        series: the scan.
        scale: as given; what is not is looked for.
        m0_scale: factor of M0, as given; None for none.
        level: median perfusion with M0 as it was read, mL/100g/min, see `level_of`.
    """
    if m0_scale is not None:
        m0 = _times(m0, m0_scale, f"M0: times {m0_scale:g}, as given (m0_scale)")
    if scale.gain is None and scale.nex is None:
        nex = ge.excitations(series.sidecar)
        convention = ge.GAIN * (nex or 1)
        if m0_scale is not None or not ge.is_of_ge(series) or _is_plausible(level) or nex is None:
            return m0
        if not _is_plausible(level / convention):
            return m0
        doubt = (
            f"{series.sidecar.path}: Manufacturer: found a 3D scan of GE's with a median of {level:.4g} mL/100g/min; "
            f"differences were divided by NEX {nex} (NumberOfAverages) and a gain of {ge.GAIN:g}, as GE stores them: "
            f"give scan.nex={nex} scan.gain={ge.GAIN:g} if that is right, scan.gain=1 if not"
        )
        return replace(_as_ge(m0, nex, ge.GAIN), doubts=(*m0.doubts, doubt))
    gain = 1.0 if scale.gain is None else scale.gain
    nex = scale.nex if scale.nex is not None else (ge.excitations(series.sidecar) if gain != 1 else None)
    if gain != 1:
        return _as_ge(m0, nex or 1, gain)
    return _times(m0, nex, f"differences: divided by NEX {nex}, as given") if nex and nex > 1 else m0


def level_of(
    delta_m: np.ndarray,
    acquisition: Acquisition,
    inside: np.ndarray,
    labeling_efficiency: float,
    t1_blood: float,
    m0: np.ndarray,
) -> float:
    """Median perfusion by Alsop 2015, eq. 1 or 3, mL/100g/min, of the frame nearest to `USUAL_DELAY_S`.

    Slices count as read at once, and blood as arrived: a level within a factor, whatever the method.

    Args:
        delta_m: control − label, (K, X, Y, Z).
        acquisition: what the frames show.
        inside: voxels that count, (X, Y, Z) bool.
        labeling_efficiency: in total.
        t1_blood: s.
        m0: of relaxed tissue, (X, Y, Z).
    """
    delays = [min(block.delay for block in frame) for frame in acquisition.frames]
    k = int(np.abs(np.array(delays) - USUAL_DELAY_S).argmin())
    concentration = calibrate(delta_m[k][inside], m0[inside], labeling_efficiency=labeling_efficiency)
    label = sum(block.sign * _label_left(block, t1_blood) for block in acquisition.frames[k])
    return float(ML_100G_MIN / DENSITY_G_ML * np.median(concentration) / label)


def _label_left(block: Block, t1_blood: float) -> float:
    """Seconds of full label that are left of a bolus by the readout, all of it in blood."""
    if block.waits:
        return block.duration * float(np.exp(-(block.delay + block.duration) / t1_blood))
    return t1_blood * float(np.exp(-block.delay / t1_blood) * -np.expm1(-block.duration / t1_blood))


def _is_plausible(level: float) -> bool:
    return PLAUSIBLE[0] <= level <= PLAUSIBLE[1]


def _as_ge(m0: M0, nex: int, gain: float) -> M0:
    """By the equation of `qtmnet.scans.calibration.ge`."""
    note = f"differences: divided by NEX {nex} and a gain of {gain:g}"
    if not m0.is_image:
        return _times(m0, nex * gain, note)
    relaxed = float(saturation_correction(ge.SATURATION_S, t1=ge.T1_TISSUE))
    note += (
        f"; M0: times {relaxed:.4g} for a saturation {ge.SATURATION_S:g} s before it with T1 {ge.T1_TISSUE:g} s, as GE "
        "reads proton density, in place of that above"
    )
    return _times(m0, nex * gain * relaxed / m0.saturation, note)


def _times(m0: M0, factor: float, note: str) -> M0:
    return replace(m0, image=(m0.image * factor).astype(np.float32), notes=(*m0.notes, note))
