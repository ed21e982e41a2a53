"""Kinetic models, the baselines: perfusion in closed form from the calibrated concentration C.

C is mL of fully labeled blood per mL of tissue. Frames are (K, *spatial), times are in s, CBF is in mL/100g/min.

Delays that all lie after the arrival of the bolus do not tell ATT (δ): C then hangs on it by a factor
e^(−δ(1/T1b − 1/T1')) alone, which CBF can make up for. ATT is then set to the voxel's first delay w₁, and flagged.
That makes CBF e^(−(w₁−δ)(1/T1' − 1/T1b)) of the truth: too low, or too high if T1' > T1b. With w₁ = 1.025 s and grey
matter's T1t of 1.33 s and CBF of 60, it is 3.5 % low at δ = 0.8 s and 15 % low at most, at δ = 0; with white matter's
T1t of 0.83 s, 46 % at most. Why not another ATT: in grey matter at δ = 0.8 s, w₁/2 would make CBF 5 % too high, and 0
would make it 14 % too high, and w₁ alone lets CBF go over smoothly into that of an ATT just above w₁.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qtmnet.scans.voxelwise import by_frame, fit_to, positive, seconds, spread
from simulators.constants import DENSITY_G_ML, ML_100G_MIN, PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

SINGLE_DELAY = 1.525  # s, the QTMnet paper's
_HIGHEST_CBF = 600.0  # within 1/T1', so that noise cannot make that 0 or negative
_ROUNDS = 5  # of ATT and CBF in turn, as T1' hangs on CBF; 1e-6 of CBF up to 200 mL/100g/min
_BISECTIONS = 28  # of a range of seconds: 1e-8 s
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
    t1_blood: ArrayLike = T1_BLOOD,
    t1_tissue: ArrayLike = T1_GREY_MATTER,
    partition_coefficient: float = PARTITION_COEFFICIENT,
) -> np.ndarray:
    """Concentration (K, *spatial) after continuous labeling, Buxton 1998 (10.1002/mrm.1910400308).

    In the form of Dai 2012 (10.1002/mrm.23103), eq. 1:
    C = ρ f T1' e^(−δ/T1b) [e^(−max(w−δ, 0)/T1') − e^(−max(LD+w−δ, 0)/T1')], 1/T1' = 1/T1t + f/λ, f = CBF / 6000,
    δ = ATT, w = post-labeling delay. CBF, ATT (s) and T1s (s) broadcast over voxels; durations and delays (s) are (K,)
    or broadcast to (K, *spatial). λ = ∞ (mL/g) with T1t = T1b keeps label in its blood.

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
    model = _model(shape, None, times[0], times[1], t1_blood, t1_tissue, partition_coefficient)
    return voxels[0] * model.response(seconds("att", att, spatial, lowest=0.0), voxels[0])


def single_delay(
    concentration: ArrayLike,
    *,
    labeling_duration: ArrayLike,
    post_labeling_delay: ArrayLike,
    t1_blood: ArrayLike = T1_BLOOD,
) -> np.ndarray:
    """CBF of a frame (*spatial) in mL/100g/min, Alsop 2015 (10.1002/mrm.25197), eq. 1, written for C.

    CBF = 6000 C e^(PLD/T1b) / (ρ T1b (1 − e^(−LD/T1b))): all label has arrived and is still in blood. Times (s)
    broadcast to the frame: with slice timing, each slice has its own delay.

    Raises:
        InputError: for times that are not seconds, or shapes that do not fit.
    """
    concentration = np.asarray(concentration, float)
    duration = seconds("labeling_duration", labeling_duration, concentration.shape)
    delay = seconds("post_labeling_delay", post_labeling_delay, concentration.shape, lowest=0.0)
    t1 = seconds("t1_blood", t1_blood, concentration.shape, lowest=0.1)
    return ML_100G_MIN * concentration * np.exp(delay / t1) / (-DENSITY_G_ML * t1 * np.expm1(-duration / t1))


def multi_delay(
    concentration: ArrayLike,
    *,
    labeling_durations: ArrayLike,
    post_labeling_delays: ArrayLike,
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
    the mask.

    Args:
        concentration: (K, *spatial).
        labeling_durations: s, a number, (K,), or broadcasting to (K, *spatial).
        post_labeling_delays: s, (K,), or broadcasting to (K, *spatial) as `Acquisition.readout_delays()` does.
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
    inside = _inside(concentration, mask)
    shape, delays, durations = concentration.shape, post_labeling_delays, labeling_durations
    model = _model(shape, inside, delays, durations, t1_blood, t1_tissue, partition_coefficient)
    signal = concentration[:, inside]
    first, last = model.att_range() if att is None else (-np.inf, np.inf)
    cbf = np.zeros(signal.shape[1])
    found = cbf if att is None else seconds("att", att, inside.shape, inside, lowest=0.0)
    for _ in range(_ROUNDS):
        in_t1 = np.clip(cbf, 0, _HIGHEST_CBF)
        if att is None:
            found = model.weighted_delay_att(signal, in_t1)
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
    if concentration.ndim != 4 or len(concentration) != acquisition.n_delays:
        wanted = f"(K, X, Y, Z), one for each of the {acquisition.n_delays} delays"
        raise InputError(f"concentration: found shape {concentration.shape}; give frames {wanted}")
    delays = acquisition.readout_delays(concentration.shape[-1])
    durations = acquisition.labeling_durations
    if method == "multi_delay":
        return multi_delay(
            concentration,
            labeling_durations=durations,
            post_labeling_delays=delays,
            t1_blood=t1_blood,
            t1_tissue=t1_tissue,
            partition_coefficient=partition_coefficient,
            att=att,
            mask=mask,
        )
    if method != "single_delay":
        raise InputError(f"method: found {method!r}; give 'multi_delay' or 'single_delay'")
    inside = _inside(concentration, mask)
    nominal = np.asarray(acquisition.post_labeling_delays)
    frames = nominal == single_delay_of(acquisition, single_delay_pld)
    cbf = single_delay(
        concentration[frames],
        labeling_duration=by_frame("labeling_duration", durations, concentration.shape)[frames],
        post_labeling_delay=by_frame("post_labeling_delays", delays, concentration.shape)[frames],
        t1_blood=np.where(inside, fit_to("t1_blood", t1_blood, inside.shape), T1_BLOOD),
    )
    return KineticMaps(np.where(inside, cbf.mean(axis=0), 0.0))


def single_delay_of(acquisition: Acquisition, wanted: float = SINGLE_DELAY) -> float:
    """The delay (s) that a single-delay model reads: the one nearest to a wanted one (s)."""
    return min(acquisition.post_labeling_delays, key=lambda delay: abs(delay - wanted))


@dataclass(frozen=True, eq=False)
class _Model:
    """The general kinetic model of V voxels: delays and durations (K, V), T1s (V,), all in s."""

    delays: np.ndarray
    durations: np.ndarray
    t1_blood: np.ndarray
    t1_tissue: np.ndarray
    partition_coefficient: float

    def response(self, att: np.ndarray, cbf: np.ndarray) -> np.ndarray:
        """C (K, V) for each mL/100g/min; `cbf` (V,) only enters T1'."""
        t1, end, start = self._decay(cbf)
        return DENSITY_G_ML / ML_100G_MIN * t1 * np.exp(-att / self.t1_blood) * _kept(end, start, np.exp(att / t1))

    def _decay(self, cbf: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """T1', and decay with it since the end and since the start of labeling."""
        t1 = 1 / (1 / self.t1_tissue + cbf / (ML_100G_MIN * self.partition_coefficient))
        return t1, np.exp(-self.delays / t1), np.exp(-(self.delays + self.durations) / t1)

    def att_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Shortest and longest ATT (V,) between which the weighted delay rises.

        It does if the first label, too, is older the longer the delay. Above the last delay it may go on rising, see
        `multi_delay`; where one frame alone has label left, it stays.
        """
        first, last = self.delays.min(axis=0), self.delays.max(axis=0)
        if not (first < last).all():
            raise InputError(
                "post_labeling_delays: found one delay, which does not tell ATT; give two, or att, or use single_delay"
            )
        elapsed = self.delays + self.durations
        order = np.lexsort((self.durations, self.delays), axis=0)
        if (np.diff(np.take_along_axis(elapsed, order, axis=0), axis=0) < -1e-6).any():
            raise InputError(
                "labeling_durations: found one so long at a short delay that ATT may be ambiguous; give durations for "
                "which duration + delay grows with the delay, or give att"
            )
        return first, np.minimum(last, np.where(self.delays < last, elapsed, 0).max(axis=0))

    def weighted_delay_att(self, signal: np.ndarray, cbf: np.ndarray) -> np.ndarray:
        """ATT (V,) at which the model has the signal's weighted delay, by bisection.

        Σ (w_i − WD) C_i(ATT) changes sign there. It is multiplied by Σ C, so that nothing is divided by noise.
        """
        low, high = self.att_range()
        t1, end, start = self._decay(cbf)
        total = signal.sum(axis=0)
        offset = self.delays * total - (self.delays * signal).sum(axis=0)
        high = np.where(total > 0, high, low)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            later = np.einsum("kv,kv->v", offset, _kept(end, start, np.exp(middle / t1))) < 0
            low, high = np.where(later, middle, low), np.where(later, high, middle)
        return low

    def least_squares_cbf(self, signal: np.ndarray, att: np.ndarray, cbf: np.ndarray) -> np.ndarray:
        """CBF (V,) that fits all frames best, T1' being that of the former `cbf`; 0 where no label can have arrived."""
        response = self.response(att, cbf)
        norm = (response**2).sum(axis=0)
        return np.divide((response * signal).sum(axis=0), norm, out=np.zeros_like(cbf), where=norm > 0)


def _kept(end: np.ndarray, start: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """What is in brackets in `general_kinetic_model`: e^(−max(w−δ, 0)/T1') is min(e^(−w/T1') e^(δ/T1'), 1).

    So a search for ATT takes one exponential a step, of δ, not two for each frame.
    """
    return np.minimum(end * gain, 1) - np.minimum(start * gain, 1)


def _model(
    shape: tuple[int, ...],
    inside: np.ndarray | None,
    delays: ArrayLike,
    durations: ArrayLike,
    t1_blood: ArrayLike,
    t1_tissue: ArrayLike,
    partition_coefficient: float,
) -> _Model:
    """The model in the voxels `inside` (None: in all, not laid flat) of frames of this shape, checked there."""
    delays = by_frame("post_labeling_delays", delays, shape)
    durations = by_frame("labeling_durations", durations, shape)
    return _Model(
        seconds("post_labeling_delays", delays, shape, inside, lowest=0.0),
        seconds("labeling_durations", durations, shape, inside),
        seconds("t1_blood", t1_blood, shape[1:], inside, lowest=0.1),
        seconds("t1_tissue", t1_tissue, shape[1:], inside, lowest=0.1),
        positive("partition_coefficient", partition_coefficient),
    )


def _inside(concentration: np.ndarray, mask: ArrayLike | None) -> np.ndarray:
    if concentration.ndim == 0 or len(concentration) == 0:
        raise InputError(f"concentration: found shape {concentration.shape}; give frames (K, *spatial)")
    finite = np.isfinite(concentration).all(axis=0)
    if mask is None:
        return finite
    if np.shape(mask) != finite.shape:
        raise InputError(f"mask: found shape {np.shape(mask)} for {finite.shape} voxels; give one value for each")
    return finite & (np.asarray(mask) > 0)
