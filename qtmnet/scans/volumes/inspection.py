"""Every volume of a scan is looked at, and every pair: what is wrong with it, and what it counts for."""

from dataclasses import dataclass, replace

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.volumes.pairing import Pairing, pair_volumes
from qtmnet.scans.volumes.signals import Signals
from qtmnet.scans.volumes.weighting import (
    ROUGH_FROM,
    ROUGH_SLICE_FROM,
    PairWeights,
    frames_of,
    weigh_pairs,
)
from qtmnet.scans.words import counted

BRIGHTER_BY = 0.01
"""Of a volume's level, by which its own repeats do not differ: the drift of a scan is below."""

MOVED_BY_VOXELS = 0.1
"""Between the centre of mass of a volume and that of its repeats, where the head stays in the field of view."""


@dataclass(frozen=True, eq=False)
class Looked:
    """The volumes of a scan, looked at one by one.

    Attributes:
        series: the scan.
        pairing: its pairs.
        signals: of each volume of a pair.
        faults: what is wrong with volumes by themselves, by volume.
    """

    series: Series
    pairing: Pairing
    signals: Signals
    faults: dict[int, str]

    @property
    def sound(self) -> Series:
        """The scan, those volumes marked as of no use."""
        types = self.series.types.astype(object)
        types[list(self.faults)] = "n/a"
        return replace(self.series, types=types.astype(str))


@dataclass(frozen=True, eq=False)
class Inspection:
    """The pairs of a scan, looked at one by one.

    Attributes:
        looked: at the volumes.
        weights: of pairs, and what they follow from.
        reasons: of each pair, why it has less weight than 1; empty if it has not.
    """

    looked: Looked
    weights: PairWeights
    reasons: tuple[str, ...]

    @property
    def pairing(self) -> Pairing:
        """The pairs."""
        return self.looked.pairing

    @property
    def weight(self) -> np.ndarray:
        """Of each pair, from 0, left out, to 1, (P,)."""
        return self.weights.weight

    def notes(self) -> list[str]:
        """A line for what was left out, and one for what has less weight; volumes are counted from 0."""
        notes = []
        less = (self.weight > 0) & (self.weight < 1)
        for doing, chosen in (("left out", self.weight == 0), ("of less weight", less)):
            told = [self._told(pair) for pair in np.flatnonzero(chosen).tolist()]
            if told:
                of_all = f"{len(told)} of {counted(len(self.weight), 'pair')} {doing}"
                notes.append(f"volumes: {of_all}, counted from 0: {'; '.join(told)}")
        return notes

    def _told(self, pair: int) -> str:
        rows = self.pairing.rows[pair]
        volumes = f"volume{'s' * (len(rows) > 1)} {' and '.join(map(str, rows))}"
        share = f", weight {self.weight[pair]:.2f}" if self.weight[pair] else ""
        return f"pair {pair} ({volumes}{share}): {self.reasons[pair]}"


def look_at_volumes(series: Series) -> Looked:
    """Find the volumes of a scan that are of no use by themselves: empty, in part or as copies.

    Raises:
        InputError: if there is nothing to pair.
    """
    pairing = pair_volumes(series)
    signals = Signals.of(series.volumes, pairing.rows.ravel())
    faults = signals.faults(series.volumes, [pairing.rows[pairs].ravel() for pairs in frames_of(pairing)])
    sound = np.array([not any(row in faults for row in pair) for pair in pairing.rows])
    return Looked(series, pairing, signals, faults | signals.copies(series.types, pairing.rows[sound]))


def inspect(looked: Looked, mask: np.ndarray) -> Inspection:
    """Look at the pairs of a scan, in the voxels of the brain, (X, Y, Z) bool: eyes and skin move by themselves."""
    pairing, faults = looked.pairing, looked.faults
    usable = np.array([not any(row in faults for row in pair) for pair in pairing.rows])
    weights = weigh_pairs(looked.series.volumes, pairing, mask, usable)
    reasons = tuple(
        "" if weights.weight[pair] == 1 else _reason(pair, looked, weights) for pair in range(len(pairing.rows))
    )
    return Inspection(looked, weights, reasons)


def _reason(pair: int, looked: Looked, weights: PairWeights) -> str:
    """Why a pair counts less than others: what is wrong with its volumes, else what is odd in its difference."""
    pairing, faults = looked.pairing, looked.faults
    rows = pairing.rows[pair]
    named = [f"{kind} {faults[row]}" for kind, row in zip(pairing.kinds, rows, strict=True) if row in faults]
    if named:
        return ", ".join(named)
    repeats = pairing.rows[(pairing.frame == pairing.frame[pair]) & (weights.weight > 0)]
    for place, (kind, row) in enumerate(zip(pairing.kinds, rows, strict=True)):
        if len(repeats) and len(rows) == 2:
            named += _oddities(looked.signals, row, repeats[:, place], kind)
    roughness, in_slice, shift = weights.roughness[pair], weights.rough_slice[pair], weights.shift[pair]
    if np.isnan(roughness):
        return ", ".join([*named, "difference much larger than of other pairs"])
    if roughness > ROUGH_FROM:
        named.append(f"differs from other pairs by {roughness:.2g} times as much as they do")
    elif in_slice > ROUGH_SLICE_FROM:
        named.append(f"differs from other pairs in single slices, by {in_slice:.2g} times as much as they do")
    else:
        named.append(f"mean difference off by {shift:+.2g} of that of other pairs")
    return ", ".join(named)


def _oddities(signals: Signals, row: int, repeats: np.ndarray, kind: str) -> list[str]:
    """How a volume's brightness and place differ from those of its repeats, if by more than they vary."""
    named = []
    level = np.median(signals.level[repeats])
    brighter = signals.level[row] / level - 1 if level else 0.0
    if abs(brighter) > BRIGHTER_BY:
        named.append(f"{kind} {abs(brighter):.0%} {'brighter' if brighter > 0 else 'darker'}")
    distance = np.linalg.norm(signals.centre[row] - np.median(signals.centre[repeats], axis=0))
    if distance > MOVED_BY_VOXELS:
        named.append(f"{kind} moved by about {distance:.1f} voxels")
    return named
