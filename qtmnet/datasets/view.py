"""A store as a protocol sees it: its cubes on the acquired voxels, kept beside it, a tenth of its size or less."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.dataset import Dataset
from qtmnet.datasets.recipe import FORMAT, CubeRecipe, fingerprint
from qtmnet.datasets.record import MAPS, StoredCube
from qtmnet.datasets.records import Records
from qtmnet.datasets.shard import Fields, ShardFormat
from qtmnet.datasets.storage.storage import storage_at
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.voxel_grid import VoxelGrid
from simulators.seeding import Seed, Stage, generator, stage_seed


@dataclass(frozen=True)
class SeenCube:
    """A cube on the acquired voxels.

    Attributes:
        maps: truth by name (`record.MAPS`), each (x, y, z), float32.
        increments: of the label that is seen, from each time to the next, (T, x, y, z), float32.
    """

    maps: dict[str, np.ndarray]
    increments: np.ndarray


@dataclass(frozen=True)
class Look:
    """What of a protocol decides how a cube looks, apart from when it is read.

    Attributes:
        voxel_size_mm: of the acquired voxel.
        vascular_crushing: mm/s; see `Acquisition`.
    """

    voxel_size_mm: tuple[float, float, float]
    vascular_crushing: float | None

    @classmethod
    def of(cls, acquisition: Acquisition) -> "Look":
        """The look of a protocol."""
        return cls(acquisition.voxel_size_mm, acquisition.vascular_crushing)

    def grid(self, recipe: CubeRecipe, seed: Seed) -> VoxelGrid:
        """The acquired voxels of the cube of a seed: as many as fit, at a place of its own where there is room."""
        rng = generator(stage_seed(seed, Stage.GRID))
        return VoxelGrid.within(recipe.phantom.shape, recipe.phantom.voxel_size_mm, self.voxel_size_mm, rng)

    def seen(self, cube: StoredCube, grid: VoxelGrid) -> SeenCube:
        """A cube on the acquired voxels."""
        maps = {name: grid.average(cube.maps[name]).astype(np.float32) for name in MAPS}
        return SeenCube(maps, grid.average(cube.seen(self.vascular_crushing)).astype(np.float32))


class View(Dataset):
    """A store's cubes on the acquired voxels of a protocol.

    Args:
        store: of the cubes.
        look: of the protocol.
        folder: to keep it in; by default `views` within the store's folder, `datasets/views` for an object store.
    """

    def __init__(self, store: CubeStore, look: Look, folder: str | Path | None = None) -> None:
        self.store, self.look, self.folder = store, look, folder
        recipe = store.recipe
        mark = view_mark(recipe, look)
        place = folder_of_view(store.url, recipe, look) if folder is None else f"{str(folder).rstrip('/')}/{mark}"
        shape = look.grid(recipe, 0).shape
        self.shape: tuple[int, int, int] = shape
        layout = ShardFormat(view_fields(shape, len(recipe.time)), mark, store.records.layout.shard_size)
        self.records = Records(storage_at(place), layout)

    def __getitem__(self, index: int) -> SeenCube:
        """Cube `index`, from memory maps."""
        record = self.records[index]
        return SeenCube({name: record[name] for name in MAPS}, record["increments"])

    def arrays(self, index: int) -> Mapping[str, np.ndarray]:
        """Look at cube `index` of the store."""
        recipe = self.store.recipe
        seen = self.look.seen(self.store[index], self.look.grid(recipe, recipe.cube_seed(index)))
        return {**seen.maps, "increments": seen.increments}


def view_mark(recipe: CubeRecipe, look: Look) -> str:
    """What tells the views of one dataset and of another, and of one look and another, apart."""
    seen = [*look.voxel_size_mm, look.vascular_crushing]
    return fingerprint({"format": FORMAT, "cubes": recipe.fingerprint(), "look": seen})


def folder_of_view(url: str, recipe: CubeRecipe, look: Look) -> Path:
    """Where the view of a store's cubes is kept: within its folder, or `datasets/views` for an object store."""
    beside = Path("datasets") / "views" if "://" in url else Path(url) / "views"
    return beside / view_mark(recipe, look)


def view_fields(shape: tuple[int, int, int], n_times: int) -> Fields:
    """Arrays of a record, for so many acquired voxels and times."""
    return (*((name, "<f4", shape) for name in MAPS), ("increments", "<f4", (n_times, *shape)))
