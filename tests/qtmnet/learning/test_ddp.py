"""Several processes train as one would, and are refused where they cannot. They are real ones, over gloo."""

import csv
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from qtmnet.learning.loading import EpochSampler
from qtmnet.process import ranks

ROOT = Path(__file__).parents[3]

SETTINGS = (
    "phantom.shape=[8,8,8]",
    "data.n_cubes=26",
    "data.n_test=2",
    "data.dir=cubes",
    "data.snr=10",
    "data.batch_size=4",
    "data.validation_share=0.12",
    "cluster.n_workers=1",
    "model.base_channels=4",
    "optimizer=sgd",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
"""23 cubes to train on, which are 5 batches and 3 that are left out; 3 to validate with, 2 and 1 for two processes."""


def torchrun(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, str(ROOT / "train.py"), *overrides],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def logged(run: Path, name: str) -> list[float]:
    with (run / "metrics.csv").open(encoding="utf-8") as stream:
        return [float(row[name]) for row in csv.DictReader(stream) if row[name]]


def test_two_processes_do_what_one_does(command, tmp_path: Path) -> None:
    together = torchrun(tmp_path, *SETTINGS, "trainer=ddp", "name=two")
    assert together.returncode == 0, together.stderr
    alone = command("train", *SETTINGS, "name=one")
    assert alone.status == 0, alone.err
    one, two = only(tmp_path, "runs/one/*"), only(tmp_path, "runs/two/*")
    # Both train with the same samples in the same steps. What is left is in which order float32 numbers are added:
    # 1e-7 of a gradient for each, and SGD takes gradients into the weights as they are.
    for name in ("train/loss", "val/nrmse", "val/bias_ml_100g_min"):
        assert logged(two, name) == pytest.approx(logged(one, name), rel=1e-5)
        assert len(logged(two, name)) == 2
    first, second = (
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for run in (one, two)
    )
    for name in first:
        torch.testing.assert_close(second[name], first[name], rtol=1e-5, atol=1e-5 * float(first[name].abs().max()))
    # The first process alone simulates, evaluates and speaks.
    assert (two / "metrics.json").is_file()
    for told in ("Simulating train cubes into cubes: 26 to do", "epoch 2/2:"):
        assert together.stderr.count(told) == 1
    assert together.stdout.count("checkpoint: ") == 1
    assert together.stdout.count("  2 unseen cubes") == 1  # of perfusion; there is a table of transit times besides
    assert {path.name for path in tmp_path.iterdir()} == {"cubes", "runs"}


def test_processes_stop_together_at_numbers_that_are_not_finite(tmp_path: Path) -> None:
    leap = ("optimizer.lr=10", "loss.gradient_weight=1000", "trainer.gradient_clip_val=null")
    run = torchrun(tmp_path, *SETTINGS, "trainer=ddp", *leap)
    assert run.returncode != 0
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert re.search(r"is not finite at epoch 1, step [2-5], 32-true; try optimizer.lr=1", line)
    assert "Traceback" not in run.stderr.partition(line)[0]
    assert not list(tmp_path.glob("runs/*/*/checkpoints/*"))


@pytest.mark.parametrize(
    ("overrides", "needles"),
    [
        ((), ["trainer", "2 processes were started", "trainer=ddp"]),
        (("trainer=ddp", "data.batch_size=3"), ["data.batch_size", "batches of 3", "2 processes"]),
        (("--multirun", "trainer=ddp", "seed=1,2"), ["--multirun", "different settings", "torchrun"]),
    ],
)
def test_of_two_processes_the_first_says_why_not(
    command, monkeypatch, tmp_path: Path, overrides: Sequence[str], needles: list[str]
) -> None:
    """Each of them here, one after the other: nothing is begun together before all is found fit."""
    monkeypatch.setattr(ranks, "SECONDS_FOR_THE_FIRST", 0.0)
    lines = []
    for rank in ("0", "1"):
        for name, value in {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
            monkeypatch.setenv(name, value)
        with warnings.catch_warnings():
            outcome = command("train", *SETTINGS, *overrides)
        assert outcome.status == 2
        lines += [line for line in outcome.told if line.startswith("error: ")]
    (line,) = lines
    for needle in needles:
        assert needle in line
    assert not list(tmp_path.iterdir())


def test_processes_refuse_once(tmp_path: Path) -> None:
    """The same by torchrun, which ends the others when one ends."""
    run = torchrun(tmp_path, *SETTINGS)
    assert run.stderr.count("error: trainer: 2 processes were started") == 1
    assert not list(tmp_path.iterdir())


def test_a_sweep_over_several_devices_is_refused(command) -> None:
    outcome = command("train", "--multirun", *SETTINGS, "trainer=ddp", "trainer.devices=2", "seed=1,2")
    assert outcome.status == 1
    for needle in ("run 0 failed: trainer: found 2 devices", "would run the whole sweep again", "2 of 2 runs failed"):
        assert needle in outcome.err


@pytest.mark.parametrize(
    ("overrides", "needles"),
    [
        (("trainer.devices=2",), ["trainer: found 2 devices", "trainer=ddp"]),
        (("trainer=ddp", "trainer.devices=2", "data.validation_share=0.01"), ["1 to validate", "2 processes"]),
        (("trainer=ddp", "trainer.devices=2", "model.norm=batch"), ["model.norm: found batch for 2 devices", "group"]),
    ],
)
def test_devices_refuse(command, tmp_path: Path, overrides: Sequence[str], needles: list[str]) -> None:
    outcome = command("train", *SETTINGS, *overrides)
    assert outcome.status == 2
    (line,) = outcome.told
    for needle in needles:
        assert needle in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("environment", "n", "first", "layout"),
    [
        ({}, 1, True, {}),
        ({"RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}, 4, True, {"devices": 2, "num_nodes": 2}),
        ({"RANK": "2", "LOCAL_RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4"}, 4, False, {"devices": 4}),
        ({"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "6", "SLURM_STEP_NUM_NODES": "3"}, 6, True, {"devices": 2}),
        ({"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "6", "SLURM_STEP_NUM_NODES": "3"}, 6, False, {"num_nodes": 3}),
        ({"SLURM_NTASKS": "6", "SLURM_PROCID": "0"}, 1, True, {}),  # a batch script's own process
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "1", "NODE_RANK": "0"}, 2, False, {}),
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "0", "NODE_RANK": "1"}, 2, False, {}),
    ],
)
def test_ranks(monkeypatch, environment: dict[str, str], n: int, first: bool, layout: dict[str, int]) -> None:
    for name in [name for name in os.environ if name.startswith("SLURM_") or "RANK" in name or "WORLD_SIZE" in name]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ranks.n_processes() == n
    assert ranks.is_first() == first
    assert layout.items() <= ranks.layout().items()


@pytest.mark.parametrize("n_ranks", [2, 4])
def test_parts_make_up_the_batches_of_one(n_ranks: int) -> None:
    whole = EpochSampler(22, seed=3, shuffle=True, n_used=20)
    parts = [EpochSampler(22, seed=3, shuffle=True, n_used=20, rank=rank, n_ranks=n_ranks) for rank in range(n_ranks)]
    for epoch in (0, 5):
        for sampler in (whole, *parts):
            sampler.set_epoch(epoch)
        keys, shares = list(whole), [list(part) for part in parts]
        assert [len(part) for part in parts] == [20 // n_ranks] * n_ranks
        size = 4 // n_ranks
        for step in range(5):
            batch = keys[4 * step : 4 * (step + 1)]
            assert {key for share in shares for key in share[size * step : size * (step + 1)]} == set(batch)
