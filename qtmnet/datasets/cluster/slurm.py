"""Tasks in Slurm jobs, by submitit.

Tasks are dealt out to as many jobs as may run at once, and a job works through its share: starting Python costs
seconds and sites limit how many jobs one may submit, while a dataset may have thousands of shards. A job that is
preempted or runs out of time is requeued and begins its share anew; what is finished by then is passed over at once.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from qtmnet.datasets.cluster import LOST_IN_A_ROW, Task
from qtmnet.datasets.cluster.workers import package, single_threaded
from qtmnet.limits import WorkerCount
from simulators.errors import InputError
from simulators.files.writing import one_line
from simulators.settings.checking import check_fields
from simulators.settings.limits import PathText, Within, Word

Minutes = Annotated[int, Within(1, 525_600, "minutes", why="a year")]

Cpus = Annotated[int, Within(1, 1024)]

Memory = Annotated[float, Within(0, 100_000, "GB", above=True)]

SECONDS_BETWEEN_LOOKS = 1.0

REQUEUES = 100
"""Times that a job may run out of time: each must at least finish a shard, and this many are no mistake."""


class JobError(Exception):
    """A task ended a job with an error that is no user's making."""


@dataclass(frozen=True)
class SlurmCluster:
    """Slurm jobs of one core each.

    Attributes:
        executor: `slurm`, or `local` to try it: the same jobs as processes of this machine.
        folder: of the jobs' logs, seen by all machines.
        n_workers: jobs that run at once, among which the tasks are dealt out.
        partition, account: of the jobs; the site's default if None.
        minutes: time limit of a job; more than a shard takes.
        cpus_per_task: cores of a job.
        memory_gb: of a job; the site's default if None.
        extra: more parameters of submitit, such as {slurm_qos: low}.
    """

    executor: Literal["slurm", "local"] = "slurm"
    folder: PathText = "slurm"
    n_workers: WorkerCount = 16
    partition: Word | None = None
    account: Word | None = None
    minutes: Minutes = 240
    cpus_per_task: Cpus = 1
    memory_gb: Memory | None = None
    extra: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def run(self, tasks: Sequence[Task]) -> Iterator[bool]:
        """Run the tasks; see `qtmnet.datasets.cluster.Cluster`. Jobs are cancelled if that ends early."""
        executor = self._executor()
        shares = [Share(tuple(tasks[first :: self.n_workers])) for first in range(min(self.n_workers, len(tasks)))]
        at_work = [(job, share, 1) for job, share in zip(self._submit(executor, shares), shares, strict=True)]
        try:
            while at_work:
                for entry in [entry for entry in at_work if entry[0].done()]:
                    at_work.remove(entry)
                    job, share, tries = entry
                    answers = self._answers(job, tries)
                    if answers is None:
                        at_work.append((*self._submit(executor, [share]), share, tries + 1))
                    yield from answers or ()
                if at_work:
                    time.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            for job, _, _ in at_work:
                job.cancel(check=False)
            while self.executor == "local" and not all(job.done() for job, _, _ in at_work):
                time.sleep(0.1)

    def _executor(self) -> Any:
        if self.executor == "local" and os.name == "nt":
            raise InputError("cluster.executor: found local, which Windows has not; give cluster=local")
        submitit = package("submitit")
        if self.executor == "slurm" and not (shutil.which("sbatch") and shutil.which("srun")):
            raise InputError("cluster=slurm: sbatch not found; run on a login node or use cluster=local")
        try:
            executor = submitit.AutoExecutor(
                Path(self.folder).absolute(), cluster=self.executor, slurm_max_num_timeout=REQUEUES
            )
            executor.update_parameters(
                name="qtmnet",
                timeout_min=self.minutes,
                cpus_per_task=self.cpus_per_task,
                mem_gb=self.memory_gb,
                slurm_partition=self.partition,
                slurm_account=self.account,
                slurm_array_parallelism=self.n_workers,
                **(self.extra or {}),
            )
        except OSError as error:
            raise InputError(f"cluster.folder: {self.folder}: {one_line(error)}; choose another") from None
        except (NameError, ValueError, AssertionError, TypeError) as error:
            raise InputError(f"cluster.extra: {str(error).splitlines()[0]}") from None
        return executor

    def _submit(self, executor: Any, shares: "Sequence[Share]") -> list[Any]:
        to_log = _stderr_into(Path(self.folder) / "jobs.log") if self.executor == "local" else nullcontext()
        try:
            with single_threaded(), to_log:
                return executor.submit_array(shares)
        except package("submitit").core.utils.FailedJobError as error:
            raise InputError(f"cluster: sbatch refuses the jobs: {one_line(error)}") from None

    def _answers(self, job: Any, tries: int) -> list[bool] | None:
        """Of a job that has ended; None if it was lost and may run again."""
        utils = package("submitit").core.utils
        try:
            if self.executor == "local" and not job.paths.result_pickle.exists():  # no file system to wait for
                raise utils.UncompletedJobError("killed")
            answers, flaw = job.result()
        except utils.UncompletedJobError as error:
            its_own = isinstance(error, utils.FailedJobError) and "UncompletedJobError" not in str(error)
            if tries < LOST_IN_A_ROW and not its_own:
                print(f"job {job.job_id} was lost; its shard begins anew", file=sys.stderr, flush=True)
                return None
            if its_own:
                raise JobError(f"job {job.job_id}: {_last_line(error)}; its log: {job.paths.stderr}") from None
            what = "lost again and again (out of memory?)"
            raise InputError(f"cluster: job {job.job_id}: {what}; its log: {job.paths.stderr}") from None
        if flaw is not None:
            raise InputError(flaw)
        return answers


@dataclass(frozen=True)
class Share:
    """The tasks of one job, one after the other; submitit calls it."""

    tasks: tuple[Task, ...]

    def __call__(self) -> tuple[list[bool], str | None]:
        """Answers of the tasks, and the line of an InputError if one ended them."""
        answers = []
        for task in self.tasks:
            try:
                answers.append(task())
            except InputError as error:
                return answers, str(error)
        return answers, None

    def checkpoint(self) -> Any:
        """What to do when the job comes back after it was preempted or ran out of time: the same."""
        return package("submitit").helpers.DelayedSubmission(self)


def _last_line(error: Exception) -> str:
    """What a traceback within an error of submitit's ends with."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    ends = [before for before, after in pairwise(lines) if set(after) == {"-"}]
    return ends[-1] if ends else lines[0]


@contextmanager
def _stderr_into(path: Path) -> Iterator[None]:
    """Let processes started meanwhile write their errors to a file; those that watch over local jobs are talkative."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = os.dup(2)
    try:
        with open(path, "ab") as log:
            os.dup2(log.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
