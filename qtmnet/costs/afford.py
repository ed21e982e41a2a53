"""Holding what a command will take against what there is: refused, said, or nothing."""

import sys
from collections import defaultdict
from collections.abc import Iterable

from qtmnet.costs import machine
from qtmnet.costs.cost import Cost, duration, size
from simulators.errors import InputError

SECONDS_TO_TELL = 600.0
"""From here on a command says how long it will take."""

SECONDS_TO_DOUBT = 86400.0
"""From here on it also says what to lower."""


def afford(costs: Iterable[Cost]) -> None:
    """Make sure that a command's work, one piece after the other, fits this machine; say so if it takes long.

    Raises:
        InputError: in one line with both numbers, for what does not fit.
    """
    costs = list(costs)
    free = machine.free_memory()
    for cost in costs:
        limit = free if cost.memory_limit is None else cost.memory_limit
        if cost.memory_bytes > limit:
            raise InputError(
                f"{cost.setting}: {cost.what} takes about {size(cost.memory_bytes)} of memory and "
                f"{cost.limited_by.format(size(limit))}; {cost.advice}"
            )
    _check_disk(costs)
    _tell(costs)


def _check_disk(costs: list[Cost]) -> None:
    """Refuse what does not fit, all that goes to one file system together."""
    by_device: dict[object, list[Cost]] = defaultdict(list)
    for cost in costs:
        if cost.disk_bytes > 0:
            by_device[machine.device_of(cost.disk_at)].append(cost)
    for together in by_device.values():
        largest = max(together, key=lambda cost: cost.disk_bytes)
        free = machine.free_disk(largest.disk_at)
        needed = sum(cost.disk_bytes for cost in together)
        if free is not None and needed > free:
            raise InputError(
                f"{largest.setting}: {largest.what} takes about {size(needed)} on disk and {largest.disk_at} has "
                f"{size(free)} free; {largest.advice}"
            )


def _tell(costs: list[Cost]) -> None:
    seconds = sum(cost.seconds for cost in costs)
    if seconds < SECONDS_TO_TELL:
        return
    longest = max(costs, key=lambda cost: cost.seconds)
    parts = [f"{cost.what} {duration(cost.seconds)}" for cost in costs if cost.seconds >= 0.05 * seconds]
    line = f"takes about {duration(seconds)}: {', '.join(parts)}"
    if seconds >= SECONDS_TO_DOUBT:
        line += f"; if that is too long, interrupt and change {longest.setting}: {longest.advice}"
    print(line, file=sys.stderr, flush=True)
