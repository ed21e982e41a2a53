"""Weights of pairs in the mean of their delay: 1 for those that vary as the others do, less for those that do not.

A weighted mean keeps the noise of a clean scan as it is, where a median of every voxel has a quarter more. Each pair
has one weight, by what all voxels of the brain say of it together: in Huber's or Tukey's weights of single voxels it
would be their noise that tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qtmnet.scans.volumes.pairing import Pairing

ROUGH_FROM = 1.5
"""Deviation of a pair, over the median of its delay's, from which on it has less weight. In a healthy scan of 48 pairs
the second highest is 1.3; the first pair, of a magnetization that is not steady yet, has 2.5."""

ROUGH_SLICE_FROM = 2.5
"""The same in a single slice; there it is 2.0."""

SHIFTED_FROM = 4.0
"""Distance of a pair's mean from the median of its delay's, in deviations of such means, from which on it has less
weight: beyond it lies one Gaussian of 16,000."""

SHIFT_THAT_MATTERS = 0.2
"""Of the mean difference, by which a pair must be off besides; with few pairs, whose deviation is not known well, it
must be off by all of it."""

FEW = 6
"""Pairs beyond the first of each delay, in total, below which a deviation of means is not known well."""

LEFT_OUT_FROM = 2.0
"""Times as far as where the loss of weight begins."""

FEWEST = 3
"""Pairs of a delay of which the odd one can be told; of two, neither is known to be right by the other."""

UNLIKE_REPEAT = 2.0
"""Size of a difference over that of the other pair of its delay, from which on it is left out."""

UNLIKE_DELAYS = 5.0
"""The same over the median of other delays, where its own has one pair: label seldom varies by as much between them."""

UNLIKE_DIFFERENCES = 10.0
"""The same where the scan holds differences, and nothing else tells label from tissue."""

TISSUE_IN_LABEL = 0.05
"""Of a volume's signal, that such a difference of a single pair has besides: label alone has less unless the tissue is
suppressed."""

QN = 2.2219
"""Standard deviation of a Gaussian over the first quartile of distances between its values (Rousseeuw & Croux 1993,
10.1080/01621459.1993.10476408, Qn, of which half of the values may be false)."""

ROUNDS = 3
"""What is left out no longer counts in the next."""


@dataclass(frozen=True, eq=False)
class PairStatistics:
    """How the differences of P pairs compare with their delay's, in the voxels of a mask.

    Attributes:
        mean: of the difference, (P,).
        shift: mean of its distance from the median of the delay, (P,); NaN where that is of fewer than three pairs.
        deviation: root mean square of that distance, by slice, (P, Z); NaN likewise, and in slices without mask.
        size: root mean square of the difference itself, (P,).
        signal: root mean square of the brighter volume of each pair, (P,); 0 of what the scan holds as differences.
        n_voxels: of the mask, by slice, (Z,).
    """

    mean: np.ndarray
    shift: np.ndarray
    deviation: np.ndarray
    size: np.ndarray
    signal: np.ndarray
    n_voxels: np.ndarray

    @classmethod
    def of(cls, volumes: np.ndarray, pairing: Pairing, mask: np.ndarray, usable: np.ndarray) -> "PairStatistics":
        """Compare pairs with the medians of those that are usable, (P,) bool, slice by slice."""
        n_pairs, depth = len(pairing.rows), mask.shape[2]
        n_voxels = mask.sum(axis=(0, 1))
        sums, squares, sizes, signals = np.zeros((4, n_pairs, depth))
        offsets = np.full((n_pairs, depth), np.nan)
        for z in np.flatnonzero(n_voxels):
            plane = volumes[:, :, z][mask[:, :, z]]
            for pairs in frames_of(pairing):
                difference = differences(plane, pairing.rows[pairs])
                sums[pairs, z], sizes[pairs, z] = difference.sum(axis=0), (difference**2).sum(axis=0)
                signals[pairs, z] = _brighter(plane, pairing.rows[pairs])
                good = usable[pairs]
                if good.sum() >= FEWEST:
                    difference -= np.median(difference[:, good], axis=1, keepdims=True)
                    offsets[pairs, z] = difference.sum(axis=0)
                    squares[pairs, z] = (difference**2).sum(axis=0)
                else:
                    squares[pairs, z] = np.nan
        total = n_voxels.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            deviation = np.sqrt(squares / n_voxels)
        shift = offsets[:, n_voxels > 0].sum(axis=1) / total
        size, signal = (np.sqrt(each.sum(axis=1) / total) for each in (sizes, signals))
        return cls(sums.sum(axis=1) / total, shift, deviation, size, signal, n_voxels)

    @property
    def whole(self) -> np.ndarray:
        """Root mean square of the distance from the delay's median over the whole mask, (P,); NaN where unknown."""
        here = self.n_voxels > 0
        return np.sqrt((self.deviation[:, here] ** 2 @ self.n_voxels[here]) / self.n_voxels.sum())


@dataclass(frozen=True, eq=False)
class PairWeights:
    """What pairs count for.

    Attributes:
        weight: from 0, left out, to 1, (P,).
        roughness: deviation of each pair over the median of its delay's, (P,); NaN where it is not known.
        rough_slice: the highest such ratio of a slice, (P,).
        shift: distance of each pair's mean from the median of its delay's, over the mean difference, (P,).
        statistics: that they follow from.
    """

    weight: np.ndarray
    roughness: np.ndarray
    rough_slice: np.ndarray
    shift: np.ndarray
    statistics: PairStatistics


def weigh_pairs(
    volumes: np.ndarray, pairing: Pairing, mask: np.ndarray, usable: np.ndarray, matters: float = SHIFT_THAT_MATTERS
) -> PairWeights:
    """Weigh pairs by how their differences compare with the medians of their delays.

    With t, the largest of deviation, that of the worst slice and shift of the mean, each over where it begins to count,
    the weight is 1 up to t = 1, 1/t² up to `LEFT_OUT_FROM`, as for noise of t times the deviation, and 0 beyond.

    Args:
        volumes: (X, Y, Z, N).
        pairing: of the volumes.
        mask: voxels that count, (X, Y, Z) bool, at least one.
        usable: pairs of volumes that nothing is wrong with by themselves, (P,) bool; others weigh 0.
        matters: share of the mean difference by which a pair must be off to count less for it.
    """
    kept = usable.copy()
    for _ in range(ROUNDS):
        found = _weights(PairStatistics.of(volumes, pairing, mask, kept), pairing, kept, matters)
        weight = np.where(usable, found.weight, 0)
        before, kept = kept, _enough(weight > 0, kept, pairing)
        if (kept == before).all():
            break
    return PairWeights(weight, found.roughness, found.rough_slice, found.shift, found.statistics)


def _enough(kept: np.ndarray, before: np.ndarray, pairing: Pairing) -> np.ndarray:
    """Pairs that others are held against next, (P,) bool: of delays where these would be too few, those of before."""
    enough = kept.copy()
    for pairs in frames_of(pairing):
        if before[pairs].sum() >= FEWEST > kept[pairs].sum():
            enough[pairs] = before[pairs]
    return enough


def differences(plane: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Control − label, or what the scan holds as difference, of volumes (V, N): of pairs `rows` (P, 1 or 2), (V, P)."""
    difference = plane[:, rows[:, 0]].astype(float)
    if rows.shape[1] == 2:
        difference -= plane[:, rows[:, 1]]
    return difference


def _brighter(plane: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Sum of squares of the brighter volume of each pair, (P,); 0 of differences."""
    if rows.shape[1] == 1:
        return np.zeros(len(rows))
    return (plane[:, rows].astype(float) ** 2).sum(axis=0).max(axis=-1)


def frames_of(pairing: Pairing) -> Iterator[np.ndarray]:
    """Pairs (int) of each frame."""
    for k in range(len(pairing.delays)):
        yield np.flatnonzero(pairing.frame == k)


def _weights(of: PairStatistics, pairing: Pairing, kept: np.ndarray, matters: float) -> PairWeights:
    n_pairs = len(kept)
    roughness, rough_slice, shift = np.full((3, n_pairs), np.nan)
    far = np.zeros(n_pairs)
    limit, whole = _limits_of_shift(of, pairing, kept, matters), of.whole
    for k, pairs in enumerate(frames_of(pairing)):
        good = pairs[kept[pairs]]
        usual_mean = abs(np.median(of.mean[good])) if good.size else 0.0
        if good.size < FEWEST:
            continue
        roughness[pairs] = _over(whole[pairs], np.median(whole[good]))
        usual = np.median(of.deviation[good], axis=0)
        # The fewer voxels a slice has, the more its ratios vary: by four of their standard errors besides.
        room = ROUGH_SLICE_FROM * (1 + 4 / np.sqrt(2 * np.maximum(of.n_voxels, 1)))
        ratios = np.where(of.n_voxels > 0, _over(of.deviation[pairs], usual), 0) / room
        rough_slice[pairs] = ROUGH_SLICE_FROM * ratios.max(axis=1)
        shift[pairs] = _over(of.shift[pairs], usual_mean)
        far[pairs] = np.maximum.reduce(
            [roughness[pairs] / ROUGH_FROM, ratios.max(axis=1), _over(np.abs(of.shift[pairs]), limit[k])]
        )
    few = np.isnan(of.whole)
    far[few] = np.where(_far_among_few(of, pairing, kept)[few] > 1, np.inf, 0)
    weight = np.where(far <= 1, 1.0, np.where(far < LEFT_OUT_FROM, 1 / np.maximum(far, 1) ** 2, 0.0))
    return PairWeights(weight, roughness, rough_slice, shift, of)


def _limits_of_shift(of: PairStatistics, pairing: Pairing, kept: np.ndarray, matters: float) -> np.ndarray:
    """Distance of a pair's mean from its delay's median from which on it counts, of each frame, (K,).

    Means of all delays tell their deviation together, each over the noise of its delay's differences.
    """
    whole, distances, freedom = of.whole, [], 0
    noise, usual_mean = np.zeros((2, len(pairing.delays)))
    for k, pairs in enumerate(frames_of(pairing)):
        good = pairs[kept[pairs]]
        if good.size < FEWEST:
            continue
        noise[k], usual_mean[k] = np.median(whole[good]), abs(np.median(of.mean[good]))
        freedom += good.size - 1
        one, other = np.triu_indices(good.size, 1)
        if noise[k] > 0:  # alike to the last digit: no measure of how means deviate
            distances.append(np.abs(of.mean[good][one] - of.mean[good][other]) / noise[k])
    deviation = QN * np.quantile(np.concatenate(distances), 0.25) if distances else 0.0
    least = matters if freedom >= FEW else matters / SHIFT_THAT_MATTERS
    return np.maximum(SHIFTED_FROM * deviation * noise, least * usual_mean)


def _far_among_few(of: PairStatistics, pairing: Pairing, kept: np.ndarray) -> np.ndarray:
    """The same for delays with one or two pairs, (P,), by the size of differences: that of a spoiled one holds tissue.

    It is held against the other pair of its delay, else against the median of the other delays.
    """
    far = np.zeros(len(kept))
    groups = [pairs[kept[pairs]] for pairs in frames_of(pairing)]
    smallest = np.array([of.size[pairs].min(initial=np.inf) for pairs in groups])
    for k, pairs in enumerate(frames_of(pairing)):
        elsewhere = np.delete(smallest, k)
        elsewhere = elsewhere[np.isfinite(elsewhere)]
        for pair in pairs:
            repeats = of.size[groups[k][groups[k] != pair]]
            if repeats.size:
                far[pair] = _over(of.size[pair], repeats[0]) / UNLIKE_REPEAT
            elif elsewhere.size and of.size[pair] > TISSUE_IN_LABEL * of.signal[pair]:
                limit = UNLIKE_DELAYS if len(pairing.kinds) == 2 else UNLIKE_DIFFERENCES
                far[pair] = _over(of.size[pair], np.median(elsewhere)) / limit
    return far


def _over(values: np.ndarray | float, by: np.ndarray | float) -> np.ndarray:
    """A ratio; that of 0 to 0 is 0, that of more to 0 is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.divide(values, by)
    return np.where((np.asarray(values) == 0) & (np.asarray(by) == 0), 0.0, ratio)
