"""Numba as this project uses it: compiled once and kept on disk, or for one command where nothing can be kept."""

import atexit
import inspect
import os
import shutil
import tempfile
import warnings
from typing import Any

import numba


def njit(**options: Any) -> Any:
    """`numba.njit` with a cache on disk, without the GIL.

    Where neither the package's folder nor the home folder can be written, the cache is a temporary one, for this
    process and those that it starts; a warning says so once.
    """

    def compile_lazily(function: Any) -> Any:
        function = inspect.unwrap(function)  # of what checks its arguments in tests
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError as error:
            if "cannot cache function" not in str(error):
                raise
            return numba.njit(cache=_cache_for_now(), nogil=True, **options)(function)

    return compile_lazily


def _cache_for_now() -> bool:
    """Whether there is a folder for temporary files to keep compiled code in; it is Numba's from then on."""
    warnings.warn(
        "compiled code cannot be kept here, so each command compiles for about a minute; set NUMBA_CACHE_DIR to a "
        "folder that can be written",
        stacklevel=4,
    )
    try:
        folder = tempfile.mkdtemp(prefix="qtmnet-numba-")  # of this user alone: what is in it is run
    except OSError:
        return False
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings: Any = numba.config
    os.environ["NUMBA_CACHE_DIR"] = settings.CACHE_DIR = folder
    return True
