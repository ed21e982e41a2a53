"""What tests of both packages share: running the commands as a user does, on problems of a second.

Whole folders of tests run in a process for each core, with one thread each; files and single tests in this process.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from simulators.machine.cores import n_cores
from tests.qtmnet.conftest import PAIRS, ExampleScan
from tests.shapes import check_shapes

ROOT = Path(__file__).parents[1]

check_shapes()

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background, and all below it
    signal.signal(signal.SIGINT, signal.default_int_handler)

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything that counts threads is imported
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")

TINY = (
    "phantom.shape=[8,8,8]",
    "data.n_cubes=6",
    "data.n_test=2",
    "cluster.n_workers=1",
    "data.batch_size=2",
    "model.base_channels=2",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
)
"""Overrides that make a training a matter of seconds; the stages are all there."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Processes of `--numprocesses=auto`; starting some takes longer than most single files of tests."""
    folders = all((config.invocation_params.dir / word).is_dir() for word in config.args)
    return n_cores() if folders and n_cores() > 1 else 0


@dataclass(frozen=True)
class Outcome:
    """How a command ended: exit status, what it printed, and where."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> list[str]:
        """Lines of `err`, but for the first one on where results will be."""
        return [
            line
            for line in self.err.splitlines()
            if line.strip() and ": starting; results" not in line and ": a sweep, results" not in line
        ]


Command = Callable[..., Outcome]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process, in an empty folder: command("train", "seed=1", ...)."""
    monkeypatch.chdir(tmp_path)

    def call(name: str, *overrides: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *overrides])
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None  # of the command before
        status = 0
        try:
            runpy.run_path(str(ROOT / f"{name}.py"), run_name="__main__")
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return call


@pytest.fixture
def tiny() -> Sequence[str]:
    """See `TINY`."""
    return TINY


@pytest.fixture(scope="session")
def example_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic scan in the perf folder of a dataset."""
    dataset = tmp_path_factory.mktemp("dataset")
    (dataset / "dataset_description.json").write_text('{"Name": "example", "BIDSVersion": "1.10.0"}', encoding="utf-8")
    ExampleScan(dataset / "sub-01" / "perf").write([("m0scan", 0.0), *PAIRS, *PAIRS])
    return dataset / "sub-01" / "perf"


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory: pytest.TempPathFactory, example_scan: Path) -> dict[str, Path]:
    """Tiny trained networks: one for a brain and cubes, one for the example scan."""
    folder = tmp_path_factory.mktemp("networks")
    for name, settings in {
        "brain": ["phantom.shape=[16,16,16]", "acquisition.voxel_size_mm=[8,8,8]"],
        "scan": [f"acquisition.from_bids={example_scan}"],
    }.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", ["train.py", *TINY, *settings, f"name={name}", "evaluate=false"])
            GlobalHydra.instance().clear()
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    return {name: next(folder.glob(f"runs/{name}/*/checkpoints/best.ckpt")) for name in ("brain", "scan")}
