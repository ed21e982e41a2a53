"""Stored cubes to train on: which ones, how many, and how a sample is made of each."""

import numpy as np

from qtmnet.datasets.cluster import Cluster
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.cubes import cubes_by_split
from qtmnet.learning.samples import CubeSamples, SampleMaker, Samples
from qtmnet.learning.source import Source
from qtmnet.limits import BatchSize, CubeCount, LoaderWorkers, ShardSize, SignalToNoise, TestCubeCount
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.cube import CubeParameters
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import Drawn, PathText, SeedNumber, Share
from simulators.transport.step_response import Simulator


class StoredCubes(Source):
    """A store of simulated cubes, simulated on first use and picked up where that stopped.

    Args:
        acquisition: protocol to read the cubes with.
        phantom: what the cubes are drawn from.
        simulator: of the label's transport.
        cluster: where they are simulated; processes of this machine by default.
        n_cubes: cubes to train on and validate with, split by cube.
        n_test: cubes that training never sees.
        dir: folder or URL of the cubes; by default `datasets/cubes-<fingerprint of the settings>`.
        shard_size: cubes in a file; see `CubeStore`.
        seed: of the cubes, the split and the noise.
        validation_share: of the cubes, taken at random.
        batch_size: samples a step, of all processes that train together.
        snr: of the training frames; see `SampleMaker`. Validation has the same noise in each epoch.
        flips: mirror training cubes at random.
        loader_workers: processes that make samples beside the one that trains.

    Raises:
        InputError: for settings that make no data set.
    """

    samples_to_start_from = 200
    """For the linear estimate: a few coefficients from hundreds of thousands of voxels."""

    @checks_arguments
    def __init__(
        self,
        acquisition: Acquisition,
        phantom: CubeParameters,
        simulator: Simulator,
        *,
        cluster: Cluster | None = None,
        n_cubes: CubeCount = 6400,
        n_test: TestCubeCount = 64,
        dir: PathText | None = None,
        shard_size: ShardSize | None = None,
        seed: SeedNumber = 0,
        validation_share: Share = 0.1,
        batch_size: BatchSize = 16,
        snr: Drawn[SignalToNoise] | None = None,
        flips: bool = True,
        loader_workers: LoaderWorkers = 0,
    ) -> None:
        self.acquisition = acquisition
        self.cubes = cubes_by_split(
            acquisition,
            phantom,
            simulator,
            n_cubes={"train": n_cubes, "test": n_test},
            seed=seed,
            dir=dir,
            shard_size=shard_size,
            cluster=cluster,
        )
        self.seed, self.validation_share, self.batch_size = seed, validation_share, batch_size
        self.snr, self.flips, self.loader_workers = snr, flips, loader_workers

    @property
    def recipe(self) -> CubeRecipe:
        """What the cubes to train on are made from."""
        return self.cubes["train"].recipe

    @property
    def n_validation(self) -> int:
        """Samples to validate with."""
        return max(round(self.validation_share * self.cubes["train"].n_cubes), 1)

    @property
    def n_fit(self) -> int:
        """Samples of an epoch of training."""
        return self.cubes["train"].n_cubes - self.n_validation

    @property
    def sample_shape(self) -> tuple[int, int, int]:
        """Acquired voxels of a cube."""
        return self.cubes["train"].shape

    def simulate(self) -> CubeStore:
        """Simulate all that training needs and is not there."""
        return self.cubes["train"].simulate()

    def prepare(self) -> None:
        """Simulate what is missing, and average it over the acquired voxels."""
        self.simulate()
        self.cubes["train"].acquired()

    def is_complete(self) -> bool:
        """Whether all that training needs is there."""
        return self.cubes["train"].is_complete()

    def maker(self, *, augmented: bool) -> SampleMaker:
        """Reads cubes with the protocol, with or without flips."""
        return SampleMaker.of(self.cubes["train"], snr=self.snr, flips=self.flips and augmented, truths=self.truths)

    def fitting(self) -> Samples:
        """Samples to train on: what validation leaves of the cubes."""
        return CubeSamples(self.cubes["train"].acquired(), self._split()[1], self.maker(augmented=True))

    def validation(self) -> Samples:
        """Samples to validate with; epoch 0 is all there is."""
        return CubeSamples(self.cubes["train"].acquired(), self._split()[0], self.maker(augmented=False))

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Cubes to validate with and those to train on, drawn at random."""
        order = np.random.default_rng(self.seed).permutation(self.cubes["train"].n_cubes)
        return np.sort(order[: self.n_validation]), np.sort(order[self.n_validation :])
