"""Volumes of M0, which are repeats of one image: looked at like pairs before they are averaged."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qtmnet.scans.nifti import mean_volume
from qtmnet.scans.volumes.pairing import Pairing
from qtmnet.scans.volumes.signals import Signals
from qtmnet.scans.volumes.weighting import frames_of, weigh_pairs
from simulators.errors import InputError

BRIGHTNESS_THAT_MATTERS = 0.05
"""Of M0, by which one of three or more repeats must be off to count less: all of perfusion is off by a third of it."""

BRIGHT = 0.2
"""Of the 98th percentile, from which on a voxel of M0 is tissue."""


@dataclass(frozen=True, eq=False)
class MeanM0:
    """A weighted mean of M0 volumes.

    Attributes:
        image: (X, Y, Z).
        n_volumes: that it is of.
        notes: on what is wrong with volumes, a line at most.
    """

    image: np.ndarray
    n_volumes: int
    notes: tuple[str, ...]


def mean_m0(path: Path, volumes: np.ndarray, rows: np.ndarray, factors: np.ndarray) -> MeanM0:
    """Mean of M0 volumes, each scaled, that leaves out those that are spoiled.

    Args:
        path: of the image, for complaints.
        volumes: (X, Y, Z, N).
        rows: which of them are averaged, (N,) bool.
        factors: of each of those, (rows.sum(),).

    Raises:
        InputError: if no volume can be used.
    """
    weights, faults = weigh_m0(volumes, rows, factors)
    if not weights.any():
        raise InputError(f"{path}: M0: found no volume that can be used: {faults}; give m0, an image or a number")
    mean = mean_volume(volumes, rows, factors * weights / weights.mean())
    return MeanM0(mean, int((weights > 0).sum()), (f"M0: {faults}",) if faults else ())


def weigh_m0(volumes: np.ndarray, rows: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, str]:
    """Weights of volumes in the mean M0.

    Args:
        volumes: (X, Y, Z, N).
        rows: which of them are averaged, (N,) bool.
        factors: that each of those is scaled by, (rows.sum(),): only volumes with the same are alike.

    Returns:
        Weights from 0, left out, to 1, (rows.sum(),), and what is wrong with volumes, counted from 0, in words.
    """
    chosen = np.flatnonzero(rows)
    distinct, frame = np.unique(factors.round(6), return_inverse=True)
    pairing = Pairing(("m0scan",), chosen[:, None], frame, distinct, np.zeros(distinct.size), ())
    signals = Signals.of(volumes, chosen)
    faults = signals.faults(volumes, [chosen])
    usable = np.array([row not in faults for row in chosen])
    faults = {row: f"{fault}, left out" for row, fault in faults.items()}
    if not usable.any():
        return np.zeros(chosen.size), _told(faults)
    middle = np.abs(volumes[..., chosen[usable]]).mean(axis=-1)
    weights = weigh_pairs(
        volumes, pairing, middle >= BRIGHT * np.percentile(middle, 98), usable, BRIGHTNESS_THAT_MATTERS
    )
    for place, row in enumerate(chosen):
        if usable[place] and weights.weight[place] < 1:
            left = "left out" if not weights.weight[place] else f"of weight {weights.weight[place]:.2f}"
            faults[int(row)] = f"unlike the others, {left}"
    told = [_told(faults), *_disagreement(signals, pairing, weights.weight)]
    return weights.weight, "; ".join(filter(None, told))


def _told(faults: dict[int, str]) -> str:
    return ", ".join(f"volume {row} is {fault}" for row, fault in sorted(faults.items()))


def _disagreement(signals: Signals, pairing: Pairing, weight: np.ndarray) -> list[str]:
    """Where volumes that are averaged differ in brightness by what matters."""
    for pairs in frames_of(pairing):
        levels = signals.level[pairing.rows[pairs[weight[pairs] > 0], 0]]
        if levels.size > 1 and np.ptp(levels) > BRIGHTNESS_THAT_MATTERS * np.abs(levels).mean():
            return [f"its volumes differ in brightness by {np.ptp(levels) / np.abs(levels).mean():.0%}"]
    return []
