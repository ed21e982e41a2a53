"""Maps that no score, figure or report can be made of are refused before any is."""

import numpy as np

from qtmnet.evaluation.estimates import Estimates
from qtmnet.methods.base import Methods
from qtmnet.quantities import MAIN, QUANTITIES, Quantity
from simulators.errors import InputError

MEND_TRAINING = "its weights are at fault: train it anew, with trainer.precision=32-true or a lower optimizer.lr"
MEND_TRUTH = "the cubes or the brain are damaged: simulate them anew"
MEND_FRAMES = "look for voxels with frames, M0 or T1 beyond measure, and mask them out"
"""What to do about the maps of a network, of the truth, and of any other method."""


def check_maps(estimates: Estimates, methods: Methods, inside: np.ndarray | None = None, where: str = "") -> None:
    """Whether maps are finite where they count, and a network's of the size of what they are to be.

    Args:
        estimates: maps.
        methods: that made them.
        inside: voxels that count, of the maps' shape; all by default.
        where: what they are of, to begin the line with.

    Raises:
        InputError: on the first map that is not.
    """
    for key, values in estimates.truth.items():
        _check(f"{where}{_name('truth', key)}", values, inside, MEND_TRUTH)
    for name, maps in estimates.by_method.items():
        learned = name in methods.learned
        for key, values in maps.items():
            told, mend = f"{where}{_name(name, key)}", MEND_TRAINING if learned else MEND_FRAMES
            _check(told, values, inside, mend, QUANTITIES[key] if learned else None)


def _name(maps: str, key: str) -> str:
    """What a map is called, with its quantity unless that is the main one."""
    return maps.replace("_", " ") + ("" if key == MAIN else f" {key.replace('_', ' ')}")


def _check(name: str, values: np.ndarray, inside: np.ndarray | None, mend: str, of: Quantity | None = None) -> None:
    """One map; `of` says the size that it is to have: single voxels may be beyond, as they have hardly any M0.

    A network whose median lies beyond has lost its scale: its map is a number, but a wrong one.
    """
    counted = values if inside is None else values[inside]
    n_bad = int((~np.isfinite(counted)).sum())
    found = f"not finite in {n_bad} of {counted.size} voxels" if n_bad else ""
    if not found and of and counted.size and (size := float(np.median(np.abs(counted)))) > of.beyond:
        found = f"of no {of.name}: its values lie around ±{size:.2g} {of.unit}"
    if found:
        raise InputError(f"{name}: its map is {found}; {mend}")
