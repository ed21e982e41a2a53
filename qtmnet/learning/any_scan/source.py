"""Cubes of a world to train the network for any scan on, each read with a protocol of its own."""

import json
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from qtmnet.coefficients.front_end import FrontEnd, fit_front_end
from qtmnet.datasets.cluster import Cluster
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.filling import fill
from qtmnet.datasets.world_cubes import WorldCubes, WorldRecipe
from qtmnet.learning.any_scan.arrival import TypicalArrival
from qtmnet.learning.any_scan.fitting import voxels_to_fit
from qtmnet.learning.any_scan.samples import LARGEST, AnyScanSamples
from qtmnet.learning.samples import Samples
from qtmnet.learning.source import Source
from qtmnet.limits import BatchSize, CubeCount, FunctionCount, LoaderWorkers, SampleCount
from simulators.errors import InputError
from simulators.imaging.protocol_ranges import ProtocolRanges
from simulators.imaging.scan_noise import ScanNoise
from simulators.phantoms.world import World
from simulators.seeding import Stage, generator, stage_seed
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import PathText, SeedNumber, Share
from simulators.transport.step_response import Simulator

CUBES_TO_FIT, VOXELS_OF_EACH = 300, 400
"""That the front end's basis and priors are fitted to."""


SAMPLES_OF_A_CUBE = 16
"""Of the held-back ones."""


class AnyScanCubes(Source):
    """Cubes of a world, simulated on first use and picked up where that stopped, and the scans they are read by.

    Args:
        world: that cubes are drawn from.
        simulator: of the label's transport.
        protocols: that each sample draws its own from.
        noise: that each sample draws its own from; None for none.
        arrival: says how often each cube is read, by when its label arrives; None: all alike.
        cluster: where cubes are simulated; processes of this machine by default.
        n_cubes: to train on and validate with, split by cube.
        samples_per_epoch: training samples that make an epoch.
        n_validation: samples to validate with.
        n_held_back: cubes that intervals are put right on afterwards.
        n_functions: coefficients that the network is given.
        dir: folder or URL of the cubes; by default `datasets/world-<fingerprint of the settings>`.
        seed: of the cubes, the split, protocols and noise.
        validation_share: of the cubes.
        batch_size: samples a step, of all processes that train together.
        flips: mirror training samples at random.
        loader_workers: processes that make samples beside the one that trains.

    Raises:
        InputError: for settings that make no data set.
    """

    @checks_arguments
    def __init__(
        self,
        world: World,
        simulator: Simulator,
        protocols: ProtocolRanges,
        *,
        noise: ScanNoise | None = None,
        arrival: TypicalArrival | None = None,
        cluster: Cluster | None = None,
        n_cubes: CubeCount = 2400,
        samples_per_epoch: SampleCount = 20_000,
        n_validation: SampleCount = 512,
        n_held_back: CubeCount = 64,
        n_functions: FunctionCount = 12,
        dir: PathText | None = None,
        seed: SeedNumber = 0,
        validation_share: Share = 0.05,
        batch_size: BatchSize = 8,
        flips: bool = True,
        loader_workers: LoaderWorkers = 0,
    ) -> None:
        if n_cubes < 2:
            raise InputError(f"data.n_cubes: found {n_cubes}; give at least 2, to train on and to validate with")
        self.recipe = WorldRecipe(world, simulator, seed, last=_last(protocols))
        self.world, self.protocols, self.noise, self.arrival = world, protocols, noise, arrival
        self.cluster = cluster or LocalCluster()
        self.n_cubes, self._n_fit, self._n_validation = n_cubes, samples_per_epoch, n_validation
        self.n_held_back, self.n_functions, self.seed, self.batch_size = n_held_back, n_functions, seed, batch_size
        self.validation_share, self.flips, self.loader_workers = validation_share, flips, loader_workers
        mark = self.recipe.fingerprint()[:8]
        self.url = str(Path("datasets") / f"world-{mark}") if dir is None else str(dir)

    @property
    def n_validation(self) -> int:
        """Samples to validate with, a whole number of batches."""
        return max(self._n_validation // self.batch_size, 1) * self.batch_size

    @property
    def n_fit(self) -> int:
        """Samples of an epoch of training."""
        return self._n_fit

    @property
    def sample_shape(self) -> tuple[int, int, int]:
        """Acquired voxels of the largest sample."""
        return LARGEST

    @cached_property
    def cubes(self) -> WorldCubes:
        """Where they are kept."""
        return WorldCubes(self.url, self.recipe)

    def prepare(self) -> None:
        """Simulate what is missing."""
        fill(self.cubes, self.n_cubes, self.cluster, f"Simulating cubes of the world into {self.url}")

    def is_complete(self) -> bool:
        """Whether all cubes are there."""
        return not self.cubes.missing(self.n_cubes)

    def record(self) -> dict[str, object]:
        """What a network was trained on, for the record, as plain data."""
        return json.loads(
            json.dumps(
                {
                    "world": self.recipe.settings()["world"],
                    "simulator": self.recipe.settings()["simulator"],
                    "protocols": asdict(self.protocols),
                    "noise": None if self.noise is None else asdict(self.noise),
                    "arrival": None if self.arrival is None else asdict(self.arrival),
                    "n_cubes": self.n_cubes,
                    "samples_per_epoch": self.n_fit,
                }
            )
        )

    @cached_property
    def front_end(self) -> FrontEnd:
        """Fitted to voxels of the training cubes, of the sizes that protocols have; no noise is asked for."""
        rows = self._split()[1]
        rng = generator(stage_seed(self.seed, Stage.GRID))
        if self.arrival is None:
            rows = rows[:CUBES_TO_FIT]
        else:
            often = self.arrival.weights_of(self.cubes, rows)
            rows = rng.choice(rows, min(len(rows), CUBES_TO_FIT), p=often / often.sum())
        responses, truths = voxels_to_fit(self.cubes, rows, self.protocols, VOXELS_OF_EACH, rng)
        return fit_front_end(self.recipe.time, responses, truths, self.n_functions)

    def fitting(self) -> Samples:
        """Samples to train on: what validation leaves of the cubes."""
        return self._samples(self._split()[1], self._n_fit, self.seed, flips=self.flips)

    def validation(self) -> Samples:
        """Samples to validate with."""
        return self._samples(self._split()[0], self.n_validation, self.seed + 1, flips=False)

    def held_back(self) -> AnyScanSamples:
        """Samples of cubes of their own, that neither training nor choosing sees, made where they are missing."""
        cubes = WorldCubes(f"{self.url.rstrip('/')}/test", replace(self.recipe, split="test"), self.cubes.basis)
        fill(cubes, self.n_held_back, self.cluster, f"Simulating held-back cubes into {cubes.url}")
        n = SAMPLES_OF_A_CUBE * self.n_held_back
        return self._samples(np.arange(self.n_held_back), n, self.seed, flips=False, cubes=cubes)

    def range(self) -> dict[str, object]:
        """Ranges of the samples, see `qtmnet.methods.network.any_scan.trained_range.TrainedRange`."""
        protocols, noise = self.protocols, self.noise
        hadamard = protocols.block_duration[0] if protocols.hadamard_share else protocols.labeling_duration[0]
        shortest = min(hadamard, protocols.bolus_duration[0] if protocols.pulsed_share else hadamard)
        return {
            "in_plane_mm": protocols.in_plane_mm,
            "slice_mm": protocols.slice_mm,
            "frames": (1, protocols.most_frames),
            "duration": (shortest, protocols.labeling_duration[1]),
            "delay": (0.0, protocols.delay[1] + protocols.first_slice[1]),
            "t1_blood": self.world.t1_blood,
            "noise": (0.0, 0.0 if noise is None else float(np.max(noise.pair_deviation))),
        }

    def _samples(
        self, rows: np.ndarray, n: int, seed: int, *, flips: bool, cubes: WorldCubes | None = None
    ) -> AnyScanSamples:
        return AnyScanSamples(
            self.cubes if cubes is None else cubes,
            rows,
            self.front_end,
            self.protocols,
            self.noise,
            n=n,
            seed=seed,
            flips=flips,
            arrival=self.arrival,
        )

    def _split(self) -> tuple[np.ndarray, np.ndarray]:
        """Cubes to validate with and those to train on, drawn at random."""
        order = np.random.default_rng(self.seed).permutation(self.n_cubes)
        n = min(max(round(self.validation_share * self.n_cubes), 1), self.n_cubes - 1)
        return np.sort(order[:n]), np.sort(order[n:])


def _last(protocols: ProtocolRanges) -> float:
    """s, the latest readout of protocols, a whole number of eighths of a second."""
    return float(np.ceil(protocols.last_readout * 8) / 8)
