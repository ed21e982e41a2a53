"""Run commands as on a system that has little of what Linux has: python other_system.py train.py seed=1 --then …

Modules and functions that Windows or macOS have not are gone; what is open or mapped to memory cannot be removed or
replaced, as on Windows; and processes are started anew instead of forked.
"""

import errno
import multiprocessing
import os
import runpy
import shlex
import signal
import sys
from collections.abc import Callable
from typing import Any

HIDDEN = ("fcntl", "resource", "termios", "pty", "grp", "pwd")
MISSING = {
    os: ("sched_getaffinity", "sched_setaffinity", "posix_fadvise", "mkfifo", "getuid", "killpg"),
    signal: ("pthread_sigmask", "pthread_kill", "alarm", "setitimer"),
}


def _open_files() -> set[str]:
    """Paths of all that this process has open or mapped."""
    files = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            files.add(os.readlink(f"/proc/self/fd/{entry}"))
        except FileNotFoundError:  # what listed them
            continue
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        files |= {line.rstrip("\n").split(maxsplit=5)[-1] for line in maps}
    return files


def _refusing(call: Callable[..., None]) -> Callable[..., None]:
    def checked(*paths: Any, **how: Any) -> None:
        if not any(how.values()):
            for path in paths:
                if os.path.realpath(path) in _open_files():
                    raise PermissionError(errno.EACCES, "used by another process", os.fspath(path))
        call(*paths, **how)

    return checked


def pretend() -> None:
    """Make this process one of such a system."""
    for name in HIDDEN:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in MISSING.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    for name in ("replace", "rename", "unlink", "remove"):
        setattr(os, name, _refusing(getattr(os, name)))


def run(words: list[str]) -> None:
    """Run a command; it may not end with an error."""
    sys.argv[:] = words
    GlobalHydra.instance().clear()
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    pretend()
    multiprocessing.set_start_method("spawn")
    from hydra.core.global_hydra import GlobalHydra

    given = " ".join(map(shlex.quote, sys.argv[1:])).split(" --then ")
    for command in map(shlex.split, given):
        run(command)
