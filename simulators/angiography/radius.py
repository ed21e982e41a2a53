"""Radii that are finer than voxels, from how much blood the voxels about a center line hold."""

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from simulators.angiography.centerline import paths, pieces
from simulators.angiography.graph import VoxelTree, steps

RIM_MM = 0.8
"""What lies this far outside of the wall still counts to a vessel: a voxel's diagonal and the image's blur."""

TISSUE_MM = 1.5
"""Thickness of the sleeve beyond the rim whose median is the background."""

THICK_MM = 1.0
"""From this radius the middle of a vessel is nothing but blood."""

SAME_BLOOD_MM = 15.0
"""σ of the Gaussian over which the intensity of blood is averaged."""

WINDOW = 5
"""Nodes over which blood is summed."""

LEAST_MM = 0.15
"""Radius where noise has eaten the blood."""


def radii_from_blood(tree: VoxelTree, even: np.ndarray, mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Radii from the volume of blood about each node.

    A voxel of intensity I holds the share (I − background) / (blood − background) of blood, whatever the blur. The sum
    over the voxels nearest to a node is thus the volume of its piece of vessel, and r = √(volume / (π length)). It is
    left out where the voxels of several branches mix: forks, ends, and what of a branch lies inside its trunk.

    Args:
        tree: nodes in mm, radii as from the mask.
        even: image, (X, Y, Z), as from `_vessel_mask.evened`.
        mask: vessels, (X, Y, Z).
        affine: voxels to mm RAS, (4, 4).

    Returns:
        mm, (N,).
    """
    piece = pieces(tree.parent)
    own = ~inside_trunk(tree)
    edge_mm = np.cbrt(abs(np.linalg.det(affine[:3, :3])))
    voxel, node, distance = _voxels_about(tree.position, own, mask, affine, edge_mm)
    value, outside = even[tuple(voxel.T)], ~mask[tuple(voxel.T)]
    length, clean = _clean_lengths(tree, piece, own)
    radius = tree.radius
    for _ in range(2):  # the second time with radii that the mask did not blow up
        wall = radius[node] + RIM_MM
        sleeve = outside & (distance > wall) & (distance <= wall + TISSUE_MM)
        background = _median_of(value[sleeve], node[sleeve], len(radius))
        blood = _blood(tree.position, radius, even, affine)
        share = (value - background[node]) / np.maximum(blood - background, 0.1)[node]
        volume = np.bincount(node, np.where(distance <= wall, share, 0.0), len(radius)) * edge_mm**3
        radius = _along_pieces(volume, length, clean, piece, tree.radius)
    return radius


def inside_trunk(tree: VoxelTree) -> np.ndarray:
    """Which nodes of a branch lie within the radius of the node that it leaves, (N,)."""
    path = paths(tree)
    start = np.full(len(path), -1)
    for node, above in enumerate(tree.parent):
        if above >= 0:
            start[node] = start[above] if path[above] == path[node] else above
    distance = np.linalg.norm(tree.position - tree.position[start], axis=1)
    return (start >= 0) & (distance < tree.radius[start])


def _voxels_about(
    position: np.ndarray, own: np.ndarray, mask: np.ndarray, affine: np.ndarray, edge_mm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxels about vessels (V, 3), the nearest of the nodes that own voxels (V,), and mm to it (V,)."""
    n_steps = int(np.ceil((RIM_MM + TISSUE_MM) / edge_mm))
    voxel = np.argwhere(ndimage.binary_dilation(mask, ndimage.generate_binary_structure(3, 2), n_steps))
    at = (voxel @ affine[:3, :3].T + affine[:3, 3]).astype(np.float32)
    distance, nearest = KDTree(position[own]).query(at)
    return voxel, np.flatnonzero(own)[nearest], distance


def _clean_lengths(tree: VoxelTree, piece: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """mm of vessel that are nearest to each node, (N,), and whether all voxels there are of one vessel, (N,)."""
    step = steps(tree)
    child = np.full(len(step), -1)
    has_parent = np.flatnonzero(tree.parent >= 0)
    child[tree.parent[has_parent]] = has_parent
    alone = np.bincount(tree.parent[has_parent], minlength=len(step)) == 1
    clean = alone & own & (tree.parent >= 0) & own[tree.parent] & (piece[tree.parent] == piece)
    return 0.5 * (step + np.where(alone, step[child], 0.0)), clean


def _blood(position: np.ndarray, radius: np.ndarray, even: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Intensity of pure blood at each node: that of the thick vessels nearby, (N,)."""
    index = (position - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    value = ndimage.map_coordinates(even, index.T, order=1, mode="nearest")
    thick = radius >= THICK_MM
    if not thick.any():
        return np.full(len(radius), np.percentile(value, 90))
    square = cdist(position, position[thick], "sqeuclidean")
    # Far from all of them the nearest still counts.
    weight = np.exp(-(square - square.min(axis=1, keepdims=True)) / (2 * SAME_BLOOD_MM**2))
    return np.asarray(weight @ value[thick] / weight.sum(axis=1))


def _median_of(value: np.ndarray, node: np.ndarray, n_nodes: int) -> np.ndarray:
    """Median of the values of each node, (N,); 1, which is tissue, where there is none."""
    median = np.ones(n_nodes)
    found = np.unique(node)
    if found.size:
        median[found] = ndimage.median(value, node, found)
    return median


def _along_pieces(
    volume: np.ndarray, length: np.ndarray, clean: np.ndarray, piece: np.ndarray, of_mask: np.ndarray
) -> np.ndarray:
    """Radius by piece, (N,): from sums over a window of its clean nodes, carried on to its other nodes.

    Pieces too short for a clean node take the mask's least radius there, which forks have blown up least, scaled as it
    is wrong elsewhere.
    """
    radius, guess = np.full(len(of_mask), np.nan), of_mask.copy()
    for nodes in np.split(np.argsort(piece, kind="stable"), np.cumsum(np.bincount(piece))[:-1]):
        good = np.flatnonzero(clean[nodes])
        guess[nodes] = of_mask[nodes].min(initial=np.inf)
        if good.size:
            volume_sum, length_sum = (
                ndimage.uniform_filter1d(quantity[nodes[good]], WINDOW, mode="constant")
                for quantity in (volume, length)
            )
            area = np.maximum(volume_sum / length_sum, np.pi * LEAST_MM**2)
            radius[nodes] = np.interp(np.arange(len(nodes)), good, np.sqrt(area / np.pi))
    known = np.isfinite(radius)
    scale = np.median(radius[known] / of_mask[known]) if known.any() else 1.0
    return np.where(known, radius, scale * guess)
