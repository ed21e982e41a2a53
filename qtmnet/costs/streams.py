"""What simulating batches of cubes on a device takes."""

import math

from qtmnet.costs.cost import Cost
from qtmnet.costs.machine import free_gpu_memory
from qtmnet.stream_data import QTMStreamModule
from simulators.transport.cuda.batch import ROWS_AT_ONCE
from simulators.transport.cuda.stages import VENOUS_BYTES
from simulators.transport.cupy import CupySimulator
from simulators.transport.laminar import STREAMLINE_BUNDLES

# From the table of arrays in docs/cuda.md, for cubes of 32³ voxels, 20 times and 200 steps; for each voxel.

BYTES_OF_A_VOXEL = 2200
"""Trees, pieces, flows and listed capillaries."""

BYTES_AT_A_TIME = 15
"""Amounts and images."""

BYTES_IN_A_STEP = 4.3
"""Totals of voxels."""

BED_BYTES_IN_A_STEP = 18
"""Spectrum, responses, inflow and outflow, of at most `ROWS_AT_ONCE` voxels at a time."""

VENOUS_BYTES_IN_A_STEP = 68
"""Totals of the veins, of at most `VENOUS_BYTES` for a batch."""


def batch_bytes(data: QTMStreamModule, batch: int) -> Cost:
    """Memory of a batch that is simulated on a device, at once."""
    recipe = data.recipes["train"]
    simulator = recipe.simulator
    assert isinstance(simulator, CupySimulator)
    voxels, steps = batch * math.prod(recipe.phantom.shape), recipe.time[-1] / simulator.time_step
    needed = voxels * (BYTES_OF_A_VOXEL + BYTES_AT_A_TIME * len(recipe.time) + BYTES_IN_A_STEP * steps)
    needed += min(voxels, ROWS_AT_ONCE) * BED_BYTES_IN_A_STEP * steps
    veins = voxels * VENOUS_BYTES_IN_A_STEP * steps
    needed += min(veins, max(VENOUS_BYTES, veins / STREAMLINE_BUNDLES))
    gpu = free_gpu_memory() if simulator.device == "cuda" else None
    return Cost(
        f"simulating batches of {batch} cubes on {'the GPU' if simulator.device == 'cuda' else 'this machine'}",
        "data.batch_size",
        "give smaller batches",
        memory_bytes=needed if gpu is not None or simulator.device == "host" else 0.0,
        memory_limit=gpu,
        limited_by="the GPU has {} free" if gpu is not None else "this machine has {} free",
    )
