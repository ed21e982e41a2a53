"""What making a dataset takes: cubes as simulated and as acquired, trees in a pool, on the cluster that makes them."""

import math
from collections.abc import Iterator

from qtmnet.costs import machine
from qtmnet.costs.cost import Cost, times
from qtmnet.costs.cubes import LARGEST_RECORD, acquired_shape, bytes_of, decisive, simulation_bytes, simulation_seconds
from qtmnet.datasets.acquired_cubes import acquired_fields, acquired_folder
from qtmnet.datasets.cluster import Cluster
from qtmnet.datasets.cluster.dask import DaskCluster
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cluster.slurm import SlurmCluster
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.cube_store import LARGEST_SHARD, SHARDS_AT_LEAST
from qtmnet.datasets.cubes import Cubes
from qtmnet.datasets.record import fields
from qtmnet.datasets.storage.storage import storage_at
from qtmnet.datasets.vessel_pool import pool_fields
from qtmnet.learning.stored import StoredCubes
from qtmnet.learning.streamed import StreamedCubes
from simulators.machine.cores import n_cores

WORKER_BYTES = 200e6
"""Of a process that simulates, before it does; `python benchmarks/costs.py`."""

SECONDS_TO_READ_A_BYTE = 2.3e-9
"""Of a record of a store: 7.1 ms for 3.1 MB; `python benchmarks/throughput.py`."""

BYTES_OF_AN_INDEX = 24
"""Of a cube in the lists of those to train on: its number, in order, drawn and sorted."""

BYTES_OF_A_TASK = 400
"""Of a shard that is to be made."""


SETTINGS = {"train": ("data.n_cubes", "data.dir"), "test": ("data.n_test", "data.dir")}
"""What decides how many cubes there are of a split, and where they lie."""


def dataset_costs(source: StoredCubes, splits: tuple[str, ...], *, acquired: bool = True) -> Iterator[Cost]:
    """What is missing of the cubes of some splits, of these on the acquired voxels, and of the trees of a stream.

    Args:
        source: which cubes there are.
        splits: `train`, `test`.
        acquired: whether they will be averaged over the acquired voxels.
    """
    if isinstance(source, StreamedCubes) and "train" in splits:
        yield from _pool(source)
    for split in splits:
        yield from cubes_costs(source.cubes[split], *SETTINGS[split], acquired=acquired)


def cubes_costs(cubes: Cubes, count: str, place: str, *, acquired: bool = True) -> Iterator[Cost]:
    """What is missing of some cubes, and of these on the acquired voxels.

    Args:
        cubes: which ones.
        count: setting that says how many.
        place: setting that says where they lie.
        acquired: whether they will be averaged over the acquired voxels.
    """
    yield from _store(cubes, count, place)
    if acquired:
        yield _acquired(cubes, count)


def _store(cubes: Cubes, count: str, place: str) -> Iterator[Cost]:
    recipe, url, n_cubes = cubes.recipe, cubes.url, cubes.n_cubes
    record = bytes_of(fields(recipe))
    cube = f"a cube of {times(recipe.phantom.shape)} voxels"
    missing = max(n_cubes - already(url, record), 0)
    if missing:
        n_tasks = math.ceil(missing / _shard_size(cubes))
        yield from simulating(
            cubes.cluster,
            f"simulating {cube} until {recipe.time[-1]:g} s",
            recipe,
            n_tasks,
        )
    yield Cost(
        f"keeping {cube} in one record",
        "phantom.shape",
        "give fewer voxels",
        memory_bytes=record,
        memory_limit=LARGEST_RECORD,
        limited_by="a record holds {} at most",
    )
    yield Cost(
        f"simulating {missing} {cubes.split} cubes",
        count,
        f"give fewer cubes, or another {place}",
        memory_bytes=n_cubes * (BYTES_OF_AN_INDEX + BYTES_OF_A_TASK / _shard_size(cubes)),
        disk_bytes=missing * record,
        disk_at=url,
        seconds=missing * simulation_seconds(recipe) / at_once(cubes.cluster),
    )


def _acquired(cubes: Cubes, count: str) -> Cost:
    """The cubes on the acquired voxels, made in this process."""
    recipe = cubes.recipe
    folder = str(acquired_folder(cubes.url, recipe, cubes.imaging))
    record = bytes_of(acquired_fields(acquired_shape(recipe.phantom, cubes.acquisition), len(recipe.time)))
    missing = max(cubes.n_cubes - already(folder, record), 0)
    cube = bytes_of(fields(recipe))
    return Cost(
        f"reading {missing} {cubes.split} cubes",
        count,
        "give fewer cubes",
        memory_bytes=4 * cube if missing else 0.0,
        disk_bytes=missing * record,
        disk_at=folder,
        seconds=missing * cube * SECONDS_TO_READ_A_BYTE,
    )


def _pool(source: StreamedCubes) -> Iterator[Cost]:
    """The trees that streamed cubes borrow."""
    recipe, place, cluster = source.recipe, source.pool_at, source.cubes["train"].cluster
    record = bytes_of(pool_fields(recipe.phantom))
    missing = max(source.n_trees - already(place, record), 0)
    grown = f"growing vessels for {times(recipe.phantom.shape)} voxels"
    if missing:
        yield from simulating(cluster, grown, recipe, missing)
    yield Cost(
        f"growing {missing} pairs of trees",
        "data.n_trees",
        "give fewer, or another data.pool",
        memory_bytes=missing * BYTES_OF_A_TASK,
        disk_bytes=missing * record,
        disk_at=place,
        seconds=missing * simulation_seconds(recipe) / 2 / at_once(cluster),
    )


def simulating(cluster: Cluster, what: str, recipe: CubeRecipe, n_tasks: int) -> Iterator[Cost]:
    """Memory of the processes that simulate at once.

    Args:
        cluster: that they are of.
        what: one of them does.
        recipe: of the cubes.
        n_tasks: that there are for them.
    """
    each, (setting, less) = simulation_bytes(recipe), decisive(recipe)
    if isinstance(cluster, SlurmCluster) and cluster.executor == "slurm":
        if cluster.memory_gb is not None:
            limit = cluster.memory_gb * 1e9
            yield Cost(
                what,
                "cluster.memory_gb",
                "give a job more, or a cube fewer voxels",
                memory_bytes=WORKER_BYTES + each,
                memory_limit=limit,
                limited_by="a job has {}",
            )
        return
    workers = _workers_here(cluster)
    if workers is None:
        return
    yield Cost(what, setting, less, memory_bytes=each)
    at_once = min(workers, n_tasks)
    if at_once > 1:
        fit = int(machine.free_memory() // (WORKER_BYTES + each))
        yield Cost(
            f"{what}, in {at_once} processes at once,",
            "cluster.n_workers",
            f"give at most {max(fit, 1)}",
            memory_bytes=at_once * (WORKER_BYTES + each),
        )


def _workers_here(cluster: Cluster) -> int | None:
    """Processes that a cluster starts on this machine; None if they are elsewhere."""
    if isinstance(cluster, LocalCluster) or (isinstance(cluster, DaskCluster) and cluster.address is None):
        return cluster.n_workers or n_cores()
    if isinstance(cluster, SlurmCluster) and cluster.executor == "local":
        return cluster.n_workers
    return None


def at_once(cluster: Cluster) -> float:
    """Cubes that are simulated at once; without end where nobody can tell, which takes no time that we know of."""
    if isinstance(cluster, SlurmCluster) and cluster.executor == "slurm":
        return cluster.n_workers
    workers = _workers_here(cluster)
    return math.inf if workers is None else min(workers, n_cores())


def already(place: str, record: float) -> int:
    """Records that lie in the finished files of a place."""
    return int(sum(n for name, n in storage_at(place).sizes().items() if name.endswith(".npy")) // record)


def _shard_size(cubes: Cubes) -> int:
    asked = cubes.shard_size
    if isinstance(asked, int) and asked > 0:  # anything else the store refuses
        return asked
    return min(LARGEST_SHARD, max(cubes.n_cubes // SHARDS_AT_LEAST, 1))
