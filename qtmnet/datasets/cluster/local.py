"""Tasks in processes of this machine."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from qtmnet.datasets.cluster import LOST_IN_A_ROW, Task
from qtmnet.datasets.cluster.workers import single_threaded, uninterrupted
from qtmnet.limits import WorkerCount
from simulators.errors import InputError
from simulators.machine.cores import n_cores
from simulators.settings.checking import check_fields

SECONDS_TO_END = 5.0
"""That a worker has to remove what it was writing."""

MOST_PROCESSES = 61 if os.name == "nt" else sys.maxsize
"""That one process of Windows can wait for at once."""


@dataclass(frozen=True)
class LocalCluster:
    """Processes of this machine, one thread each.

    Attributes:
        n_workers: processes; one for each core by default. One runs the tasks in the calling process.
    """

    n_workers: WorkerCount | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def run(self, tasks: Sequence[Task]) -> Iterator[bool]:
        """Run the tasks; see `qtmnet.datasets.cluster.Cluster`."""
        n_workers = min(self.n_workers or n_cores(), len(tasks), MOST_PROCESSES)
        if n_workers <= 1:
            yield from (task() for task in tasks)
            return
        left, lost = dict(enumerate(tasks)), 0
        while left:
            before = len(left)
            try:
                for number, answer in _run_once(left, n_workers):
                    del left[number]
                    yield answer
            except BrokenProcessPool:
                lost = 1 if len(left) < before else lost + 1
                if lost >= LOST_IN_A_ROW:
                    raise InputError(
                        "cluster: a worker process was killed again and again (out of memory?); run again to go on, "
                        "with fewer cluster.n_workers"
                    ) from None
                print("a worker process was killed; its shard begins anew", file=sys.stderr, flush=True)


def _run_once(tasks: dict[int, Task], n_workers: int) -> Iterator[tuple[int, bool]]:
    """Run numbered tasks until they are done or a process of the pool is killed."""
    context = get_context("spawn")
    held, held_by_parent = context.Pipe(duplex=False)  # closed with this process at the latest, however it ends
    pool = ProcessPoolExecutor(n_workers, mp_context=context, initializer=_begin, initargs=(held,))
    try:
        with single_threaded(), uninterrupted():
            jobs = {pool.submit(_do, task): number for number, task in tasks.items()}
        for job in as_completed(jobs):
            yield jobs[job], job.result()
    except BaseException:
        held_by_parent.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        held_by_parent.close()
        held.close()


def _begin(held: Connection) -> None:
    """Let this process end, within seconds, when the other end of the pipe is closed."""

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption is told by the process that started this one

    def watch() -> None:
        with suppress(EOFError, OSError):
            held.recv_bytes()
        _terminate()
        time.sleep(SECONDS_TO_END)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _terminate() -> None:
    """Send this process a SIGTERM. On Windows, `os.kill` would end it at once."""
    if os.name == "nt":
        signal.raise_signal(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


class _StopError(BaseException):
    """The task at work is to end."""


def _do(task: Task) -> bool:
    """Do a task; a SIGTERM meanwhile gives it the time to remove what is half-written."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        return task()
    except _StopError:
        os._exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop(*_: object) -> None:
    raise _StopError
