"""Progress of long work: a bar in terminals, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0


def track(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield the items and show how many of `total` are done, at what rate."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn()) as bar:
            yield from bar.track(items, total=total, description=description)
        return
    start = latest = time.monotonic()
    print(f"{description}: {total} to do", file=sys.stderr, flush=True)
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - latest > SECONDS_BETWEEN_LINES or (done == total and now - start > SECONDS_BETWEEN_LINES):
            latest = now
            rate = done / (now - start)
            left = (total - done) / rate
            print(f"{description}: {done}/{total}, {rate:.2f}/s, {left:.0f} s left", file=sys.stderr, flush=True)
