"""Which cubes there are, where they lie, how they are made, and how they are read with a protocol."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qtmnet.datasets.acquired_cubes import AcquiredCubes, ImagingSettings
from qtmnet.datasets.cluster import Cluster
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cube_recipe import SPLITS, CubeRecipe, recipe_for
from qtmnet.datasets.cube_store import CubeStore, NoDatasetError
from qtmnet.datasets.filling import fill
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.cube import CubeParameters
from simulators.transport.cuda.devices import open_device
from simulators.transport.cupy import CupySimulator
from simulators.transport.step_response import Simulator


@dataclass(frozen=True)
class Cubes:
    """The cubes of one split, and the protocol that they are read with.

    Attributes:
        recipe: what they are made from; it says which split they are.
        acquisition: protocol.
        n_cubes: how many there are.
        url: folder or URL that they are kept in.
        shard_size: cubes in a file; see `CubeStore`.
        cluster: where those that are missing are simulated.

    Raises:
        InputError: for an acquired voxel that does not fit into a cube.
    """

    recipe: CubeRecipe
    acquisition: Acquisition
    n_cubes: int
    url: str
    shard_size: int | None = None
    cluster: Cluster = field(default_factory=LocalCluster)

    def __post_init__(self) -> None:
        self.imaging.grid(self.recipe, 0)  # refuses an acquired voxel that does not fit

    @property
    def split(self) -> str:
        """`train` or `test`."""
        return self.recipe.split

    @property
    def imaging(self) -> ImagingSettings:
        """What of the protocol decides what an acquired voxel holds."""
        return ImagingSettings.of(self.acquisition)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Acquired voxels of a cube."""
        return self.imaging.grid(self.recipe, 0).shape

    def store(self, *, only_read: bool = False) -> CubeStore:
        """Where they are kept; `only_read` refuses a folder that is no dataset yet."""
        return CubeStore(self.url, self.recipe, shard_size=self.shard_size, n_cubes=self.n_cubes, only_read=only_read)

    def simulate(self) -> CubeStore:
        """Simulate those that are missing."""
        self._check_device()
        store = self.store()
        fill(store, self.n_cubes, self.cluster, f"Simulating {self.split} cubes into {store.url}")
        return store

    def _check_device(self) -> None:
        """Open the device before a folder is bound to it: what is missing may be made by another simulator."""
        simulator = self.recipe.simulator
        if not isinstance(simulator, CupySimulator) or not isinstance(self.cluster, LocalCluster):
            return
        try:
            self.store(only_read=True)
        except NoDatasetError:
            open_device(simulator.device)

    def acquired(self) -> AcquiredCubes:
        """The cubes, which have been simulated, on the acquired voxels; made where they are missing."""
        acquired = AcquiredCubes(self.store(), self.imaging)
        fill(acquired, self.n_cubes, LocalCluster(1), f"Reading {self.split} cubes")
        return acquired

    def is_complete(self) -> bool:
        """Whether all are there, simulated and on the acquired voxels."""
        store = self.store()
        return not store.missing(self.n_cubes) and not AcquiredCubes(store, self.imaging).missing(self.n_cubes)

    def flaws(self, *, of_all: bool) -> Iterator[str]:
        """Read what there is and tell what is wrong, a line for each file.

        Args:
            of_all: whether a cube that is missing is wrong, and a dataset that is not there an error.

        Raises:
            NoDatasetError: if there is none, and should be.
        """
        try:
            store = self.store(only_read=True)
        except NoDatasetError:
            if of_all:
                raise
            return
        yield from store.records.flaws(self.n_cubes if of_all else 0)
        yield from AcquiredCubes(store, self.imaging).records.flaws()


def cubes_by_split(
    acquisition: Acquisition,
    phantom: CubeParameters,
    simulator: Simulator,
    *,
    n_cubes: Mapping[str, int],
    seed: int,
    dir: str | Path | None = None,
    shard_size: int | None = None,
    cluster: Cluster | None = None,
) -> dict[str, Cubes]:
    """The cubes to train on and validate with (`train`), and those that training never sees (`test`).

    Args:
        acquisition: protocol to read them with.
        phantom: what they are drawn from.
        simulator: of the label's transport.
        n_cubes: of each split that is wanted.
        seed: of all cubes.
        dir: folder or URL, of the test cubes one within it; by default `datasets/cubes-<fingerprint of the settings>`.
        shard_size: cubes in a file; see `CubeStore`.
        cluster: where missing ones are simulated; processes of this machine by default.

    Raises:
        InputError: for an acquired voxel that does not fit into a cube.
    """
    recipes = {
        split: recipe_for(acquisition, phantom=phantom, simulator=simulator, seed=seed, split=split) for split in SPLITS
    }
    mark = recipes["train"].fingerprint()[:8]
    top = str(Path("datasets") / f"cubes-{mark}") if dir is None else str(dir)
    urls = {"train": top, "test": f"{top.rstrip('/')}/test"}
    return {
        split: Cubes(recipes[split], acquisition, n, urls[split], shard_size, cluster or LocalCluster())
        for split, n in n_cubes.items()
    }
