"""Progress of long work: a bar in terminals, a line now and then elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from simulators.errors import InputError

SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_BETWEEN_LINES = 15.0
COMPILING = "the first are on their way (a new installation compiles for about a minute)"


@contextmanager
def watched(n_done: Callable[[], int], total: int, description: str) -> Iterator[None]:
    """Show how much of `total` is done while the context lasts, at what rate, and the time that is left.

    Args:
        n_done: how much is done by now; called every few seconds from a thread.
        total: how much there is to do.
        description: of what is done.
    """
    ended = threading.Event()
    show = _bar if sys.stderr.isatty() else _lines
    thread = threading.Thread(target=_while_it_can, args=(show, n_done, total, description, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _while_it_can(show: Callable[..., None], *arguments: object) -> None:
    """Progress is a courtesy: what keeps it from being read is told by the work itself, once."""
    with suppress(InputError, OSError):
        show(*arguments)


def _bar(n_done: Callable[[], int], total: int, description: str, ended: threading.Event) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    console = Console(stderr=True)  # results go to the standard output
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
        start, first = time.monotonic(), n_done()
        task = bar.add_task(description, total=total, completed=first, rate="")
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            done = n_done()
            rate = (done - first) / (time.monotonic() - start)
            bar.update(task, completed=done, rate=f"{rate:.2f}/s")
        bar.update(task, completed=n_done())


def _lines(n_done: Callable[[], int], total: int, description: str, ended: threading.Event) -> None:
    start = latest = time.monotonic()
    first = n_done()
    print(f"{description}: {first}/{total}" if first else f"{description}: {total} to do", file=sys.stderr, flush=True)
    over = False
    while not over:
        over = ended.wait(SECONDS_BETWEEN_LOOKS)
        now = time.monotonic()
        if now - latest > SECONDS_BETWEEN_LINES or (over and now - start > SECONDS_BETWEEN_LINES):
            latest, done = now, n_done()
            rate = (done - first) / (now - start)
            left = f"{(total - done) / rate:.0f} s left" if rate > 0 else COMPILING
            print(f"{description}: {done}/{total}, {rate:.2f}/s, {left}", file=sys.stderr, flush=True)
