"""What label transport takes on a device: batches of cubes, or a brain."""

from qtmnet.costs.cost import Cost
from qtmnet.costs.machine import free_gpu_memory
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
"""Totals of the veins, of at most `VENOUS_BYTES` for a batch, but of one bundle at least."""


def device_cost(
    what: str, setting: str, advice: str, simulator: CupySimulator, voxels: float, time: tuple[float, ...]
) -> Cost:
    """Memory of what is simulated at once on a simulator's device; nothing for a GPU that there is not.

    Args:
        what: is simulated.
        setting: that decides how much it is.
        advice: what to do about it.
        simulator: on the device.
        voxels: that have capillaries, of all of a batch.
        time: s since labeling began, at which label is looked for.
    """
    on_gpu = simulator.device == "cuda"
    free = free_gpu_memory() if on_gpu else None
    needed = device_bytes(voxels, len(time), time[-1] / simulator.time_step)
    return Cost(
        f"{what} on {'the GPU' if on_gpu else 'the host'}",
        setting,
        advice,
        memory_bytes=0.0 if on_gpu and free is None else needed,
        memory_limit=free,
        limited_by=f"{'the GPU' if on_gpu else 'this machine'} has {{}} free",
    )


def device_bytes(voxels: float, n_times: int, steps: float) -> float:
    """Most memory that transport takes on a device at once."""
    veins = voxels * VENOUS_BYTES_IN_A_STEP * steps
    return (
        voxels * (BYTES_OF_A_VOXEL + BYTES_AT_A_TIME * n_times + BYTES_IN_A_STEP * steps)
        + min(voxels, ROWS_AT_ONCE) * BED_BYTES_IN_A_STEP * steps
        + min(veins, max(VENOUS_BYTES, veins / STREAMLINE_BUNDLES))
    )
