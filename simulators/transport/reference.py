"""The literal simulator: explicit streamlines, explicit capillaries, time courses by the clock.

The oracle for the other simulators. It knows no closed form of laminar flow and no impulse response, and errors of
`laminar`, `chain`, `numba` and `veins` cannot hide in it: of the fast code it shares only what defines the model, the
kinetics of the label, the pieces of vessel and the bundles of the veins. Slow: meant for small cubes.

Every time course is sampled at i − 1 steps, i = 0, 1, …, is 0 at i = 0 and linear between samples. The error falls as
the square of the step where S is smooth, and as the step where its slope jumps, as when the first streamline arrives.

- Arteries: n streamlines of equal area, u(ρ) at the midpoints of ρ², see `laminar`; a course goes from the labeling
  plane down node by node, later by l/u and weaker by e^(−l/(u T1)). It moves by whole samples and the rest of a step is
  kept for the next segment; interpolated at each node, fronts would widen and the error be 26 times as large
  (8³, 10 ms).
- Capillaries: all of a voxel's, each 10 mixed elements with their share of the tissue, stepped by the trapezoidal rule
  (Crank–Nicolson). Euler's rules, explicit or implicit, are off by (step/2T1) t/T1 by decay alone, 0.4 % for 10 ms; the
  trapezoidal rule by 1e-5. It conserves label exactly and, a chain being triangular, is solved element by element.
- Veins: a course per bundle of streamlines and node, delayed segment by segment, averaged by flow at junctions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from simulators.machine.compiling import njit
from simulators.settings.checking import check_fields
from simulators.settings.limits import TimeStep, Within
from simulators.tissue.capillaries import ELEMENTS_PER_CAPILLARY
from simulators.tissue.label import LabelKinetics
from simulators.transport.laminar import bundle_delays
from simulators.transport.pieces import cut_at_voxel_faces
from simulators.transport.step_response import StepResponse, checked_time
from simulators.vessels.forest import Forest
from simulators.vessels.vasculature import Vasculature

STREAMLINES_AT_10_MS = 256

ArterialInput = Callable[[np.ndarray], np.ndarray]
"""Label in blood that passes the labeling plane t seconds after labeling began, for times of any shape."""


def switched_on(time: np.ndarray) -> np.ndarray:
    """The input of the step response: all blood is labeled from t = 0 on."""
    return (time >= 0).astype(float)


@dataclass(frozen=True)
class ReferenceSimulator:
    """Label transport by the literal scheme.

    Attributes:
        time_step: s.
        n_streamlines: streamlines in an artery; None for as many as go with the step, 256 for 10 ms.

    Raises:
        InputError: for a step or a number that is out of range.
    """

    time_step: TimeStep = 0.01
    n_streamlines: Annotated[int, Within(1, 100_000)] | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def step_response(self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics) -> StepResponse:
        """Step response at the given times; see `simulators.transport.step_response.Simulator`."""
        return self.response_to(switched_on, vessels, time, label)

    def response_to(
        self, arterial_input: ArterialInput, vessels: Vasculature, time: np.ndarray, label: LabelKinetics
    ) -> StepResponse:
        """Label at the given times (s since labeling began, (T,)) after any course of labeling.

        Args:
            arterial_input: at the labeling plane; nothing comes before t = 0.
            vessels, time, label: as of `step_response`.
        """
        time = checked_time(time)
        arterial, inflow = self._arteries(vessels, time, label, np.inf, arterial_input)
        bed, outflow = self._beds(vessels, time, label, inflow)
        left = self._veins(vessels, time, label, outflow, bed)
        return StepResponse(
            time=time,
            arterial=_as_images(arterial, vessels),
            bed=_as_images(bed, vessels),
            voxel_size_mm=vessels.arteries.voxel_size_mm,
            left=left,
        )

    def arterial_step_response(
        self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics, *, slower_than: float = np.inf
    ) -> np.ndarray:
        """Label in arteries; see `simulators.transport.step_response.Simulator`."""
        return _as_images(self._arteries(vessels, checked_time(time), label, slower_than)[0], vessels)

    def _samples(self, time: np.ndarray) -> int:
        return int(np.ceil(time[-1] / self.time_step)) + 2

    def _velocities(self, bluntness: float) -> np.ndarray:
        """Velocity of each streamline of an artery relative to the mean."""
        n = self.n_streamlines or max(round(STREAMLINES_AT_10_MS * 0.01 / self.time_step), 1)
        return bluntness + 2 * (1 - bluntness) * (1 - (np.arange(n) + 0.5) / n)

    def _arteries(
        self,
        vessels: Vasculature,
        time: np.ndarray,
        label: LabelKinetics,
        slower_than: float,
        arterial_input: ArterialInput = switched_on,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Amounts (mm³) in the arteries, (X·Y·Z, T), and concentration at each voxel's terminal, (X·Y·Z, samples)."""
        arteries, pieces = vessels.arteries, cut_at_voxel_faces(vessels.arteries)
        residence = arteries.residence_time.copy()
        residence[arteries.inlets] = vessels.inlet_delay
        amount = np.zeros((arteries.terminal.size, len(time)))
        inflow = np.zeros((arteries.terminal.size, self._samples(time)))
        # Samples stand half a step early: a step's rise from sample 0 to 1 then has its middle at t = 0.
        entering = np.asarray(arterial_input((np.arange(inflow.shape[1]) - 0.5) * self.time_step), float)
        entering[0] = 0
        _flow_down(
            entering,
            arteries.parent,
            _depth(arteries.parent),
            residence / self.time_step,
            (np.zeros(arteries.n_nodes) if vessels.detour is None else vessels.detour) / self.time_step,
            np.where(arteries.velocity <= slower_than, arteries.flow * arteries.residence_time, 0.0),
            _voxel_of_node(arteries),
            (pieces.start, pieces.voxel, pieces.end),
            self._velocities(vessels.bluntness),
            time / self.time_step + 1,
            self.time_step / label.t1_blood,
            amount,
            inflow,
        )
        return amount, inflow

    def _beds(
        self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics, inflow: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Amounts (mm³) in the beds, (X·Y·Z, T), and label (mm³/s) that leaves each, (X·Y·Z, samples)."""
        fraction = vessels.capillaries.volume_fraction.ravel()
        amount = np.zeros((len(inflow), len(time)))
        outflow = np.zeros_like(inflow)
        for block in vessels.capillaries.blocks():
            for voxel, first, end in zip(block.voxel, block.start[:-1], block.start[1:], strict=True):
                held = _step_capillaries(
                    (block.flow[first:end], block.volume[first:end]),
                    (*label.exchange.rates(fraction[voxel]), *label.decay_rates),
                    self.time_step,
                    inflow[voxel],
                    outflow[voxel],
                )
                amount[voxel] = np.interp(time / self.time_step + 1, np.arange(len(held)), held)
        return amount, outflow

    def _veins(
        self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics, outflow: np.ndarray, amount: np.ndarray
    ) -> np.ndarray:
        """Add the label in the veins to `amount`; returns what has left them by each time, mm³, (T,)."""
        veins, delays = vessels.veins, bundle_delays(bluntness=vessels.bluntness)
        pieces = cut_at_voxel_faces(veins)
        leaving = np.zeros(outflow.shape[1])
        for relative_delay in delays:
            _flow_up(
                veins.parent,
                veins.flow,
                relative_delay * veins.residence_time / self.time_step,
                relative_delay * veins.flow * veins.residence_time / len(delays),
                1 / len(delays),
                _voxel_of_node(veins),
                (pieces.start, pieces.voxel, pieces.end),
                outflow,
                time / self.time_step + 1,
                self.time_step / label.t1_blood,
                amount,
                leaving,
            )
        left = np.concatenate([[0.0], np.cumsum((leaving[1:] + leaving[:-1]) / 2)]) * self.time_step
        return np.interp(time / self.time_step + 1, np.arange(len(left)), left)


def _as_images(amount: np.ndarray, vessels: Vasculature) -> np.ndarray:
    images = np.ascontiguousarray(amount.T / vessels.voxel_volume, np.float32)
    return images.reshape(-1, *vessels.shape)


def _voxel_of_node(forest: Forest) -> np.ndarray:
    """Voxel whose terminal each node is, −1 for the others, (N,)."""
    voxel = np.full(forest.n_nodes, -1)
    served = np.flatnonzero(forest.terminal.ravel() >= 0)
    voxel[forest.terminal.ravel()[served]] = served
    return voxel


def _depth(parent: np.ndarray) -> np.ndarray:
    """Segments between each node and its inlet, (N,)."""
    depth = np.zeros(len(parent), np.int64)
    for node in np.flatnonzero(parent >= 0):
        depth[node] = depth[parent[node]] + 1
    return depth


@njit()
def _flow_down(  # type: ignore[no-untyped-def]
    entering, parent, depth, residence, detour, volume, voxel, pieces, velocities, places, decay, amount, inflow
):
    """Follow every streamline down the arteries; `residence`, `detour` and `places` in steps, `decay` per step."""
    # Nodes stand in depth-first order: the latest course one level up is the parent's.
    courses = np.zeros((depth.max() + 1, inflow.shape[1]))
    late = np.empty(depth.max() + 1)  # of each course's samples, in steps
    n_streamlines = velocities.size
    for relative_velocity in velocities:
        for node in range(parent.size):
            delay = residence[node] / relative_velocity
            before = detour[node] / relative_velocity
            course = courses[depth[node]]
            upstream, upstream_late = entering, 0.5
            if parent[node] >= 0:
                upstream, upstream_late = courses[depth[node] - 1], late[depth[node] - 1]
                if upstream.any():  # some label has come
                    share = volume[node] / n_streamlines
                    _add_label(
                        upstream, upstream_late, before, delay, share, False, node, pieces, places, decay, amount
                    )
            delay += before
            whole = np.floor(upstream_late + delay)
            late[depth[node]] = upstream_late + delay - whole
            _delay(upstream, whole, np.exp(-decay * delay), course)
            if voxel[node] >= 0:
                for i in range(1, course.size):
                    here = _at(course, i - late[depth[node]])
                    inflow[voxel[node], i] += here * relative_velocity / n_streamlines


@njit()
def _flow_up(  # type: ignore[no-untyped-def]
    parent, flow, residence, volume, share, voxel, pieces, outflow, places, decay, amount, leaving
):
    """Follow one bundle, a `share` of the flow, from the beds to the outlets of the veins."""
    courses = np.zeros((parent.size, outflow.shape[1]))
    delayed = np.empty(outflow.shape[1])
    for node in range(parent.size - 1, -1, -1):
        course = courses[node]
        if voxel[node] >= 0:
            course += outflow[voxel[node]] / flow[node]
        if parent[node] < 0:
            leaving += share * flow[node] * course
            continue
        _add_label(course, 0.0, 0.0, residence[node], volume[node], True, node, pieces, places, decay, amount)
        _delay(course, residence[node], np.exp(-decay * residence[node]), delayed)
        courses[parent[node]] += delayed * (flow[node] / flow[parent[node]])


@njit()
def _delay(course, steps, weight, delayed):  # type: ignore[no-untyped-def]
    """The course so many steps later, times a weight."""
    whole = int(min(steps, float(course.size)))
    part = steps - whole if whole < course.size else 0.0
    delayed[: whole + 1] = 0
    for i in range(whole + 1, course.size):
        delayed[i] = weight * ((1 - part) * course[i - whole] + part * course[i - whole - 1])


@njit()
def _add_label(  # type: ignore[no-untyped-def]
    course, late, before, steps, volume, backwards, node, pieces, places, decay, amount
):
    """Add the label in a segment to the voxels of its pieces: volume times the mean course at midpoints of parts of
    the way that take a step at most, `before` steps after it was upstream. `backwards`: the blood comes from the
    segment's end."""
    start, voxel, end = pieces
    low = 0.0
    for piece in range(start[node], start[node + 1]):
        first = before + (1 - end[piece] if backwards else low) * steps
        duration = (end[piece] - low) * steps
        n_parts = max(int(np.ceil(min(duration, 1e9))), 1)
        held = volume * (end[piece] - low) / n_parts
        low = end[piece]
        for part in range(n_parts):
            age = first + (part + 0.5) / n_parts * duration
            if age >= places[-1]:
                break
            if voxel[piece] >= 0:
                for k in range(places.size):
                    amount[voxel[piece], k] += held * np.exp(-decay * age) * _at(course, places[k] - late - age)


@njit()
def _at(course, place):  # type: ignore[no-untyped-def]
    """The course at a place between samples."""
    if place <= 0:
        return 0.0
    k = min(int(place), course.size - 2)
    return course[k] + (place - k) * (course[k + 1] - course[k])


@njit()
def _step_capillaries(capillaries, rates, time_step, inflow, outflow):  # type: ignore[no-untyped-def]
    """Step a voxel's capillaries through its inflow's course; returns the amount (mm³) in blood and tissue at every
    sample and fills in the label (mm³/s) that flows out.

    With A, B twice the means over a step of the amounts a in blood and b in tissue, h half a step and k = n F/V:
    A − 2a = h(k A_upstream − (k + k_c + 1/T1b) A + k_t B) and B − 2b = h(k_c A − (k_t + 1/T1t) B).
    """
    flow, volume = capillaries
    leave_blood, leave_tissue, decay_blood, decay_tissue = rates
    n, half = ELEMENTS_PER_CAPILLARY, time_step / 2
    blood, tissue = np.zeros((n, flow.size)), np.zeros((n, flow.size))
    held = np.zeros(inflow.size)
    k = n * flow / volume
    drain = 1 + half * (leave_tissue + decay_tissue)
    solve = 1 / (1 + half * (k + leave_blood + decay_blood) - half * leave_tissue * half * leave_blood / drain)
    arriving = np.empty(flow.size)
    for i in range(1, inflow.size):
        for j in range(flow.size):
            arriving[j] = flow[j] * (inflow[i - 1] + inflow[i])
        for element in range(n):
            for j in range(flow.size):
                a, b = blood[element, j], tissue[element, j]
                twice_a = (2 * a + half * (arriving[j] + leave_tissue * 2 * b / drain)) * solve[j]
                blood[element, j] = twice_a - a
                tissue[element, j] = (2 * b + half * leave_blood * twice_a) / drain - b
                arriving[j] = k[j] * twice_a
        held[i] = blood.sum() + tissue.sum()
        outflow[i] = (k * blood[n - 1]).sum()
    return held
