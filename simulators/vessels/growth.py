"""Constrained constructive optimization: a vessel forest that grows terminal by terminal.

Each new terminal joins the existing segment, of the few nearest, at the point where the volume of the
whole tree grows least; with a small probability it starts a tree of its own instead. The volume is
Σ l F^(2/3), by Murray's law, so the point is the weighted Fermat–Torricelli point of a triangle, which
has a closed form.

Sources: Schreiner & Buxbaum 1993 (constrained constructive optimization); the QTMnet paper (several
inlets, reach); Fermat–Torricelli point with weights: e.g. Jalal & Krarup 2003.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from simulators.errors import InputError
from simulators.seeding import Seed, generator
from simulators.vessels.forest import ARTERIAL_MURRAY_K, Forest, murray_radius
from simulators.vessels.growth_kernel import NODE, TRUNK, grow
from simulators.vessels.segment_cells import workspace
from simulators.vessels.tree_order import depth_first_order, flow_from_terminals

ANYWHERE = np.empty((0, 0, 0), np.bool_)


class UnreachedVoxels(InputError):
    """Voxels lie farther from all vessels than a new terminal may reach."""


def grow_forest(
    flow: np.ndarray,
    *,
    seed: Seed,
    voxel_size_mm: float | tuple[float, float, float] = 1.0,
    new_inlet_probability: float = 0.01,
    reach_mm: float = 5.0,
    n_candidates: int = 3,
    murray_k: float = ARTERIAL_MURRAY_K,
    inlets: np.ndarray | None = None,
) -> Forest:
    """Grow a forest with exactly one terminal in each voxel that has flow.

    Args:
        flow: mm³/s that each voxel needs, (X, Y, Z); voxels of zero flow get no vessel.
        seed: of the random draws; the same seed gives the same forest, bit for bit.
        voxel_size_mm: edge lengths of a voxel.
        new_inlet_probability: that a drawn point starts a tree of its own.
        reach_mm: longest distance from a new terminal to the segment that it joins; doubled, as often as need be, if
            voxels with flow lie apart from all others, beyond voxels without.
        n_candidates: nearest segments to compare.
        murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3).
        inlets: mm, (n, 3): points to grow from, beside those drawn.

    Returns:
        The forest, with flows in mm³/s that add up to the map's total.

    Raises:
        InputError: for flow that is negative, not finite or all zero.
        UnreachedVoxels: for settings under which some voxel can never be reached.
    """
    size = np.broadcast_to(np.asarray(voxel_size_mm, float), 3)
    given = np.empty((0, 3)) if inlets is None else np.asarray(inlets, float).reshape(-1, 3)
    _check(flow, size, new_inlet_probability, reach_mm, n_candidates, given)
    start = np.zeros(len(given), NODE)
    start["x"], start["y"], start["z"] = given.T
    start["parent"] = start["mark"] = -1
    diagonal = float(np.linalg.norm(size * np.shape(flow)))
    while True:
        try:
            nodes, terminal = _grow(
                flow, size, start, seed, n_candidates, new_inlet_probability=new_inlet_probability, reach_mm=reach_mm
            )
            return _forest(nodes, terminal, nodes["flow"].copy(), size, murray_k)
        except UnreachedVoxels:
            if np.all(flow) or reach_mm > diagonal:
                raise
            reach_mm *= 2


@dataclass(frozen=True)
class Trunk:
    """Vessels that stand before a forest grows on them, and stay where they are.

    Attributes:
        position: mm from the corner of the domain, (M, 3).
        parent: node before each node, −1 at inlets, parents first, (M,).
        flow: mm³/s expected in the segment that ends in each node, above 0, (M,). It sets what joining there costs,
            by the marginal volume d F^(2/3) / dF of the way to the inlet; what will flow is the sum over the terminals.
    """

    position: np.ndarray
    parent: np.ndarray
    flow: np.ndarray


@dataclass(frozen=True)
class GrownForest:
    """A forest that has grown from a trunk.

    Attributes:
        forest: what blood flows through.
        origin: for each node of the forest the node of the trunk whose segment it is part of, −1 if it has grown, (N,).
    """

    forest: Forest
    origin: np.ndarray


def grow_from_trunk(
    flow: np.ndarray,
    trunk: Trunk,
    *,
    seed: Seed,
    voxel_size_mm: float | tuple[float, float, float] = 1.0,
    n_candidates: int = 3,
    murray_k: float = ARTERIAL_MURRAY_K,
    avoided: np.ndarray | None = None,
    avoided_cost: float = 4.0,
    keep_unused: bool = False,
) -> GrownForest:
    """Grow one terminal into each voxel with flow from vessels that are there already, with no limit on reach.

    Args:
        flow: mm³/s that each voxel needs, (X, Y, Z); voxels of zero flow get no vessel.
        trunk: what to grow from.
        seed: of the random draws.
        voxel_size_mm: edge lengths of a voxel.
        n_candidates: nearest segments to compare.
        murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3).
        avoided: where vessels should not run, (X, Y, Z): bifurcations are moved to the nearest voxel outside of it.
        avoided_cost: a length in it counts so many times more when candidates are compared.
        keep_unused: keep ends of the trunk that nothing has joined, with no flow.

    Raises:
        InputError: for flow that is negative, not finite or all zero, or a trunk outside of the domain or without flow.
    """
    size = np.broadcast_to(np.asarray(voxel_size_mm, float), 3)
    _check(flow, size, 0.0, np.inf, n_candidates, trunk.position)
    _check_trunk(trunk, np.asarray(flow.shape) * size)
    nodes, terminal = _grow(
        flow, size, _trunk_nodes(trunk), seed, n_candidates, avoided=avoided, avoided_cost=avoided_cost
    )
    needed = np.zeros(len(nodes))
    needed[terminal[flow > 0]] = flow[flow > 0]
    through = flow_from_terminals(nodes["parent"], needed)
    used = np.arange(len(nodes)) if keep_unused else np.flatnonzero(through > 0)
    place = _renumbered(used, len(nodes))
    nodes, through, terminal = nodes[used], through[used], place[terminal]
    nodes["parent"] = place[nodes["parent"]]
    origin = np.where(nodes["mark"] <= TRUNK, TRUNK - nodes["mark"], -1)
    return GrownForest(_forest(nodes, terminal, through, size, murray_k), origin)


def _check(
    flow: np.ndarray,
    size: np.ndarray,
    new_inlet_probability: float,
    reach_mm: float,
    n_candidates: int,
    given: np.ndarray,
) -> None:
    if np.ndim(flow) != 3:
        raise InputError(f"flow: found {np.ndim(flow)} dimensions; give a map (X, Y, Z) in mm³/s")
    if not np.isfinite(flow).all() or np.min(flow) < 0 or not np.any(flow > 0):
        raise InputError("flow: found values that are negative or not finite, or no flow at all; give mm³/s, 0 outside")
    if not (size > 0).all():
        raise InputError(f"voxel_size_mm: found {size.tolist()}; give lengths above 0")
    if not 0 <= new_inlet_probability <= 1 or (new_inlet_probability == 0 and len(given) == 0):
        raise InputError(
            f"new_inlet_probability: found {new_inlet_probability}; give more than 0 and at most 1, or 0 with inlets"
        )
    if not reach_mm > 0 or n_candidates < 1:
        raise InputError(
            f"reach_mm, n_candidates: found {reach_mm}, {n_candidates}; give a length above 0 and at least 1"
        )


def _check_trunk(trunk: Trunk, extent: np.ndarray) -> None:
    if not ((trunk.position >= 0) & (trunk.position <= extent)).all():
        raise InputError(f"trunk: found nodes outside of the domain of {extent.tolist()} mm; widen the domain")
    behind = trunk.parent < np.arange(len(trunk.parent))
    if not (np.isfinite(trunk.flow) & (trunk.flow > 0) & behind).all():
        raise InputError("trunk: found nodes without flow, or before their parent; give mm³/s above 0, parents first")
    if not (trunk.parent >= 0).any():
        raise InputError("trunk: found no segment to grow from; give at least one node that has a parent")


def _trunk_nodes(trunk: Trunk) -> np.ndarray:
    nodes = np.zeros(len(trunk.parent), NODE)
    nodes["x"], nodes["y"], nodes["z"] = trunk.position.T
    nodes["parent"] = trunk.parent
    nodes["flow"], nodes["root"] = trunk.flow, np.cbrt(trunk.flow)
    begin = np.where(trunk.parent < 0, np.arange(len(nodes)), trunk.parent)
    nodes["length"] = np.linalg.norm(trunk.position - trunk.position[begin], axis=1)
    nodes["mark"] = TRUNK - np.arange(len(nodes))
    gain = nodes["length"] * 2 / (3 * nodes["root"])
    for node in range(len(nodes)):
        nodes["below"][node] = gain[node] + (nodes["below"][trunk.parent[node]] if trunk.parent[node] >= 0 else 0.0)
    return nodes


def _grow(
    flow: np.ndarray,
    size: np.ndarray,
    start: np.ndarray,
    seed: Seed,
    n_candidates: int,
    *,
    new_inlet_probability: float = 0.0,
    reach_mm: float = np.inf,
    avoided: np.ndarray | None = None,
    avoided_cost: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in depth-first order, the given ones among them, and the terminal node of each voxel."""
    nodes = np.empty(2 * np.count_nonzero(flow) + len(start), NODE)
    nodes[: len(start)] = start
    nearest = np.empty(0, np.int64) if avoided is None else _nearest_allowed(avoided, size)
    n, terminal, stuck = grow(
        np.ascontiguousarray(flow, float).ravel(),
        np.asarray(flow.shape),
        size,
        float(new_inlet_probability),
        float(reach_mm),
        int(n_candidates),
        generator(seed),
        nodes,
        len(start),
        workspace(len(nodes)),
        (
            ANYWHERE if avoided is None else np.ascontiguousarray(avoided, np.bool_),
            nearest,
            np.array(size),
            float(avoided_cost),
        ),
    )
    if stuck:
        raise UnreachedVoxels(
            f"reach_mm: found {reach_mm}; {stuck} voxels could not be reached: raise it, or new_inlet_probability"
        )
    order = depth_first_order(nodes["parent"][:n])
    place = _renumbered(order, n)
    nodes = nodes[order]
    nodes["parent"] = place[nodes["parent"]]
    return nodes, place[terminal.reshape(flow.shape)]


def _nearest_allowed(avoided: np.ndarray, size: np.ndarray) -> np.ndarray:
    """For each voxel the nearest one that is not to be avoided, in C order, (X·Y·Z,)."""
    where = distance_transform_edt(avoided, sampling=size, return_distances=False, return_indices=True)
    return np.ravel_multi_index(tuple(where.reshape(3, -1)), avoided.shape)


def _renumbered(kept: np.ndarray, n: int) -> np.ndarray:
    """New number of each of n nodes, −1 for those not kept; the last entry, which −1 finds, is −1, (n + 1,)."""
    place = np.full(n + 1, -1, np.int32)
    place[kept] = np.arange(len(kept))
    return place


def _forest(nodes: np.ndarray, terminal: np.ndarray, flow: np.ndarray, size: np.ndarray, murray_k: float) -> Forest:
    return Forest(
        position=np.stack([nodes["x"], nodes["y"], nodes["z"]], axis=1),
        parent=nodes["parent"].copy(),
        flow=flow,
        radius=murray_radius(flow, murray_k),
        terminal=terminal,
        voxel_size_mm=(float(size[0]), float(size[1]), float(size[2])),
    )
