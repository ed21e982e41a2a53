"""Each input in a process of its own, forked from this one, which has imported all that the commands need.

A command takes four seconds to import PyTorch; a fork of a process that has done so is there at once. What is written
where, the time and the memory are looked at from outside. POSIX only.
"""

import io
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil

from tests.fuzz.inputs import Input

CPU_SECONDS = 10.0
SECONDS_ASLEEP = 12.0
"""Without any work done: a store is given 10 to answer."""
MEMORY_BYTES = 2e9
"""Beyond what is there after the imports."""


@dataclass(frozen=True)
class Outcome:
    """What came of an input.

    Attributes:
        status: exit status, negative for a signal.
        out, err: what was printed.
        reached_work: whether the settings were taken and the work begun.
        stopped: what it was stopped for, if it was.
        new: what is there that was not, or is other than it was, relative to the folder.
        elsewhere: the same of the home folder.
        cpu_seconds: spent.
        memory_bytes: at most, beyond the imports.
    """

    status: int
    out: str
    err: str
    reached_work: bool
    stopped: str
    new: tuple[str, ...]
    elsewhere: tuple[str, ...]
    cpu_seconds: float
    memory_bytes: float


def run(item: Input, scenery: Path, scratch: Path) -> Outcome:
    """Run an input in a copy of the scenery, which is left in `scratch / "here"`."""
    shutil.rmtree(scratch, ignore_errors=True)
    here, home, temporary = (scratch / name for name in ("here", "home", "tmp"))
    for folder in (home, temporary):
        folder.mkdir(parents=True)
    shutil.copytree(scenery, here, symlinks=True)
    if item.prepare is not None:
        item.prepare(here)
    before = listing(here)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _become(item, scratch)
    status, stopped, cpu, memory = _watch(pid, scratch)
    after = listing(here)
    return Outcome(
        status=status,
        out=(scratch / "out").read_text(encoding=item.encoding, errors="replace"),
        err=(scratch / "err").read_text(encoding=item.encoding, errors="replace"),
        reached_work=(scratch / "working").exists(),
        stopped=stopped,
        new=tuple(sorted(name for name in after if after[name] != before.get(name))),
        elsewhere=tuple(sorted(listing(home))),
        cpu_seconds=cpu,
        memory_bytes=memory,
    )


def listing(folder: Path) -> Mapping[str, object]:
    """Name, kind, size and time of all that is in a folder."""
    found = {}
    for parent, folders, files in os.walk(os.fsencode(folder)):
        for name in folders + files:
            path = os.path.join(parent, name)
            entry = os.lstat(path)
            shown = os.fsdecode(os.path.relpath(path, os.fsencode(folder)))
            is_file = name in files
            found[shown] = (entry.st_mode, entry.st_size, entry.st_mtime_ns) if is_file else entry.st_mode
    return found


def _become(item: Input, scratch: Path) -> NoReturn:
    """Be the command, in the forked process."""
    status = 99
    try:
        os.setsid()
        os.chdir(scratch / "here")
        os.environ |= {"HOME": str(scratch / "home"), "TMPDIR": str(scratch / "tmp")}
        for number, name in ((0, os.devnull), (1, scratch / "out"), (2, scratch / "err")):
            file = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(file, number)
            os.close(file)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(number, "w", closefd=False), item.encoding, line_buffering=True)
            for number in (1, 2)
        )
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
        tempfile.tempdir = None
        sys.argv = ["/usr/bin/qtmnet", item.command, *item.words]
        _mark_work(scratch / "working", stop=not item.work)
        status = _status_of(item.command)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _status_of(command: str) -> int:
    from qtmnet.commands import run as run_command

    try:
        run_command(command)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _mark_work(marker: Path, *, stop: bool) -> None:
    """Let the beginning of what takes time leave a mark, and end the process there if that is wanted."""

    def begin() -> None:
        marker.touch()
        if stop:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    for holder, name in work_begins():
        setattr(holder, name, _after(begin, getattr(holder, name)))


def work_begins() -> tuple[tuple[Any, str], ...]:
    """Functions that begin what takes time, settings being taken: what holds each, and its name."""
    import qtmnet.commands.simulate
    from qtmnet.datasets.cubes import Cubes
    from qtmnet.learning.loading import SampleLoading
    from qtmnet.learning.streamed import StreamedCubes
    from simulators.phantoms.brain import BrainStages

    return (
        *((SampleLoading, "prepare_data"), (StreamedCubes, "simulate"), (Cubes, "simulate")),
        (qtmnet.commands.simulate, "_verify"),
        *((BrainStages, "run_until"), (BrainStages, "brain")),
    )


def _after(begin, call):  # type: ignore[no-untyped-def]
    def marked(*arguments, **keywords):  # type: ignore[no-untyped-def]
        begin()
        return call(*arguments, **keywords)

    return marked


def _watch(pid: int, scratch: Path) -> tuple[int, str, float, float]:
    """Wait for a process and all that it starts; stop it for time or memory."""
    process, began = psutil.Process(pid), time.monotonic()
    base = process.memory_info().rss
    cpu, busy_at, stopped, memory = 0.0, began, "", 0.0
    while True:
        done, raw, usage = os.wait4(pid, os.WNOHANG)
        if done:
            cpu, memory = usage.ru_utime + usage.ru_stime, max(memory, usage.ru_maxrss * 1024.0 - base)
            break
        with suppress(psutil.Error):
            times, held = process.cpu_times(), process.memory_info().rss - base
            now, memory = times.user + times.system + times.children_user, max(memory, held)
            if now > cpu + 0.02 or process.status() == psutil.STATUS_RUNNING:
                cpu, busy_at = max(now, cpu), time.monotonic()
        asleep = time.monotonic() - busy_at > SECONDS_ASLEEP and not (scratch / "working").exists()
        if cpu > CPU_SECONDS or asleep or memory > MEMORY_BYTES:
            stopped = stopped or ("memory" if memory > MEMORY_BYTES else "asleep" if asleep else "time")
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # what it has started
    return os.waitstatus_to_exitcode(raw), stopped, cpu, memory


@contextmanager
def everything_imported() -> Iterator[None]:
    """Import what the commands need, and let forks keep what they share."""
    import gc
    import importlib

    import torch

    for name in ("train", "simulate", "evaluate", "predict", "sweeps"):
        importlib.import_module(f"qtmnet.commands.{name}")
    for name in ("learning.streamed", "learning.device_stream", "configuration.schema.check"):
        importlib.import_module(f"qtmnet.{name}")
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
