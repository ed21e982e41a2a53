"""Numba as this project uses it: compiled once, kept on disk, with an error that says what to do."""

from typing import Any

import numba

from simulators.errors import InputError


def njit(**options: Any) -> Any:
    """`numba.njit` with a cache on disk, without the GIL.

    Raises:
        InputError: where neither the package's folder nor the home folder can be written.
    """

    def compile_lazily(function: Any) -> Any:
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError as error:
            if "cannot cache function" not in str(error):
                raise
            raise InputError(
                "NUMBA_CACHE_DIR: no folder to keep compiled code in can be written; set this variable to one that can"
            ) from None

    return compile_lazily
