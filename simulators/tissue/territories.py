"""Territories: which great vessel feeds which place, so that each carries its share of the blood."""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack
from scipy.spatial import cKDTree

from simulators.errors import InputError


def divide(distance: np.ndarray, weight: np.ndarray, share: np.ndarray, fixed: np.ndarray | None = None) -> np.ndarray:
    """Give each place to one of several sources so that each gets its share of the weight, over the least distance.

    The sum of weight × distance is the least there is for these shares (optimal transport), which makes the cells of
    the sources additively weighted Voronoi cells. At most one place fewer than there are sources would have to be
    divided; each of these goes to the source of its larger part. Places of no weight go to the nearest source.

    Args:
        distance: mm between each place and each source, (P, S).
        weight: of each place, 0 or more, (P,).
        share: of the whole weight for each source; they add up to 1, (S,).
        fixed: source that a place belongs to anyway, −1 for those to be divided, (P,).

    Returns:
        Source of each place, (P,).

    Raises:
        InputError: if shares do not add up to 1, or leave too little for the fixed places.

    Source: Aurenhammer, Hoffmann & Aronov 1998, Algorithmica 20.
    """
    if not np.isclose(np.sum(share), 1.0, atol=1e-6) or not (np.asarray(share) > 0).all():
        raise InputError(f"inlet_shares: found {np.asarray(share).tolist()}; give numbers above 0 that add up to 1")
    n_places, n_sources = distance.shape
    weight = weight / np.mean(weight)  # the solver's tolerances are absolute
    allowed = np.ones(distance.shape, bool) if fixed is None else (fixed[:, None] < 0) | _chosen(fixed, n_sources)
    place, source = np.nonzero(allowed)
    n = np.arange(len(place))
    everywhere = csr_array((np.ones(len(n)), (place, n)), (n_places, len(n)))
    load = csr_array((weight[place], (source, n)), (n_sources, len(n)))
    # One share follows from the others, and may not be met where fixed places alone exceed it.
    solution = linprog(
        np.where(weight > 0, weight, 1.0)[place] * distance[place, source],
        A_eq=vstack([everywhere, load[1:]]),
        b_eq=np.concatenate([np.ones(n_places), np.asarray(share)[1:] * weight.sum()]),
        method="highs-ipm",
    )
    if solution.x is None:
        raise InputError(
            "inlet_shares: great vessels alone feed more than the share of one of them; give it a larger one"
        )
    part = np.zeros(distance.shape)
    part[place, source] = solution.x
    return np.argmax(part, axis=1)


def _chosen(choice: np.ndarray, n: int) -> np.ndarray:
    """Which of n each choice is, (P, n)."""
    return choice[:, None] == np.arange(n)


def distances_to(trees: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    """Distance (mm) between points (P, 3) and the nearest point of each tree (n, 3), (P, trees)."""
    return np.stack([cKDTree(tree).query(points)[0] for tree in trees], axis=1)


def points_along(position: np.ndarray, parent: np.ndarray, step_mm: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Points every `step_mm` or less along the segments of a tree.

    Returns:
        Points, mm, (n, 3), and the node whose segment each lies on, (n,).
    """
    begin = np.where(parent < 0, np.arange(len(parent)), parent)
    span = position - position[begin]
    count = np.maximum(np.ceil(np.linalg.norm(span, axis=1) / step_mm).astype(int), 1)
    node = np.repeat(np.arange(len(parent)), count)
    k = np.arange(len(node)) - np.repeat(np.cumsum(count) - count, count)
    share = (k + 1) / count[node]
    return position[begin[node]] + share[:, None] * span[node], node
