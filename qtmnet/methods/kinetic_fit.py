"""Kinetic models, the baselines: perfusion in closed form from the calibrated concentration C.

C is mL of fully labeled blood per mL of tissue. Frames are (K, *spatial), times are in s, CBF is in mL/100g/min.

Delays that all lie after the arrival of the bolus do not tell ATT (δ): C then depends on it by a factor
e^(−δ(1/T1b − 1/T1')) alone, which CBF can make up for. ATT is then set to the voxel's first delay w₁, and flagged.
That makes CBF e^(−(w₁−δ)(1/T1' − 1/T1b)) of the truth: too low, or too high if T1' > T1b. With w₁ = 1.025 s and grey
matter's T1t of 1.33 s and CBF of 60, it is 3.5 % low at δ = 0.8 s and 15 % low at most, at δ = 0; with white matter's
T1t of 0.83 s, 46 % at most. Why not another ATT: in grey matter at δ = 0.8 s, w₁/2 would make CBF 5 % too high, and 0
would make it 14 % too high, and w₁ alone lets CBF go over smoothly into that of an ATT just above w₁.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qtmnet.methods.decoding import Boluses, boluses_of, check_frames
from qtmnet.methods.kinetic_model import KineticModel
from qtmnet.scans.voxelwise import by_frame, fit_to, seconds, spread
from simulators.constants import DENSITY_G_ML, ML_100G_MIN, PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

SINGLE_DELAY = 1.525  # s, the QTMnet paper's
_HIGHEST_CBF = 600.0  # within 1/T1', so that noise cannot make that 0 or negative
_ROUNDS = 5  # of ATT and CBF in turn, as T1' depends on CBF; 1e-6 of CBF up to 200 mL/100g/min
_ATT_MARGIN = 0.05  # s; so near to an end of its range ATT may as well lie beyond: a T1t 5 % off moves it as far


@dataclass(frozen=True, eq=False)
class KineticMaps:
    """What a kinetic model finds: maps (*spatial), 0 or False outside the mask.

    Attributes:
        cbf: mL/100g/min; noise can make it negative.
        att: s; None for a single delay.
        att_resolved: True where ATT was given or the delays pin it down; None for a single delay.
    """

    cbf: np.ndarray
    att: np.ndarray | None = None
    att_resolved: np.ndarray | None = None


def general_kinetic_model(
    cbf: ArrayLike,
    att: ArrayLike,
    *,
    labeling_durations: ArrayLike,
    post_labeling_delays: ArrayLike,
    pulsed: ArrayLike = False,
    t1_blood: ArrayLike = T1_BLOOD,
    t1_tissue: ArrayLike = T1_GREY_MATTER,
    partition_coefficient: float = PARTITION_COEFFICIENT,
) -> np.ndarray:
    """Concentration (K, *spatial) of a bolus, Buxton 1998 (10.1002/mrm.1910400308).

    Continuous labeling, in the form of Dai 2012 (10.1002/mrm.23103), eq. 1:
    C = ρ f T1' e^(−δ/T1b) [e^(−max(w−δ, 0)/T1') − e^(−max(LD+w−δ, 0)/T1')], 1/T1' = 1/T1t + f/λ, f = CBF / 6000,
    δ = ATT, w = post-labeling delay. Pulsed labeling, read TI = LD + w after the pulse, LD the duration TI1 of the
    bolus: C = ρ f e^(−TI/T1') (e^(kb) − e^(kδ)) / k, k = 1/T1' − 1/T1b, b = min(TI, δ + LD), 0 for TI < δ.

    CBF, ATT (s) and T1s (s) broadcast over voxels; durations and delays (s) are (K,) or broadcast to (K, *spatial).
    λ = ∞ (mL/g) with T1t = T1b keeps label in its blood.

    Raises:
        InputError: for times that are not seconds, or shapes that do not fit.
    """
    times = [np.atleast_1d(np.asarray(values, float)) for values in (post_labeling_delays, labeling_durations)]
    voxels = [np.asarray(values, float) for values in (cbf, att, t1_blood, t1_tissue)]
    try:
        spatial = np.broadcast_shapes(*(v.shape for v in voxels), *(t.shape[1:] for t in times))
    except ValueError:
        found = ", ".join(str(v.shape) for v in voxels)
        raise InputError(f"cbf, att, t1_blood, t1_tissue: found shapes {found}; give maps of one shape") from None
    shape = (max(map(len, times)), *spatial)
    model = KineticModel.of(shape, None, times[0], times[1], t1_blood, t1_tissue, partition_coefficient, pulsed)
    return voxels[0] * model.response(seconds("att", att, spatial, lowest=0.0), voxels[0])


def single_delay(
    concentration: ArrayLike,
    *,
    labeling_duration: ArrayLike,
    post_labeling_delay: ArrayLike,
    pulsed: ArrayLike = False,
    t1_blood: ArrayLike = T1_BLOOD,
) -> np.ndarray:
    """CBF of a frame (*spatial) in mL/100g/min, Alsop 2015 (10.1002/mrm.25197), eqs. 1 and 3, written for C.

    CBF = 6000 C e^(PLD/T1b) / (ρ T1b (1 − e^(−LD/T1b))), and after a pulse 6000 C e^(TI/T1b) / (ρ TI1), with the
    duration TI1 of its bolus as LD and TI = TI1 + PLD: all label has arrived and is still in blood. Times (s)
    broadcast to the frame: with slice timing, each slice has its own delay.

    Raises:
        InputError: for times that are not seconds, or shapes that do not fit.
    """
    concentration = np.asarray(concentration, float)
    duration = seconds("labeling_duration", labeling_duration, concentration.shape)
    delay = seconds("post_labeling_delay", post_labeling_delay, concentration.shape, lowest=0.0)
    t1 = seconds("t1_blood", t1_blood, concentration.shape, lowest=0.1)
    cbf = ML_100G_MIN * concentration * np.exp(delay / t1) / (-DENSITY_G_ML * t1 * np.expm1(-duration / t1))
    after_pulse = fit_to("pulsed", pulsed, concentration.shape) > 0
    if not after_pulse.any():
        return cbf
    return np.where(
        after_pulse, ML_100G_MIN * concentration * np.exp((delay + duration) / t1) / (DENSITY_G_ML * duration), cbf
    )


def multi_delay(
    concentration: ArrayLike,
    *,
    labeling_durations: ArrayLike,
    post_labeling_delays: ArrayLike,
    pulsed: ArrayLike = False,
    mixing: np.ndarray | None = None,
    t1_blood: ArrayLike = T1_BLOOD,
    t1_tissue: ArrayLike = T1_GREY_MATTER,
    partition_coefficient: float = PARTITION_COEFFICIENT,
    att: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> KineticMaps:
    """ATT from the weighted delay Σ w C / Σ C (Dai 2012, 10.1002/mrm.23103), then CBF by least squares over all frames.

    ATT is looked for between the voxel's first and last delay, as ASLPrep does. A longer one would rest on the last
    frame alone, and noise then sends CBF to many times the truth; so it is set to the last delay, flagged, and CBF is
    too low. Where Σ C ≤ 0, ATT is the first delay, flagged. Voxels that are not finite in all frames count as outside
    the mask. Dai's delay is of continuous labeling; that of decoded sub-boluses and that of pulsed frames, weighted by
    inversion time, rise with ATT just so (`KineticModel.att_range`). Where frames are sums of boluses, or of two kinds,
    ATT in the same range is that of the least squares.

    Args:
        concentration: (K, *spatial).
        labeling_durations: s, a number, (K,), or broadcasting to (K, *spatial).
        post_labeling_delays: s, (K,), or broadcasting to (K, *spatial) as `Boluses.delays` do.
        pulsed: whether each bolus was labeled at once, (K,) or for all; durations are then TI1, delays TI − TI1.
        mixing: of boluses (K, B) that frames are sums of; durations, delays and `pulsed` are then of the B boluses.
        t1_blood: s, a number or a map (*spatial).
        t1_tissue: s, a number or a map (*spatial).
        partition_coefficient: mL/g.
        att: s, a number or a map (*spatial), to be kept; one delay is then enough. None: find it.
        mask: (*spatial), fit where above 0. None: everywhere.

    Raises:
        InputError: for times inside the mask that are not seconds, shapes that do not fit, or delays that do not tell
            ATT.
    """
    concentration = np.asarray(concentration, float)
    inside = inside_of(concentration, mask)
    shape, delays, durations = concentration.shape, post_labeling_delays, labeling_durations
    model = KineticModel.of(
        shape, inside, delays, durations, t1_blood, t1_tissue, partition_coefficient, pulsed, mixing
    )
    signal = concentration[:, inside]
    first, last = model.att_range() if att is None else (-np.inf, np.inf)
    cbf = np.zeros(signal.shape[1])
    found = cbf if att is None else seconds("att", att, inside.shape, inside, lowest=0.0)
    for _ in range(_ROUNDS):
        in_t1 = np.clip(cbf, 0, _HIGHEST_CBF)
        if att is None:
            found = model.att_of(signal, in_t1)
        cbf = model.least_squares_cbf(signal, found, in_t1)
    resolved = (found > first + _ATT_MARGIN) & (found < last - _ATT_MARGIN)
    return KineticMaps(*(spread(values, inside) for values in (cbf, found, resolved)))


def fit(
    concentration: ArrayLike,
    acquisition: Acquisition,
    *,
    method: str = "multi_delay",
    single_delay_pld: float = SINGLE_DELAY,
    t1_blood: ArrayLike = T1_BLOOD,
    t1_tissue: ArrayLike = T1_GREY_MATTER,
    partition_coefficient: float = PARTITION_COEFFICIENT,
    att: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> KineticMaps:
    """`multi_delay` or `single_delay` of C (K, X, Y, Z) with the times of its acquisition, slice timing included.

    A single delay takes the frame (or the mean of the frames) of the delay nearest to `single_delay_pld` (s), and
    neither `t1_tissue`, `partition_coefficient` nor `att`. The rest is as in `multi_delay`.

    Raises:
        InputError: for an unknown method, and as in the two.
    """
    concentration = np.asarray(concentration, float)
    check_frames(concentration, acquisition)
    boluses = boluses_of(acquisition, concentration.shape[-1])
    frames = boluses.unmixed(concentration)
    if method == "multi_delay":
        acquisition.check_shows_arrival()
        return multi_delay(
            frames,
            labeling_durations=boluses.durations,
            post_labeling_delays=boluses.delays,
            pulsed=boluses.pulsed,
            mixing=boluses.mixing,
            t1_blood=t1_blood,
            t1_tissue=t1_tissue,
            partition_coefficient=partition_coefficient,
            att=att,
            mask=mask,
        )
    if method != "single_delay":
        raise InputError(f"method: found {method!r}; give 'multi_delay' or 'single_delay'")
    inside = inside_of(concentration, mask)
    read = np.asarray(boluses.frame_delays) == single_delay_of(acquisition, single_delay_pld)
    t1_blood = np.where(inside, fit_to("t1_blood", t1_blood, inside.shape), T1_BLOOD)
    cbf = _single_delays(frames[read], boluses, read, t1_blood)
    return KineticMaps(np.where(inside, cbf.mean(axis=0), 0.0))


def _single_delays(frames: np.ndarray, boluses: Boluses, read: np.ndarray, t1_blood: np.ndarray) -> np.ndarray:
    """CBF (K', X, Y, Z) of each of the frames that are `read` (K,): a sum of boluses goes with the sum of their C."""
    shape = (len(boluses.pulsed), *frames.shape[1:])
    times = {
        "labeling_duration": by_frame("labeling_duration", boluses.durations, shape),
        "post_labeling_delay": by_frame("post_labeling_delays", boluses.delays, shape),
        "pulsed": by_frame("pulsed", boluses.pulsed, shape),
    }
    if boluses.mixing is None:
        of_frames = {name: values[read] for name, values in times.items()}
        return single_delay(frames, **of_frames, t1_blood=t1_blood)
    per_cbf = 1 / single_delay(np.ones(shape), **times, t1_blood=t1_blood)
    return frames / np.tensordot(boluses.mixing[read], per_cbf, 1)


def single_delay_of(acquisition: Acquisition, wanted: float = SINGLE_DELAY) -> float:
    """The delay (s) from the end of a bolus that a single-delay model reads: the one nearest to a wanted one (s)."""
    return min(boluses_of(acquisition).frame_delays, key=lambda delay: abs(delay - wanted))


def equation_of(method: str, acquisition: Acquisition) -> str:
    """Name of the equation in a report's `equations.html` that a method follows for a protocol's boluses."""
    return f"{method}_pulsed" if boluses_of(acquisition).pulsed.all() else method


def inside_of(concentration: np.ndarray, mask: ArrayLike | None) -> np.ndarray:
    """Voxels (*spatial) of frames (K, *spatial) that are finite in all, and above 0 in the mask.

    Raises:
        InputError: for shapes that do not fit.
    """
    if concentration.ndim == 0 or len(concentration) == 0:
        raise InputError(f"concentration: found shape {concentration.shape}; give frames (K, *spatial)")
    finite = np.isfinite(concentration).all(axis=0)
    if mask is None:
        return finite
    if np.shape(mask) != finite.shape:
        raise InputError(f"mask: found shape {np.shape(mask)} for {finite.shape} voxels; give one value for each")
    return finite & (np.asarray(mask) > 0)
