"""Making what is missing of a dataset, on a cluster, until all of it is there."""

import sys
import time

from qtmnet.datasets.cluster import Cluster
from qtmnet.datasets.sharded_dataset import ShardedDataset
from qtmnet.process.progress import watched
from simulators.errors import InputError

SECONDS_BETWEEN_LOOKS = 2.0


def fill(dataset: ShardedDataset, n_cubes: int, cluster: Cluster, description: str) -> None:
    """Make what is missing of the first n cubes.

    Other processes may be at the same dataset, on this machine or on others: what they write is waited for, and made
    here if they end without.

    Raises:
        InputError: if something cannot be made or written; what was finished stays.
    """
    told = False
    while tasks := dataset.missing(n_cubes):
        answers: list[bool] = []
        if free := [task for task in tasks if not dataset.records.busy(task.shard)]:
            with watched(dataset.records.counter(n_cubes), n_cubes, description):
                answers = list(cluster.run(free))
            if all(answers) and free == tasks == dataset.missing(n_cubes):
                raise InputError(
                    f"{dataset.records.storage}: what was written is not there, as in the memory of other processes; "
                    "give a folder or a store that all of them see"
                )
        if not any(answers):
            if not told:
                print(f"{description}: waiting for another process that is at it", file=sys.stderr, flush=True)
            told = True
            time.sleep(SECONDS_BETWEEN_LOOKS)
