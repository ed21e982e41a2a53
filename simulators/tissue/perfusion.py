"""Perfusion maps: how much blood each voxel asks for."""

import numpy as np

from simulators.arrays import Float, Int
from simulators.constants import DENSITY_G_ML, ML_100G_MIN
from simulators.errors import InputError
from simulators.machine.compiling import njit
from simulators.seeding import Seed, generator

LEAST_PERFUSION = 0.1
"""mL/100g/min; a voxel of none would have no vessel."""


def flow_from_perfusion(
    perfusion_ml_100g_min: Float[np.ndarray, "*shape"], voxel_size_mm: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "*shape"]:
    """Blood flow (mm³/s) that each voxel needs: F = Q ρ V / 6000, of the map's shape."""
    return perfusion_ml_100g_min * (DENSITY_G_ML * np.prod(voxel_size_mm) / ML_100G_MIN)


def regional_perfusion(
    shape: tuple[int, ...],
    *,
    seed: Seed,
    n_regions: int = 40,
    perfusion_range: tuple[float, float] = (0.0, 80.0),
    fluctuation: float = 0.1,
) -> Float[np.ndarray, "X Y Z"]:
    """Perfusion of a cube that is divided into regions grown from random seeds.

    Args:
        shape: voxels along each axis.
        seed: of the random draws.
        n_regions: regions to grow, at most one a voxel.
        perfusion_range: (lowest, highest) mean perfusion of a region, drawn uniformly, mL/100g/min.
        fluctuation: standard deviation of each voxel about its region's mean, relative to it.

    Returns:
        Perfusion in mL/100g/min, of the given shape, positive everywhere.

    Raises:
        InputError: for an empty shape, no region, or a range that is not one.

    Source: the QTMnet paper's perfusion model.
    """
    low, high = perfusion_range
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"shape: found {tuple(shape)}; give three voxel counts of at least 1")
    if not 1 <= n_regions <= np.prod(shape):
        raise InputError(f"n_regions: found {n_regions}; give 1 to {np.prod(shape)} regions for {tuple(shape)} voxels")
    if not 0 <= low <= high or high <= 0 or not fluctuation >= 0:
        raise InputError(
            f"perfusion_range, fluctuation: found {perfusion_range}, {fluctuation}; give 0 ≤ low ≤ high and 0 or more"
        )
    rng = generator(seed)
    region = grow_regions(shape, n_regions, rng)
    mean = rng.uniform(low, high, n_regions)[region]
    return np.maximum(mean * (1 + fluctuation * rng.standard_normal(shape)), LEAST_PERFUSION)


def grow_regions(shape: tuple[int, ...], n_regions: int, rng: np.random.Generator) -> Int[np.ndarray, "X Y Z"]:
    """Divide a box into connected regions that grow one random voxel at a time until all is taken.

    Returns:
        Region number of each voxel, 0 to n_regions − 1, of the given shape.
    """
    seeds = rng.choice(int(np.prod(shape)), n_regions, replace=False)
    return _grow_regions(np.asarray(shape), seeds, rng).reshape(shape)


@njit()
def _grow_regions(shape, seeds, rng):  # type: ignore[no-untyped-def]
    nx, ny, nz = shape
    region = np.full(nx * ny * nz, -1, np.int64)
    # A taken voxel stands in the front until all six neighbours are seen to be taken as well.
    front = np.empty(nx * ny * nz, np.int64)
    n_front = seeds.size
    for number in range(seeds.size):
        region[seeds[number]] = number
        front[number] = seeds[number]
    free = np.empty(6, np.int64)
    while n_front > 0:
        pick = int(rng.random() * n_front)
        voxel = front[pick]
        x, y, z = voxel // (ny * nz), voxel // nz % ny, voxel % nz
        n_free = 0
        for inside, step in (
            (x > 0, -ny * nz),
            (x < nx - 1, ny * nz),
            (y > 0, -nz),
            (y < ny - 1, nz),
            (z > 0, -1),
            (z < nz - 1, 1),
        ):
            if inside and region[voxel + step] < 0:
                free[n_free] = voxel + step
                n_free += 1
        if n_free == 0:
            n_front -= 1
            front[pick] = front[n_front]
            continue
        taken = free[int(rng.random() * n_free)]
        region[taken] = region[voxel]
        front[n_front] = taken
        n_front += 1
    return region
