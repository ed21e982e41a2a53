"""Tasks that go wrong, for worker processes as well."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list]:
    """Make tasks by name: odd("fine", "full"). See `odd_tasks.py`."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", f"{HERE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    module = importlib.import_module("odd_tasks")
    folder = tmp_path / "marks"
    folder.mkdir()
    return lambda *names: [module.Odd(str(folder), name) for name in names]


@pytest.fixture
def marks(tmp_path: Path) -> Callable[[], list[str]]:
    """Which tasks were tried how often."""
    return lambda: sorted(path.name for path in (tmp_path / "marks").iterdir())
