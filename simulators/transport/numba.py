"""The default simulator: closed forms where there are any, one pass over vessels and voxels where not.

Arteries: each piece of vessel holds F (G(t; τ₂) − G(t; τ₁)), see `laminar`. Capillary beds: the closed-form
inflow of each voxel, averaged over short time steps, is convolved with the flow-weighted sum of its capillaries'
exact impulse responses, see `chain`; both factors are exact step averages, so the error is of second order in
the step. Veins: see `veins`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np

from simulators.capillaries import CapillaryBlock
from simulators.compiling import njit
from simulators.errors import InputError
from simulators.label import LabelKinetics
from simulators.transport import laminar
from simulators.transport.chain import impulse_responses
from simulators.transport.pieces import Pieces, Sites, cut_at_voxel_faces
from simulators.transport.step_response import StepResponse, checked_time
from simulators.transport.veins import VENOUS_STRIDE, venous_label
from simulators.vasculature import Vasculature

TRANSIT_TIMES = np.geomspace(0.02, 400.0, 160)
"""s; grid of the capillary impulse responses, interpolated cubically in its logarithm."""

TAU_STEP = 0.004
"""s; grid of G(∞; τ), interpolated by cubic Hermite polynomials with the exact slope: error below 1e-8 s."""


@dataclass(frozen=True)
class NumbaSimulator:
    """Label transport on the CPU, compiled by Numba.

    Attributes:
        time_step: s, of the convolution in the capillary beds; half that of the veins' time courses.
        n_threads: threads that share the work on beds and veins, one for each core in a brain and one in a cube by
            default; the result is the same for any number.
    """

    time_step: float = 0.025
    n_threads: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.time_step <= 0.1:
            raise InputError(f"time_step: found {self.time_step}; give more than 0 and at most 0.1 s")
        if self.n_threads is not None and not self.n_threads >= 1:
            raise InputError(f"n_threads: found {self.n_threads}; give at least 1")

    def step_response(self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics) -> StepResponse:
        """Step response at the given times; see `simulators.transport.step_response.Simulator`."""
        time = checked_time(time)
        arterial = self.arterial_step_response(vessels, time, label)
        pieces = cut_at_voxel_faces(vessels.veins)
        sites = Sites.of(arterial[0].size, pieces.voxel, np.flatnonzero(vessels.arteries.terminal.ravel() >= 0))
        amount, venous_inflow = self._beds(vessels, sites, time, label)
        left = venous_label(
            vessels.veins,
            pieces,
            sites,
            venous_inflow,
            time,
            self.time_step,
            label.t1_blood,
            amount,
            self.n_threads or 1,
        )
        return StepResponse(
            time=time,
            arterial=arterial,
            bed=sites.images(amount, vessels.shape, vessels.voxel_volume),
            voxel_size_mm=vessels.arteries.voxel_size_mm,
            left=left,
        )

    def arterial_step_response(
        self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics, *, slower_than: float = np.inf
    ) -> np.ndarray:
        """Label in arteries; see `simulators.transport.step_response.Simulator`."""
        time = checked_time(time)
        pieces = cut_at_voxel_faces(vessels.arteries)
        sites = Sites.of(int(np.prod(vessels.shape)), pieces.voxel)
        amount = np.zeros((len(sites.voxel), len(time)))
        _deposit_arterial(vessels, pieces, sites, time, label.t1_blood, slower_than, amount)
        return sites.images(amount, vessels.shape, vessels.voxel_volume)

    def _beds(
        self, vessels: Vasculature, sites: Sites, time: np.ndarray, label: LabelKinetics
    ) -> tuple[np.ndarray, np.ndarray]:
        """Amounts (mm³) in the beds, (S, T), and what they pass on, (S, L), in steps of the veins."""
        n_steps = VENOUS_STRIDE * int(np.ceil(time[-1] / self.time_step / VENOUS_STRIDE) + 1)
        grid = self.time_step * np.arange(n_steps + 1)
        ends, weights = _interpolation(time / self.time_step)
        fraction, tau = vessels.capillaries.volume_fraction.ravel(), vessels.att.ravel()
        tables = {
            value: tuple(
                table.astype(np.float32)
                for table in impulse_responses(TRANSIT_TIMES, float(value), label, self.time_step, n_steps)
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
                    _tails(tau[block.voxel] / 2, label.t1_blood),
                    grid,
                    _tails(grid[1:], label.t1_blood),
                    (block.start, block.flow, block.volume, np.log(TRANSIT_TIMES)),
                    *tables[value],
                    ends,
                    weights,
                    amount,
                    outflow,
                )

        _share_among_threads(fill, vessels.capillaries.blocks(), self.n_threads or 1)
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


def _tails(s: np.ndarray, t1: float) -> np.ndarray:
    """e_2 and e_3 at each s, (S, 2)."""
    return np.stack([laminar.tail_integral(2, s, t1), laminar.tail_integral(3, s, t1)], axis=1)


def _interpolation(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


# Sums are written out rather than left to BLAS, whose rounding depends on its number of threads.


@njit()
def _fill_beds(  # type: ignore[no-untyped-def]
    rows, place, tau, first_tails, grid, grid_tails, capillaries, present, gone, ends, weights, amount, outflow
):
    """Convolve the inflow of these rows of a block with their capillaries' responses: amounts at the wanted times, and
    outflow by step, into each one's place."""
    n_steps = grid.size - 1
    start, flow, volume, log_theta = capillaries
    spectrum = np.empty(log_theta.size, np.float32)
    inflow_backwards = np.empty(n_steps, np.float32)
    held, passed = np.empty(n_steps, np.float32), np.empty(n_steps, np.float32)
    for row in rows:
        own = slice(start[row], start[row + 1])
        _share_out(flow[own], volume[own], log_theta, spectrum)
        _combine(spectrum, present, held)
        _combine(spectrum, gone, passed)
        _inflow_backwards(tau[row], first_tails[row], grid, grid_tails, inflow_backwards)
        for k in range(ends.shape[0]):
            for j in range(4):
                if weights[k, j] != 0:
                    end = ends[k, j]
                    amount[place[row], k] += weights[k, j] * _dot(held[:end], inflow_backwards[n_steps - end :])
        before = np.float32(0)
        for step in range(outflow.shape[1]):
            end = VENOUS_STRIDE * (step + 1)
            total = _dot(passed[:end], inflow_backwards[n_steps - end :])
            outflow[place[row], step] = total - before
            before = total


@njit()
def _share_out(flow, volume, log_theta, spectrum):  # type: ignore[no-untyped-def]
    """Share out a voxel's capillaries over a grid of transit times, so that the spectrum times a table over the grid
    is the flow-weighted sum over the capillaries, cubically interpolated."""
    step = log_theta[1] - log_theta[0]
    last = log_theta.size - 1
    spectrum[:] = 0
    for capillary in range(flow.size):
        f = flow[capillary]
        place = (np.log(volume[capillary] / f) - log_theta[0]) / step
        place = min(max(place, 0.0), float(last))
        first = min(max(int(place) - 1, 0), last - 3)
        x = place - first
        spectrum[first] -= f * (x - 1) * (x - 2) * (x - 3) / 6
        spectrum[first + 1] += f * x * (x - 2) * (x - 3) / 2
        spectrum[first + 2] -= f * x * (x - 1) * (x - 3) / 2
        spectrum[first + 3] += f * x * (x - 1) * (x - 2) / 6


@njit()
def _combine(spectrum, table, result):  # type: ignore[no-untyped-def]
    """spectrum · table, skipping the empty part of the spectrum."""
    result[:] = 0
    for j in range(spectrum.size):
        share = spectrum[j]
        if share != 0:
            line = table[j]
            for step in range(result.size):
                result[step] += share * line[step]


@njit()
def _inflow_backwards(tau, first_tails, grid, grid_tails, inflow):  # type: ignore[no-untyped-def]
    """`laminar.inflow` of each step, the last step first."""
    before = 0.0
    for step in range(inflow.size):
        entered = 0.0
        if grid[step + 1] > tau / 2:
            c_flow = 0.5 * tau**2 * (first_tails[1] - grid_tails[step, 1])
            c_volume = 0.5 * tau * (first_tails[0] - grid_tails[step, 0])
            entered = grid[step + 1] * c_flow - tau * c_volume
        inflow[inflow.size - 1 - step] = entered - before
        before = entered


@njit(fastmath={"reassoc", "contract", "nsz"})
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for k in range(a.size):
        total += a[k] * b[k]
    return total


def _deposit_arterial(
    vessels: Vasculature,
    pieces: Pieces,
    sites: Sites,
    time: np.ndarray,
    t1: float,
    slower_than: float,
    amount: np.ndarray,
) -> None:
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
