"""Label in capillary beds: the inflow of each voxel convolved with the responses of its capillaries.

The closed-form inflow, averaged over short time steps, is convolved with the flow-weighted sum of the capillaries'
exact impulse responses, see `chain`; both factors are exact step averages, so the error is of second order in the step.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np

from simulators.machine.compiling import njit
from simulators.tissue.capillaries import CapillaryBlock
from simulators.tissue.label import LabelKinetics
from simulators.transport import laminar
from simulators.transport.chain import impulse_responses
from simulators.transport.pieces import Sites
from simulators.transport.veins import VENOUS_STRIDE
from simulators.vessels.vasculature import Vasculature

TRANSIT_TIMES = np.geomspace(0.02, 400.0, 160)
"""s; grid of the capillary impulse responses, interpolated cubically in its logarithm; a multiple of TOGETHER."""


def steps_until(last: float, time_step: float) -> int:
    """Steps to simulate until a last time (s): whole passes of `_combine`, and one of the veins past it for slopes."""
    return TOGETHER * int(np.ceil((last / time_step + VENOUS_STRIDE) / TOGETHER))


def bed_label(
    vessels: Vasculature, sites: Sites, time: np.ndarray, label: LabelKinetics, time_step: float, n_threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Label in the capillary beds and what they pass on to the veins.

    Args:
        vessels: whose beds they are.
        sites: what the rows of the result stand for.
        time: s, (T,).
        label: its kinetics.
        time_step: s, of the convolution.
        n_threads: threads that share the beds; the result is the same for any number.

    Returns:
        Amounts at each time, mm³, (S, T), and what is passed on in each step of the veins, mm³, (S, L).
    """
    n_steps = steps_until(time[-1], time_step)
    grid = time_step * np.arange(n_steps + 1)
    ends, weights = interpolation(time / time_step)
    fraction, tau = vessels.capillaries.volume_fraction.ravel(), vessels.plug_flow_time.ravel()
    tables = {
        value: tuple(
            np.ascontiguousarray(table, np.float32)
            for table in impulse_responses(TRANSIT_TIMES, float(value), label, time_step, n_steps)
        )
        for value in np.unique(fraction[np.isfinite(tau)])
    }
    amount = np.zeros((len(sites.voxel), len(time)))
    outflow = np.zeros((len(sites.voxel), n_steps // VENOUS_STRIDE), np.float32)

    def fill(block: CapillaryBlock) -> None:
        shared = fraction[block.voxel]
        for value in np.unique(shared):
            _fill_beds(
                np.flatnonzero(shared == value),
                sites.place[block.voxel],
                tau[block.voxel],
                _arrivals(tau[block.voxel], label.t1_blood, vessels.bluntness),
                laminar.density(vessels.bluntness),
                grid,
                _tails(grid[1:], label.t1_blood),
                (block.start, block.flow, block.volume, np.log(TRANSIT_TIMES)),
                *tables[value],
                ends,
                weights,
                amount,
                outflow,
            )

    _share_among_threads(fill, vessels.capillaries.blocks(), n_threads)
    return amount, outflow


def _share_among_threads(fill: Callable[[CapillaryBlock], None], blocks: Iterator[CapillaryBlock], n: int) -> None:
    """Call a function of each block; no thread asks for a block before it has done the one before."""
    lock = Lock()

    def work(_thread: int) -> None:
        while True:
            with lock:
                block = next(blocks, None)
            if block is None:
                return
            fill(block)

    with ThreadPoolExecutor(n) as pool:
        list(pool.map(work, range(n)))


def _arrivals(tau: np.ndarray, t1: float, bluntness: float) -> np.ndarray:
    """When the first and the last streamline arrive, s, and e_2 and e_3 of each, (S, 2, 3).

    In laminar flow the last one never does.
    """
    first = np.column_stack([tau / (2 - bluntness), _tails(tau / (2 - bluntness), t1)])
    if bluntness == 0:
        return np.stack([first, np.full_like(first, np.inf)], axis=1)
    latest = laminar.oldest(tau, bluntness)
    return np.stack([first, np.column_stack([latest, _tails(latest, t1)])], axis=1)


def _tails(s: np.ndarray, t1: float) -> np.ndarray:
    """e_2 and e_3 at each s, (S, 2)."""
    return np.stack([laminar.tail_integral(2, s, t1), laminar.tail_integral(3, s, t1)], axis=1)


def interpolation(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Four grid points around each place (in steps) and their cubic Lagrange weights, (T, 4) each."""
    first = np.maximum(np.floor(place).astype(int) - 1, 0)
    x = (place - first)[:, None]
    weights = [
        -(x - 1) * (x - 2) * (x - 3) / 6,
        x * (x - 2) * (x - 3) / 2,
        -x * (x - 1) * (x - 3) / 2,
        x * (x - 1) * (x - 2) / 6,
    ]
    return first[:, None] + np.arange(4), np.concatenate(weights, axis=1)


# Sums are written out rather than left to BLAS, whose rounding depends on its number of threads. Lines
# have some hundred numbers, for each of millions of voxels: zeros behind them let loops run over whole vectors.

VECTOR = 32
"""Numbers that `_dot` takes at a time; lines are this much longer than they need be."""

TOGETHER = 8
"""Lines of a table, or steps of lag, that are added up at once: the total is read and written once for all of them."""


@njit()
def _fill_beds(  # type: ignore[no-untyped-def]
    rows, place, tau, arrivals, density, grid, grid_tails, capillaries, present, gone, ends, weights, amount, outflow
):
    """Convolve the inflow of these rows of a block with their capillaries' responses: amounts at the wanted times, and
    outflow by step, into each one's place."""
    n_steps = grid.size - 1
    start, flow, volume, log_theta = capillaries
    most = np.diff(start).max()
    scratch, spectrum = np.empty(most), np.empty(log_theta.size)
    inflow, backwards = np.zeros(n_steps, np.float32), np.zeros(n_steps + VECTOR, np.float32)
    held, passed = np.zeros(n_steps + VECTOR, np.float32), np.zeros(n_steps + VECTOR, np.float32)
    delayed = np.zeros((TOGETHER, n_steps // VENOUS_STRIDE + VECTOR), np.float32)
    total = np.empty(n_steps // VENOUS_STRIDE + VECTOR, np.float32)
    for row in rows:
        first = _inflow(tau[row], arrivals[row], density, grid, grid_tails, inflow)
        if first >= n_steps:
            continue
        first -= first % TOGETHER
        lags = n_steps - first
        own = slice(start[row], start[row + 1])
        lines = _share_out(flow[own], volume[own], log_theta, scratch, spectrum)
        _combine(lines, spectrum, present, held[:lags])
        _combine(lines, spectrum, gone, passed[:lags])
        for step in range(n_steps):
            backwards[n_steps - 1 - step] = inflow[step]
        for k in range(ends.shape[0]):
            for j in range(4):
                length = ends[k, j] - first
                if weights[k, j] != 0 and length > 0:
                    length += -length % VECTOR
                    late = backwards[n_steps - ends[k, j] :]
                    amount[place[row], k] += weights[k, j] * _dot(held[:length], late[:length])
        _delay(inflow[first:], delayed)
        _pass_on(passed, delayed, total[: lags // VENOUS_STRIDE + VECTOR])
        before = np.float32(0)
        onto = outflow[place[row], first // VENOUS_STRIDE :]
        for step in range(onto.size):
            onto[step] = total[step] - before
            before = total[step]


@njit()
def _share_out(flow, volume, log_theta, place, spectrum):  # type: ignore[no-untyped-def]
    """Share out a voxel's capillaries over a grid of transit times, so that the spectrum times a table over the grid
    is the flow-weighted sum over the capillaries, cubically interpolated. Returns the first line in use and the one
    after the last; `place` is room for a number per capillary."""
    last = log_theta.size - 1
    per_step = last / (log_theta[last] - log_theta[0])
    n = flow.size
    for capillary in range(n):
        place[capillary] = volume[capillary] / flow[capillary]
    _logarithm(place[:n])
    for capillary in range(n):
        place[capillary] = min(max((place[capillary] - log_theta[0]) * per_step, 0.0), float(last))
    spectrum[:] = 0
    low, high = last, 0
    for capillary in range(n):
        first = min(max(int(place[capillary]) - 1, 0), last - 3)
        low, high = min(low, first), max(high, first + 4)
        x = place[capillary] - first
        outer, inner = flow[capillary] / 6 * (x - 1) * (x - 2), flow[capillary] / 2 * x * (x - 3)
        spectrum[first] -= outer * (x - 3)
        spectrum[first + 1] += inner * (x - 2)
        spectrum[first + 2] -= inner * (x - 1)
        spectrum[first + 3] += outer * x
    return low, high


LN2, SQRT2 = float(np.log(2)), float(np.sqrt(2))

MANTISSA, ONE = np.uint64(2**52 - 1), np.uint64(1023 << 52)
"""Bits of a float64: those behind the point, and the exponent of numbers from 1 to 2."""


@njit()
def _logarithm(values):  # type: ignore[no-untyped-def]
    """Natural logarithms of positive numbers, in place, to 1e-9: four at a time, where the library's takes one.

    With the number as 2^e m, 1 ≤ m < 2, and s = (m − √2)/(m + √2), |s| < 0.172: log m = log √2 + 2 (s + s³/3 + …).
    """
    bits = values.view(np.uint64)
    for i in range(values.size):
        exponent = np.int32(bits[i] >> np.uint64(52)) - np.int32(1023)
        bits[i] = (bits[i] & MANTISSA) | ONE
        s = (values[i] - SQRT2) / (values[i] + SQRT2)
        square = s * s
        series = 1 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square * (1 / 9))))
        values[i] = (exponent + 0.5) * LN2 + 2 * s * series


@njit(fastmath={"contract"})
def _combine(lines, spectrum, table, result):  # type: ignore[no-untyped-def]
    """spectrum · table, by the lines in use, as many steps as the result has."""
    result[:] = 0
    first_line, end = lines
    for j in range(first_line - first_line % TOGETHER, end, TOGETHER):
        a, b, c, d, e, f, g, h = _eight(spectrum, j)
        rows = table[j : j + TOGETHER]
        for i in range(result.size):
            result[i] += ((a * rows[0, i] + b * rows[1, i]) + (c * rows[2, i] + d * rows[3, i])) + (
                (e * rows[4, i] + f * rows[5, i]) + (g * rows[6, i] + h * rows[7, i])
            )


@njit(fastmath={"contract"})
def _pass_on(passed, delayed, total):  # type: ignore[no-untyped-def]
    """What has passed the bed by the end of every venous step: the responses at lags of TOGETHER steps at a time, by
    the inflow as late as that. What stands behind the last whole step is not meant to be read."""
    total[:] = 0
    n_steps = total.size - VECTOR
    for lag in range(0, VENOUS_STRIDE * n_steps, TOGETHER):
        a, b, c, d, e, f, g, h = _eight(passed, lag)
        onto = total[lag // VENOUS_STRIDE :]
        width = n_steps - lag // VENOUS_STRIDE
        for i in range(width + -width % 8):  # 8 numbers are a vector
            onto[i] += ((a * delayed[0, i] + b * delayed[1, i]) + (c * delayed[2, i] + d * delayed[3, i])) + (
                (e * delayed[4, i] + f * delayed[5, i]) + (g * delayed[6, i] + h * delayed[7, i])
            )


@njit()
def _eight(values, first):  # type: ignore[no-untyped-def]
    """TOGETHER numbers from a place on, each by itself, so that loops keep them in registers."""
    a, b, c, d = values[first], values[first + 1], values[first + 2], values[first + 3]
    e, f, g, h = values[first + 4], values[first + 5], values[first + 6], values[first + 7]
    return (
        np.float32(a),
        np.float32(b),
        np.float32(c),
        np.float32(d),
        np.float32(e),
        np.float32(f),
        np.float32(g),
        np.float32(h),
    )


@njit()
def _inflow(tau, arrivals, density, grid, grid_tails, inflow):  # type: ignore[no-untyped-def]
    """`laminar.inflow` of each step; returns the first step in which label comes."""
    earliest, latest = arrivals
    first = min(np.searchsorted(grid, earliest[0], side="right") - 1, inflow.size)
    inflow[:first] = 0
    before = 0.0
    for step in range(first, inflow.size):
        all_come = grid[step + 1] >= latest[0]
        e_2, e_3 = (latest[1], latest[2]) if all_come else (grid_tails[step, 0], grid_tails[step, 1])
        c_flow = density * tau**2 * (earliest[2] - e_3)
        c_volume = density * tau * (earliest[1] - e_2)
        entered = grid[step + 1] * c_flow - tau * c_volume
        inflow[step] = entered - before
        before = entered
    return first


@njit()
def _delay(inflow, delayed):  # type: ignore[no-untyped-def]
    """The inflow at the last of every VENOUS_STRIDE steps, and as it was 1, 2, … steps before, a line each."""
    n_steps = inflow.size // VENOUS_STRIDE
    for late in range(TOGETHER):
        whole = late // VENOUS_STRIDE
        part = VENOUS_STRIDE - 1 - late % VENOUS_STRIDE
        line = delayed[late, whole:]
        for i in range(n_steps - whole):
            line[i] = inflow[VENOUS_STRIDE * i + part]


@njit(fastmath={"reassoc", "contract", "nsz"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total
