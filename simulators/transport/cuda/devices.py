"""Where kernels run: a CUDA GPU, or this machine's processor with the same kernels compiled by g++."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from simulators.errors import InputError

Array = Any
"""An array on a device: `numpy.ndarray` on the host, `cupy.ndarray` on a GPU. Both speak DLPack."""

FOLDER = Path(__file__).parent
HEADER = FOLDER / "common.h"
SOURCES = tuple(sorted(FOLDER.glob("*.cu")))

GXX_OPTIONS = ("-x", "c++", "-std=c++17", "-O3", "-Wno-unknown-pragmas", "-shared", "-fPIC")
THREADS_PER_BLOCK = 256


class Device(Protocol):
    """Keeps arrays and runs kernels on them."""

    def put(self, values: np.ndarray) -> Array:
        """A copy on the device."""
        ...

    def fetch(self, values: Array) -> np.ndarray:
        """A copy on the host, or the array itself where it lies there."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
        """An array of anything."""
        ...

    def zeros(self, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
        """An array of zeros."""
        ...

    def launch(self, kernel: str, n: int, *arguments: Array | int | float) -> None:
        """Run a kernel over n work items. Whole numbers are passed as 64-bit integers, others as doubles."""
        ...


class HostDevice:
    """The processor. Kernels are compiled on first use and kept in the user's cache folder.

    Raises:
        InputError: without g++, or where nothing can be written.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(str(compiled_for_host()))

    def put(self, values: np.ndarray) -> Array:
        """See `Device`."""
        return np.ascontiguousarray(values)

    def fetch(self, values: Array) -> np.ndarray:
        """See `Device`."""
        return values

    def empty(self, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
        """See `Device`."""
        return np.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
        """See `Device`."""
        return np.zeros(shape, dtype)

    def launch(self, kernel: str, n: int, *arguments: Array | int | float) -> None:
        """See `Device`."""
        if n > 0:
            self._library[kernel](ctypes.c_longlong(n), *map(_as_c, arguments))


def _as_c(argument: Array | int | float) -> Any:
    if isinstance(argument, np.ndarray):
        return ctypes.c_void_p(argument.ctypes.data)
    return ctypes.c_longlong(int(argument)) if isinstance(argument, (int, np.integer)) else ctypes.c_double(argument)


class CudaDevice:
    """The current CUDA GPU, by way of CuPy, which compiles the kernels for it (NVRTC) and keeps them.

    Raises:
        InputError: without CuPy, or without a GPU.
    """

    def __init__(self) -> None:
        self._cupy = _import_cupy()
        source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
        self._module = self._cupy.RawModule(code=source, options=("-std=c++17", f"-I{FOLDER}"), backend="nvrtc")

    def put(self, values: np.ndarray) -> Array:
        """See `Device`."""
        return self._cupy.asarray(values, order="C")

    def fetch(self, values: Array) -> np.ndarray:
        """See `Device`."""
        return self._cupy.asnumpy(values)

    def empty(self, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
        """See `Device`."""
        return self._cupy.empty(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
        """See `Device`."""
        return self._cupy.zeros(shape, dtype)

    def launch(self, kernel: str, n: int, *arguments: Array | int | float) -> None:
        """See `Device`."""
        if n > 0:
            blocks = min(-(-n // THREADS_PER_BLOCK), 2**31 - 1)
            self._module.get_function(kernel)((blocks,), (THREADS_PER_BLOCK,), (n, *arguments))


DeviceName = Literal["cuda", "host"]

DEVICES: dict[str, Callable[[], Device]] = {"cuda": CudaDevice, "host": HostDevice}


@cache
def open_device(name: str) -> Device:
    """The device of a name, `cuda` or `host`, opened once in a process.

    Raises:
        InputError: if it is not there.
    """
    return DEVICES[name]()


def _import_cupy() -> Any:
    advice = "or choose simulator=numba"
    try:
        import cupy
    except ImportError:
        raise InputError(
            f"device: found cuda, but CuPy is not installed; pip install 'qtmnet[cuda]', {advice}"
        ) from None
    try:
        n_devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise InputError(f"device: found cuda, but no GPU can be used ({error}); mend its driver, {advice}") from None
    if n_devices == 0:
        raise InputError(f"device: found cuda, but no GPU; run where there is one, {advice}")
    return cupy


def compiled_for_host() -> Path:
    """Library of all kernels for this machine, compiled unless these very sources have been before.

    Raises:
        InputError: without g++, or where nothing can be written.
    """
    digest = hashlib.sha256(repr((platform.machine(), GXX_OPTIONS)).encode())
    for path in (HEADER, *SOURCES):
        digest.update(path.read_bytes())
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qtmnet"
    library = folder / f"kernels-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                _compile(Path(scratch) / library.name).replace(library)
        except OSError as error:
            raise InputError(
                f"XDG_CACHE_HOME: {folder} cannot be written ({error.strerror}); set this variable to a folder that can"
            ) from None
    return library


def _compile(library: Path) -> Path:
    compiler = shutil.which("g++")
    if compiler is None:
        raise InputError("device: found host, but no g++ to compile the kernels; install it, or choose simulator=numba")
    outcome = subprocess.run(
        [compiler, *GXX_OPTIONS, *map(str, SOURCES), "-o", str(library)],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if outcome.returncode != 0:
        told = (outcome.stderr.splitlines() or ["it says nothing"])[0]
        raise InputError(f"device: g++ cannot compile the kernels ({told}); update g++")
    return library
