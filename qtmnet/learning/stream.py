"""Cubes without end: each sample of a training a cube of its own, simulated when it is asked for."""

from collections.abc import Sequence

from torch.utils.data import Dataset

from qtmnet.datasets.recipe import CubeRecipe
from qtmnet.datasets.record import cube_as_kept
from qtmnet.datasets.vessel_pool import VesselPool
from qtmnet.datasets.view import Look, SeenCube
from qtmnet.learning.samples import Key, Sample, SampleMaker
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
        look: of the protocol.
    """

    def __init__(self, recipe: CubeRecipe, pool: VesselPool, n_trees: int, look: Look) -> None:
        self.recipe, self.pool, self.n_trees, self.look = recipe, pool, n_trees, look

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

    def __getitem__(self, key: Key) -> SeenCube:
        """The cube of (epoch, index) as it is seen."""
        grid = self.look.grid(self.recipe, self.seed(key))
        return self.look.seen(cube_as_kept(self.simulate(key), self.recipe), grid)

    def batch(self, keys: Sequence[Key]) -> list[SeenCube]:
        """Several cubes as they are seen."""
        return [self[key] for key in keys]


class StreamDataset(Dataset[Sample]):
    """Samples of streamed cubes; an epoch of them, though none is ever seen again.

    Args:
        stream: of cubes.
        samples_per_epoch: samples that make an epoch.
        maker: reads them.
    """

    def __init__(self, stream: CubeStream, samples_per_epoch: int, maker: SampleMaker) -> None:
        self.stream, self.samples_per_epoch, self.maker = stream, samples_per_epoch, maker

    def __len__(self) -> int:
        return self.samples_per_epoch

    def __getitem__(self, key: Key) -> Sample:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key]) -> list[Sample]:
        """The samples of a batch: `DataLoader` asks for them together."""
        cubes = self.stream.batch(keys)
        return [self.maker.sample(cube, key) for cube, key in zip(cubes, keys, strict=True)]
