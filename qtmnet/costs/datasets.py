"""What making a dataset takes: cubes in a store, their view, trees in a pool, on the cluster that makes them."""

import math
from collections.abc import Iterator, Mapping

from qtmnet.costs import machine
from qtmnet.costs.cost import Cost, times
from qtmnet.costs.cubes import LARGEST_RECORD, acquired_shape, bytes_of, decisive, simulation_bytes, simulation_seconds
from qtmnet.datasets.cluster import Cluster
from qtmnet.datasets.cluster.dask import DaskCluster
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cluster.slurm import SlurmCluster
from qtmnet.datasets.cube_store import LARGEST_SHARD, SHARDS_AT_LEAST
from qtmnet.datasets.recipe import CubeRecipe
from qtmnet.datasets.record import fields
from qtmnet.datasets.storage.storage import storage_at
from qtmnet.datasets.vessel_pool import pool_fields
from qtmnet.datasets.view import Look, folder_of_view, view_fields
from qtmnet.learning.data import QTMDataModule
from qtmnet.learning.stream_data import QTMStreamModule
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


def dataset_costs(
    data: QTMDataModule,
    splits: tuple[str, ...],
    *,
    views: bool = True,
    settings: Mapping[str, tuple[str, str]] = SETTINGS,
) -> Iterator[Cost]:
    """What is missing of the cubes of some splits, of their views, and of the trees of a stream.

    Args:
        data: where they will lie, and what they are made from.
        splits: `train`, `test`.
        views: whether they will be looked at.
        settings: of the command; see `SETTINGS`.
    """
    if isinstance(data, QTMStreamModule) and "train" in splits:
        yield from _pool(data)
    for split in splits:
        yield from _store(data, split, *settings[split])
        if views:
            yield _view(data, split, settings[split][0])


def _store(data: QTMDataModule, split: str, count: str, place: str) -> Iterator[Cost]:
    recipe, url, n_cubes = data.recipes[split], data.url(split), data.n_cubes[split]
    record = bytes_of(fields(recipe))
    cube = f"a cube of {times(recipe.phantom.shape)} voxels"
    missing = max(n_cubes - _already(url, record), 0)
    if missing:
        n_tasks = math.ceil(missing / _shard_size(data, n_cubes))
        yield from simulating(
            data.cluster,
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
        f"simulating {missing} {split} cubes",
        count,
        f"give fewer cubes, or another {place}",
        memory_bytes=n_cubes * (BYTES_OF_AN_INDEX + BYTES_OF_A_TASK / _shard_size(data, n_cubes)),
        disk_bytes=missing * record,
        disk_at=url,
        seconds=missing * simulation_seconds(recipe) / _at_once(data.cluster),
    )


def _view(data: QTMDataModule, split: str, count: str) -> Cost:
    """The view of a split, made in this process."""
    recipe, n_cubes = data.recipes[split], data.n_cubes[split]
    folder = str(folder_of_view(data.url(split), recipe, Look.of(data.acquisition)))
    record = bytes_of(view_fields(acquired_shape(recipe.phantom, data.acquisition), len(recipe.time)))
    missing = max(n_cubes - _already(folder, record), 0)
    cube = bytes_of(fields(recipe))
    return Cost(
        f"reading {missing} {split} cubes",
        count,
        "give fewer cubes",
        memory_bytes=4 * cube if missing else 0.0,
        disk_bytes=missing * record,
        disk_at=folder,
        seconds=missing * cube * SECONDS_TO_READ_A_BYTE,
    )


def _pool(data: QTMStreamModule) -> Iterator[Cost]:
    """The trees that streamed cubes borrow."""
    recipe, place = data.recipes["train"], data.pool_at
    record = bytes_of(pool_fields(recipe.phantom))
    missing = max(data.n_trees - _already(place, record), 0)
    grown = f"growing vessels for {times(recipe.phantom.shape)} voxels"
    if missing:
        yield from simulating(data.cluster, grown, recipe, missing)
    yield Cost(
        f"growing {missing} pairs of trees",
        "data.n_trees",
        "give fewer, or another data.pool",
        memory_bytes=missing * BYTES_OF_A_TASK,
        disk_bytes=missing * record,
        disk_at=place,
        seconds=missing * simulation_seconds(recipe) / 2 / _at_once(data.cluster),
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


def _at_once(cluster: Cluster) -> float:
    """Cubes that are simulated at once; without end where nobody can tell, which takes no time that we know of."""
    if isinstance(cluster, SlurmCluster) and cluster.executor == "slurm":
        return cluster.n_workers
    workers = _workers_here(cluster)
    return math.inf if workers is None else min(workers, n_cores())


def _already(place: str, record: float) -> int:
    """Records that lie in the finished files of a place."""
    return int(sum(n for name, n in storage_at(place).sizes().items() if name.endswith(".npy")) // record)


def _shard_size(data: QTMDataModule, n_cubes: int) -> int:
    asked = data.shard_size
    if isinstance(asked, int) and asked > 0:  # anything else the store refuses
        return asked
    return min(LARGEST_SHARD, max(n_cubes // SHARDS_AT_LEAST, 1))
