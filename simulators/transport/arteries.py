"""Label in arteries: each piece of vessel holds F (G(t; τ₂) − G(t; τ₁)), see `laminar`."""

import numpy as np

from simulators.machine.compiling import njit
from simulators.transport import laminar
from simulators.transport.pieces import Pieces, Sites
from simulators.vessels.vasculature import Vasculature

TAU_STEP = 0.004
"""s; grid of H(τ; v), interpolated by cubic Hermite polynomials with the exact slope: error below 1e-8 s."""


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
    slowest, fastest = vessels.bluntness, 2 - vessels.bluntness
    density = laminar.density(vessels.bluntness)
    _deposit(
        arteries.parent,
        arteries.flow,
        arteries.velocity <= slower_than,
        vessels.arterial_transit_time,
        arteries.residence_time,
        pieces.start,
        sites.place[pieces.voxel],
        pieces.end,
        (slowest, fastest),
        (_table(slowest, time[-1], t1, density), _table(fastest, time[-1], t1, density)),
        time,
        laminar.stored_at(time, t1, vessels.bluntness),
        amount,
    )


def _table(velocity: float, last: float, t1: float, density: float) -> tuple[np.ndarray, np.ndarray]:
    """H(τ; v)/(2(1 − b)) and its slope on the grid of τ, as far as label of a velocity comes until a last time."""
    grid = TAU_STEP * np.arange(int(velocity * last / TAU_STEP) + 3)
    value, slope = laminar.held_by_velocity(grid, velocity, t1), laminar.slope_by_velocity(grid, velocity, t1)
    return density * value, density * slope


@njit()
def _held(tau, table):  # type: ignore[no-untyped-def]
    """A number from its table over τ by cubic Hermite interpolation."""
    value, slope = table
    k = min(int(tau / TAU_STEP), value.size - 2)
    x = tau / TAU_STEP - k
    rise = value[k + 1] - value[k]
    a = slope[k] * TAU_STEP - rise
    b = rise - slope[k + 1] * TAU_STEP
    return value[k] + x * rise + x * (1 - x) * (a * (1 - x) + b * x)


@njit()
def _deposit(  # type: ignore[no-untyped-def]
    parent, flow, seen, tau, residence, start, place, end, velocities, tables, time, at_time, amount
):
    """Add F (G(t; τ₂) − G(t; τ₁)) of every piece to its place; for the three cases of G see `laminar.stored_at`."""
    slowest, fastest = velocities
    slow_table, fast_table = tables
    per_square, at_wall, reached = at_time
    before = np.empty(time.size)
    after = np.empty(time.size)
    for node in range(parent.size):
        begin = tau[node] - residence[node]
        if parent[node] < 0 or not seen[node] or begin >= fastest * time[-1]:
            continue
        for piece in range(start[node] - 1, start[node + 1]):  # one before the first: the segment's beginning
            share = 0.0 if piece < start[node] else end[piece]
            here = max(begin + share * residence[node], 0.0)
            fast = _held(min(here, fastest * time[-1]), fast_table)
            slow = _held(min(here, slowest * time[-1]), slow_table)
            for k in range(time.size):
                if here < slowest * time[k]:
                    after[k] = fast - slow
                elif here < fastest * time[k]:
                    after[k] = fast - here * here * per_square[k] - at_wall[k]
                else:
                    after[k] = reached[k]
            if piece >= start[node] and place[piece] >= 0:
                for k in range(time.size):
                    amount[place[piece], k] += flow[node] * (after[k] - before[k])
            before, after = after, before
