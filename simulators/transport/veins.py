"""Label on its way out through the veins.

In each bundle of streamlines (see `laminar.bundle_delays`) label moves as in a pipe: where the plug-flow time
to the outlet is T, it reaches the outlet after f T. Told in outlet time, t' = t + f T, the label that passes a
node is simply the sum of what its terminals sent: no delay, no interpolation on the way down, and times e^(t'/T1)
no decay either. A node's time course is therefore the sum of its daughters', and what has come past a place T by the
time t is what passes the outlet by t + f T. A voxel holds what has come into it, from its terminal and across its
faces, less what has gone out across them: nothing is to be known of junctions inside a voxel.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from simulators.machine.compiling import njit
from simulators.transport import laminar
from simulators.transport.pieces import Pieces, Sites
from simulators.vessels.forest import Forest

VENOUS_STRIDE = 2
"""Time steps of the capillary beds in one of the veins."""


def venous_label(
    veins: Forest,
    pieces: Pieces,
    sites: Sites,
    inflow: np.ndarray,
    time: np.ndarray,
    bed_step: float,
    t1: float,
    amount: np.ndarray,
    n_threads: int = 1,
    bluntness: float = 0.0,
) -> np.ndarray:
    """Add the label in the veins to `amount`.

    Args:
        veins: forest whose terminals drain the voxels.
        pieces: its segments, cut at voxel faces.
        sites: what the rows of `inflow` and `amount` stand for.
        inflow: label (mm³) that enters each voxel's venule in each time step, (S, L).
        time: s, (T,).
        bed_step: s; the steps of `inflow` are VENOUS_STRIDE times as long.
        t1: of blood, s.
        amount: mm³ of label in each voxel, (S, T), added to in place.
        n_threads: threads that share the bundles of streamlines; the result is the same for any number.
        bluntness: of the velocity profile, see `laminar`.

    Returns:
        Label (mm³) that has left through the outlets by each time, (T,).
    """
    step = VENOUS_STRIDE * bed_step
    growth = np.exp((np.arange(inflow.shape[1]) + 0.5) * step / t1)
    source = np.full(veins.n_nodes, -1, np.int64)
    served = np.flatnonzero(veins.terminal.ravel() >= 0)
    source[veins.terminal.ravel()[served]] = sites.place[served]
    to_outlet, place = veins.transit_time(), sites.place[pieces.voxel]

    node_voxel = _node_voxels(veins.parent, pieces.start, place)

    def follow(bundles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        held, left = np.zeros_like(amount), np.zeros(len(time))
        _follow_to_outlets(
            veins.parent,
            to_outlet / step,
            source,
            (pieces.start, place, pieces.end, node_voxel),
            inflow,
            growth / laminar.STREAMLINE_BUNDLES,
            time / step,
            step / t1,
            bundles,
            held,
            left,
        )
        held *= np.exp(-time / t1)
        return held, left

    # Always two halves, so that sums are rounded alike whatever the number of threads.
    left = np.zeros(len(time))
    delays = laminar.bundle_delays(bluntness=bluntness)
    with ThreadPoolExecutor(min(n_threads, 2)) as pool:
        for held, gone in pool.map(follow, np.array_split(delays, 2)):
            amount += held
            left += gone
    return left


@njit()
def _node_voxels(parent, start, voxel):  # type: ignore[no-untyped-def]
    """The place of the voxel that each node lies in, (N,): that of the end of its segment, of an outlet that of the
    beginning of its last daughter's."""
    node_voxel = np.full(parent.size, -1, np.int64)
    for node in range(parent.size):
        if parent[node] >= 0:
            node_voxel[node] = voxel[start[node + 1] - 1]
            if parent[parent[node]] < 0:
                node_voxel[parent[node]] = voxel[start[node]]
    return node_voxel


@njit()
def _follow_to_outlets(  # type: ignore[no-untyped-def]
    parent, to_outlet, source, pieces, inflow, growth, time, decay, delays, held, left
):
    """Add what these bundles bring into each voxel, less what they take out of it, to `held`; times in steps.

    A course is the running total of what has passed, scaled up by its own decay: of the whole step before the first
    label can come, a number for one step before, for its beginning and for the end of every step from there on.
    """
    # Nodes stand in depth-first order, so from the last to the first a node's daughters are the latest on a stack.
    n_bundles, width = delays.size, inflow.shape[1] + 4
    depth = _most_open(parent)
    courses = np.zeros((depth + 1, n_bundles, width))
    whose = np.empty(depth + 1, np.int64)
    begins, firsts = np.empty((depth + 1, n_bundles), np.int64), np.empty((depth + 1, n_bundles), np.int64)
    sent, course = np.zeros(width + 1), np.empty(width)
    passing = np.empty(time.size)
    node_voxel = pieces[3]
    top = 0
    for node in range(parent.size - 1, -1, -1):
        bottom = top
        while bottom > 0 and parent[whose[bottom - 1]] == node:
            bottom -= 1
        first_sent = width
        if source[node] >= 0:
            first_sent = _accumulate(inflow[source[node]], growth, sent)
            passing[:] = 0
        for bundle in range(n_bundles):
            begin = int(delays[bundle] * to_outlet[node])
            late = delays[bundle] * to_outlet[node] - begin
            first = first_sent
            course[:] = 0
            if source[node] >= 0:
                for i in range(width):
                    course[i] = (1 - late) * sent[i + 1] + late * sent[i]
                _add_passing(course, first, time, late, passing)
            for daughter in range(bottom, top):
                offset = begins[daughter, bundle] - begin
                first = min(first, firsts[daughter, bundle] + offset)
                _add_later(courses[daughter, bundle], offset, course)
            begins[bottom, bundle], firsts[bottom, bundle] = begin, first
            own = courses[bottom, bundle]
            for i in range(width):
                own[i] = course[i]
        if source[node] >= 0:
            _carry(passing, -1, node_voxel[node], held)
        if parent[node] < 0:
            passing[:] = 0
            for bundle in range(n_bundles):
                _add_passing(courses[bottom, bundle], firsts[bottom, bundle], time, 0.0, passing)
                _count_left(courses[bottom, bundle], time, decay, left)
            _carry(passing, node_voxel[node], -1, held)
            top = bottom
            continue
        _cross_faces(
            parent,
            to_outlet,
            node,
            pieces,
            courses[bottom],
            begins[bottom],
            firsts[bottom],
            time,
            delays,
            passing,
            held,
        )
        whose[bottom] = node
        top = bottom + 1


@njit()
def _cross_faces(  # type: ignore[no-untyped-def]
    parent, to_outlet, node, pieces, courses, begins, firsts, time, delays, passing, held
):
    """Carry the label of a segment from voxel to voxel."""
    start, voxel, end, node_voxel = pieces
    low = to_outlet[parent[node]]
    span = to_outlet[node] - low
    onward = node_voxel[parent[node]]
    for piece in range(start[node], start[node + 1]):
        if voxel[piece] != onward:
            share = end[piece - 1] if piece > start[node] else 0.0
            passing[:] = 0
            for bundle in range(delays.size):
                place = delays[bundle] * (low + share * span) - begins[bundle]
                _add_passing(courses[bundle], firsts[bundle], time, place, passing)
            _carry(passing, voxel[piece], onward, held)
        onward = voxel[piece]


@njit()
def _carry(passing, origin, onward, held):  # type: ignore[no-untyped-def]
    """Take what passes out of one place and into another; −1 is none."""
    if origin >= 0:
        for k in range(passing.size):
            held[origin, k] -= passing[k]
    if onward >= 0:
        for k in range(passing.size):
            held[onward, k] += passing[k]


@njit()
def _most_open(parent):  # type: ignore[no-untyped-def]
    """The most nodes that wait for their parent at once."""
    n_children = np.zeros(parent.size, np.int64)
    for node in range(parent.size):
        if parent[node] >= 0:
            n_children[parent[node]] += 1
    waiting = most = 0
    for node in range(parent.size - 1, -1, -1):
        waiting += 1 - n_children[node]
        most = max(most, waiting)
        if parent[node] < 0:
            waiting -= 1
    return most


@njit()
def _accumulate(inflow, growth, sent):  # type: ignore[no-untyped-def]
    """Running total of a terminal's inflow, scaled up by its own decay, from two steps before its beginning on; it goes
    on as it ended, so that the slope at the end is right. Returns the first step at whose end there is some, or the
    last of all."""
    first, total, here = 1, 0.0, 0.0
    for i in range(inflow.size):
        here = inflow[i] * growth[i]
        total += here
        sent[i + 3] = total
        if total == 0:
            first = i + 2
    sent[inflow.size + 3] = total + here
    sent[inflow.size + 4] = total + 2 * here
    return first


@njit()
def _add_later(daughter, offset, course):  # type: ignore[no-untyped-def]
    """Add a course that begins so many steps later."""
    onto = course[offset:]
    for i in range(onto.size):
        onto[i] += daughter[i]


@njit(fastmath={"contract", "nnan", "nsz"})
def _add_passing(course, first, time, place, passing):  # type: ignore[no-untyped-def]
    """Add what has passed by each time, so many steps later: a running total between the ends of steps, of which the
    `first` is the first that is not 0, by cubic Hermite polynomials whose slopes keep it from falling.

    By straight lines a piece that is passed in less than a step would see what passes at the middle of the step: in
    the voxels of the great veins an error of the first order, 1 % for steps of 0.05 s.
    """
    begin = 0
    while begin < time.size and time[begin] + place < first - 1:
        begin += 1
    for k in range(begin, time.size):
        i = np.int32(time[k] + place)
        x = time[k] + place - i
        total = course[i + 1]
        before, rise, after = total - course[i], course[i + 2] - total, course[i + 3] - course[i + 2]
        slope = min((before + rise) / 2, 3 * min(before, rise))
        next_slope = min((rise + after) / 2, 3 * min(rise, after))
        bend = (slope - rise) * (1 - x) + (rise - next_slope) * x
        passing[k] += total + x * (rise + (1 - x) * bend)


@njit()
def _count_left(course, time, decay, left):  # type: ignore[no-untyped-def]
    """Add what has come out of an outlet by each time."""
    total = 0.0
    k = 0
    for i in range(course.size - 2):
        arriving = (course[i + 2] - course[i + 1]) * np.exp(-(i + 0.5) * decay)
        while k < time.size and time[k] <= i + 1:
            left[k] += total + arriving * (time[k] - i)
            k += 1
        total += arriving
