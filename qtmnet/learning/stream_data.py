"""Streamed cubes as training data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from torch.utils.data import DataLoader

from qtmnet.datasets.filling import fill
from qtmnet.datasets.recipe import fingerprint
from qtmnet.datasets.vessel_pool import VesselPool, growth_settings
from qtmnet.datasets.view import Look
from qtmnet.learning.data import QTMDataModule
from qtmnet.learning.device_stream import DeviceCubeStream
from qtmnet.learning.samples import Sample
from qtmnet.learning.stream import CubeStream, StreamDataset
from qtmnet.limits import CubeCount, LoaderWorkers, SampleCount, TreeCount
from simulators.errors import InputError
from simulators.machine.cores import n_cores
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import PathText, SettingsOf
from simulators.transport.cupy import CupySimulator

SAMPLES_TO_START_FROM = 32
"""Cubes for the linear estimate: each has to be simulated, and has thousands of voxels."""


class QTMStreamModule(QTMDataModule):
    """Training on streamed cubes. Cubes to validate and to test with come from a store, as those of `QTMDataModule`.

    Args:
        samples_per_epoch: training samples that make an epoch, each a cube of its own.
        n_trees: pairs of forests in the pool that the cubes take their trees from.
        pool: folder or URL of the pool; by default `datasets/trees-<fingerprint of the settings>`.
        n_cubes: stored cubes, to validate with.
        loader_workers: processes that simulate beside the one that trains, by default one for each core; none where
            cubes are simulated in batches on a device, by the process that trains.
        options: and arguments, see `QTMDataModule`.

    Raises:
        InputError: for settings that make no data set.
    """

    @checks_arguments
    def __init__(
        self,
        *arguments: Any,
        samples_per_epoch: SampleCount = 6400,
        n_trees: TreeCount = 64,
        pool: PathText | None = None,
        n_cubes: CubeCount = 64,
        loader_workers: LoaderWorkers | None = None,
        **options: Annotated[Any, SettingsOf(QTMDataModule)],
    ) -> None:
        if "validation_share" in options:
            raise InputError("data.validation_share: all stored cubes are to validate with; give data.n_cubes")
        n_workers = 0 if loader_workers is None else loader_workers
        super().__init__(*arguments, n_cubes=n_cubes, loader_workers=n_workers, **options)
        self.samples_per_epoch, self.n_trees = samples_per_epoch, n_trees
        phantom = self.recipes["train"].phantom
        mark = fingerprint(growth_settings(phantom, self.seed))[:8]
        self.pool_at = str(Path("datasets") / f"trees-{mark}") if pool is None else str(pool)
        self.on_device = isinstance(self.recipes["train"].simulator, CupySimulator)
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
        return self.n_cubes["train"]

    @property
    def n_fit(self) -> int:
        """Samples of an epoch."""
        return self.samples_per_epoch

    def pool(self) -> VesselPool:
        """The trees that the cubes are made with, those that are missing to be grown."""
        return VesselPool(self.pool_at, self.recipes["train"].phantom, self.seed)

    def simulate(self, split: str):  # type: ignore[no-untyped-def]
        """Simulate the cubes of a split that are missing, and grow the trees of the pool."""
        if split == "train":
            pool = self.pool()
            fill(pool, self.n_trees, self.cluster, f"Growing trees into {pool.url}")
        return super().simulate(split)

    def is_complete(self) -> bool:
        """Whether all that training needs is there."""
        return not self.pool().missing(self.n_trees) and super().is_complete()

    def fitting(self) -> StreamDataset:
        """Samples to train on."""
        kind = DeviceCubeStream if self.on_device else CubeStream
        stream = kind(self.recipes["train"], self.pool(), self.n_trees, Look.of(self.acquisition))
        return StreamDataset(stream, self.samples_per_epoch, self.maker(augmented=True))

    def first_samples(self) -> Iterator[Sample]:
        """Samples to fit the linear estimate to, the first of the first epoch."""
        keys = [(0, index) for index in range(min(self.n_fit, SAMPLES_TO_START_FROM))]
        loader = DataLoader(self.datasets["fit"], 1, sampler=keys, num_workers=self.loader_workers)
        return ({name: value[0] for name, value in batch.items()} for batch in loader)
