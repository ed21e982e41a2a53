"""Fill a folder with small cubes as simulate.py does, without its start-up: python fill_cubes.py FOLDER N CLUSTER."""

import sys

from qtmnet.datasets.cluster.dask import DaskCluster
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cluster.slurm import SlurmCluster
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.filling import fill
from simulators.phantoms.cube import CubeParameters
from simulators.transport.numba import NumbaSimulator

RECIPE = CubeRecipe(phantom=CubeParameters(shape=(8, 8, 8)), simulator=NumbaSimulator(), seed=3)
SHARD_SIZE = 4
CLUSTERS = {"local": LocalCluster, "slurm": SlurmCluster, "dask": DaskCluster}


def main() -> None:
    folder, n_cubes, name, *options = sys.argv[1:]
    given = dict(option.split("=") for option in options)
    cluster = CLUSTERS[name](**{key: int(value) if value.isdigit() else value for key, value in given.items()})
    fill(CubeStore(folder, RECIPE, shard_size=SHARD_SIZE), int(n_cubes), cluster, "Simulating")


if __name__ == "__main__":
    main()
