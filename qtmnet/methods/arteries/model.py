"""Label in the arteries of a voxel, on its way elsewhere, in closed form: plug flow, as in Chappell 2010."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from qtmnet.methods.decoding import Boluses
from qtmnet.scans.voxelwise import seconds
from simulators.constants import T1_BLOOD

_SAME_TIME = 1e-9  # s; ends of boluses that are computed in two ways


def arterial_signal(
    arterial_blood_volume: ArrayLike,
    arterial_att: ArrayLike,
    *,
    labeling_durations: ArrayLike,
    post_labeling_delays: ArrayLike,
    pulsed: ArrayLike = False,
    t1_blood: ArrayLike = T1_BLOOD,
) -> np.ndarray:
    """Concentration (K, *spatial) of label in arteries: aBV e^(−δa/T1b) for w ≤ δa < w + LD, else 0.

    δa is the time that blood takes from the labeling plane to the arteries of the voxel, w the post-labeling delay.
    Pulsed labeling is read TI = LD + w after the pulse and has e^(−TI/T1b) in place of e^(−δa/T1b). Chappell 2010
    (10.1002/mrm.22320), eqs. 3 and 4, without dispersion.

    Args:
        arterial_blood_volume: aBV, mL/mL, a number or a map (*spatial).
        arterial_att: δa, s, likewise.
        labeling_durations: LD, s, a number or (K,); of pulsed labeling TI1.
        post_labeling_delays: w, s, (K,); of pulsed labeling TI − TI1.
        pulsed: whether each bolus was labeled at once, (K,) or for all.
        t1_blood: s.

    Raises:
        InputError: for times that are not seconds.
    """
    volume, arrival = np.broadcast_arrays(np.asarray(arterial_blood_volume, float), np.asarray(arterial_att, float))
    delays = np.atleast_1d(np.asarray(post_labeling_delays, float))
    by_frame = (len(delays), *[1] * volume.ndim)
    delays = seconds("post_labeling_delays", delays, delays.shape, lowest=0.0).reshape(by_frame)
    durations = seconds("labeling_durations", labeling_durations, by_frame[:1]).reshape(by_frame)
    at_once = np.broadcast_to(np.asarray(pulsed, bool), by_frame[:1]).reshape(by_frame)
    return volume * _shown(
        seconds("arterial_att", arrival, arrival.shape, lowest=0.0), delays, durations, at_once, t1_blood
    )


def _shown(
    arrival: np.ndarray, delays: np.ndarray, durations: np.ndarray, pulsed: np.ndarray, t1_blood: ArrayLike
) -> np.ndarray:
    """Label in blood that arrives then, of 1 mL; all broadcast."""
    age = np.where(pulsed, delays + durations, arrival)
    return np.where((arrival >= delays) & (arrival < delays + durations), np.exp(-age / t1_blood), 0.0)


@dataclass(frozen=True)
class ArrivalPriors:
    """Normal distributions that transit times are expected from, s.

    Attributes:
        att, att_sd: mean and standard deviation of δ, from the labeling plane to the tissue.
        arterial_att, arterial_att_sd: the same of δa, to the arteries, cut off at 0.
    """

    att: float
    att_sd: float
    arterial_att: float
    arterial_att_sd: float


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Ranges of δa, J of them, within which the same boluses are in the arteries at each readout.

    Within a range δa only scales the frames, by decay, which aBV makes up for: the frames tell the range, and where in
    it δa lies is left to the prior, whose mean over the range is taken.

    Attributes:
        signal: frames for an aBV of 1 mL/mL, (J, K); each shows something.
        att: δa, s, (J,).
        probability: of the range by the prior, (J,).
    """

    signal: np.ndarray
    att: np.ndarray
    probability: np.ndarray

    @classmethod
    def of(cls, boluses: Boluses, slice_index: int, t1_blood: float, priors: ArrivalPriors) -> "Arrivals":
        """The ranges of a protocol in one slice.

        Args:
            boluses: of the protocol.
            slice_index: of the slice; 0 for a 3D readout.
            t1_blood: s.
            priors: of transit times.
        """
        delays, durations = boluses.delays[:, 0, 0, slice_index], boluses.durations[:, 0, 0, slice_index]
        ends = np.unique(np.concatenate([[0.0], delays, delays + durations]))
        ends = ends[np.diff(ends, prepend=-1.0) > _SAME_TIME]
        low, high = ends[:-1], ends[1:]
        middle = ((low + high) / 2)[:, None]
        shown = _shown(middle, delays, durations, boluses.pulsed, np.inf)
        att, probability = _cut_normal(low, high, priors.arterial_att, priors.arterial_att_sd)
        signal = np.where(shown > 0, np.exp(-np.where(boluses.pulsed, delays + durations, att[:, None]) / t1_blood), 0)
        signal = signal if boluses.mixing is None else signal @ boluses.mixing.T
        kept = np.abs(signal).max(axis=1) > 0
        return cls(signal[kept], att[kept], probability[kept])


def _cut_normal(low: np.ndarray, high: np.ndarray, mean: float, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean within and probability of ranges, of a normal distribution cut off at 0."""
    first, last = (low - mean) / sd, (high - mean) / sd
    mirrored = first + last > 0  # tails keep their digits below the mean
    below = np.where(mirrored, -last, first), np.where(mirrored, -first, last)
    share = ndtr(below[1]) - ndtr(below[0])
    density = (np.exp(-(first**2) / 2) - np.exp(-(last**2) / 2)) / np.sqrt(2 * np.pi)
    tiny = share < 1e-12  # so far out that all of it lies at the nearer end
    nearer = np.where(mirrored, low, high)
    within = np.where(tiny, nearer, mean + sd * density / np.where(tiny, 1.0, share))
    return np.clip(within, low, high), np.maximum(share, 1e-300) / ndtr(mean / sd)
