"""What simulating one cube takes, and what is kept of it."""

import math
from collections.abc import Iterable

import numpy as np

from qtmnet.datasets.cube_recipe import CubeRecipe
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.cube import CubeParameters
from simulators.tissue.capillaries import COUNT_RANGE, ELEMENTS_PER_CAPILLARY
from simulators.transport.beds import TRANSIT_TIMES
from simulators.transport.cupy import CupySimulator
from simulators.transport.reference import STREAMLINES_AT_10_MS, ReferenceSimulator
from simulators.transport.step_response import Simulator

# `python benchmarks/costs.py` measures all coefficients of this file; seconds are those of a core of a server of 2024,
# times one and a half.

BYTES_OF_A_VOXEL = 2000
"""Vessels of a grown cube, and a hundred capillaries of 16 bytes."""

BYTES_AT_A_TIME = 36
"""Of a voxel at each time: amounts and images, of arteries and beds."""

BYTES_AT_A_VELOCITY = 9
"""Of a voxel at each time for each velocity of vascular crushing."""

BYTES_IN_A_STEP = 2.4
"""Of a voxel in each step of the convolution in its bed."""

TABLE_BYTES_IN_A_STEP = 24 * len(TRANSIT_TIMES)
"""Of the responses of capillaries, of all voxels together: two tables, in float64 and float32."""

SECONDS_OF_A_VOXEL = 2.6e-5
"""Of which a third grows its vessels, comparing three candidates for each."""

SECONDS_OF_STEPS = 5e-11
"""Of a voxel, times the square of the steps: the convolution, a little above what it takes."""

GROWTH_SHARE = 1 / 3

BYTES_OF_A_REFERENCE_STEP = 40
"""Of a voxel in each step of the reference: inflow, outflow and the courses of two venous nodes, 8 bytes each."""

SECONDS_OF_A_REFERENCE_STEP = 4e-9
"""Of one streamline in an arterial node, or of one element of a capillary."""

LARGEST_RECORD = 2**31 - 1
"""Bytes: NumPy counts those of a structured type in a C int."""


def simulation_bytes(recipe: CubeRecipe) -> float:
    """Most memory that simulating one cube takes at once."""
    voxels, n_times = math.prod(recipe.phantom.shape), len(recipe.time)
    times = n_times * (BYTES_AT_A_TIME + BYTES_AT_A_VELOCITY * len(recipe.crushing))
    return voxels * (BYTES_OF_A_VOXEL + times) + transport_bytes(recipe.simulator, recipe.time[-1], voxels)


def decisive(recipe: CubeRecipe) -> tuple[str, str]:
    """The setting that decides most of `simulation_bytes`, and what to do about it."""
    voxels = math.prod(recipe.phantom.shape)
    if transport_bytes(recipe.simulator, recipe.time[-1], voxels) > simulation_bytes(recipe) / 2:
        return LONGER_STEP
    return "phantom.shape", "give fewer voxels, or fewer or shorter delays"


LONGER_STEP = ("simulator.time_step", "give a longer step")


def transport_bytes(simulator: Simulator, last: float, voxels: float) -> float:
    """Memory that transport until a last time (s) takes, beside amounts and images."""
    steps = last / _time_step(simulator)
    if isinstance(simulator, ReferenceSimulator):
        return BYTES_OF_A_REFERENCE_STEP * steps * voxels
    return (BYTES_IN_A_STEP * voxels + TABLE_BYTES_IN_A_STEP) * steps


def simulation_seconds(recipe: CubeRecipe) -> float:
    """Time of a core to simulate one cube."""
    growth = SECONDS_OF_A_VOXEL * (1 - GROWTH_SHARE + GROWTH_SHARE * recipe.phantom.n_candidates / 3)
    return math.prod(recipe.phantom.shape) * (growth + transport_seconds(recipe.simulator, recipe.time[-1]))


def transport_seconds(simulator: Simulator, last: float) -> float:
    """Time of a core that transport until a last time (s) takes for each voxel."""
    if isinstance(simulator, ReferenceSimulator):
        n_streamlines = simulator.n_streamlines or max(STREAMLINES_AT_10_MS * 0.01 / simulator.time_step, 1)
        elements = ELEMENTS_PER_CAPILLARY * sum(COUNT_RANGE) / 2
        return SECONDS_OF_A_REFERENCE_STEP * last / simulator.time_step * (2 * n_streamlines + elements)
    return SECONDS_OF_STEPS * (last / _time_step(simulator)) ** 2


def _time_step(simulator: Simulator) -> float:
    return float(getattr(simulator, "time_step", CupySimulator.time_step))


def bytes_of(fields: Iterable[tuple[str, str, tuple[int, ...]]]) -> float:
    """Bytes of a record of these fields, without building its type: a large one has none."""
    return 40.0 + sum(np.dtype(code).itemsize * math.prod(shape) for _, code, shape in fields)


def acquired_shape(phantom: CubeParameters, acquisition: Acquisition) -> tuple[int, int, int]:
    """Voxels along each axis of a cube as the scanner sees it."""
    edges = zip(phantom.shape, phantom.voxel_size_mm, acquisition.voxel_size_mm, strict=True)
    x, y, z = (max(int(n * simulated / acquired + 1e-6), 1) for n, simulated, acquired in edges)
    return x, y, z
