"""Streamed cubes to train on, each simulated as training asks for it."""

from pathlib import Path
from typing import Annotated, Any

from qtmnet.datasets.acquired_cubes import ImagingSettings
from qtmnet.datasets.cube_recipe import fingerprint
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.filling import fill
from qtmnet.datasets.vessel_pool import VesselPool, growth_settings
from qtmnet.learning.cube_stream import CubeStream, StreamSamples
from qtmnet.learning.samples import Samples
from qtmnet.learning.stored import StoredCubes
from qtmnet.limits import CubeCount, LoaderWorkers, SampleCount, TreeCount
from simulators.errors import InputError
from simulators.machine.cores import n_cores
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import PathText, SettingsOf
from simulators.transport.cupy import CupySimulator


class StreamedCubes(StoredCubes):
    """Training on streamed cubes. Cubes to validate and to test with come from a store, as those of `StoredCubes`.

    Args:
        samples_per_epoch: training samples that make an epoch, each a cube of its own.
        n_trees: pairs of forests in the pool that the cubes take their trees from.
        pool: folder or URL of the pool; by default `datasets/trees-<fingerprint of the settings>`.
        n_cubes: stored cubes, to validate with.
        loader_workers: processes that simulate beside the one that trains, by default one for each core; none where
            cubes are simulated in batches on a device, by the process that trains.
        options: and arguments, see `StoredCubes`.

    Raises:
        InputError: for settings that make no data set.
    """

    samples_to_start_from = 32
    """For the linear estimate: each has to be simulated, and has thousands of voxels."""

    @checks_arguments
    def __init__(
        self,
        *arguments: Any,
        samples_per_epoch: SampleCount = 6400,
        n_trees: TreeCount = 64,
        pool: PathText | None = None,
        n_cubes: CubeCount = 64,
        loader_workers: LoaderWorkers | None = None,
        **options: Annotated[Any, SettingsOf(StoredCubes)],
    ) -> None:
        if "validation_share" in options:
            raise InputError("data.validation_share: all stored cubes are to validate with; give data.n_cubes")
        n_workers = 0 if loader_workers is None else loader_workers
        super().__init__(*arguments, n_cubes=n_cubes, loader_workers=n_workers, **options)
        self.samples_per_epoch, self.n_trees = samples_per_epoch, n_trees
        mark = fingerprint(growth_settings(self.recipe.phantom, self.seed))[:8]
        self.pool_at = str(Path("datasets") / f"trees-{mark}") if pool is None else str(pool)
        self.on_device = isinstance(self.recipe.simulator, CupySimulator)
        if self.on_device and loader_workers:
            raise InputError(
                f"data.loader_workers: found {loader_workers}; with simulator=cupy the process that trains simulates, "
                "give 0 or null"
            )
        if loader_workers is None and not self.on_device:
            self.loader_workers = n_cores()

    @property
    def n_validation(self) -> int:
        """Cubes to validate with."""
        return self.cubes["train"].n_cubes

    @property
    def n_fit(self) -> int:
        """Samples of an epoch."""
        return self.samples_per_epoch

    def pool(self) -> VesselPool:
        """The trees that the cubes are made with, those that are missing to be grown."""
        return VesselPool(self.pool_at, self.recipe.phantom, self.seed)

    def simulate(self) -> CubeStore:
        """Grow the trees of the pool that are missing, and simulate the stored cubes."""
        pool = self.pool()
        fill(pool, self.n_trees, self.cubes["train"].cluster, f"Growing trees into {pool.url}")
        return super().simulate()

    def is_complete(self) -> bool:
        """Whether all that training needs is there."""
        return not self.pool().missing(self.n_trees) and super().is_complete()

    def fitting(self) -> Samples:
        """Samples to train on."""
        imaging = ImagingSettings.of(self.acquisition)
        stream = self._stream()(self.recipe, self.pool(), self.n_trees, imaging)
        return StreamSamples(stream, self.maker(augmented=True))

    def _stream(self) -> type[CubeStream]:
        """How cubes are made: one by one on the processor, or batches of them on a device."""
        if not self.on_device:
            return CubeStream
        from qtmnet.learning.device_stream import DeviceCubeStream  # takes torch, which simulating does without

        return DeviceCubeStream
