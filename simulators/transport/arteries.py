"""Label in arteries: each piece of vessel holds F (G(t; τ₂) − G(t; τ₁)), see `laminar`."""

import numpy as np

from simulators.machine.compiling import njit
from simulators.transport import laminar
from simulators.transport.pieces import Pieces, Sites
from simulators.vessels.vasculature import Vasculature

TAU_STEP = 0.004
"""s; grid of G(∞; τ), interpolated by cubic Hermite polynomials with the exact slope: error below 1e-8 s."""


def add_arterial_label(
    vessels: Vasculature,
    pieces: Pieces,
    sites: Sites,
    time: np.ndarray,
    t1: float,
    slower_than: float,
    amount: np.ndarray,
) -> None:
    """Add the label in arteries of a mean velocity (mm/s) up to `slower_than` to `amount`, mm³, (S, T)."""
    arteries = vessels.arteries
    grid = TAU_STEP * np.arange(int(2 * time[-1] / TAU_STEP) + 3)
    _deposit(
        arteries.parent,
        arteries.flow,
        arteries.velocity <= slower_than,
        vessels.arterial_transit_time,
        arteries.residence_time,
        pieces.start,
        sites.place[pieces.voxel],
        pieces.end,
        (laminar.stored_for_ever(grid, t1), laminar.expn(2, grid / 2 / t1)),
        time,
        laminar.tail_integral(2, time, t1),
        laminar.stored(time, 2 * time, t1),
        amount,
    )


@njit()
def _stored_for_ever(tau, table):  # type: ignore[no-untyped-def]
    """G(∞; τ) from its table by cubic Hermite interpolation."""
    value, slope = table
    k = min(int(tau / TAU_STEP), value.size - 2)
    x = tau / TAU_STEP - k
    rise = value[k + 1] - value[k]
    a = slope[k] * TAU_STEP - rise
    b = rise - slope[k + 1] * TAU_STEP
    return value[k] + x * rise + x * (1 - x) * (a * (1 - x) + b * x)


@njit()
def _deposit(  # type: ignore[no-untyped-def]
    parent, flow, seen, tau, residence, start, place, end, table, time, at_time, reached, amount
):
    """Add F (G(t; τ₂) − G(t; τ₁)) of every piece to its place."""
    before = np.empty(time.size)
    after = np.empty(time.size)
    for node in range(parent.size):
        begin = tau[node] - residence[node]
        if parent[node] < 0 or not seen[node] or begin >= 2 * time[-1]:
            continue
        for piece in range(start[node] - 1, start[node + 1]):  # one before the first: the segment's beginning
            share = 0.0 if piece < start[node] else end[piece]
            here = max(begin + share * residence[node], 0.0)
            for_ever = _stored_for_ever(min(here, 2 * time[-1]), table)
            for k in range(time.size):
                after[k] = for_ever - here * here / 4 * at_time[k] if here < 2 * time[k] else reached[k]
            if piece >= start[node] and place[piece] >= 0:
                for k in range(time.size):
                    amount[place[piece], k] += flow[node] * (after[k] - before[k])
            before, after = after, before
