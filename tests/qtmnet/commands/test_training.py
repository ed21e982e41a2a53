"""Training, end to end on cubes of 8³: it learns, keeps plain data only, and goes on where it stopped."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch

from qtmnet.learning.checkpoint_files import WholeFiles
from qtmnet.learning.module import QTMModule
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.training_record import phantom_of
from qtmnet.methods.network.trusted_classes import NETWORKS
from simulators.errors import InputError

ROOT = Path(__file__).parents[3]


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def assert_same_weights(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    """The same but for rounding: the order of a matrix product's sums depends on where in memory a process has it.

    Other samples, learning rates or moments of the optimizer move weights by 1e-4 and more in these trainings.
    """
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        torch.testing.assert_close(
            value, theirs[name], rtol=1e-5, atol=1e-7, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_train_then_evaluate(command, tiny, tmp_path: Path) -> None:
    outcome = command("train", *tiny, "data.dir=cubes")
    assert outcome.status == 0, outcome.err
    run = only(tmp_path, "runs/train/*")
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics) == {"qtmnet", "single_delay", "multi_delay"}
    for scores in metrics.values():
        assert set(scores) == {"nrmse", "bias_ml_100g_min", "ssim", "slope"}
    assert (run / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert f"NRMSE {metrics['qtmnet']['nrmse']:.3f}" in (run / "report.html").read_text(encoding="utf-8")
    assert "multi_delay" in outcome.out
    assert "2 unseen cubes" in outcome.out

    best = run / "checkpoints" / "best.ckpt"
    again = command("evaluate", f"ckpt={best}", "n_cubes=2", "dir=cubes", "cluster.n_workers=1")
    assert again.status == 0, again.err
    repeated = json.loads(only(tmp_path, "runs/evaluate/*/metrics.json").read_text(encoding="utf-8"))
    assert repeated["multi_delay"] == metrics["multi_delay"]
    assert str(best) in only(tmp_path, "runs/evaluate/*/report.html").read_text(encoding="utf-8")
    assert repeated["qtmnet"]["nrmse"] == pytest.approx(metrics["qtmnet"]["nrmse"], rel=1e-5)


def test_checkpoint_is_plain_data_with_the_resolved_configuration(command, tiny, tmp_path: Path) -> None:
    assert command("train", *tiny, "evaluate=false", "data.snr=[5,10]", "optimizer=sgd").status == 0
    path = only(tmp_path, "runs/train/*/checkpoints/last.ckpt")
    content = torch.load(path, weights_only=True)
    kept = content["qtmnet"]
    assert (kept["format"], kept["outputs"], [*kept["inputs"]]) == (4, ("cbf",), ["frames", "slice_time"])
    assert kept["accepts"]["acquisition"]["post_labeling_delays"] == (1.025, 1.525, 2.025, 2.525)
    assert kept["trained"]["snr"] == (5, 10)
    assert content["qtmnet"]["config"]["optimizer"]["momentum"] == 0.9
    assert phantom_of(load_estimator(path).description).shape == (8, 8, 8)


def test_a_folder_keeps_one_training(command, tiny, tmp_path: Path) -> None:
    words = (*tiny, "evaluate=false", "data.dir=cubes", "hydra.run.dir=mine")
    assert command("train", *words).status == 0
    kept = (tmp_path / "mine" / "checkpoints" / "best.ckpt").read_bytes()
    again = command("train", *words)
    assert again.status == 2
    assert "mine holds a training; give resume=" in again.err
    assert (tmp_path / "mine" / "checkpoints" / "best.ckpt").read_bytes() == kept
    finished = command("train", *words, "resume=mine/checkpoints/last.ckpt")
    assert finished.status == 2
    assert "all of its 1 epochs are done; give its best.ckpt to python evaluate.py" in finished.err


def test_an_interrupted_evaluation_is_not_trained_again(command, tiny, tmp_path: Path, monkeypatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("qtmnet.commands.train.evaluate_on_cubes", interrupt)
    outcome = command("train", *tiny)
    assert outcome.status == 130
    best = only(tmp_path, "runs/train/*/checkpoints/best.ckpt").relative_to(tmp_path)
    assert outcome.err.splitlines()[-1].startswith(
        "interrupted; the training is done, evaluate it by: python evaluate.py "
    )
    assert str(best) in outcome.err.splitlines()[-1]


STREAMED = ("data=cco_stream", "data.samples_per_epoch=6", "data.n_trees=2")


@pytest.mark.parametrize(
    "source",
    [(), ("data.loader_workers=1",), (*STREAMED, "data.loader_workers=0"), (*STREAMED, "data.loader_workers=2")],
    ids=["stored", "stored, 1 worker", "streamed", "streamed, 2 workers"],
)
def test_resumed_training_ends_where_an_undisturbed_one_does(
    command, tiny, tmp_path: Path, monkeypatch, source: tuple[str, ...]
) -> None:
    common = (*tiny, *source, "evaluate=false", "data.dir=cubes", "data.snr=10", "trainer.max_epochs=3")
    assert command("train", *common, "name=whole").status == 0

    def interrupt(module: QTMModule) -> None:
        if module.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(QTMModule, "on_train_epoch_start", interrupt)
        stopped = command("train", *common, "name=part")
        assert stopped.status == 130
        assert "resume=" in stopped.err
    last = only(tmp_path, "runs/part/*/checkpoints/last.ckpt")
    other = command("train", *common, "name=rest", f"resume={last}", "acquisition.labeling_duration=1.8")
    assert other.status == 2
    assert "other settings" in other.err
    assert command("train", *common, "name=rest", f"resume={last}").status == 0
    whole, rest = (
        torch.load(only(tmp_path, f"runs/{name}/*/checkpoints/last.ckpt"), weights_only=True)
        for name in ("whole", "part")
    )
    assert whole["epoch"] == rest["epoch"] == 2
    assert_same_weights(whole["state_dict"], rest["state_dict"])


def logged(run: Path, name: str) -> dict[int, float]:
    """A logged value by epoch."""
    with (run / "metrics.csv").open(encoding="utf-8") as stream:
        return {int(row["epoch"]): float(row[name]) for row in csv.DictReader(stream) if row[name]}


def test_killed_training_goes_on_as_if_nothing_had_happened(command, tiny, tmp_path: Path) -> None:
    common = (*tiny, "evaluate=false", "data.dir=cubes", "data.snr=10", "trainer.max_epochs=10")
    assert command("train", *common, "name=whole").status == 0
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}  # which decide in what order a sum is added
    run = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *common, "name=part"],
        cwd=tmp_path,
        env=os.environ | threads,
        stderr=subprocess.DEVNULL,
    )
    written: list[float] = []  # when the checkpoints of the first two epochs came
    while len(written) < 2:
        assert run.poll() is None
        found = [path.stat().st_mtime for path in tmp_path.glob("runs/part/*/checkpoints/last.ckpt")]
        written += [moment for moment in found if moment not in written]
        time.sleep(0.002)
    time.sleep(np.random.default_rng().uniform(0, 2 * (written[1] - written[0])))  # at any point of an epoch
    run.kill()
    assert run.wait() == -signal.SIGKILL
    last = only(tmp_path, "runs/part/*/checkpoints/last.ckpt")
    stopped_after = torch.load(last, weights_only=True)["epoch"]
    outcome = command("train", *common, "name=rest", f"resume={last}")
    assert outcome.status == 0, outcome.err
    whole, rest = only(tmp_path, "runs/whole/*"), only(tmp_path, "runs/rest/*")
    for name in ("train/loss", "val/nrmse"):
        expected = logged(whole, name)
        remaining = {epoch: expected[epoch] for epoch in range(stopped_after + 1, 10)}
        assert logged(rest, name) == pytest.approx(remaining, rel=1e-5)
    undisturbed, resumed = (torch.load(path, weights_only=True) for path in (whole / "checkpoints" / "last.ckpt", last))
    assert undisturbed["epoch"] == resumed["epoch"] == 9
    assert_same_weights(undisturbed["state_dict"], resumed["state_dict"])


def test_a_checkpoint_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"epoch": 0}, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]

    def die(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", die)  # the last step before the rename
    with pytest.raises(InputError, match=r"last\.ckpt: cannot be written \(no space left on the disk\)"):
        WholeFiles().save_checkpoint({"epoch": 1}, path)
    assert torch.load(path, weights_only=True) == {"epoch": 0}
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_waiting_for_data_is_logged(command, tiny, tmp_path: Path) -> None:
    outcome = command("train", *tiny, "evaluate=false", "trainer.max_epochs=2")
    assert outcome.status == 0, outcome.err
    run = only(tmp_path, "runs/train/*")
    shares, rates = logged(run, "train/data_wait"), logged(run, "train/samples_per_s")
    assert list(shares) == list(rates) == [0, 1]
    assert all(0 < share < 1 for share in shares.values())
    assert all(rate > 0 for rate in rates.values())
    assert "waiting for data" in outcome.err


def test_loss_falls_and_the_error_on_training_cubes_with_it(command, tiny, tmp_path: Path) -> None:
    options = ("trainer.max_epochs=30", "evaluate=false", "model.base_channels=4", "optimizer.lr=5e-3")
    assert command("train", *tiny, *options).status == 0
    lines = only(tmp_path, "runs/train/*/metrics.csv").read_text(encoding="utf-8").splitlines()
    column = lines[0].split(",").index("train/loss")
    losses = [float(line.split(",")[column]) for line in lines[1:] if line.split(",")[column]]
    # A hundred steps of a network of a few hundred weights; one that did not learn would stay at 1.
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:2])


def test_a_network_that_is_not_listed_is_refused(command, tiny) -> None:
    outcome = command("train", *tiny, "model._target_=torch.hub.load")
    assert outcome.status == 2
    assert "model._target_: found 'torch.hub.load'" in outcome.err
    assert list(NETWORKS) == ["qtmnet.methods.network.unet_cbam.UNetCBAM"]


def test_a_full_disk_ends_training_with_one_line(command, tiny, tmp_path: Path, monkeypatch) -> None:
    def run_out_of_space(*_arguments, **_options) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "last.ckpt")

    monkeypatch.setattr(L.Trainer, "save_checkpoint", run_out_of_space)
    outcome = command("train", *tiny, "data.dir=cubes")
    assert outcome.status == 2
    assert outcome.err.splitlines()[-1].startswith("error: last.ckpt: cannot be written (No space left on device)")
    assert len(list((tmp_path / "cubes").glob("shard-*.npy"))) == 6
