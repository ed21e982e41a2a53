"""The stages of label transport as launches of kernels: arteries, responses of capillaries, beds, veins."""

from collections.abc import Sequence

import numpy as np

from simulators.tissue.label import LabelKinetics
from simulators.transport import laminar
from simulators.transport.beds import TRANSIT_TIMES, interpolation, steps_until
from simulators.transport.cuda.batch import TILE, BedRows, VesselBatch
from simulators.transport.cuda.devices import Array, Device
from simulators.transport.cuda.flows import BloodFlow
from simulators.transport.veins import VENOUS_STRIDE

STEPS_AT_ONCE = 8
"""Steps of a response to a thread, as in beds.cu; `steps_until` gives whole multiples."""

VENOUS_BYTES = 2**32
"""Most memory for the running totals of the veins; as many bundles of streamlines go together as it holds."""

BLOCKS_OF_A_CHAIN = 10
"""Of 2×2; as in chain.cu."""

TAYLOR_TERMS = 16
"""Of a matrix whose norm is at most a half: what is left out is 0.5^16 / 16! = 1e-18."""


def arterial_label(
    batch: VesselBatch, blood: BloodFlow, time: np.ndarray, t1: float, slower_than: float = np.inf
) -> Array:
    """Concentration in arteries of a mean velocity (mm/s) up to a limit, (B, T, X, Y, Z), float32."""
    device, trees = batch.device, batch.arteries
    slow = device.empty((trees.n_nodes,))
    ends = _piece_ends(batch, blood, 2 - batch.bluntness, float(time[-1]), t1)
    at_wall = _piece_ends(batch, blood, batch.bluntness, float(time[-1]), t1) if batch.bluntness.any() else ends
    device.launch("flow_slower_than", trees.n_nodes, blood.flow, blood.radius, float(slower_than), slow)
    image = device.empty((len(batch), len(time), *batch.shape), np.float32)
    of_time = np.stack([np.stack(laminar.stored_at(time, t1, b), axis=1) for b in batch.bluntness.tolist()])
    device.launch(
        "arterial_label",
        len(batch) * batch.n_voxels * len(time),
        *(trees.piece_start, trees.piece_node, ends, at_wall, slow),
        *map(device.put, (time, batch.bluntness, of_time)),
        *(len(time), batch.n_voxels, batch.voxel_volume, image),
    )
    return image


def _piece_ends(batch: VesselBatch, blood: BloodFlow, velocity: np.ndarray, last: float, t1: float) -> Array:
    """τ and H(τ; v)/(2(1 − b)) at both ends of each piece of artery, (P, 4), v that of each piece of tissue, (B,)."""
    device, trees = batch.device, batch.arteries
    density = np.array([laminar.density(b) for b in batch.bluntness.tolist()])
    ends = device.empty((len(trees.piece_node), 4))
    device.launch(
        "artery_piece_ends",
        len(trees.piece_node),
        *(trees.piece_node, trees.piece_share, blood.transit, blood.residence, trees.forest),
        *(device.put(velocity), device.put(density), 1 / t1, last, ends),
    )
    return ends


def capillary_responses(
    device: Device,
    theta: np.ndarray,
    sets: Sequence[tuple[LabelKinetics, float]],
    time_step: float,
    n_steps: int,
) -> tuple[Array, Array]:
    """`chain.impulse_responses` of each set of kinetics and blood volume fraction, (sets, J, n_steps), float32."""
    rates = np.array([(*label.exchange.rates(fraction), *label.decay_rates) for label, fraction in sets])
    n_theta, n_items = len(theta), len(theta) * len(sets)
    n_blocks = BLOCKS_OF_A_CHAIN * n_items
    fastest = 2 * BLOCKS_OF_A_CHAIN / theta.min() + 2 * rates.sum(axis=1).max()
    doublings = max(int(np.ceil(np.log2(time_step * fastest))) + 1, 0)  # to half a step of the fastest at most
    step = time_step / 2**doublings
    times, of_set = device.put(theta), device.put(rates)
    matrices, other = (device.empty((3, BLOCKS_OF_A_CHAIN, 4, n_items)) for _ in range(2))
    term, following = (device.empty((BLOCKS_OF_A_CHAIN, 4, n_items)) for _ in range(2))
    device.launch("chain_start", n_blocks, n_items, term, matrices)
    for p in range(TAYLOR_TERMS):
        device.launch("chain_taylor", n_blocks, n_items, times, n_theta, of_set, step, p, term, following, matrices)
        term, following = following, term
    for k in range(doublings):
        device.launch("chain_double", n_blocks, n_items, step * 2**k, matrices, other)
        matrices, other = other, matrices
    present, gone = (device.empty((len(sets), n_theta, n_steps), np.float32) for _ in range(2))
    device.launch("chain_responses", n_items, times, n_theta, matrices, time_step, n_steps, present, gone)
    return present, gone


def bed_label(
    batch: VesselBatch,
    blood: BloodFlow,
    time: np.ndarray,
    labels: Sequence[LabelKinetics],
    time_step: float,
) -> tuple[Array, Array]:
    """Amounts (mm³) in the beds, (B, T, X·Y·Z), and totals of what each sends into a bundle of its venule, times
    e^(t/T1), at every `VENOUS_STRIDE` steps, (R, L)."""
    device = batch.device
    n_steps = steps_until(time[-1], time_step)
    n_ends, t1 = n_steps // VENOUS_STRIDE, labels[0].t1_blood
    growth = np.exp((np.arange(n_ends) + 0.5) * VENOUS_STRIDE * time_step / t1) / laminar.STREAMLINE_BUNDLES
    sets, set_of_row = batch.capillaries(labels)
    tables = capillary_responses(device, TRANSIT_TIMES, sets, time_step, n_steps)
    amount = device.zeros((len(batch), len(time), batch.n_voxels))
    venules = device.zeros((len(batch.served), n_ends + 2))
    ends, weights = interpolation(time / time_step)
    ends, weights = device.put(ends.astype(np.int32)), device.put(weights)
    for rows in batch.rows(set_of_row):
        held, passed = _responses_of_rows(batch, blood, rows, tables, n_steps)
        inflow = _inflow(batch, blood, rows, time_step, n_steps, t1)
        n_tiled = rows.n_tiles * TILE
        device.launch(
            "bed_amount",
            n_tiled * len(time),
            *(rows.n, n_steps, held, inflow, ends, weights, len(time), rows.voxel, batch.n_voxels, amount),
        )
        out = device.empty((rows.n_tiles, n_ends, TILE), np.float32)
        device.launch("bed_outflow", n_tiled * n_ends, rows.n, n_steps, passed, inflow, VENOUS_STRIDE, n_ends, out)
        device.launch("venule_totals", rows.n, out, device.put(growth), n_ends, rows.place, venules)
    return amount, venules


def _responses_of_rows(
    batch: VesselBatch, blood: BloodFlow, rows: BedRows, tables: tuple[Array, Array], n_steps: int
) -> tuple[Array, Array]:
    """Flow-weighted sums of the capillaries' responses, present and flowed out, in tiles."""
    device, n_theta = batch.device, len(TRANSIT_TIMES)
    log_theta = np.log(TRANSIT_TIMES)
    spectrum = device.empty((rows.n_tiles, n_theta, TILE), np.float32)
    span = device.empty((rows.n_tiles, 2), np.int32)
    rows.capillaries.share_out(
        device,
        rows.n,
        *(rows.node, blood.flow, batch.as_grown[0].flow),
        *(float(log_theta[0]), float(log_theta[1] - log_theta[0]), n_theta, spectrum),
    )
    device.launch("spectrum_range", rows.n_tiles, spectrum, rows.n, n_theta, span)
    held, passed = (device.empty((rows.n_tiles, n_steps, TILE), np.float32) for _ in range(2))
    device.launch(
        "combine_responses",
        rows.n_tiles * TILE * (n_steps // STEPS_AT_ONCE),
        *(rows.n, spectrum, span, rows.set, *tables, n_theta, n_steps, held, passed),
    )
    return held, passed


def _inflow(batch: VesselBatch, blood: BloodFlow, rows: BedRows, time_step: float, n_steps: int, t1: float) -> Array:
    """Label that enters each row per unit of flow in each step, in tiles."""
    device = batch.device
    edges = time_step * np.arange(1, n_steps + 1)
    tails = np.stack([laminar.tail_integral(n, edges, t1) for n in (2, 3)], axis=1)
    inflow = device.empty((rows.n_tiles, n_steps, TILE), np.float32)
    device.launch(
        "bed_inflow",
        rows.n,
        *(rows.node, blood.transit, batch.arteries.forest, device.put(batch.bluntness), device.put(tails)),
        *(time_step, 1 / t1, n_steps, inflow),
    )
    return inflow


def venous_label(
    batch: VesselBatch,
    blood: BloodFlow,
    venules: Array,
    time: np.ndarray,
    time_step: float,
    t1: float,
    amount: Array,
) -> Array:
    """Add the label in the veins to `amount`, (B, T, X·Y·Z); returns what has left them, mm³, (B, T)."""
    device, trees, n_steps, n_times = batch.device, batch.veins, venules.shape[1], len(time)
    step = VENOUS_STRIDE * time_step
    fall = np.exp(-(np.arange(n_steps - 1) + 0.5) * step / t1)
    times, decay, falls = map(device.put, (time, np.exp(-time / t1), fall))
    left = device.zeros((len(trees.inlet), n_times))
    delays = np.stack([laminar.bundle_delays(bluntness=b) for b in batch.bluntness.tolist()])
    at_once = int(np.clip(VENOUS_BYTES // (trees.n_nodes * n_steps * 8), 1, delays.shape[1]))
    totals = device.empty((at_once, trees.n_nodes, n_steps))
    for first in range(0, delays.shape[1], at_once):
        some = delays[:, first : first + at_once]
        n_bundles, bundles = some.shape[1], device.put(some)
        for begin, size in trees.height.spans():
            device.launch(
                "venous_totals",
                size * n_steps * n_bundles,
                *(trees.height.order, begin, size, trees.n_nodes, n_steps, trees.daughter_start, trees.daughter),
                *(blood.transit, trees.forest, bundles, n_bundles, step, batch.row_of_venule, venules, totals),
            )
        device.launch(
            "venous_label",
            len(batch) * batch.n_voxels * n_times,
            *(trees.piece_start, trees.piece_node, trees.piece_share, trees.parent, blood.transit),
            *(bundles, n_bundles, step, totals, trees.n_nodes, n_steps, times, decay, n_times, batch.n_voxels, amount),
        )
        device.launch(
            "left_by_outlet",
            len(trees.inlet) * n_times,
            *(trees.inlet, totals, n_bundles, trees.n_nodes, n_steps, falls, times, step, n_times, left),
        )
    by_forest = device.empty((len(batch), n_times))
    device.launch("left_by_forest", len(batch) * n_times, trees.inlet_start, left, n_times, by_forest)
    return by_forest
