"""Sweeps end to end on trainings of a second: what fails is listed, what was interrupted goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from qtmnet.learning.module import QTMModule
from qtmnet.process.locks import locked

ROOT = Path(__file__).parents[4]


@pytest.fixture
def settings(tiny) -> tuple[str, ...]:
    """Overrides that all runs have; they share their cubes."""
    return ("--multirun", *tiny, "evaluate=false", "data.dir=cubes", "hydra.sweep.dir=sweep")


def outcomes(folder: Path) -> dict[int, dict]:
    """The last outcome of each run."""
    lines = [json.loads(line) for line in (folder / "outcomes.jsonl").read_text(encoding="utf-8").splitlines()]
    return {line["number"]: line for line in lines}


def rows(printed: str) -> list[list[str]]:
    """The cells of the table of runs; one of settings may stand below it."""
    lines = printed.partition("outcomes: ")[0].splitlines()
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]


def test_six_runs_of_which_one_fails_end_with_five_outcomes_and_a_reason(
    command, settings, tmp_path: Path, monkeypatch
) -> None:
    step = QTMModule.training_step

    def fails_once(module: QTMModule, sample, batch: int) -> torch.Tensor:
        if module.config["seed"] == 1 and module.config["optimizer"]["lr"] == 1e-3:
            raise RuntimeError("the GPU is gone")
        return step(module, sample, batch)

    monkeypatch.setattr(QTMModule, "training_step", fails_once)
    outcome = command("train", *settings, "optimizer.lr=1e-3,2e-3,5e-3", "seed=0,1", "data.seed=0")
    assert outcome.status == 1
    found = outcomes(tmp_path / "sweep")
    assert [found[number]["state"] for number in range(6)] == ["done", "failed", "done", "done", "done", "done"]
    assert found[1]["overrides"] == {"optimizer.lr": "0.001", "seed": "1"}
    told = "a fault of the program, not of yours: RuntimeError: the GPU is gone; details to report: sweep/1/error.txt"
    assert f"run 1 failed: {told}" in outcome.out
    assert "fails_once" in (tmp_path / "sweep" / "1" / "error.txt").read_text(encoding="utf-8")
    assert "1 of 6 runs failed" in outcome.err

    table = rows(outcome.out)
    errors = [float(row[4]) for row in table[:5]]
    assert errors == sorted(errors)
    assert [row[3] for row in table] == ["done"] * 5 + ["failed"]
    assert sorted((row[1], row[2]) for row in table) == [(lr, s) for lr in ("0.001", "0.002", "0.005") for s in "01"]
    for row in table[:5]:
        assert found[int(row[0])]["values"]["val/nrmse"] == pytest.approx(float(row[4]), rel=1e-3)

    monkeypatch.setattr(QTMModule, "training_step", step)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("sweep/*/checkpoints/best.ckpt")}
    again = command("train", *settings, "optimizer.lr=1e-3,2e-3,5e-3", "seed=0,1", "data.seed=0")
    assert again.status == 0
    assert [row[3] for row in rows(again.out)] == ["done"] * 6
    assert all(path.stat().st_mtime_ns == before for path, before in times.items() if path.parts[-3] != "1")


def test_a_value_that_one_run_cannot_take_is_that_runs_outcome(command, settings, tmp_path: Path) -> None:
    outcome = command("train", *settings, "data=cco_cubes,cco_cube")
    assert outcome.status == 1
    found = outcomes(tmp_path / "sweep")
    assert found[0]["state"] == "done"
    assert found[1]["state"] == "failed"
    assert "did you mean data=cco_cubes?" in found[1]["reason"]
    assert outcome.told[0].startswith("run 1 will fail: data=cco_cube: no such option")


@pytest.mark.parametrize(
    "words",
    [
        ("model.lrr=1,2",),
        ("seed=0,1", "+model.lrr=1"),
        ("hydra/sweeper=bayes", "model.lrr=interval(0,1)"),
    ],
)
def test_a_misspelt_setting_is_refused_before_the_first_run(command, settings, tmp_path: Path, words) -> None:
    outcome = command("train", *settings, *words)
    assert outcome.status == 2
    (line,) = outcome.told
    assert line.startswith("error: model.lrr: ")
    assert line.endswith("did you mean optimizer.lr?")
    assert not (tmp_path / "sweep").exists()


def test_the_same_command_goes_on_with_a_sweep_from_a_file(command, tiny, tmp_path: Path, monkeypatch) -> None:
    words = ("--multirun", "sweep=linear_start", "seed=0,1", *tiny, "evaluate=false", "data.dir=cubes", "name=mine")

    def interrupt(module: QTMModule) -> None:
        if module.config["seed"] == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(QTMModule, "on_train_epoch_start", interrupt)
        assert command("train", *words).status == 130
    folder = tmp_path / "runs/mine/sweep-linear_start"
    assert {number: found["overrides"] for number, found in outcomes(folder).items()} == {
        0: {"seed": "0", "linear_start": "True"},
        1: {"seed": "0", "linear_start": "False"},
    }
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoints/best.ckpt")}
    assert len(times) == 2
    outcome = command("train", *words)
    assert outcome.status == 0, outcome.err
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())
    assert len(outcomes(folder)) == 4
    head, *lines = (line.split("\t") for line in (folder / "settings.tsv").read_text(encoding="utf-8").splitlines())
    assert head == ["linear_start", "seeds", "val/nrmse mean", "val/nrmse sd"]
    for line, numbers in zip(lines, ((0, 2), (1, 3)), strict=True):
        errors = [outcomes(folder)[number]["values"]["val/nrmse"] for number in numbers]
        assert line[1] == "2"
        assert float(line[2]) == pytest.approx(sum(errors) / 2, rel=1e-5)
        assert float(line[3]) == pytest.approx(abs(errors[0] - errors[1]) / 2**0.5, rel=1e-5, abs=1e-12)
    assert (folder / "report.html").exists()

    other = command("train", *words, "optimizer.lr=1e-3")
    assert other.status == 2
    assert "holds another sweep" in other.err


def test_killed_sweep_goes_on_within_the_run_it_was_killed_in(command, settings, tmp_path: Path) -> None:
    words = (*settings, "trainer.max_epochs=40", "optimizer.lr=1e-3,2e-3")
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    sweep = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *words],
        cwd=tmp_path,
        env=os.environ | threads,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    kept = tmp_path / "sweep" / "1" / "checkpoints" / "last.ckpt"
    while not kept.exists():
        assert sweep.poll() is None
        time.sleep(0.005)
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    done = torch.load(kept, weights_only=True)["epoch"] + 1
    assert done < 40
    outcome = command("train", *words)
    assert outcome.status == 0, outcome.err
    assert "(goes on where it was)" in outcome.err
    assert "run 0" not in outcome.err
    folder = tmp_path / "sweep" / "1"
    epochs = [
        int(line.split(",")[0])
        for line in (folder / "metrics.csv").read_text(encoding="utf-8").splitlines()[1:]
        if line.split(",")[0]
    ]
    assert min(epochs) >= done
    assert torch.load(kept, weights_only=True)["epoch"] == 39
    assert outcomes(tmp_path / "sweep")[1]["state"] == "done"


def test_interrupted_sweep_shows_what_there_is_and_how_to_go_on(command, settings, tmp_path: Path, monkeypatch) -> None:
    def interrupt(module: QTMModule) -> None:
        if module.config["seed"] == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(QTMModule, "on_train_epoch_start", interrupt)
    outcome = command("train", *settings, "seed=0,1,2", "data.seed=0")
    assert outcome.status == 130
    assert len(rows(outcome.out)) == 1
    assert outcome.err.splitlines()[-1].startswith("interrupted; go on with: python train.py --multirun ")
    assert outcome.err.splitlines()[-1].endswith("hydra.sweep.dir=sweep")


def test_a_folder_belongs_to_one_sweep_and_one_process(command, settings, tmp_path: Path) -> None:
    assert command("train", *settings, "seed=0").status == 0
    other = command("train", *settings, "seed=1")
    assert other.status == 2
    assert "holds another sweep" in other.err
    with locked(tmp_path / "sweep" / ".lock"):
        busy = command("train", *settings, "seed=0")
    assert busy.status == 2
    assert "another process is at the sweep" in busy.err
    assert command("train", *settings, "seed=0").status == 0
    assert not (tmp_path / "sweep" / ".lock").exists()


def test_search_prunes_the_hopeless_and_ends_when_all_is_tried(command, settings, tmp_path: Path) -> None:
    search = (
        "hydra/sweeper=bayes",
        "hydra.sweeper.n_trials=9",
        "hydra.sweeper.sampler._target_=optuna.samplers.BruteForceSampler",
        "hydra.sweeper.pruner.n_startup_trials=1",
        "hydra.sweeper.pruner.n_warmup_steps=1",
        "trainer.max_epochs=8",
        "model.base_channels=4",
        "linear_start=false",  # so that whoever does not learn stays far off
    )
    outcome = command("train", *settings, *search, "optimizer.lr=1e-9,2e-9,5e-3,1e-2")
    assert outcome.status == 0, outcome.err
    found = outcomes(tmp_path / "sweep")
    assert sorted(run["overrides"]["optimizer.lr"] for run in found.values()) == ["0.005", "0.01", "1e-09", "2e-09"]
    pruned = [run for run in found.values() if run["state"] == "pruned"]
    assert all(float(run["overrides"]["optimizer.lr"]) < 1e-3 for run in pruned)
    assert pruned, "the one that learns nothing and comes after one that learns"
    assert all("of 8" in run["reason"] for run in pruned)
    more = command("train", *settings, *search, "optimizer.lr=1e-9,2e-9,2e-2,3e-2")
    assert "\nrun " not in more.err
    assert len(outcomes(tmp_path / "sweep")) == 4


def test_search_goes_on_with_the_run_that_was_killed(command, settings, tmp_path: Path, monkeypatch) -> None:
    words = (
        "hydra/sweeper=bayes",
        "hydra.sweeper.n_trials=3",
        "trainer.max_epochs=3",
        "optimizer.lr=interval(1e-3,1e-2)",
    )

    def interrupt(module: QTMModule) -> None:
        if module.config["trial"] == 1 and module.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(QTMModule, "on_train_epoch_start", interrupt)
        assert command("train", *settings, *words).status == 130
    lr = json.loads((tmp_path / "sweep" / "outcomes.jsonl").read_text(encoding="utf-8"))["overrides"]["optimizer.lr"]
    outcome = command("train", *settings, *words)
    assert outcome.status == 0, outcome.err
    found = outcomes(tmp_path / "sweep")
    assert sorted(found) == [0, 1, 2]
    assert found[0]["overrides"]["optimizer.lr"] == lr
    assert len({run["overrides"]["optimizer.lr"] for run in found.values()}) == 3
    assert torch.load(tmp_path / "sweep" / "1" / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 2
    assert "(goes on where it was)" in outcome.err


def test_search_is_for_trainings(command) -> None:
    outcome = command("evaluate", "--multirun", "hydra/sweeper=bayes", "seed=interval(0,1)")
    assert outcome.status == 2
    assert "searches trainings" in outcome.err
