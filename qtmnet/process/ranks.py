"""Processes that train together: how many they are and which this one is, whoever started them.

torchrun, Slurm's srun and Lightning each tell their processes by environment variables of their own, from the start: so
a process knows its part before there is a connection to the others.
"""

import os

from simulators.errors import InputError

NO_MULTIRUN = (
    "--multirun would run the whole sweep again in each process, which may then train with different settings; start "
    "one training after the other with torchrun, or as a job array"
)

SECONDS_FOR_THE_FIRST = 15.0
"""That the other processes wait before they end on an error: ends of theirs make torchrun stop the first, which tells
what is wrong."""


class OwnError(InputError):
    """An error of the user's making that only this process has met, such as a damaged cube in its part of a batch."""


def n_processes() -> int:
    """How many processes were started together; 1 unless a launcher says otherwise."""
    if "WORLD_SIZE" in os.environ:  # torchrun, Lightning
        return int(os.environ["WORLD_SIZE"])
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))  # a step: what srun starts, not what a batch script runs


def is_first() -> bool:
    """Whether this is the process that simulates, writes and speaks; true for one that is alone."""
    if "RANK" in os.environ:  # torchrun
        return int(os.environ["RANK"]) == 0
    if "WORLD_SIZE" in os.environ:  # Lightning
        return int(os.environ.get("LOCAL_RANK", 0)) == int(os.environ.get("NODE_RANK", 0)) == 0
    return n_processes() == 1 or int(os.environ.get("SLURM_PROCID", 0)) == 0


def layout() -> dict[str, int]:
    """Processes of a machine and machines, as Lightning's `devices` and `num_nodes`; empty if no launcher told."""
    n = n_processes()
    if n > 1 and "LOCAL_WORLD_SIZE" in os.environ:
        per_machine = int(os.environ["LOCAL_WORLD_SIZE"])
        return {"devices": per_machine, "num_nodes": n // per_machine}
    if n > 1 and "WORLD_SIZE" not in os.environ:
        machines = int(os.environ.get("SLURM_STEP_NUM_NODES", 1))
        return {"devices": n // machines, "num_nodes": machines}
    return {}
