"""Which vessel segments are near a point: cubic cells that list the segments passing through them.

Each segment is listed in the cells of sample points along it. A listing holds the segment's two ends, so a
search reads memory in runs and touches the tree itself only for segments that are near enough. Nodes never
move, so a listing (node, parent) is out of date exactly if the node has another parent by now; such listings
stay until the cells are laid anew.
"""

import math

import numpy as np

from simulators.compiling import njit

LISTINGS_PER_BLOCK = 8
"""A cell is a chain of blocks of this many listings, so that most cells are one run in memory."""

SAMPLES_PER_CELL = 2.0
"""Sample points of a segment are at most 1/SAMPLES_PER_CELL cell edges apart."""


def workspace(n_nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Room for the cells of a forest of n_nodes, laid anew as often as it takes.

    NumPy asks the kernel for large pages for large arrays, which the searches, random in memory, gain from.
    """
    n_blocks = n_nodes + 256
    link = np.empty((n_blocks, 2), np.int32)  # listings in the block, next block or −1
    ends = np.empty((n_blocks, LISTINGS_PER_BLOCK, 6), np.float32)
    owner = np.empty((n_blocks, LISTINGS_PER_BLOCK, 2), np.int32)
    return link, ends, owner


@njit()
def lay_cells(nodes, n, extent, room):  # type: ignore[no-untyped-def]
    """Lay cells of about four terminals each in a workspace and list all segments.

    Returns:
        The cells and the number of blocks in use. The first blocks are the heads of the cells; further ones are
        chained to them as they fill.
    """
    link, ends, owner = room
    total_length = 0.0
    for node in range(n):
        total_length += nodes[node].length
    edge = min((extent[0] * extent[1] * extent[2] / max(n / 8.0, 1.0)) ** (1 / 3), extent.max())
    dims = np.empty(3, np.int64)
    while True:
        for axis in range(3):
            dims[axis] = max(int(math.ceil(extent[axis] / edge)), 1)
        n_cells = dims[0] * dims[1] * dims[2]
        listings = n + SAMPLES_PER_CELL * total_length / edge
        if n_cells + listings / LISTINGS_PER_BLOCK < 0.75 * link.shape[0]:
            break
        edge *= 1.25
    link[:n_cells, 0] = 0
    link[:n_cells, 1] = -1
    cells = (edge, dims, link, ends, owner)
    n_used = n_cells
    for node in range(n):
        n_used = list_segment(node, nodes, cells, n_used)
    return cells, n_used


@njit()
def list_segment(node, nodes, cells, n_used):  # type: ignore[no-untyped-def]
    """List one segment in the cells of its samples; returns the number of blocks in use."""
    edge, dims, link, ends, owner = cells
    above = nodes[node].parent
    a = nodes[node] if above < 0 else nodes[above]
    b = nodes[node]
    n_samples = 1 + int(SAMPLES_PER_CELL * b.length / edge)
    last = -1
    for k in range(n_samples):
        share = (k + 0.5) / n_samples
        x = min(max(int((a.x + share * (b.x - a.x)) / edge), 0), dims[0] - 1)
        y = min(max(int((a.y + share * (b.y - a.y)) / edge), 0), dims[1] - 1)
        z = min(max(int((a.z + share * (b.z - a.z)) / edge), 0), dims[2] - 1)
        block = (x * dims[1] + y) * dims[2] + z
        if block == last:
            continue
        last = block
        # The head is kept the one with room: when full, its listings move to a new block behind it.
        if link[block, 0] == LISTINGS_PER_BLOCK:
            link[n_used] = link[block]
            ends[n_used] = ends[block]
            owner[n_used] = owner[block]
            link[block, 0], link[block, 1] = 0, n_used
            n_used += 1
        place = link[block, 0]
        link[block, 0] += 1
        ends[block, place, 0], ends[block, place, 1], ends[block, place, 2] = a.x, a.y, a.z
        ends[block, place, 3], ends[block, place, 4], ends[block, place, 5] = b.x, b.y, b.z
        owner[block, place, 0], owner[block, place, 1] = node, above
    return n_used


@njit()
def most_new_blocks(nodes, node, cells):  # type: ignore[no-untyped-def]
    """Blocks that listing one segment may take at most."""
    return 1 + int(SAMPLES_PER_CELL * nodes[node].length / cells[0])


@njit()
def nearest_segments(point, nodes, cells, reach, candidate, distance):  # type: ignore[no-untyped-def]
    """The segments nearest to a point and within reach, nearest first.

    Args:
        point: mm, (3,).
        candidate: filled with their nodes, (n_candidates,).
        distance: filled with their distances in mm, (n_candidates,).

    Returns:
        How many were found.
    """
    edge, dims, link, ends, owner = cells
    slack = 0.5 * edge / SAMPLES_PER_CELL  # from any point of a segment to its nearest sample
    found = 0
    limit = reach
    home_x = min(int(point[0] / edge), dims[0] - 1)
    home_y = min(int(point[1] / edge), dims[1] - 1)
    home_z = min(int(point[2] / edge), dims[2] - 1)
    ring = 0
    while ring <= dims.max():
        nearest_cell = np.inf
        for x in range(max(home_x - ring, 0), min(home_x + ring, dims[0] - 1) + 1):
            gap_x = max(x * edge - point[0], point[0] - (x + 1) * edge, 0.0)
            for y in range(max(home_y - ring, 0), min(home_y + ring, dims[1] - 1) + 1):
                gap_y = max(y * edge - point[1], point[1] - (y + 1) * edge, 0.0)
                on_shell = abs(x - home_x) == ring or abs(y - home_y) == ring
                step = 1 if on_shell else max(2 * ring, 1)
                for z in range(home_z - ring, home_z + ring + 1, step):
                    if not 0 <= z < dims[2]:
                        continue
                    gap_z = max(z * edge - point[2], point[2] - (z + 1) * edge, 0.0)
                    gap = math.sqrt(gap_x * gap_x + gap_y * gap_y + gap_z * gap_z) - slack
                    nearest_cell = min(nearest_cell, gap)
                    if gap > limit:
                        continue
                    block = (x * dims[1] + y) * dims[2] + z
                    while block >= 0:
                        for place in range(link[block, 0]):
                            away = _distance_to_segment(point, ends[block, place])
                            if away <= limit and _is_current(nodes, owner[block, place]):
                                found = _insert(owner[block, place, 0], away, candidate, distance, found)
                                if found == candidate.size:
                                    limit = distance[found - 1]
                        block = link[block, 1]
        if nearest_cell > limit:
            break
        ring += 1
    return found


@njit()
def _is_current(nodes, owner):  # type: ignore[no-untyped-def]
    node = nodes[owner[0]]
    if owner[1] < 0:
        return node.flow == 0  # an inlet, of interest until its first segment is there
    return node.parent == owner[1]


@njit()
def _distance_to_segment(point, ends):  # type: ignore[no-untyped-def]
    dx, dy, dz = ends[3] - ends[0], ends[4] - ends[1], ends[5] - ends[2]
    px, py, pz = point[0] - ends[0], point[1] - ends[1], point[2] - ends[2]
    squared = dx * dx + dy * dy + dz * dz
    share = 0.0
    if squared > 0:
        share = min(max((px * dx + py * dy + pz * dz) / squared, 0.0), 1.0)
    return math.sqrt((px - share * dx) ** 2 + (py - share * dy) ** 2 + (pz - share * dz) ** 2)


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
