"""From trees of voxels to smooth center lines with a node every millimetre."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from simulators.angiography.graph import VoxelTree, longest_ways, part_of, steps

SPACING_MM = 1.0
"""Between nodes of the result, about."""

SMOOTHING_MM = 1.5
"""Window of the moving average over a center line, taken twice; a bend of 5 mm moves inwards by 0.04 mm."""


def paths(tree: VoxelTree) -> np.ndarray:
    """Number of the path that each node is on, ascending from inlets to leaves, (N,).

    At a fork the path goes on into the branch with the longest way to go; each other branch begins one.
    """
    _, longest = longest_ways(tree)
    path = np.empty(len(tree.parent), np.int64)
    n_paths = 0
    for node, above in enumerate(tree.parent):
        if above >= 0 and longest[above] == node:
            path[node] = path[above]
        else:
            path[node] = n_paths
            n_paths += 1
    return path


def pieces(parent: np.ndarray) -> np.ndarray:
    """Number of the piece between two forks, inlets or leaves that ends in or runs through each node, (N,)."""
    forked = np.bincount(parent[parent >= 0], minlength=len(parent)) > 1
    piece = np.empty(len(parent), np.int64)
    n_pieces = 0
    for node, above in enumerate(parent):
        if above >= 0 and not forked[above]:
            piece[node] = piece[above]
        else:
            piece[node] = n_pieces
            n_pieces += 1
    return piece


def smoothed(tree: VoxelTree) -> VoxelTree:
    """The tree with its paths smoothed by a moving average; inlets and leaves stay where they are."""
    path = paths(tree)
    position = tree.position.copy()
    on_path = np.split(np.argsort(path, kind="stable"), np.cumsum(np.bincount(path))[:-1])
    for nodes in on_path:  # what a path starts from comes before it
        above = tree.parent[nodes[0]]
        line = position[nodes if above < 0 else np.append(above, nodes)]
        if len(line) > 2:
            mean_step = np.linalg.norm(np.diff(line, axis=0), axis=1).mean()
            window = 2 * round(SMOOTHING_MM / mean_step / 2) + 1
            for _ in range(2):
                # Odd reflection keeps both ends, and the direction there.
                padded = np.pad(line, ((window // 2,) * 2, (0, 0)), mode="reflect", reflect_type="odd")
                line = ndimage.uniform_filter1d(padded, window, axis=0)[window // 2 :][: len(line)]
            position[nodes] = line[-len(nodes) :]
    return replace(tree, position=position)


def thinned_out(tree: VoxelTree) -> VoxelTree:
    """The tree with nodes about `SPACING_MM` apart; inlets, forks and leaves are among them."""
    step, piece = steps(tree), pieces(tree.parent)
    arc = step.copy()
    for node, above in enumerate(tree.parent):
        if above >= 0 and piece[above] == piece[node]:
            arc[node] += arc[above]
    length = np.zeros(piece.max() + 1)
    np.maximum.at(length, piece, arc)
    spacing = (length / np.maximum(np.round(length / SPACING_MM), 1))[piece]
    with np.errstate(invalid="ignore"):  # an inlet that forks at once is a piece of no length
        passed = np.floor(arc / spacing + 1e-6) > np.floor((arc - step) / spacing + 1e-6)
    return part_of(tree, (tree.parent < 0) | passed)
