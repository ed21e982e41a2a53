"""Tasks that go wrong in each way; a module of its own, so that worker processes can import it."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from simulators.errors import InputError


@dataclass(frozen=True)
class Odd:
    """A task that leaves a mark of its attempt and then behaves as its name says."""

    folder: str
    name: str

    def __call__(self) -> bool:
        before = len(list(Path(self.folder).glob(f"{self.name}-*")))
        Path(self.folder, f"{self.name}-{before}").touch()
        return bool(getattr(self, self.name.split("_")[0])(before))

    def fine(self, before: int) -> bool:
        return True

    def slow(self, before: int) -> bool:
        time.sleep(1)
        return True

    def busy(self, before: int) -> bool:
        return False

    def full(self, before: int) -> bool:
        raise InputError("shard-00000.npy: cannot be written (no space left on the disk)")

    def wrong(self, before: int) -> bool:
        raise ZeroDivisionError("a defect of ours")

    def once(self, before: int) -> bool:
        """Killed at the first attempt."""
        if before == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    def deadly(self, before: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def long(self, before: int) -> bool:
        """Takes minutes, and says so if it may clean up when it is ended."""
        try:
            time.sleep(120)
        finally:
            Path(self.folder, "cleaned-0").touch()
        return True

    def thread(self, before: int) -> bool:
        return os.environ.get("OMP_NUM_THREADS") == os.environ.get("NUMBA_NUM_THREADS") == "1"
