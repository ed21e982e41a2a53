"""Pial vessels, the first level of a brain's trees: from the great vessels over the surface to all of the cortex."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.spatial import cKDTree

from simulators.errors import InputError
from simulators.seeding import Seed, generator
from simulators.tissue.anatomy import GREY, Anatomy
from simulators.tissue.territories import distances_to, divide, points_along
from simulators.vessels.growth import Trunk, grow_from_trunk
from simulators.vessels.tree_order import flow_from_terminals

LEAST_FLOW = 1e-3
"""Of the mean flow of an end: expected in great vessels that no end is nearest to."""


@dataclass(frozen=True)
class Scaffold:
    """Vessels outside of tissue, from which arterioles or venules grow.

    Attributes:
        trunk: positions in the domain, parents and expected flows.
        source: great vessel's node whose segment each node is part of, −1 for pial vessels, (M,).
        root: which great tree each node belongs to, (M,).
        territory: great tree whose pial or great vessels' end is nearest to each voxel with flow, −1 for voxels without
            flow, int8, (X, Y, Z).
        share_in_tissue: part of the pial vessels' length that crosses tissue.
    """

    trunk: Trunk
    source: np.ndarray
    root: np.ndarray
    territory: np.ndarray
    share_in_tissue: float


def grow_pial_vessels(
    anatomy: Anatomy,
    flow: np.ndarray,
    position: np.ndarray,
    parent: np.ndarray,
    radius: np.ndarray,
    *,
    seed: Seed,
    spacing_mm: float,
    shares: np.ndarray | None,
    n_candidates: int,
) -> Scaffold:
    """Grow pial vessels from great vessels through the shell around the brain.

    Each piece of surface of about `spacing_mm` gets one end, in a fluid voxel that touches grey matter. An end expects
    the flow of the tissue nearest to it and joins the great vessel whose territory it lies in.

    Args:
        anatomy: tissue and shell.
        flow: mm³/s that each voxel needs, (X, Y, Z).
        position: of the great vessels' nodes, mm from the domain's corner, (G, 3).
        parent: of them, −1 at roots, parents first, (G,).
        radius: of them, mm, (G,); what they expect to carry goes with its cube.
        seed: of the random draws.
        spacing_mm: between pial ends.
        shares: of the whole flow for each root; None to let every end join the nearest tree.
        n_candidates: segments compared for a new end.

    Raises:
        InputError: if there is no room for pial vessels.
    """
    draws, growth = np.random.SeedSequence(generator(seed).integers(0, 2**63, 4).tolist()).spawn(2)
    size = np.asarray(anatomy.voxel_size_mm)
    ends = draw_ends(anatomy, spacing_mm, generator(draws))
    tree = _root_of(parent)
    roots = np.unique(tree)
    leaf = np.setdiff1d(np.arange(len(parent)), parent)
    nearest = _nearest(anatomy, flow, np.concatenate([(ends + 0.5) * size, position[leaf]]))
    expected = np.bincount(nearest, flow[flow > 0], len(ends) + len(leaf))
    at_end, at_leaf = expected[: len(ends)], expected[len(ends) :]
    owner = _owners(position, parent, tree, (ends + 0.5) * size, at_end, leaf, at_leaf, shares)
    own_flow = np.zeros(len(parent))
    own_flow[leaf] = at_leaf
    parts = []
    for number, root in enumerate(roots):
        mine = np.flatnonzero(tree == root)
        wanted = np.zeros(flow.shape)
        wanted[tuple(ends[owner == number].T)] = np.maximum(at_end[owner == number], LEAST_FLOW * at_end.mean())
        parts.append(
            _grow_tree(anatomy, wanted, position, parent, radius, own_flow, mine, growth.spawn(1)[0], n_candidates)
        )
    territory = np.full(flow.shape, -1, np.int8)
    territory[flow > 0] = np.concatenate([owner, np.searchsorted(roots, tree[leaf])])[nearest]
    return _joined(parts, territory, anatomy)


def draw_ends(anatomy: Anatomy, spacing_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Voxels of the shell that touch grey matter, one at random in each cell of a grid of `spacing_mm`, (E, 3)."""
    touching = anatomy.shell & binary_dilation(anatomy.tissue == GREY)
    voxels = rng.permutation(np.argwhere(touching))
    if len(voxels) == 0:
        raise InputError("anatomy: found no fluid beside grey matter; give maps of grey matter, white matter and fluid")
    cell = np.floor(voxels * anatomy.voxel_size_mm / spacing_mm).astype(int)
    _, first = np.unique(cell, axis=0, return_index=True)
    return voxels[np.sort(first)]


def _nearest(anatomy: Anatomy, flow: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which of the points (P, 3) is nearest to each voxel with flow, in C order."""
    served = np.argwhere(flow > 0)
    return cKDTree(points).query((served + 0.5) * anatomy.voxel_size_mm, workers=-1)[1]


def _root_of(parent: np.ndarray) -> np.ndarray:
    """Root of each node's tree, (G,)."""
    root = np.arange(len(parent))
    for node in range(len(parent)):
        if parent[node] >= 0:
            root[node] = root[parent[node]]
    return root


def _owners(
    position: np.ndarray,
    parent: np.ndarray,
    tree: np.ndarray,
    ends: np.ndarray,
    at_end: np.ndarray,
    leaf: np.ndarray,
    at_leaf: np.ndarray,
    shares: np.ndarray | None,
) -> np.ndarray:
    """Number of the great tree that each end joins, (E,)."""
    roots = np.unique(tree)
    points, node = points_along(position, parent)
    distance = distances_to([points[tree[node] == root] for root in roots], ends)
    if shares is None or len(roots) == 1:
        return np.argmin(distance, axis=1)
    places = np.concatenate([distance, np.zeros((len(leaf), len(roots)))])
    fixed = np.concatenate([np.full(len(ends), -1), np.searchsorted(roots, tree[leaf])])
    return divide(places, np.concatenate([at_end, at_leaf]), shares, fixed)[: len(ends)]


@dataclass(frozen=True)
class _Tree:
    """One great tree with its pial vessels."""

    position: np.ndarray
    parent: np.ndarray
    flow: np.ndarray
    source: np.ndarray


def _grow_tree(
    anatomy: Anatomy,
    wanted: np.ndarray,
    position: np.ndarray,
    parent: np.ndarray,
    radius: np.ndarray,
    own_flow: np.ndarray,
    mine: np.ndarray,
    seed: np.random.SeedSequence,
    n_candidates: int,
) -> _Tree:
    """Grow the pial vessels of one great tree, whose nodes are `mine`."""
    place = np.full(len(parent) + 1, -1)
    place[mine] = np.arange(len(mine))
    own_parent = place[parent[mine]]
    # What the tree will carry in all, spread over its vessels by the cubes of their radii (Murray).
    whole = wanted.sum() + own_flow[mine].sum()
    trunk = Trunk(position[mine], own_parent, whole * (radius[mine] / radius[mine[0]]) ** 3)
    if not wanted.any():
        flow = np.maximum(flow_from_terminals(own_parent, own_flow[mine]), LEAST_FLOW * whole)
        return _Tree(position[mine], own_parent, flow, mine)
    grown = grow_from_trunk(
        wanted,
        trunk,
        seed=seed,
        voxel_size_mm=anatomy.voxel_size_mm,
        n_candidates=n_candidates,
        avoided=~anatomy.shell,
        keep_unused=True,
    )
    forest, origin = grown.forest, grown.origin
    at_node = np.zeros(forest.n_nodes)
    at_node[forest.terminal[wanted > 0]] = wanted[wanted > 0]
    # What the end of a great vessel hands on, the last piece of its last segment does.
    inner = np.zeros(forest.n_nodes, bool)
    inner[forest.parent[(forest.parent >= 0) & (origin >= 0) & (origin == origin[forest.parent])]] = True
    last = np.flatnonzero((origin >= 0) & ~inner)
    at_node[last] += own_flow[mine[origin[last]]]
    flow = flow_from_terminals(forest.parent, at_node)
    return _Tree(
        forest.position,
        forest.parent,
        np.maximum(flow, LEAST_FLOW * wanted[wanted > 0].mean()),
        np.where(origin >= 0, mine[origin], -1),
    )


def _joined(parts: list[_Tree], territory: np.ndarray, anatomy: Anatomy) -> Scaffold:
    start = np.cumsum([0, *(len(part.parent) for part in parts)])
    parent = np.concatenate([np.where(p.parent >= 0, p.parent + s, -1) for p, s in zip(parts, start, strict=False)])
    position = np.concatenate([part.position for part in parts])
    source = np.concatenate([part.source for part in parts])
    root = np.repeat(np.arange(len(parts)), np.diff(start))
    trunk = Trunk(position, parent.astype(np.int32), np.concatenate([part.flow for part in parts]))
    return Scaffold(trunk, source, root, territory, _share_in_tissue(trunk, source, anatomy))


def _share_in_tissue(trunk: Trunk, source: np.ndarray, anatomy: Anatomy) -> float:
    points, node = points_along(trunk.position, trunk.parent)
    pial = points[source[node] < 0]
    voxel = np.minimum((pial / anatomy.voxel_size_mm).astype(int), np.array(anatomy.shell.shape) - 1)
    return float(np.mean(~anatomy.shell[tuple(voxel.T)])) if len(pial) else 0.0
