"""Trees grown for one cube that serve another: turned at random and given its flows.

A tree is one of many that constrained constructive optimization could have grown for a perfusion map. With new
flows, and radii by Murray's law, its transit times are new; turned and mirrored, so are its ways.
"""

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from simulators.errors import InputError
from simulators.seeding import Seed, generator
from simulators.vessels.forest import Forest, murray_radius
from simulators.vessels.tree_order import flow_from_terminals


@dataclass(frozen=True)
class Trees:
    """Arterial and venous forest that serve the same voxels; flows and radii are those that they were grown for."""

    arteries: Forest
    veins: Forest


def serving(forest: Forest, flow: np.ndarray, murray_k: float) -> Forest:
    """The same trees with the flows that other voxels need; vessels that lead only to voxels of none are left out.

    Args:
        forest: with a terminal in each voxel that has flow.
        flow: mm³/s into each voxel, (X, Y, Z).
        murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3).

    Raises:
        InputError: if a voxel that has flow has no terminal.
    """
    unserved = int(((flow > 0) & (forest.terminal < 0)).sum())
    if unserved:
        raise InputError(f"trees: found no terminal in {unserved} voxels with flow; give trees that serve every voxel")
    through = flow_from_terminals(forest.parent, forest.of_terminals(flow))
    used = np.flatnonzero(through > 0)
    place = np.full(forest.n_nodes + 1, -1)  # one more, for the −1 of inlets and of voxels without a terminal
    place[used] = np.arange(len(used))
    return replace(
        forest,
        position=forest.position[used],
        parent=place[forest.parent[used]].astype(forest.parent.dtype),
        flow=through[used],
        radius=murray_radius(through[used], murray_k),
        terminal=place[forest.terminal].astype(forest.terminal.dtype),
    )


def turned(forest: Forest, seed: Seed) -> Forest:
    """One of the up to 48 ways to turn and mirror a forest within its block, each as likely as any other."""
    rng = generator(seed)
    shape, size = np.asarray(forest.terminal.shape), np.asarray(forest.voxel_size_mm)
    fitting = [axes for axes in permutations(range(3)) if _alike(shape, size, axes)]
    axes = fitting[rng.integers(len(fitting))]
    mirrored = np.flatnonzero(rng.random(3) < 0.5)
    position = forest.position[:, axes]
    position[:, mirrored] = (shape * size)[mirrored] - position[:, mirrored]
    terminal = np.ascontiguousarray(np.flip(forest.terminal.transpose(axes), tuple(mirrored)))
    return replace(forest, position=position, terminal=terminal)


def _alike(shape: np.ndarray, size: np.ndarray, axes: tuple[int, ...]) -> bool:
    return bool((shape[list(axes)] == shape).all() and (size[list(axes)] == size).all())
