"""Making what is missing of a dataset, on a cluster, until all of it is there."""

import sys
import time
from collections.abc import Sequence
from typing import Protocol

from qtmnet.cluster import Cluster, Task
from qtmnet.progress import watched
from qtmnet.store.records import Records

SECONDS_BETWEEN_LOOKS = 2.0


class Fillable(Protocol):
    """A dataset that knows what is missing."""

    records: Records

    def missing(self, n_cubes: int) -> Sequence[Task]:
        """What is to be done until the first n cubes are there."""
        ...


def fill(dataset: Fillable, n_cubes: int, cluster: Cluster, description: str) -> None:
    """Make what is missing of the first n cubes.

    Other processes may be at the same dataset, on this machine or on others: what they write is waited for, and made
    here if they end without.

    Raises:
        InputError: if something cannot be made or written; what was finished stays.
    """
    waiting = False
    tasks = dataset.missing(n_cubes)
    while tasks:
        if waiting:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            answers = list(cluster.run(tasks[:1]))
        else:
            with watched(lambda: dataset.records.n_done(n_cubes), n_cubes, description):
                answers = list(cluster.run(tasks))
        tasks = dataset.missing(n_cubes)
        if tasks and not any(answers) and not waiting:
            print(f"{description}: waiting for another process that is at it", file=sys.stderr, flush=True)
        waiting = bool(tasks) and not any(answers)
