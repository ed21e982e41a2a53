"""Perfusion, transit time and arterial blood volume of a scan with label in arteries: the most probable ones.

Frames are C = f t(δ) + aBV a(δa) + noise, t of tissue by the general kinetic model and a of arteries; what is most
probable is said in `posterior`, and how it is found in `search`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

from qtmnet.methods.arteries.model import ArrivalPriors
from qtmnet.methods.arteries.search import Search, SliceTimes
from qtmnet.methods.decoding import Boluses, boluses_of, check_frames
from qtmnet.methods.kinetic_fit import inside_of
from qtmnet.scans.voxelwise import seconds, spread
from simulators.constants import PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

_T1_STEP = 0.05  # relative, between the grids of a map of T1, which are made finer with each voxel's own
_CHUNK = 4096  # voxels at a time: some MB
_ROUNDING = 1e-6  # of frames in float32, over their size; there is always that much noise


@dataclass(frozen=True, eq=False)
class ArterialMaps:
    """What the fit finds: maps (X, Y, Z), 0 outside the mask.

    Attributes:
        cbf: mL/100g/min, not negative.
        att: s; the prior's mean where there is no perfusion.
        abv: mL/mL, not negative.
        noise: standard deviation of the frames' noise that it went by, mL/mL.
    """

    cbf: np.ndarray
    att: np.ndarray
    abv: np.ndarray
    noise: float


def fit_arteries(
    concentration: ArrayLike,
    acquisition: Acquisition,
    priors: ArrivalPriors,
    *,
    t1_blood: float = T1_BLOOD,
    t1_tissue: ArrayLike = T1_GREY_MATTER,
    partition_coefficient: float = PARTITION_COEFFICIENT,
    noise: float | None = None,
    mask: ArrayLike | None = None,
) -> ArterialMaps:
    """Chappell 2010 (10.1002/mrm.22320) without dispersion, by the most probable estimate in each voxel.

    Transit times are between 0 and the last delay, as in `kinetic_fit.multi_delay`: a later one would rest on the last
    frame alone. Voxels that are not finite in all frames count as outside the mask.

    Noise that is not given is told by what perfusion alone leaves of the frames in the median voxel. Voxels with
    arteries leave more, so it is rather too large, and priors weigh rather more than less. Of two delays perfusion and
    transit time leave nothing; there the transit time is that of the prior.

    Args:
        concentration: (K, X, Y, Z).
        acquisition: protocol, slice timing included.
        priors: of the transit times.
        t1_blood: s.
        t1_tissue: s, a number or a map (X, Y, Z).
        partition_coefficient: mL/g.
        noise: standard deviation of the frames' noise, mL/mL; None: tell it by the frames.
        mask: (X, Y, Z), fit where above 0. None: everywhere.

    Raises:
        InputError: for frames of one delay, times inside the mask that are not seconds, or shapes that do not fit.
    """
    concentration = np.asarray(concentration)
    check_frames(concentration, acquisition)
    acquisition.check_shows_arrival()
    boluses = boluses_of(acquisition, concentration.shape[-1])
    n_delays = len(set(boluses.frame_delays))
    if n_delays < 2:
        raise InputError(
            "post_labeling_delays: found one delay, which does not tell perfusion from label in arteries; give two, or "
            "use single_delay"
        )
    inside = inside_of(concentration, mask)
    seconds("t1_blood", t1_blood, (), lowest=0.1)
    t1 = seconds("t1_tissue", t1_tissue, inside.shape, inside, lowest=0.1)
    signal = np.ascontiguousarray(boluses.unmixed(concentration)[:, inside], dtype=float)
    searches = []
    for index, t1_level, members in _alike(boluses, inside, t1):
        times = SliceTimes.of(boluses, index, priors, t1_blood, partition_coefficient)
        searches.append((Search(times, t1_level), np.array_split(members, -(-len(members) // _CHUNK))))
    if noise is None:
        noise = _noise_of(signal, searches, n_delays)
    noise = max(noise, _ROUNDING * np.sqrt(np.mean(signal**2)), 1e-12) if signal.size else noise
    found = np.zeros((3, signal.shape[1]))
    for search, chunks in searches:
        for chunk in chunks:
            found[:, chunk] = search.fit(signal[:, chunk], noise, t1[chunk])
    cbf, att, abv = (spread(values, inside) for values in found)
    return ArterialMaps(cbf, att, abv, float(noise))


def _alike(boluses: Boluses, inside: np.ndarray, t1_tissue: np.ndarray) -> Iterator[tuple[int, float, np.ndarray]]:
    """Voxels that share a search: index of a slice, T1 of tissue, and which (V',) of the voxels inside."""
    if not t1_tissue.size:
        return
    times = np.concatenate([boluses.delays[:, 0, 0], boluses.durations[:, 0, 0]])
    _, first, kind = np.unique(times, axis=1, return_index=True, return_inverse=True)
    of_slice = np.broadcast_to(kind.reshape(-1), inside.shape)[inside]
    level = np.round(np.log(t1_tissue) / _T1_STEP).astype(int)
    pairs, group = np.unique(np.stack([of_slice, level]), axis=1, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(group.reshape(-1), minlength=pairs.shape[1]))[:-1]
    for (slice_kind, _), members in zip(pairs.T, np.split(order, ends), strict=True):
        yield int(first[slice_kind]), float(t1_tissue[members].mean()), members


def _noise_of(signal: np.ndarray, searches: list[tuple[Search, list[np.ndarray]]], n_delays: int) -> float:
    """Standard deviation of the noise (mL/mL) of frames (K, V), see `fit_arteries`."""
    n_frames, n_voxels = signal.shape
    if not n_voxels:
        return 0.0
    told = n_delays > 2
    left = np.zeros(n_voxels)
    for search, chunks in searches:
        for chunk in chunks:
            left[chunk] = search.left_by_perfusion(signal[:, chunk], att_is_free=told)
    return float(np.sqrt(np.median(left) / chi2.median(n_frames - (2 if told else 1))))
