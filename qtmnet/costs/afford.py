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


def afford(costs: Iterable[Cost], *, tell: bool = True) -> None:
    """Make sure that a command's work, one piece after the other, fits this machine; say on stderr if it takes long.

    Args:
        costs: of each piece.
        tell: whether this is the process that speaks, of those that work together.

    Raises:
        InputError: in one line with both numbers, for what does not fit.
    """
    costs, free = list(costs), machine.free_memory()
    before: dict[object, float] = defaultdict(float)  # on each file system
    for cost in costs:
        _check_disk(cost, before)
        limit = free if cost.memory_limit is None else cost.memory_limit
        if cost.memory_bytes > limit:
            raise InputError(
                f"{cost.setting}: {cost.what} takes about {size(cost.memory_bytes)} of memory and "
                f"{cost.limited_by.format(size(limit))}; {cost.advice}"
            )
    if tell:
        _tell(costs)


def _check_disk(cost: Cost, before: dict[object, float]) -> None:
    """Refuse what does not fit together with what went `before` it onto the same file system."""
    if not cost.disk_bytes:
        return
    device, free = machine.device_of(cost.disk_at), machine.free_disk(cost.disk_at)
    before[device] += cost.disk_bytes
    if free is not None and before[device] > free:
        beside = before[device] > 1.1 * cost.disk_bytes
        also = f", {size(before[device])} with what is made before it," if beside else ""
        raise InputError(
            f"{cost.setting}: {cost.what} takes about {size(cost.disk_bytes)} on disk{also} and {cost.disk_at} has "
            f"{size(free)} free; {cost.advice}"
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
