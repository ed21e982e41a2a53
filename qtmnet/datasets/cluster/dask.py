"""Tasks on Dask workers: processes of this machine, or a cluster that runs already."""

import gc
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from qtmnet.datasets.cluster import LOST_IN_A_ROW, Task
from qtmnet.datasets.cluster.workers import package, single_threaded, uninterrupted
from qtmnet.limits import WorkerCount
from simulators.errors import InputError
from simulators.files.writing import one_line
from simulators.machine.cores import n_cores
from simulators.settings.checking import check_fields
from simulators.settings.limits import PathText, Word

SECONDS_TO_CONNECT = 10

SECONDS_WITHOUT_WORKERS = 120
"""After which workers of this machine, which Dask starts again when they are killed, are taken to be gone for good."""


@dataclass(frozen=True)
class DaskCluster:
    """Workers of Dask; what a killed worker was at, Dask gives to another.

    Attributes:
        address: of a running scheduler (tcp://host:8786) or path of its scheduler file; None starts workers here.
        n_workers: processes to start here, one thread each; one for each core by default.
        dashboard_address: of Dask's own web page (":8787"; needs bokeh); None: none.
    """

    address: PathText | None = None
    n_workers: WorkerCount | None = None
    dashboard_address: Word | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def run(self, tasks: Sequence[Task]) -> Iterator[bool]:
        """Run the tasks; see `qtmnet.datasets.cluster.Cluster`."""
        os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # of workers, from their start
        distributed = package("distributed")
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised
        with ExitStack() as open_until_done:
            client = open_until_done.enter_context(self._client(distributed, open_until_done))
            futures = [client.submit(task, pure=False) for task in tasks]
            try:
                for future in distributed.as_completed(futures):
                    yield future.result()
            except (distributed.scheduler.KilledWorker, distributed.scheduler.NoWorkerError):
                raise InputError(
                    "cluster: a task's worker was killed again and again (out of memory?); run again to go on, with "
                    "fewer workers or more memory for each"
                ) from None
            except (distributed.client.FutureCancelledError, distributed.comm.CommClosedError) as error:
                raise InputError(f"cluster: Dask lost its scheduler ({one_line(error)}); run again to go on") from None
            finally:
                client.cancel(futures, force=True)

    def _client(self, distributed: Any, open_until_done: ExitStack) -> Any:
        if self.address is None:
            settings = {
                "distributed.scheduler.allowed-failures": LOST_IN_A_ROW - 1,
                "distributed.scheduler.no-workers-timeout": SECONDS_WITHOUT_WORKERS,
            }
            with single_threaded(), uninterrupted(), package("dask").config.set(settings):
                started = distributed.LocalCluster(
                    n_workers=self.n_workers or n_cores(),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=self.dashboard_address,
                    silence_logs=logging.CRITICAL,
                    memory_limit=None,
                )
            return distributed.Client(open_until_done.enter_context(started))
        where = {"scheduler_file": self.address} if os.path.isfile(self.address) else {"address": self.address}
        try:
            return distributed.Client(**where, timeout=SECONDS_TO_CONNECT)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            why = one_line(error)
        gc.collect()  # a client that found nobody ends in its finalizer, which hangs within the start of another
        raise InputError(
            f"cluster.address: {self.address}: no Dask scheduler answers ({why}); start one with `dask scheduler`, or "
            "leave the address out"
        )
