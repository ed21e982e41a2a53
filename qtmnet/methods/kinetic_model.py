"""The general kinetic model in closed form: C of a bolus, continuous or pulsed, and the ATT and CBF that explain it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import exprel

from qtmnet.scans.voxelwise import by_frame, positive, seconds
from simulators.constants import DENSITY_G_ML, ML_100G_MIN
from simulators.errors import InputError

_BISECTIONS = 28  # of a range of seconds: 1e-8 s
_GRID_S = 0.05  # of ATT, where nothing better than trying is known; 100 times finer in the end


@dataclass(frozen=True, eq=False)
class KineticModel:
    """The general kinetic model of V voxels, for B boluses, all times in s.

    Attributes:
        delays: from the end of each bolus to the readout, (B, V).
        durations: of each bolus, (B, V).
        t1_blood, t1_tissue: (V,).
        partition_coefficient: mL/g.
        pulsed: whether each bolus was labeled at once, and waited, (B,).
        mixing: the sums of boluses that frames are, (K, B); None if each frame is one.
    """

    delays: np.ndarray
    durations: np.ndarray
    t1_blood: np.ndarray
    t1_tissue: np.ndarray
    partition_coefficient: float
    pulsed: np.ndarray
    mixing: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        inside: np.ndarray | None,
        delays: ArrayLike,
        durations: ArrayLike,
        t1_blood: ArrayLike,
        t1_tissue: ArrayLike,
        partition_coefficient: float,
        pulsed: ArrayLike = False,
        mixing: np.ndarray | None = None,
    ) -> "KineticModel":
        """The model in the voxels `inside` (None: in all, not laid flat) of frames of this shape, checked there.

        Raises:
            InputError: for times that are not seconds, or shapes that do not fit.
        """
        shape = shape if mixing is None else (mixing.shape[1], *shape[1:])
        delays = by_frame("post_labeling_delays", delays, shape)
        durations = by_frame("labeling_durations", durations, shape)
        return cls(
            seconds("post_labeling_delays", delays, shape, inside, lowest=0.0),
            seconds("labeling_durations", durations, shape, inside),
            seconds("t1_blood", t1_blood, shape[1:], inside, lowest=0.1),
            seconds("t1_tissue", t1_tissue, shape[1:], inside, lowest=0.1),
            positive("partition_coefficient", partition_coefficient),
            np.broadcast_to(np.asarray(pulsed, bool), shape[0]),
            mixing,
        )

    def response(self, att: np.ndarray, cbf: np.ndarray) -> np.ndarray:
        """C (K, V) for each mL/100g/min; `cbf` (V,) only enters T1'."""
        t1, end, start = self._decay(cbf)
        if not self.pulsed.all():
            of_each = (
                DENSITY_G_ML / ML_100G_MIN * t1 * np.exp(-att / self.t1_blood) * _kept(end, start, np.exp(att / t1))
            )
        if self.pulsed.any():
            gain = np.exp(att * (1 / t1 - 1 / self.t1_blood))
            waited = DENSITY_G_ML / ML_100G_MIN * gain * self._waited(att, t1, start)
            of_each = waited if self.pulsed.all() else np.where(self._by_bolus(self.pulsed), waited, of_each)
        return of_each if self.mixing is None else np.tensordot(self.mixing, of_each, 1)

    def _waited(self, att: np.ndarray, t1: np.ndarray, start: np.ndarray) -> np.ndarray:
        """C of pulsed boluses, but for ρ f e^(kδ): e^(−TI/T1') ∫ e^(kx) dx over what has come, k = 1/T1' − 1/T1b."""
        came = np.clip(self.delays + self.durations - att, 0.0, self.durations)
        return start * came * exprel(came * (1 / t1 - 1 / self.t1_blood))

    def _by_bolus(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, *[1] * (self.delays.ndim - 1))

    def _decay(self, cbf: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """T1', and decay with it since the end and since the start of each bolus."""
        t1 = 1 / (1 / self.t1_tissue + cbf / (ML_100G_MIN * self.partition_coefficient))
        return t1, np.exp(-self.delays / t1), np.exp(-(self.delays + self.durations) / t1)

    @property
    def _weighs_delays(self) -> bool:
        """Whether frames are alike in kind and show one bolus each, so that their weighted delay tells ATT."""
        return self.mixing is None and bool(self.pulsed.all() or not self.pulsed.any())

    def att_range(self) -> tuple[np.ndarray, np.ndarray]:
        """Shortest and longest ATT (V,) between which the weighted delay rises.

        It does if the first label, too, is older the longer the delay: with δ, the ratio of a frame of a longer delay
        to one of a shorter delay never falls then. Above the last delay it may go on rising, see `multi_delay`; where
        one frame alone has label left, it stays.
        """
        first, last = self.delays.min(axis=0), self.delays.max(axis=0)
        n_frames = len(self.delays if self.mixing is None else self.mixing)
        if n_frames < 2 or not (first < last).all():
            raise InputError(
                "post_labeling_delays: found one delay, which does not tell ATT; give two, or att, or use single_delay"
            )
        elapsed = self.delays + self.durations
        order = np.lexsort((self.durations, self.delays), axis=0)
        falls = (np.diff(np.take_along_axis(elapsed, order, axis=0), axis=0) < -1e-6).any()
        if falls and self._weighs_delays:
            raise InputError(
                "labeling_durations: found one so long at a short delay that ATT may be ambiguous; give durations for "
                "which duration + delay grows with the delay, or give att"
            )
        return first, np.minimum(last, np.where(self.delays < last, elapsed, 0).max(axis=0))

    def att_of(self, signal: np.ndarray, cbf: np.ndarray) -> np.ndarray:
        """ATT (V,) that explains frames (K, V), T1' being that of `cbf`: by weighted delay, or else by trying."""
        return self._weighted_delay_att(signal, cbf) if self._weighs_delays else self._tried_att(signal, cbf)

    def _weighted_delay_att(self, signal: np.ndarray, cbf: np.ndarray) -> np.ndarray:
        """ATT (V,) at which the model has the signal's weighted delay, by bisection.

        Σ (w_i − WD) C_i(ATT) changes sign there. It is multiplied by Σ C, so that nothing is divided by noise. Pulsed
        frames are weighted by their inversion times.
        """
        low, high = self.att_range()
        t1, end, start = self._decay(cbf)
        pulsed = self.pulsed.any()
        order = self.delays + self.durations if pulsed else self.delays
        total = signal.sum(axis=0)
        offset = order * total - (order * signal).sum(axis=0)
        high = np.where(total > 0, high, low)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            shape = self._waited(middle, t1, start) if pulsed else _kept(end, start, np.exp(middle / t1))
            later = np.einsum("kv,kv->v", offset, shape) < 0
            low, high = np.where(later, middle, low), np.where(later, high, middle)
        return low

    def _tried_att(self, signal: np.ndarray, cbf: np.ndarray) -> np.ndarray:
        """ATT (V,) of the least squares, of a grid over the range that is then made finer around the best, twice.

        With the best CBF ≥ 0, squares are |C|² − max(r·C, 0)²/|r|², r the response.
        """
        low, high = self.att_range()
        best = low
        n = max(int(np.ceil((high - low).max(initial=0.0) / _GRID_S)), 1)
        first, step = low, (high - low) / n
        for n_tries in (n + 1, 21, 21):
            most = np.full(best.shape, -1.0)
            center = first
            for k in range(n_tries):
                att = np.clip(center + k * step, low, high)
                response = self.response(att, cbf)
                norm = (response**2).sum(axis=0)
                explained = np.maximum((response * signal).sum(axis=0), 0) ** 2
                explained = np.divide(explained, norm, out=np.zeros_like(norm), where=norm > 0)
                better = explained > most
                best, most = np.where(better, att, best), np.where(better, explained, most)
            first, step = best - step, step / 10
        return best

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
