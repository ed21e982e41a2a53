"""What a user sees at once: help, the first line, and names of the packages, without waiting for torch or Numba."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from qtmnet.configuration.settings import read_settings

ROOT = Path(__file__).parents[1]
COMMANDS = ("train", "evaluate", "simulate", "predict")
SLOW = ("torch", "lightning", "numba", "scipy", "matplotlib", "nilearn", "cupy", "optuna", "wandb")


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_needs_nothing_slow(name: str) -> None:
    code = (
        f"import runpy, sys; sys.argv = ['{name}.py', '--help']; runpy.run_path('{name}.py', run_name='__main__'); "
        f"print('slow:', [module for module in {SLOW} if module in sys.modules])"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "slow: []"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_all_there_is_on_two_screens(name: str) -> None:
    shown = python(f"{name}.py", "--help").stdout
    about = read_settings(ROOT / "conf" / f"{name}.yaml")
    for group in about.groups:
        for option in (ROOT / "conf" / group.name).glob("*.yaml"):
            assert option.stem in shown
    for setting in about.settings:
        assert f"\n  {setting.name}=" in shown or setting.name in ("run_dir", "trial")
    for example in about.examples:
        assert f"\n  {example}\n" in shown
    assert "--cfg job" in shown
    assert len(shown.splitlines()) < 60
    assert max(map(len, shown.splitlines())) < 120


@pytest.mark.parametrize("package", ["qtmnet", "simulators"])
def test_a_package_imports_its_names_when_they_are_used(package: str) -> None:
    code = f"import sys, {package}; print([module for module in {SLOW} if module in sys.modules])"
    assert python("-c", code).stdout == "[]\n"
    module = importlib.import_module(package)
    assert len(module.__all__) > 10
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    parts = {part.name for part in pkgutil.iter_modules(module.__path__)}
    assert not parts & set(module.__all__), "the module would hide the name once it is imported"


@pytest.mark.parametrize(
    "module",
    [
        *("commands.simulate", "datasets.cubes", "datasets.cluster.local", "learning.stored", "learning.streamed"),
        *("costs.datasets", "costs.brains", "costs.scans", "evaluation.metrics", "figures.brain_vessels", "scans.scan"),
    ],
)
def test_what_does_without_a_network_does_without_torch(module: str) -> None:
    code = f"import sys, qtmnet.{module}; print([name for name in ('torch', 'lightning') if name in sys.modules])"
    done = python("-c", code)
    assert done.stdout == "[]\n", done.stderr


def test_cubes_are_simulated_without_torch(tmp_path: Path) -> None:
    for name in ("torch", "lightning"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(77)", encoding="utf-8")
    small = ("phantom.shape=[8,8,8]", "data.n_cubes=1", "cluster.n_workers=1", f"data.dir={tmp_path}/cubes")
    done = python("simulate.py", *small, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"1 cubes: {tmp_path}/cubes\n"


@pytest.mark.parametrize("words", [("train.py",), ("train.py", "--multirun", "seed=0,1")])
def test_the_first_line_comes_before_torch(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit(77)", encoding="utf-8")
    folders = (f"hydra.run.dir={tmp_path}/run", f"hydra.sweep.dir={tmp_path}/sweep")
    done = python(*words, *folders, PYTHONPATH=str(tmp_path))
    assert done.returncode == 77
    assert done.stderr.startswith(("train: starting", "train: a sweep"))


def test_flags_may_stand_between_overrides(command) -> None:
    shown = command("train", "seed=3", "--cfg", "job", "model.levels=2")
    assert shown.status == 0, shown.err
    assert "\nseed: 3\n" in shown.out
    assert "  levels: 2\n" in shown.out
    refused = command("train", "seed=3", "--multirun", "model.lrr=2")
    assert refused.told[-1].startswith("error: model.lrr: no such setting")
