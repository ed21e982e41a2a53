"""Compiled code has a place to be kept in, wherever a command runs."""

import os
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

from simulators.machine import compiling


@pytest.mark.parametrize("room", [True, False], ids=["temporary folder", "no folder at all"])
def test_code_compiles_where_nothing_can_be_written(room: bool, tmp_path: Path, monkeypatch) -> None:
    asked: list[bool] = []

    def njit(*, cache: bool, **_: object) -> Callable:
        def compile_lazily(function: Callable) -> Callable:
            asked.append(cache)
            if len(asked) == 1:
                raise RuntimeError("cannot cache function 'twice': no locator available for file 'x.py'")
            return function

        return compile_lazily

    def no_room(**_: object) -> str:
        raise FileNotFoundError("no folder for temporary files")

    monkeypatch.setattr(compiling.numba, "njit", njit)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setattr("tempfile.mkdtemp", (lambda **_: str(tmp_path)) if room else no_room)
    with pytest.warns(UserWarning, match="set NUMBA_CACHE_DIR"):
        twice = compiling.njit()(lambda x: 2 * x)
    assert twice(2) == 4
    assert asked == [True, room]
    assert os.environ["NUMBA_CACHE_DIR"] == numba.config.CACHE_DIR == (str(tmp_path) if room else "")
