"""Stages of a long simulation, each kept in a folder under the settings that it was made with."""

import hashlib
import json
import math
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np

from simulators.files.reading import NUMPY_FILE, kind_there, open_file
from simulators.files.writing import check_can_write, one_line, writing

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class StageRecord:
    """How a stage went.

    Attributes:
        name: of the stage.
        seconds: that it took, reading or writing its file included.
        peak_gb: most memory that the process had held by its end, GB; NaN where the system does not tell.
        kept: whether it was read from the folder.
    """

    name: str
    seconds: float
    peak_gb: float
    kept: bool


@dataclass(frozen=True)
class StageResult:
    """The arrays of a stage, and a fingerprint of all that they depend on."""

    arrays: Arrays
    fingerprint: str


@dataclass
class StageFolder:
    """Runs stages, or reads what they made before with the same settings.

    Attributes:
        path: where each stage keeps its file, `<stage>-<fingerprint>.npz`; None to keep nothing.
        tell: called with a line as each stage begins and ends.
        records: of the stages run so far.
    """

    path: Path | None = None
    tell: Callable[[str], None] = lambda line: None
    records: list[StageRecord] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)  # stages may run side by side; their lines must not

    def run(self, name: str, settings: Mapping[str, object], make: Callable[[], Arrays]) -> StageResult:
        """The arrays of a stage.

        Args:
            name: of the stage.
            settings: all that its result depends on, as plain data; earlier stages by their fingerprints.
            make: makes the arrays if the folder does not have them.

        Raises:
            InputError: if the folder cannot be written.
        """
        begin = time.perf_counter()
        said = json.dumps({"stage": name, **settings}, sort_keys=True, default=_plain)
        fingerprint = hashlib.sha256(said.encode()).hexdigest()[:12]
        file = self.path / f"{name}-{fingerprint}.npz" if self.path else None
        arrays = self._read(file, said) if file else None
        kept = arrays is not None
        if arrays is None:
            if file:
                check_can_write([file])  # better refused now than in an hour
            self._say(f"{name} …")
            arrays = make()
            if file:
                with writing(file) as temporary, open(temporary, "wb") as stream:
                    np.savez(stream, settings=np.array(said), **arrays)  # type: ignore[arg-type]
        record = StageRecord(name, time.perf_counter() - begin, peak_gb(), kept)
        self.records.append(record)
        held = f", {record.peak_gb:.1f} GB" if math.isfinite(record.peak_gb) else ""
        self._say(f"{name}: {record.seconds:.1f} s{held}{', kept from before' if kept else ''}")
        return StageResult(arrays, fingerprint)

    def _say(self, line: str) -> None:
        with self._lock:
            self.tell(line)

    def _read(self, file: Path, said: str) -> Arrays | None:
        """What a file keeps; None if it is not there, of other settings or damaged."""
        if kind_there(file) is None:
            return None
        # Opened here: NumPy leaves the file of a damaged archive open.
        with open_file(file, NUMPY_FILE, advice="move it away, or choose another dir") as stream:
            return self._loaded(file, stream, said)

    def _loaded(self, file: Path, stream: BinaryIO, said: str) -> Arrays | None:
        try:
            with np.load(stream, allow_pickle=False) as stored:
                if str(stored["settings"]) == said:
                    return {name: stored[name] for name in stored.files if name != "settings"}
        # RuntimeError is what zipfile says of flags and versions that it does not know.
        except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile, RuntimeError) as error:
            self._say(f"{file}: unreadable ({one_line(error)}); made anew")
        return None


def file_fingerprint(path: str | Path, setting: str) -> str:
    """Fingerprint of a file's content.

    Args:
        path: the file.
        setting: that names it.

    Raises:
        InputError: if it cannot be read.
    """
    with open_file(path, NUMPY_FILE, setting=setting, advice="name a file that can be read") as stream:
        digest = hashlib.file_digest(stream, "sha256")  # type: ignore[arg-type]
        return digest.hexdigest()[:12]


def peak_gb() -> float:
    """Most memory that this process has held, GB; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return _peak_gb_by_psutil()
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kB here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def _peak_gb_by_psutil() -> float:
    try:
        from psutil import Process
    except ImportError:
        return math.nan
    return getattr(Process().memory_info(), "peak_wset", math.nan) / 1e9


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no plain setting")
