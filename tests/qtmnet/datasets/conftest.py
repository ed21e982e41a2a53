"""A small store that is made once, and copies of it to spoil."""

import shutil
from pathlib import Path

import pytest

from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.filling import fill
from simulators import CubeParameters, NumbaSimulator

N_CUBES = 6
SHARD_SIZE = 4


@pytest.fixture(scope="session")
def recipe() -> CubeRecipe:
    """Cubes of 8³ voxels, for a protocol without vascular crushing or one of 8 mm/s."""
    return CubeRecipe(phantom=CubeParameters(shape=(8, 8, 8)), simulator=NumbaSimulator(), seed=3, crushing=(8.0,))


@pytest.fixture(scope="session")
def kept(recipe: CubeRecipe, tmp_path_factory: pytest.TempPathFactory) -> CubeStore:
    """Six cubes in shards of four, not to be changed."""
    store = CubeStore(tmp_path_factory.mktemp("kept"), recipe, shard_size=SHARD_SIZE)
    fill(store, N_CUBES, LocalCluster(1), "Simulating")
    return store


@pytest.fixture
def copy(kept: CubeStore, tmp_path: Path) -> CubeStore:
    """The same in a folder of the test's own."""
    shutil.copytree(kept.url, tmp_path / "copy")
    return CubeStore(tmp_path / "copy", kept.recipe)
