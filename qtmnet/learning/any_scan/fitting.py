"""Voxels of cubes that the front end is fitted to."""

from collections.abc import Sequence

import numpy as np

from qtmnet.coefficients.front_end import CRUSHED, SEEN
from qtmnet.datasets.world_cubes import WorldCubes
from qtmnet.learning.any_scan.samples import acquired, geometry_of
from simulators.imaging.protocol_ranges import ProtocolRanges


def voxels_to_fit(
    cubes: WorldCubes,
    rows: Sequence[int] | np.ndarray,
    protocols: ProtocolRanges,
    n_of_each: int,
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Step responses and truths of acquired voxels, as many of each cube.

    Args:
        cubes: of a world.
        rows: which of them.
        protocols: whose voxels they are read on.
        n_of_each: voxels of a cube, at most.
        rng: that voxel sizes, places and voxels are drawn from.

    Returns:
        Step responses (T, V) with and without the label in arteries, mL/mL, and truths (V,) by key.
    """
    found: dict[str, list[np.ndarray]] = {}
    for row in rows:
        cube = cubes[int(row)]
        geometry = geometry_of(cube.voxel_mm, cubes.recipe.world.shape, protocols, rng)
        parts, truth = acquired(cube, geometry, [cube.bed, cube.arterial], rng, together=False)
        bed, arterial = np.split(parts, 2)
        flat = {CRUSHED: bed, SEEN: bed + arterial, **truth}
        n = truth["cbf"].size
        chosen = rng.choice(n, min(n, n_of_each), replace=False)
        for name, image in flat.items():
            found.setdefault(name, []).append(image.reshape(len(image), -1)[:, chosen])
    joined = {name: np.concatenate(parts, axis=1).astype(float) for name, parts in found.items()}
    responses = {name: cubes.basis.step_response(joined.pop(name)) for name in (SEEN, CRUSHED)}
    return responses, {name: values[0] for name, values in joined.items()}
