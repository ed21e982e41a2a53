"""Cubes without end: each sample of a training a cube of its own, simulated when it is asked for."""

from collections.abc import Sequence

from qtmnet.datasets.acquired_cubes import AcquiredCube, ImagingSettings
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.record import cube_as_kept
from qtmnet.datasets.vessel_pool import VesselPool
from qtmnet.learning.samples import Key, Sample, SampleMaker, Samples
from simulators.phantoms.cube import Cube, simulate_cube
from simulators.seeding import Stage, generator, stage_seed
from simulators.vessels.borrowed_trees import Trees

STREAM = 2
"""In the place of a split's number in a cube's seed: no stored cube is streamed."""


class CubeStream:
    """Cubes on the acquired voxels, each a function of the recipe, the pool and (epoch, index).

    Trees come from the pool, arteries and veins apart, each turned at random; perfusion, flows, radii, inlet delays
    and capillaries are drawn as those of a stored cube.

    Args:
        recipe: what the cubes are made from.
        pool: of trees.
        n_trees: how many pairs of the pool to choose from.
        imaging: of the protocol.
    """

    def __init__(self, recipe: CubeRecipe, pool: VesselPool, n_trees: int, imaging: ImagingSettings) -> None:
        self.recipe, self.pool, self.n_trees, self.imaging = recipe, pool, n_trees, imaging

    def seed(self, key: Key) -> tuple[int, ...]:
        """Seed of all that is drawn for a cube."""
        return self.recipe.seed, STREAM, *key

    def trees(self, key: Key) -> Trees:
        """The trees that a cube borrows."""
        arterial, venous = generator(stage_seed(self.seed(key), Stage.TREES)).integers(self.n_trees, size=2)
        return Trees(self.pool[int(arterial)].arteries, self.pool[int(venous)].veins)

    def simulate(self, key: Key) -> Cube:
        """The cube of (epoch, index), all of it."""
        recipe = self.recipe
        return simulate_cube(
            self.seed(key),
            parameters=recipe.phantom,
            time=recipe.time,
            simulator=recipe.simulator,
            trees=self.trees(key),
        )

    def __getitem__(self, key: Key) -> AcquiredCube:
        """The cube of (epoch, index) on the acquired voxels."""
        grid = self.imaging.grid(self.recipe, self.seed(key))
        return self.imaging.acquired(cube_as_kept(self.simulate(key), self.recipe), grid)

    def batch(self, keys: Sequence[Key]) -> list[AcquiredCube]:
        """Several cubes on the acquired voxels."""
        return [self[key] for key in keys]


class StreamSamples(Samples):
    """Samples of streamed cubes, none of which is ever seen again.

    Args:
        stream: of cubes.
        maker: reads them.
    """

    def __init__(self, stream: CubeStream, maker: SampleMaker) -> None:
        self.stream, self.maker = stream, maker

    def __getitem__(self, key: Key) -> Sample:
        return self.batch([key])[0]

    def batch(self, keys: Sequence[Key]) -> list[Sample]:
        """The samples of some keys."""
        cubes = self.stream.batch(keys)
        return [self.maker.sample(cube, key) for cube, key in zip(cubes, keys, strict=True)]
