"""Which vessel segments are near a point: cubic cells that list the segments passing through them.

Each segment is listed in the cells of sample points along it, with its two ends, so a search reads memory in
runs and never touches the tree itself. A cell is a chain of blocks of eight listings, and a block is eight rows
of eight numbers: x, y, z of the starts, x, y, z of the ends, the nodes, and a row with the count of listings and
the next block. So a block is four cache lines, and the compiler makes one vector instruction of each step for
all its eight segments. Single precision is enough to tell which segments are nearest.
"""

import math

import numpy as np

from simulators.machine.compiling import njit

LISTINGS_PER_BLOCK = 8
NODE_ROW, LAST_ROW = 6, 7
COUNT, NEXT = 0, 1
"""Columns of the last row."""

SAMPLES_PER_CELL = 3.0
"""Sample points of a segment are at most 1/SAMPLES_PER_CELL cell edges apart."""

NODES_PER_CELL = 4.0
"""Mean number of nodes in a cell when the cells are laid; about twice as many before they are laid anew."""


def workspace(n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Room for the cells of a forest of n_nodes, laid anew as often as it takes: one memory, read as two types.

    NumPy asks the kernel for large pages for large arrays, which the searches, random in memory, gain from.
    """
    real = np.empty((n_nodes + 256, 8, LISTINGS_PER_BLOCK), np.float32)
    return real, real.view(np.int32)


@njit()
def lay_cells(nodes, n, extent, arrays):  # type: ignore[no-untyped-def]
    """Lay cells of about `NODES_PER_CELL` in a workspace and list all segments.

    Returns:
        The cells and the number of blocks in use. The first blocks are the heads of the cells; further ones are
        chained to them as they fill.
    """
    real, integer = arrays
    total_length = 0.0
    for node in range(n):
        total_length += nodes[node].length
    edge = min((extent[0] * extent[1] * extent[2] * NODES_PER_CELL / max(n, NODES_PER_CELL)) ** (1 / 3), extent.max())
    dims = np.empty(3, np.int64)
    while True:
        for axis in range(3):
            dims[axis] = max(math.ceil(extent[axis] / edge), 1)
        n_cells = dims[0] * dims[1] * dims[2]
        listings = n + SAMPLES_PER_CELL * total_length / edge
        if n_cells + listings / LISTINGS_PER_BLOCK < 0.75 * real.shape[0]:
            break
        edge *= 1.25
    for cell in range(n_cells):
        integer[cell, LAST_ROW, COUNT] = 0
        integer[cell, LAST_ROW, NEXT] = -1
    cells = (edge, dims, real, integer)
    n_used = n_cells
    for node in range(n):
        if nodes[node].parent >= 0 or nodes[node].flow == 0:
            n_used = list_segment(node, nodes, cells, n_used)
    return cells, n_used


@njit()
def list_segment(node, nodes, cells, n_used):  # type: ignore[no-untyped-def]
    """List one segment (of a node without parent: the point) in the cells of its samples; returns the blocks in use."""
    edge, dims, real, integer = cells
    b = nodes[node]
    a = nodes[b.parent] if b.parent >= 0 else b
    n_samples = _n_samples(b, edge)
    last = -1
    for k in range(n_samples):
        head = _cell_of_sample(a, b, (k + 0.5) / n_samples, edge, dims)
        if head == last:
            continue
        last = head
        # The head is kept the one with room: when full, its listings move to a new block behind it.
        if integer[head, LAST_ROW, COUNT] == LISTINGS_PER_BLOCK:
            for row in range(8):
                for place in range(LISTINGS_PER_BLOCK):
                    integer[n_used, row, place] = integer[head, row, place]
            integer[head, LAST_ROW, COUNT], integer[head, LAST_ROW, NEXT] = 0, n_used
            n_used += 1
        place = integer[head, LAST_ROW, COUNT]
        integer[head, LAST_ROW, COUNT] += 1
        real[head, 0, place], real[head, 1, place], real[head, 2, place] = a.x, a.y, a.z
        real[head, 3, place], real[head, 4, place], real[head, 5, place] = b.x, b.y, b.z
        integer[head, NODE_ROW, place] = node
    return n_used


@njit()
def unlist_segment(node, nodes, cells):  # type: ignore[no-untyped-def]
    """Take a segment out of all cells, before its parent changes."""
    edge, dims, _, integer = cells
    b = nodes[node]
    a = nodes[b.parent] if b.parent >= 0 else b
    n_samples = _n_samples(b, edge)
    last = -1
    for k in range(n_samples):
        head = _cell_of_sample(a, b, (k + 0.5) / n_samples, edge, dims)
        if head == last:
            continue
        last = head
        block = head
        while block >= 0:
            count = integer[block, LAST_ROW, COUNT]
            for place in range(count):
                if integer[block, NODE_ROW, place] == node:
                    for row in range(NODE_ROW + 1):
                        integer[block, row, place] = integer[block, row, count - 1]
                    integer[block, LAST_ROW, COUNT] = count - 1
                    break
            block = integer[block, LAST_ROW, NEXT]


@njit()
def most_new_blocks(nodes, node, cells):  # type: ignore[no-untyped-def]
    """Blocks that listing one segment may take at most."""
    return _n_samples(nodes[node], cells[0])


@njit()
def _n_samples(node, edge):  # type: ignore[no-untyped-def]
    return 1 + int(SAMPLES_PER_CELL * node.length / edge)


@njit()
def _cell_of_sample(a, b, share, edge, dims):  # type: ignore[no-untyped-def]
    x = min(max(int((a.x + share * (b.x - a.x)) / edge), 0), dims[0] - 1)
    y = min(max(int((a.y + share * (b.y - a.y)) / edge), 0), dims[1] - 1)
    z = min(max(int((a.z + share * (b.z - a.z)) / edge), 0), dims[2] - 1)
    return (x * dims[1] + y) * dims[2] + z


@njit()
def nearest_segments(point, cells, reach, candidate, distance):  # type: ignore[no-untyped-def]
    """The segments nearest to a point and within reach, nearest first.

    Args:
        point: mm, (3,).
        candidate: filled with their nodes, (n_candidates,).
        distance: filled with their distances in mm, (n_candidates,).

    Returns:
        How many were found.
    """
    edge, dims, real, integer = cells
    slack = 0.5 * edge / SAMPLES_PER_CELL  # from any point of a segment to its nearest sample
    px, py, pz = np.float32(point[0]), np.float32(point[1]), np.float32(point[2])
    squared = np.empty(LISTINGS_PER_BLOCK, np.float32)
    found = 0
    limit = np.float32(reach * reach)
    cell_limit = (reach + slack) ** 2
    home_x = min(int(point[0] / edge), dims[0] - 1)
    home_y = min(int(point[1] / edge), dims[1] - 1)
    home_z = min(int(point[2] / edge), dims[2] - 1)
    ring = 0
    near = True
    while near:
        near = False
        for x in range(max(home_x - ring, 0), min(home_x + ring, dims[0] - 1) + 1):
            gap_x = max(x * edge - point[0], point[0] - (x + 1) * edge, 0.0)
            for y in range(max(home_y - ring, 0), min(home_y + ring, dims[1] - 1) + 1):
                gap_y = max(y * edge - point[1], point[1] - (y + 1) * edge, 0.0)
                gap_xy = gap_x * gap_x + gap_y * gap_y
                if gap_xy > cell_limit:
                    continue
                on_shell = abs(x - home_x) == ring or abs(y - home_y) == ring
                step = 1 if on_shell else max(2 * ring, 1)
                for z in range(home_z - ring, home_z + ring + 1, step):
                    gap_z = max(z * edge - point[2], point[2] - (z + 1) * edge, 0.0)
                    if not 0 <= z < dims[2] or gap_xy + gap_z * gap_z > cell_limit:
                        continue
                    near = True
                    block = (x * dims[1] + y) * dims[2] + z
                    while block >= 0:
                        _squared_distances(px, py, pz, real[block], squared)
                        for place in range(integer[block, LAST_ROW, COUNT]):
                            if squared[place] <= limit:
                                found = _insert(
                                    integer[block, NODE_ROW, place], squared[place], candidate, distance, found
                                )
                                if found == candidate.size:
                                    limit = np.float32(distance[found - 1])
                                    cell_limit = (math.sqrt(limit) + slack) ** 2
                        block = integer[block, LAST_ROW, NEXT]
        ring += 1
    for k in range(found):
        distance[k] = math.sqrt(distance[k])
    return found


@njit(error_model="numpy")
def _squared_distances(px, py, pz, ends, squared):  # type: ignore[no-untyped-def]
    """Squared distances (mm²) between a point and the eight segments of a block; rubbish beyond its count."""
    zero, one, tiny = np.float32(0), np.float32(1), np.float32(1e-30)
    for k in range(LISTINGS_PER_BLOCK):
        dx, dy, dz = ends[3, k] - ends[0, k], ends[4, k] - ends[1, k], ends[5, k] - ends[2, k]
        ax, ay, az = px - ends[0, k], py - ends[1, k], pz - ends[2, k]
        share = (ax * dx + ay * dy + az * dz) / max(dx * dx + dy * dy + dz * dz, tiny)
        share = min(max(share, zero), one)
        x, y, z = ax - share * dx, ay - share * dy, az - share * dz
        squared[k] = x * x + y * y + z * z


@njit()
def _insert(node, away, candidate, distance, found):  # type: ignore[no-untyped-def]
    for k in range(found):
        if candidate[k] == node:  # listed in several cells
            return found
    k = min(found, candidate.size - 1)
    while k > 0 and distance[k - 1] > away:
        distance[k] = distance[k - 1]
        candidate[k] = candidate[k - 1]
        k -= 1
    distance[k] = away
    candidate[k] = node
    return min(found + 1, candidate.size)
