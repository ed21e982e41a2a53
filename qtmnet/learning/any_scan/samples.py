"""From cubes of a world to training samples: a protocol is drawn, the cube is read with it, and truth is kept beside.

The samples of a batch share the size of the acquired voxels and of the image, and differ in all else: cube, place,
protocol, noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qtmnet.coefficients.front_end import FrontEnd, images, is_crushed
from qtmnet.datasets.world_cubes import MAPS, KeptCube, WorldCubes
from qtmnet.learning.any_scan.arrival import TypicalArrival
from qtmnet.learning.samples import Key, Sample, Samples
from simulators.imaging.protocol_ranges import ProtocolRanges
from simulators.imaging.scan_noise import ScanNoise
from simulators.imaging.voxel_grid import VoxelGrid
from simulators.seeding import Stage, generator, stage_seed

LARGEST = (16, 16, 16)
"""Acquired voxels of a sample, at most: more would cost time, and hold little that is new."""

UNIT = 8
"""Sizes of samples are multiples of this: nothing is padded in a network of three levels, and few shapes occur.

With 4 or 12 voxels along an axis, gradients of a network of two levels are wrong in bfloat16 on CPUs that have AMX; see
`qtmnet.methods.network.layers.convolution`.
"""

LEAST_PERFUSION = 10.0
"""mL/100g/min; where less blood arrives, its transit time is not asked for."""


@dataclass(frozen=True)
class Geometry:
    """What the samples of a batch share.

    Attributes:
        cube_mm: edge of a simulated voxel.
        voxel_size_mm: edges of the acquired voxel.
        shape: acquired voxels.
    """

    cube_mm: float
    voxel_size_mm: tuple[float, float, float]
    shape: tuple[int, int, int]


class AnyScanSamples(Samples):
    """Samples by (epoch, index).

    Args:
        cubes: of a world.
        rows: which of them, (n,).
        front_end: reads the frames.
        protocols: to draw from.
        noise: to draw from; None for none.
        n: samples of an epoch.
        seed: of all draws.
        flips: mirror at random along each axis.
        arrival: says how often each cube is read, by when its label arrives; None: all alike.
    """

    def __init__(
        self,
        cubes: WorldCubes,
        rows: Sequence[int] | np.ndarray,
        front_end: FrontEnd,
        protocols: ProtocolRanges,
        noise: ScanNoise | None,
        *,
        n: int,
        seed: int,
        flips: bool,
        arrival: TypicalArrival | None = None,
    ) -> None:
        self.cubes, self.front_end = cubes, front_end
        self.protocols, self.noise, self.n, self.seed, self.flips = protocols, noise, n, seed, flips
        rows = np.asarray(rows)
        edges = np.array([cubes.edge_mm(int(row)) for row in rows])
        often = np.ones(len(rows)) if arrival is None else arrival.weights_of(cubes, rows)
        self.rows = {float(mm): rows[edges == mm] for mm in np.unique(edges)}
        self.often = {mm: often[edges == mm] for mm in self.rows}

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, key: Key) -> Sample:
        return self.batch([key])[0]

    def batch(self, keys: Sequence[Key]) -> list[Sample]:
        """Samples of one geometry, that of the first key."""
        geometry = self._geometry(generator(stage_seed((self.seed, *keys[0]), Stage.GRID)))
        return [self._sample(generator(stage_seed((self.seed, *key), Stage.NOISE)), geometry) for key in keys]

    def _geometry(self, rng: np.random.Generator) -> Geometry:
        often = np.array([self.often[mm].sum() for mm in self.rows])
        cube_mm = float(rng.choice(list(self.rows), p=often / often.sum()))
        return geometry_of(cube_mm, self.cubes.recipe.world.shape, self.protocols, rng)

    def _sample(self, rng: np.random.Generator, geometry: Geometry) -> Sample:
        rows, often = self.rows[geometry.cube_mm], self.often[geometry.cube_mm]
        cube = self.cubes[int(rng.choice(rows, p=often / often.sum()))]
        protocol = self.protocols.draw(rng, geometry.voxel_size_mm, geometry.shape[2], self.cubes.recipe.last)
        visible = [cube.bed] if is_crushed(protocol) else [cube.bed, cube.arterial]
        coefficients, truth = acquired(cube, geometry, visible, rng, together=True)
        _, weights = self.cubes.basis.rows(protocol, geometry.shape[2], cube.t1_blood)
        frames = _frames(weights, coefficients)
        told: np.ndarray | float = 0.0
        if self.noise is not None:
            frames, told = self.noise.draw(frames, rng)
        found = self.front_end.read(frames, protocol, told, cube.t1_blood)
        sample = {**images(found, protocol, cube.t1_blood), **truth}
        if self.flips:
            axes = tuple(axis + 1 for axis in range(3) if rng.random() < 0.5)
            sample = {name: np.flip(image, axes) for name, image in sample.items()}
        return {name: np.array(image, np.float32) for name, image in sample.items()}


def geometry_of(
    cube_mm: float, cube_shape: tuple[int, int, int], protocols: ProtocolRanges, rng: np.random.Generator
) -> Geometry:
    """Acquired voxels to read cubes on, as many as fit and are wanted."""
    extent = np.asarray(cube_shape) * cube_mm
    x, y, z = np.minimum(protocols.draw_voxel(rng), extent / UNIT).tolist()
    fits = np.floor(extent / (x, y, z) + 1e-6).astype(int)
    n_x, n_y, n_z = (np.minimum(fits, LARGEST) // UNIT * UNIT).tolist()
    return Geometry(cube_mm, (x, y, z), (n_x, n_y, n_z))


def acquired(
    cube: KeptCube, geometry: Geometry, arrays: Sequence[np.ndarray], rng: np.random.Generator, *, together: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Coefficients and truths of a cube on acquired voxels somewhere within it.

    Args:
        cube: as it is kept.
        geometry: of the acquired voxels.
        arrays: coefficients to average, (R, X, Y, Z) each.
        rng: that the place is drawn from.
        together: whether the arrays are added up.

    Returns:
        Coefficients (R, x, y, z) of the sum, or (n R, x, y, z) of one array after another, and truths by key,
        (1, x, y, z) each.
    """
    shares = _shares(cube, geometry, rng)
    window = tuple(slice(first, first + part.shape[1]) for first, part in shares)
    matrices = [part for _, part in shares]
    parts = [array[:, *window].astype(np.float32) for array in arrays]
    coefficients = np.asarray(sum(parts[1:], parts[0])) if together else np.concatenate(parts)
    perfusion, att, volume = (cube.maps[name][window] for name in MAPS)
    maps = np.stack([perfusion, perfusion * np.nan_to_num(att), volume])
    flow, flow_times_att, volume = _averaged(maps, matrices)
    with np.errstate(invalid="ignore", divide="ignore"):  # of the blood that arrives in a voxel, a mean over its flow
        transit = np.where(flow > LEAST_PERFUSION, flow_times_att / flow, np.nan)
    return _averaged(coefficients, matrices), {"cbf": flow[None], "att": transit[None], "abv": volume[None]}


def _shares(cube: KeptCube, geometry: Geometry, rng: np.random.Generator) -> list[tuple[int, np.ndarray]]:
    """For each axis the first simulated voxel that is needed, and what part of each acquired voxel lies in each."""
    size = cube.bed.shape[1:]
    room = np.asarray(size) * geometry.cube_mm - np.multiply(geometry.shape, geometry.voxel_size_mm)
    offset = np.maximum(room, 0) * rng.random(3)
    x, y, z = offset.tolist()
    grid = VoxelGrid(size, (geometry.cube_mm,) * 3, geometry.voxel_size_mm, geometry.shape, (x, y, z))
    found = []
    for axis in range(3):
        shares = grid.shares(axis)
        used = np.flatnonzero(shares.any(axis=0))
        found.append((int(used[0]), shares[:, used[0] : used[-1] + 1].astype(np.float32)))
    return found


def _averaged(volumes: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Volumes (C, X, Y, Z) with a matrix along each axis, (C, x, y, z)."""
    x, y, z = matrices
    n = len(volumes)
    along_z = volumes.reshape(-1, volumes.shape[-1]) @ z.T  # (C X Y, z)
    along_x = x @ along_z.reshape(n, volumes.shape[1], -1)  # (C, x, Y z)
    return y @ along_x.reshape(n, len(x), volumes.shape[2], -1)  # (C, x, y, z)


def _frames(weights: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Frames (K, x, y, z) of coefficients (R, x, y, z) with weights (K, z, R)."""
    by_slice = np.moveaxis(coefficients, -1, 0).reshape(coefficients.shape[-1], len(coefficients), -1)  # (z, R, x y)
    frames = np.moveaxis(weights, 1, 0).astype(np.float32) @ by_slice  # (z, K, x y)
    return np.moveaxis(frames.reshape(*frames.shape[:2], *coefficients.shape[1:3]), 0, -1)
