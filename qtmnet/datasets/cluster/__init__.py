"""Where tasks run: processes of this machine, Slurm jobs, Dask workers. `conf/cluster` chooses one.

A task is a callable of plain data that answers whether it did its work (False: somebody else is at it). Tasks write
what they make; nothing but that answer comes back, so any machine that sees the same storage can run them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

Task = Callable[[], bool]

LOST_IN_A_ROW = 3
"""Times that a worker may be killed before any task has ended since the last time; then tasks are to blame."""


class Cluster(Protocol):
    """What runs tasks."""

    def run(self, tasks: Sequence[Task]) -> Iterator[bool]:
        """Run each task and yield its answer, in whatever order they end.

        A task whose worker is lost runs again on another.

        Raises:
            InputError: if a task raises one, or workers are lost again and again.
        """
        ...
