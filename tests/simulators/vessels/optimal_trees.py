"""The cheapest tree from one inlet to a few terminals, enclosed between two bounds: what growth is held to.

A tree costs Σ l F^(2/3). For a fixed topology the cost is a sum of weighted norms of linear functions of the joints,
so it is convex, and its dual asks for a force y of at most F^(2/3) on each vessel, in balance at every joint: each such
set of forces proves that no placing of the joints costs less than Σ y · l. Reweighted least squares give both at once
(Smith 1992, "How to find Steiner minimal trees in Euclidean d-space", has the primal half): joints, and forces that
balance. Topologies whose vessels meet three at a joint are enough, for a vessel may have no length.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

EXPONENT = 2 / 3
"""Murray's law makes r² ~ F^(2/3), the volume of a unit of length."""


class Optimum(NamedTuple):
    """Costs that the cheapest tree lies between."""

    lower: float
    upper: float


def topologies(n_terminals: int) -> Iterator[list[int]]:
    """Parents of all binary trees from node 0 to nodes 1…n; joints are nodes n + 1…2n − 1; (2n − 3)!! of them.

    Each terminal joins each vessel of each tree of the terminals before it.
    """

    def joined(parent: list[int], terminal: int) -> Iterator[list[int]]:
        if terminal > n_terminals:
            yield parent
            return
        joint = n_terminals + terminal - 1
        for below in [*range(1, terminal), *range(n_terminals + 1, joint)]:
            longer = list(parent)
            longer[joint], longer[terminal], longer[below] = parent[below], joint, joint
            yield from joined(longer, terminal + 1)

    first = [-1] * (2 * n_terminals)
    first[1] = 0
    yield from joined(first, 2)


def _flows(parent: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Flow through the vessel to each node of each topology, (topologies, nodes); those of inlets are the total."""
    n_trees, n_nodes = parent.shape
    carried, rows = np.zeros((n_trees, n_nodes)), np.arange(n_trees)
    for terminal, own in enumerate(flow, start=1):
        node = np.full(n_trees, terminal)
        while (node >= 0).any():
            carried[rows[node >= 0], node[node >= 0]] += own
            node = np.where(node >= 0, parent[rows, node], -1)
    return carried


def optimum(inlet: np.ndarray, terminals: np.ndarray, flow: np.ndarray, tolerance: float = 1e-5) -> Optimum:
    """Bounds of the least Σ l F^(2/3) of a tree from the inlet (3,) to terminals (n, 3) that take flow (n,)."""
    n = len(terminals)
    parent = np.array(list(topologies(n)))
    weight = _flows(parent, flow)[:, 1:] ** EXPONENT
    size = np.linalg.norm(terminals - inlet, axis=1).max()
    rows, fixed = np.arange(len(parent))[:, None], np.vstack([inlet, terminals])
    position = np.empty((len(parent), 2 * n, 3))
    position[:, : n + 1] = fixed
    position[:, n + 1 :] = np.random.default_rng(0).uniform(fixed.min(0), fixed.max(0), (len(parent), n - 1, 3))
    lower, upper = np.zeros(len(parent)), np.full(len(parent), np.inf)
    child = np.arange(1, 2 * n)
    for step in range(5000):
        soft = size * max(0.1 * 0.9**step, 1e-9)  # so that a vessel of no length has a finite pull
        along = position[:, 1:] - position[rows, parent[:, 1:]]
        softened = np.sqrt(np.sum(along**2, axis=2) + soft**2)
        pull = weight / softened
        graph = np.zeros((len(parent), 2 * n, 2 * n))  # the Laplacian of springs that pull as the vessels do
        graph[rows, parent[:, 1:], child] = graph[rows, child, parent[:, 1:]] = -pull
        graph[:, range(2 * n), range(2 * n)] = -graph.sum(axis=2)
        joints = graph[:, n + 1 :]
        position[:, n + 1 :] = np.linalg.solve(joints[:, :, n + 1 :], -joints[:, :, : n + 1] @ fixed)
        length = np.linalg.norm(position[:, 1:] - position[rows, parent[:, 1:]], axis=2)
        upper = np.minimum(upper, np.sum(weight * length, axis=1))
        # Springs in balance; made weaker until none pulls harder than its vessel may.
        too_strong = np.max(length / softened, axis=1)
        lower = np.maximum(lower, np.sum(pull * length**2, axis=1) / np.maximum(too_strong, 1))
        keep = lower < upper.min()  # no other can be the cheapest
        if upper.min() - lower.min() <= tolerance * upper.min():
            return Optimum(float(lower.min()), float(upper.min()))
        rows, parent, weight = np.arange(keep.sum())[:, None], parent[keep], weight[keep]
        position, lower, upper = position[keep], lower[keep], upper[keep]
    raise AssertionError(f"bounds {lower.min()} and {upper.min()} are not within {tolerance}")


def fermat_point(corners: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Where Σ w |p − corner| is least, (3,); None if that is a corner.

    The pulls of the three corners are in balance there, so they are the sides of a triangle with angles φ. Seen from
    the point, each side of the corners' triangle (angles A) then subtends π − φ, and the barycentric coordinates are
    1 / (cot A + cot φ) ~ a w / sin(A + φ): with equal weights, Fermat's own a / sin(A + 60°).
    """
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - np.roll(corners, -2, axis=0), axis=1)
    angle, pulls = _angles(sides), _angles(weights)
    if pulls is None or angle is None or (angle + pulls >= np.pi).any():
        return None
    barycentric = sides * weights / np.sin(angle + pulls)
    return barycentric @ corners / barycentric.sum()


def _angles(sides: np.ndarray) -> np.ndarray | None:
    """Angles opposite to the sides of a triangle; None if there is no such triangle."""
    if (2 * sides >= sides.sum()).any():
        return None
    b, c = np.roll(sides, -1), np.roll(sides, -2)
    return np.arccos((b**2 + c**2 - sides**2) / (2 * b * c))
