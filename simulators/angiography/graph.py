"""A rooted tree out of a mask of vessels: its skeleton, the places where blood comes in, shortest ways from there."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from simulators.errors import InputError
from simulators.vessels.tree_order import depth_first_order

REACH_MM = 5.0
"""How far from a vessel an inlet may be given."""

INLET_SLAB_MM = 5.0
"""Thickness of the slab above the lowest vessel in which inlets are looked for."""

SPUR_MM = 1.5
"""Leaves that stand out of their parent's wall by less are taken for bumps of the wall."""


MARGIN = 8
"""Voxels by which the image is drawn out for thinning."""


@dataclass(frozen=True)
class Skeleton:
    """The middle lines of vessels, voxel by voxel.

    Attributes:
        voxel: indices, (M, 3).
        position: mm RAS, (M, 3).
        radius: distance (mm) to the edge of the mask, (M,).
        edges: neighbors among 26, symmetric, (M, M), each with the mm between.
    """

    voxel: np.ndarray
    position: np.ndarray
    radius: np.ndarray
    edges: coo_array

    @property
    def ends(self) -> np.ndarray:
        """Voxels with one neighbor or none, (n_ends,)."""
        return np.flatnonzero(_n_neighbors(self.edges) < 2)


@dataclass(frozen=True)
class VoxelTree:
    """What of a skeleton blood reaches from the inlets, depth first.

    Attributes:
        position: mm RAS, (N, 3).
        parent: (N,), −1 at inlets, parent[i] < i.
        radius: distance (mm) to the edge of the mask, (N,).
    """

    position: np.ndarray
    parent: np.ndarray
    radius: np.ndarray


def skeleton_of(mask: np.ndarray, affine: np.ndarray) -> Skeleton:
    """Thin a mask (X, Y, Z) to lines (Lee et al., CVGIP 1994) and join their voxels.

    Args:
        mask: vessels, (X, Y, Z), not empty, isotropic voxels.
        affine: voxels to mm RAS, (4, 4).
    """
    from skimage.morphology import skeletonize

    # Where a vessel leaves the image it is drawn out before thinning, and cut off after.
    padded = np.pad(mask, MARGIN, mode="edge")
    depth = ndimage.distance_transform_edt(padded)
    lines = with_whole_ends(skeletonize(padded), padded, depth)[(slice(MARGIN, -MARGIN),) * 3]
    voxel = np.argwhere(lines)
    edge_mm = np.cbrt(abs(np.linalg.det(affine[:3, :3])))
    position = voxel @ affine[:3, :3].T + affine[:3, 3]
    # Half a voxel lies between the last voxel inside and the edge.
    radius = np.maximum(depth[tuple((voxel + MARGIN).T)] - 0.5, 0.5) * edge_mm
    return Skeleton(voxel, position, radius, _edges(voxel, position))


def with_whole_ends(lines: np.ndarray, mask: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Lead lines on to where vessels end: thinning eats into ends, by several diameters now and then.

    From each end of a line the farthest voxel within the mask that has no other line nearer is looked for, and the
    shortest way there is added but for the last radius: vessels end in caps.

    Args:
        lines: from thinning, (X, Y, Z).
        mask: vessels, (X, Y, Z).
        depth: distance (voxels) to the edge of the mask, (X, Y, Z).

    Returns:
        (X, Y, Z) bool.
    """
    voxel = np.argwhere(mask)
    on_line = np.flatnonzero(lines[tuple(voxel.T)])
    ends = on_line[_n_neighbors(_edges(voxel[on_line], voxel[on_line])) < 2]
    distance, before, source = dijkstra(_edges(voxel, voxel), indices=on_line, min_only=True, return_predecessors=True)
    whole = lines.copy()
    order = np.lexsort((np.where(np.isfinite(distance), distance, -1), source))
    last = np.searchsorted(source[order], ends, side="right") - 1
    for end, tip in zip(ends, order[last], strict=True):
        farthest = distance[tip] - depth[tuple(voxel[end])]
        while tip != end:
            whole[tuple(voxel[tip])] |= distance[tip] <= farthest
            tip = before[tip]
    return whole


def nearest_ends(skeleton: Skeleton, inlets: np.ndarray) -> np.ndarray:
    """Voxel of the skeleton for each inlet that the user gives: the nearest end, or if none is near the nearest voxel.

    Args:
        skeleton: of the vessels.
        inlets: mm RAS, (n, 3).

    Returns:
        (n,).

    Raises:
        InputError: if no vessel is within `REACH_MM`, or two inlets are one.
    """
    found: list[int] = []
    for number, inlet in enumerate(inlets, 1):
        distance = np.linalg.norm(skeleton.position - inlet, axis=1)
        at_end = np.where(np.isin(np.arange(len(distance)), skeleton.ends), distance, np.inf)
        nearest = int(np.argmin(at_end if at_end.min() <= REACH_MM else distance))
        where = f"inlets: inlet {number} at ({', '.join(f'{x:.1f}' for x in inlet)}) mm"
        if distance[nearest] > REACH_MM:
            raise InputError(
                f"{where}: found the nearest vessel {distance[nearest]:.1f} mm away; "
                f"give a point within {REACH_MM:g} mm of an artery's lower end"
            )
        if nearest in found:
            raise InputError(f"{where}: found the same vessel as inlet {found.index(nearest) + 1}; give each once")
        found.append(nearest)
    return np.array(found)


def lowest_ends(skeleton: Skeleton, mask: np.ndarray, affine: np.ndarray, *, most: int = 3) -> np.ndarray:
    """Where the arteries enter an image of a head: the widest vessels that cross its lowest slab.

    In the usual field of view these are the two internal carotid arteries and the basilar (or a vertebral) artery.
    The slab is `INLET_SLAB_MM` thick and begins where vessels begin, seen along the voxel axis that is closest to
    upright: arteries enter through that face of the image, however it is tilted. Each connected piece of vessel in it
    is one artery, ranked by its widest place; its inlet is the widest place in its own lowest millimetre.

    Args:
        skeleton: of the mask.
        mask: vessels, (X, Y, Z).
        affine: voxels to mm RAS, (4, 4).
        most: inlets.

    Returns:
        Voxels of the skeleton, widest artery first, (≤ most,).
    """
    axis = int(np.argmax(np.abs(affine[2, :3])))
    edge_mm = np.linalg.norm(affine[:3, axis])
    height = skeleton.voxel[:, axis] * np.sign(affine[2, axis])
    low = np.flatnonzero((height - height.min()) * edge_mm <= INLET_SLAB_MM)
    span = [slice(None)] * 3
    span[axis] = slice(skeleton.voxel[low, axis].min(), skeleton.voxel[low, axis].max() + 1)
    label, n_pieces = ndimage.label(mask[tuple(span)], np.ones((3, 3, 3)))
    offset = np.eye(3, dtype=int)[axis] * span[axis].start
    piece = label[tuple((skeleton.voxel[low] - offset).T)]
    widest = ndimage.maximum(skeleton.radius[low], piece, np.arange(1, n_pieces + 1))
    ranked = [p for p in 1 + np.argsort(-widest, kind="stable") if (piece == p).any()]
    inlets = []
    for rank in ranked[:most]:
        part = low[piece == rank]
        # A side branch may leave the image as low as the artery that it comes from.
        lowest = part[(height[part] - height[part].min()) * edge_mm <= 1.0]
        inlets.append(lowest[np.lexsort((height[lowest], -skeleton.radius[lowest]))[0]])
    return np.array(inlets)


def tree_from(skeleton: Skeleton, roots: np.ndarray) -> VoxelTree:
    """The shortest ways from the inlets along the skeleton.

    Each voxel goes to the inlet that is nearest along vessels. Where ways from two sides meet, as in the circle of
    Willis, the last edge is left out: there are no cycles. An inlet that nothing goes to is left out too.

    Args:
        skeleton: of the vessels.
        roots: voxels of the skeleton, (n_inlets,).

    Warns:
        if more than 5 % of the skeleton's length is connected to no inlet, which is left out.
    """
    distance, parent, _ = dijkstra(skeleton.edges, indices=roots, min_only=True, return_predecessors=True)
    reached = np.isfinite(distance)
    lost = 1 - skeleton.edges.data[reached[skeleton.edges.coords[0]]].sum() / max(skeleton.edges.data.sum(), 1e-12)
    if lost > 0.05:
        warnings.warn(
            f"{100 * lost:.0f} % of the length of the vessels in the image is connected to no inlet and is left out",
            stacklevel=3,  # whoever called `trace_vessels`
        )
    fed = np.bincount(parent[parent >= 0], minlength=len(parent)) > 0
    reached &= fed | (parent >= 0)
    place = np.append(np.cumsum(reached) - 1, -1)  # the last for those without a parent
    parent = place[np.where(parent < 0, -1, parent)[reached]]
    order = depth_first_order(parent)
    return _taken(VoxelTree(skeleton.position[reached], parent, skeleton.radius[reached]), order)


def without_spurs(tree: VoxelTree, *, spur_mm: float = SPUR_MM) -> VoxelTree:
    """The tree without twigs that thinning makes of bumps of a wall.

    A twig goes if it ends within its parent's radius and `spur_mm` of where it leaves, but the longest way on always
    stays, so that no vessel gets shorter.
    """
    reach, longest = longest_ways(tree)
    step = steps(tree)
    kept = np.ones(len(tree.parent), bool)
    for node, above in enumerate(tree.parent):
        if above >= 0:
            is_twig = longest[above] != node and reach[node] + step[node] < tree.radius[above] + spur_mm
            kept[node] = kept[above] and not is_twig
    return part_of(tree, kept)


def longest_ways(tree: VoxelTree) -> tuple[np.ndarray, np.ndarray]:
    """Of each node: mm to the leaf that is farthest along vessels, (N,); the child on that way, −1 at leaves, (N,)."""
    step = steps(tree)
    reach, longest = np.zeros(len(step)), np.full(len(step), -1)
    for node in range(len(step) - 1, 0, -1):
        above = tree.parent[node]
        if above >= 0 and (longest[above] < 0 or reach[node] + step[node] > reach[above]):
            reach[above], longest[above] = reach[node] + step[node], node
    return reach, longest


def steps(tree: VoxelTree) -> np.ndarray:
    """mm from each node's parent to the node, 0 at inlets, (N,)."""
    above = np.where(tree.parent < 0, np.arange(len(tree.parent)), tree.parent)
    return np.asarray(np.linalg.norm(tree.position - tree.position[above], axis=1))


def part_of(tree: VoxelTree, kept: np.ndarray) -> VoxelTree:
    """Some nodes (bool, (N,)) of a tree; each is joined to the nearest node upstream that is kept."""
    above = tree.parent.copy()
    for node, parent in enumerate(tree.parent):
        if parent >= 0 and not kept[parent]:
            above[node] = above[parent]
    place = np.append(np.cumsum(kept) - 1, -1)
    return VoxelTree(tree.position[kept], place[above[kept]], tree.radius[kept])


def _edges(voxel: np.ndarray, position: np.ndarray) -> coo_array:
    """Which of some voxels are neighbors among 26, symmetric, (M, M), with the distance between their positions."""
    pair = KDTree(voxel).query_pairs(1.8, output_type="ndarray")  # √3 and no more
    length = np.linalg.norm(position[pair[:, 0]] - position[pair[:, 1]], axis=1)
    row, column = np.concatenate([pair, pair[:, ::-1]]).T
    return coo_array((np.tile(length, 2), (row, column)), shape=(len(voxel), len(voxel)))


def _n_neighbors(edges: coo_array) -> np.ndarray:
    return np.bincount(edges.coords[0], minlength=edges.shape[0])


def _taken(tree: VoxelTree, order: np.ndarray) -> VoxelTree:
    """The tree in another order."""
    place = np.append(np.argsort(order), -1)
    return VoxelTree(tree.position[order], place[tree.parent[order]], tree.radius[order])
