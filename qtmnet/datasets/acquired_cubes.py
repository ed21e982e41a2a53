"""The cubes of a store on the acquired voxels of a protocol, kept beside it: a tenth of its size or less."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qtmnet.datasets.cube_recipe import FORMAT, CubeRecipe, fingerprint
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.record import MAPS, StoredCube, kept_maps, read_maps
from qtmnet.datasets.shard import Fields, ShardFormat
from qtmnet.datasets.shard_files import Records
from qtmnet.datasets.sharded_dataset import ShardedDataset
from qtmnet.datasets.storage.storage import storage_at
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.voxel_grid import VoxelGrid
from simulators.seeding import Seed, Stage, generator, stage_seed


@dataclass(frozen=True)
class AcquiredCube:
    """A cube on the acquired voxels.

    Attributes:
        maps: truth by name (`record.MAPS`), each (x, y, z), float32.
        increments: of the label that is seen, from each time to the next, (T, x, y, z), float32.
    """

    maps: dict[str, np.ndarray]
    increments: np.ndarray


@dataclass(frozen=True)
class ImagingSettings:
    """What of a protocol decides what an acquired voxel holds, apart from when it is read out.

    Attributes:
        voxel_size_mm: of the acquired voxel.
        vascular_crushing: mm/s; see `Acquisition`.
    """

    voxel_size_mm: tuple[float, float, float]
    vascular_crushing: float | None

    @classmethod
    def of(cls, acquisition: Acquisition) -> "ImagingSettings":
        """The imaging of a protocol."""
        return cls(acquisition.voxel_size_mm, acquisition.vascular_crushing)

    def grid(self, recipe: CubeRecipe, seed: Seed) -> VoxelGrid:
        """The acquired voxels of the cube of a seed: as many as fit, at a place of its own where there is room."""
        rng = generator(stage_seed(seed, Stage.GRID))
        return VoxelGrid.within(recipe.phantom.shape, recipe.phantom.voxel_size_mm, self.voxel_size_mm, rng)

    def acquired(self, cube: StoredCube, grid: VoxelGrid) -> AcquiredCube:
        """A cube on the acquired voxels."""
        maps = {name: grid.average_known(cube.maps[name]).astype(np.float32) for name in MAPS}
        return AcquiredCube(maps, grid.average(cube.visible(self.vascular_crushing)).astype(np.float32))


class AcquiredCubes(ShardedDataset):
    """A store's cubes on the acquired voxels of a protocol.

    Args:
        store: of the cubes.
        imaging: settings of the protocol.
        folder: to keep it in; by default `views` within the store's folder, `datasets/views` for an object store.
    """

    def __init__(self, store: CubeStore, imaging: ImagingSettings, folder: str | Path | None = None) -> None:
        self.store, self.imaging, self.folder = store, imaging, folder
        recipe = store.recipe
        mark = acquired_mark(recipe, imaging)
        place = acquired_folder(store.url, recipe, imaging) if folder is None else f"{str(folder).rstrip('/')}/{mark}"
        shape = imaging.grid(recipe, 0).shape
        self.shape: tuple[int, int, int] = shape
        layout = ShardFormat(acquired_fields(shape, len(recipe.time)), mark, store.records.layout.shard_size)
        self.records = Records(storage_at(place), layout)

    def __getitem__(self, index: int) -> AcquiredCube:
        """Cube `index`, from memory maps."""
        record = self.records[index]
        return AcquiredCube(read_maps(record, self.store.recipe.bluntness(index)), record["increments"])

    def arrays(self, index: int) -> Mapping[str, np.ndarray]:
        """Average cube `index` of the store over the acquired voxels."""
        recipe = self.store.recipe
        cube = self.imaging.acquired(self.store[index], self.imaging.grid(recipe, recipe.cube_seed(index)))
        return {**kept_maps(cube.maps, recipe.bluntness(index)), "increments": cube.increments}


def acquired_mark(recipe: CubeRecipe, imaging: ImagingSettings) -> str:
    """What tells cubes of one store and of another, and of one protocol's voxels and another's, apart."""
    settings = [*imaging.voxel_size_mm, imaging.vascular_crushing]
    # "look" is part of the mark of what version 0.2 has kept, and is found again.
    return fingerprint({"format": FORMAT, "cubes": recipe.fingerprint(), "look": settings})


def acquired_folder(url: str, recipe: CubeRecipe, imaging: ImagingSettings) -> Path:
    """Where the acquired cubes of a store are kept: `views` in its folder, `datasets/views` for an object store."""
    beside = Path("datasets") / "views" if "://" in url else Path(url) / "views"
    return beside / acquired_mark(recipe, imaging)


def acquired_fields(shape: tuple[int, int, int], n_times: int) -> Fields:
    """Arrays of a record, for so many acquired voxels and times."""
    return (*((name, "<f4", shape) for name in MAPS), ("increments", "<f4", (n_times, *shape)))
