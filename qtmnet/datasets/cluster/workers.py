"""What workers of all kinds share: one thread each, no part in an interruption, packages that may be missing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from simulators.errors import InputError


def package(name: str) -> ModuleType:
    """A package that only some clusters need.

    Raises:
        InputError: if it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise InputError(f"cluster: {name} is not installed; pip install 'qtmnet[cluster]'") from None


@contextmanager
def single_threaded() -> Iterator[None]:
    """Processes started meanwhile use one thread each."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Processes started meanwhile take no notice of Ctrl-C; this one does so afterwards.

    A terminal interrupts all processes of a command at once. Workers leave it to the one that started them, which ends
    them: a dozen tracebacks would bury its line.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where workers ignore it themselves once they have begun
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
