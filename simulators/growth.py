"""Constrained constructive optimization: a vessel forest that grows terminal by terminal.

Each new terminal joins the existing segment, of the few nearest, at the point where the volume of the
whole tree grows least; with a small probability it starts a tree of its own instead. The volume is
Σ l F^(2/3), by Murray's law, so the point is the weighted Fermat–Torricelli point of a triangle, which
has a closed form.

Sources: Schreiner & Buxbaum 1993 (constrained constructive optimization); the QTMnet paper (several
inlets, reach); Fermat–Torricelli point with weights: e.g. Jalal & Krarup 2003.
"""

import numpy as np

from simulators._growth_kernel import NODE, grow
from simulators._segment_cells import workspace
from simulators.errors import InputError
from simulators.forest import ARTERIAL_MURRAY_K, Forest, depth_first_order, murray_radius
from simulators.seeding import Seed, generator


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
        reach_mm: longest distance from a new terminal to the segment that it joins.
        n_candidates: nearest segments to compare.
        murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3).
        inlets: mm, (n, 3): points to grow from, beside those drawn.

    Returns:
        The forest, with flows in mm³/s that add up to the map's total.

    Raises:
        InputError: for flow that is negative, not finite or all zero, and for settings under which some
            voxel can never be reached.
    """
    size = np.broadcast_to(np.asarray(voxel_size_mm, float), 3)
    given = np.empty((0, 3)) if inlets is None else np.asarray(inlets, float).reshape(-1, 3)
    _check(flow, size, new_inlet_probability, reach_mm, n_candidates, given)
    nodes = np.empty(2 * np.count_nonzero(flow) + len(given), NODE)
    n, terminal, stuck = grow(
        np.ascontiguousarray(flow, float).ravel(),
        np.asarray(flow.shape),
        size,
        given,
        float(new_inlet_probability),
        float(reach_mm),
        int(n_candidates),
        generator(seed),
        nodes,
        workspace(len(nodes)),
    )
    if stuck:
        raise InputError(
            f"reach_mm: found {reach_mm}; {stuck} voxels could not be reached: raise it, or new_inlet_probability"
        )
    return _in_depth_first_order(nodes[:n], terminal.reshape(flow.shape), size, murray_k)


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


def _in_depth_first_order(nodes: np.ndarray, terminal: np.ndarray, size: np.ndarray, murray_k: float) -> Forest:
    order = depth_first_order(nodes["parent"])
    nodes = nodes[order]
    place = np.empty(len(order) + 1, np.int32)
    place[order] = np.arange(len(order))
    place[-1] = -1  # what has no parent or no terminal keeps −1
    return Forest(
        position=np.stack([nodes["x"], nodes["y"], nodes["z"]], axis=1),
        parent=place[nodes["parent"]],
        flow=nodes["flow"].copy(),
        radius=murray_radius(nodes["flow"], murray_k),
        terminal=place[terminal],
        voxel_size_mm=(float(size[0]), float(size[1]), float(size[2])),
    )
