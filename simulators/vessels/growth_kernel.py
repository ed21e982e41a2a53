"""The compiled loop behind `simulators.vessels.growth`.

Per terminal: one search among the segments nearby, one walk to the inlet to compare the candidates, one to
pass the new flow on. Each time the forest has doubled, nodes and cells are put in order, for the sake of caches.

Walks end at the trunk, if there is one: its vessels stay where they are and carry the flow that they were given,
so what one more terminal costs from there to the inlet is known beforehand (`price`).
"""

import math

import numpy as np

from simulators.machine.compiling import njit
from simulators.vessels.join_point import bifurcation, branch_off, distance, moved_out, weighted_length
from simulators.vessels.segment_cells import lay_cells, list_segment, most_new_blocks, nearest_segments, unlist_segment
from simulators.vessels.tree_order import order_depth_first

DRAWS_FOR_A_FIRST_TERMINAL = 32

# All that a walk to the inlet reads of a node lies in one cache line.
NODE = np.dtype(
    [
        ("x", np.float64),
        ("y", np.float64),
        ("z", np.float64),
        ("flow", np.float64),
        ("root", np.float64),  # flow^(1/3)
        ("length", np.float64),
        # Growth of the path below this node, for the search that marked it; in the trunk: volume that the way from the
        # inlet to this node gains with each unit of flow.
        ("below", np.float64),
        ("parent", np.int32),
        ("mark", np.int32),  # the last search whose first candidate had this node upstream; −1: none; −2 − i: trunk
    ],
    align=True,
)

TRUNK = -2
"""Mark of the trunk's first node; a piece of the segment that ends in its node i is marked TRUNK − i."""


@njit()
def grow(flow, shape, size, p_new, reach, n_candidates, rng, nodes, n, arrays, avoidance):  # type: ignore[no-untyped-def]
    """Grow one terminal into each voxel with flow; see `simulators.vessels.growth.grow_forest`.

    Args:
        nodes: of `NODE`; what there is to grow from, and behind it room for two nodes a voxel, filled in place.
        n: how many there are to grow from.
        arrays: workspace for the cells of as many nodes.
        avoidance: see `weighted_length`.

    Returns:
        Number of nodes, terminal node by voxel, number of voxels left unserved.
    """
    free = np.flatnonzero(flow > 0)
    n_free = free.size
    slot = np.full(flow.size, -1, np.int64)
    slot[free] = np.arange(n_free)
    terminal = np.full(flow.size, -1, np.int64)
    extent = shape * size
    candidate = np.empty(n_candidates, np.int64)
    distance = np.empty(n_candidates)
    point, first = np.empty(3), np.empty(3)
    cells, n_blocks = lay_cells(nodes, n, extent, arrays)
    n_next_layout = max(2 * n, 64)
    failures = 0
    while n_free > 0 and failures < 100_000 + 100 * n_free:
        served = free[int(rng.random() * n_free)]
        _draw_in_voxel(served, shape, size, rng, point)
        before = n
        moved = -1
        if rng.random() < p_new:
            served = _draw_first_terminal(point, served, shape, size, reach, free, n_free, slot, rng, first)
            if served >= 0:
                n = _place(nodes, n, point[0], point[1], point[2], -1, flow[served])
                n = _place(nodes, n, first[0], first[1], first[2], n - 1, flow[served])
        else:
            found = nearest_segments(point, cells, reach, candidate, distance)
            if found > 0:
                n, moved = _join(point, flow[served], candidate[:found], nodes, n, cells, avoidance)
        if n == before:
            failures += 1
            continue
        failures = 0
        terminal[served] = n - 1
        n_free -= 1
        free[slot[served]] = free[n_free]
        slot[free[n_free]] = slot[served]
        slot[served] = -1
        n_blocks = _list_new(nodes, before, n, moved, cells, n_blocks)
        if n_free > 0 and (n >= n_next_layout or n_blocks < 0):
            _put_in_order(nodes, n, terminal)
            cells, n_blocks = lay_cells(nodes, n, extent, arrays)
            n_next_layout = max(2 * n, 64)
    return n, terminal, n_free


@njit()
def _put_in_order(nodes, n, terminal):  # type: ignore[no-untyped-def]
    """Put the nodes in depth-first order, so that the way to an inlet is a few runs in memory."""
    order = order_depth_first(nodes.parent[:n])
    unordered = nodes[:n].copy()
    place = np.empty(n, np.int32)
    for k in range(n):
        place[order[k]] = k
    for k in range(n):
        nodes[k] = unordered[order[k]]
        if nodes[k].parent >= 0:
            nodes[k].parent = place[nodes[k].parent]
    for voxel in range(terminal.size):
        if terminal[voxel] >= 0:
            terminal[voxel] = place[terminal[voxel]]


@njit()
def _place(nodes, n, x, y, z, parent, flow):  # type: ignore[no-untyped-def]
    """Write node n behind its parent (−1: an inlet); returns n + 1."""
    node = nodes[n]
    node.x, node.y, node.z = x, y, z
    node.parent = parent
    node.mark = -1
    node.flow = flow
    node.root = np.cbrt(flow)
    node.length = 0.0 if parent < 0 else _span(x, y, z, nodes[parent])
    return n + 1


@njit()
def _list_new(nodes, before, n, moved, cells, n_blocks):  # type: ignore[no-untyped-def]
    """List the segments that are new or moved; returns the blocks in use, −1 if there are not enough."""
    needed = n_blocks
    for node in range(before, n):
        needed += most_new_blocks(nodes, node, cells)
    if moved >= 0:
        needed += most_new_blocks(nodes, moved, cells)
    if needed > cells[2].shape[0]:
        return -1
    for node in range(before, n):
        if nodes[node].parent >= 0:
            n_blocks = list_segment(node, nodes, cells, n_blocks)
    if moved >= 0:
        n_blocks = list_segment(moved, nodes, cells, n_blocks)
    return n_blocks


@njit()
def _draw_in_voxel(voxel, shape, size, rng, point):  # type: ignore[no-untyped-def]
    point[0] = (voxel // (shape[1] * shape[2]) + rng.random()) * size[0]
    point[1] = (voxel // shape[2] % shape[1] + rng.random()) * size[1]
    point[2] = (voxel % shape[2] + rng.random()) * size[2]


@njit()
def _draw_first_terminal(point, voxel, shape, size, reach, free, n_free, slot, rng, first):  # type: ignore[no-untyped-def]
    """Draw a tree's first terminal uniformly within reach of its inlet; returns its voxel or −1."""
    everywhere = reach * reach >= np.sum((shape * size) ** 2)
    for _ in range(DRAWS_FOR_A_FIRST_TERMINAL):
        if everywhere:
            target = free[int(rng.random() * n_free)]
            _draw_in_voxel(target, shape, size, rng, first)
        else:
            squared = 0.0
            target = 0
            inside = True
            for axis in range(3):
                offset = (2 * rng.random() - 1) * reach
                squared += offset * offset
                first[axis] = point[axis] + offset
                index = math.floor(first[axis] / size[axis])
                inside = inside and 0 <= index < shape[axis]
                target = target * shape[axis] + index
            if not inside or squared > reach * reach or slot[target] < 0:
                continue
        if target != voxel:
            return target
    return -1


@njit()
def _join(point, flow, candidate, nodes, n, cells, avoidance):  # type: ignore[no-untyped-def]
    """Join a terminal to the cheapest candidate; returns the number of nodes and the segment that moved or −1."""
    best, x, y, z = _cheapest_join(point, flow, candidate, nodes, n, avoidance)
    unlist_segment(best, nodes, cells)
    if nodes[best].parent < 0:  # a given inlet gets its first segment
        joint, moved = best, -1
    else:
        joint, moved = n, best
        n = _place(nodes, n, x, y, z, nodes[best].parent, nodes[best].flow)
        nodes[best].parent = joint
        nodes[best].length = _span(x, y, z, nodes[best])
        if nodes[best].mark <= TRUNK:
            nodes[joint].mark = nodes[best].mark
            nodes[joint].below = nodes[best].below - nodes[best].length * _price(nodes[best])
    n = _place(nodes, n, point[0], point[1], point[2], joint, flow)
    while joint >= 0 and nodes[joint].mark > TRUNK:
        node = nodes[joint]
        node.root = _root_with_more(node, flow)
        node.flow += flow
        joint = node.parent
    return n, moved


@njit()
def _cheapest_join(point, flow, candidate, nodes, search, avoidance):  # type: ignore[no-untyped-def]
    """The candidate segment, and the point to join it, for which the volume of the whole tree grows least.

    Candidates share most of their way to the inlet, so the first one's way is marked and the others walk
    only until they meet it, or the trunk.
    """
    least = np.inf
    best = -1
    best_x = best_y = best_z = 0.0
    first_way = 0.0
    terminal_weight = np.cbrt(flow) ** 2
    target = (point[0], point[1], point[2])
    for k in range(candidate.size):
        c = nodes[candidate[k]]
        if c.parent < 0:
            x, y, z = c.x, c.y, c.z
            growth = terminal_weight * weighted_length((x, y, z), target, avoidance)
        elif c.mark <= TRUNK:
            p = nodes[c.parent]
            price = flow * _price(c)
            x, y, z = branch_off((p.x, p.y, p.z), (c.x, c.y, c.z), target, price, terminal_weight)
            growth = (
                flow * p.below
                + price * _span(x, y, z, p)
                + terminal_weight * weighted_length((x, y, z), target, avoidance)
            )
        else:
            p = nodes[c.parent]
            a, b = (p.x, p.y, p.z), (c.x, c.y, c.z)
            weight, joint_weight = c.root**2, _root_with_more(c, flow) ** 2
            joint = moved_out(bifurcation(a, b, target, joint_weight, weight, terminal_weight), avoidance)
            x, y, z = joint
            growth = (
                joint_weight * weighted_length(a, joint, avoidance)
                + weight * (weighted_length(joint, b, avoidance) - weighted_length(a, b, avoidance))
                + terminal_weight * weighted_length(joint, target, avoidance)
            )
            way = 0.0
            above = c.parent
            while nodes[above].parent >= 0 or nodes[above].mark <= TRUNK:
                node = nodes[above]
                if node.mark <= TRUNK:
                    way += flow * node.below
                    break
                if k > 0 and node.mark == search:
                    way += first_way - node.below
                    break
                if k == 0:
                    node.mark = search
                    node.below = way
                way += node.length * (_root_with_more(node, flow) ** 2 - node.root**2)
                above = node.parent
            if k == 0:
                first_way = way
            growth += way
        if growth < least:
            least = growth
            best = candidate[k]
            best_x, best_y, best_z = x, y, z
    return best, best_x, best_y, best_z


@njit(error_model="numpy")
def _price(node):  # type: ignore[no-untyped-def]
    """Volume that a unit of length of a trunk's vessel gains with a unit of flow: d F^(2/3) / dF."""
    return 2 / (3 * node.root)


@njit(error_model="numpy")
def _root_with_more(node, more):  # type: ignore[no-untyped-def]
    """(flow + more)^(1/3): three of Halley's iterations from flow^(1/3), a third of the time of a cube root.

    Each makes of a relative error e one of 2/3 e³: from 0.21 at more = flow to below rounding.
    """
    total = node.flow + more
    if more > node.flow:
        return np.cbrt(total)
    root = node.root
    for _ in range(3):
        cube = root * root * root
        root *= (cube + 2 * total) / (2 * cube + total)
    return root


@njit()
def _span(x, y, z, node):  # type: ignore[no-untyped-def]
    return distance(x, y, z, (node.x, node.y, node.z))
