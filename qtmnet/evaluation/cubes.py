"""Maps of cubes by every method, and how far each is from the truth."""

from collections.abc import Iterable

import numpy as np

from qtmnet.evaluation.estimates import Estimates, told
from qtmnet.evaluation.metrics import Scores, score
from qtmnet.methods.base import Frames, Maps, Methods
from qtmnet.process.progress import watched
from qtmnet.quantities import in_order

QuantityScores = dict[str, dict[str, Scores]]
"""Quantity → method → scores."""


def estimate_cubes(cubes: Iterable[tuple[Frames, Maps]], n_cubes: int, methods: Methods) -> Estimates:
    """Maps of cubes by every method, from the same frames.

    Args:
        cubes: frames of each, and its truth by quantity, (X, Y, Z).
        n_cubes: how many there are.
        methods: that make maps.
    """
    truths: list[Maps] = []
    found: dict[str, list[Maps]] = {name: [] for name in methods.all}
    with watched(lambda: len(truths), n_cubes, "Estimating test cubes"):
        for frames, truth in cubes:
            for name, method in methods.all.items():
                found[name].append(method.maps(frames))
            truths.append(truth)
    made = in_order(key for method in methods.all.values() for key in method.quantities)
    truth, undefined = told(_stacked([{key: cube[key] for key in made if key in cube} for cube in truths]))
    return Estimates(truth, {name: _stacked(maps) for name, maps in found.items()}, undefined)


def score_cubes(estimates: Estimates) -> QuantityScores:
    """Scores over all cubes, of each quantity that there is a truth of."""
    return {
        key: {
            name: score(maps, estimates.truth[key], estimates.defined(key)) for name, maps in estimates.of(key).items()
        }
        for key in estimates.scored
    }


def _stacked(maps: list[Maps]) -> dict[str, np.ndarray]:
    return {key: np.stack([each[key] for each in maps]) for key in maps[0]} if maps else {}
