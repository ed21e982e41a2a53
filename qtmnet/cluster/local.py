"""Tasks in processes of this machine."""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait

from qtmnet.cluster import Task
from simulators.errors import InputError

LOST_IN_A_ROW = 3
"""Times that a worker may be killed before any task has ended since the last time."""


@dataclass(frozen=True)
class LocalCluster:
    """Processes of this machine, one thread each.

    Attributes:
        n_workers: processes; one for each core by default. One runs the tasks in the calling process.
    """

    n_workers: int | None = None

    def __post_init__(self) -> None:
        if self.n_workers is not None and (not isinstance(self.n_workers, int) or self.n_workers < 1):
            raise InputError(f"cluster.n_workers: found {self.n_workers!r}; give a whole number, at least 1, or null")

    def run(self, tasks: Sequence[Task]) -> Iterator[bool]:
        """Run the tasks; see `qtmnet.cluster.Cluster`."""
        n_workers = min(self.n_workers or len(os.sched_getaffinity(0)), len(tasks))
        if n_workers <= 1:
            yield from (task() for task in tasks)
            return
        left, lost = list(tasks), 0
        while left:
            done: list[Task] = []
            try:
                for task, answer in _run_once(left, n_workers):
                    done.append(task)
                    yield answer
            except BrokenProcessPool:
                lost = 1 if done else lost + 1
                if lost >= LOST_IN_A_ROW:
                    raise InputError(
                        "cluster: a worker process was killed again and again (out of memory?); run again to go on, "
                        "with fewer cluster.n_workers"
                    ) from None
                print("a worker process was killed; its shard begins anew", file=sys.stderr, flush=True)
            left = [task for task in left if not any(task is other for other in done)]


def _run_once(tasks: Sequence[Task], n_workers: int) -> Iterator[tuple[Task, bool]]:
    """Run tasks until they are done or a process of the pool is killed."""
    with (
        _single_threaded(),
        ProcessPoolExecutor(n_workers, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool,
    ):
        jobs = {pool.submit(task): task for task in tasks}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """Let this process end as soon as the one that started it has ended, however that came."""

    def watch() -> None:
        parent = parent_process()
        assert parent is not None
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Started processes use one thread each."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
