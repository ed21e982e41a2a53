"""What users get wrong: one line that says where, what was found and what to do; status 2; nothing written."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qtmnet.datasets import shard, shard_files
from tests.qtmnet.conftest import PAIRS

ROOT = Path(__file__).parents[3]

SHIPPED = sorted(path.stem for path in (ROOT / "qtmnet/methods/shipped/weights").glob("*.json"))
"""Names of the weights that come with the package."""


def one_line(outcome, *needles: str) -> None:
    assert outcome.status == 2, outcome.err
    lines = outcome.told
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("error: ")
    for needle in needles:
        assert needle in lines[0]


@pytest.mark.parametrize(
    ("overrides", "needles"),
    [
        (["model.lrr=1"], ["lrr"]),
        (["+model.lrr=1"], ["lrr"]),
        (["data=cco_cube"], ["cco_cube", "cco_cubes"]),
        (["data.n_cubes=-1"], ["n_cubes", "-1"]),
        (["data.snr=0"], ["data.snr", "found 0"]),
        (["data.snr=[20,5]"], ["data.snr", "20"]),
        (["data.snr=[5]"], ["data.snr", "5"]),
        (["data.batch_size=1.5"], ["batch_size", "1.5"]),
        (["data.seed=-1"], ["seed", "-1"]),
        (["phantom.shape=[0,8,8]"], ["shape", "0"]),
        (["phantom.reach_mm=-1"], ["reach_mm", "-1"]),
        (["phantom.t1_blood=0"], ["t1_blood", "0"]),
        (["exchange=some"], ["exchange", "two_compartment"]),
        (["+phantom.raech=1"], ["raech"]),
        (["acquisition.labeling_duration=1450"], ["labeling_duration", "1450", "not ms"]),
        (["acquisition.labeling_duration=0"], ["labeling_duration", "0"]),
        (["acquisition.post_labeling_delays=[]"], ["post_labeling_delays"]),
        (["acquisition.voxel_size_mm=[2,2,-4]"], ["voxel_size_mm", "-4"]),
        (["acquisition.from_bids=/nowhere/at/all"], ["/nowhere/at/all"]),
        (["simulator.time_step=0"], ["time_step", "0"]),
        (["model.base_channels=0"], ["model.base_channels: found 0"]),
        (["normalization=some"], ["normalization", "calibrated"]),
        (["trainer.max_epochs=x"], ["trainer", "x"]),
        (["optimizer.lr=-1"], ["optimizer", "-1"]),
        (["+trainer.check_val_every_n_epoch=9"], ["trainer.check_val_every_n_epoch: found 9 for 1 epochs"]),
        (["+trainer.limit_val_batches=0"], ["trainer.limit_val_batches: found 0", "no best.ckpt"]),
        (["+trainer.max_steps=0"], ["trainer.max_steps: found 0", "no best.ckpt"]),
        (["+trainer.fast_dev_run=true"], ["trainer.fast_dev_run: keeps no checkpoint"]),
        (["model=null"], ["model"]),
        (["acquisition=[2,1]"], ["acquisition", "paper"]),
        (["trainer.precision=16-mixed"], ["optimizer.fused", "optimizer.fused=false"]),
        (["loss=[1]"], ["loss: found [1]", "loss.NAME="]),
        (["loss.gradient_weight=-1"], ["gradient_weight", "-1"]),
        (["final_learning_rate=-1"], ["final_learning_rate", "-1"]),
        (["resume=/nowhere.ckpt"], ["/nowhere.ckpt", "no such file"]),
    ],
)
def test_train(command, tiny, tmp_path: Path, overrides: list[str], needles: list[str]) -> None:
    one_line(command("train", *tiny, *overrides), *needles)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def checkpoint(command, tiny, tmp_path: Path) -> Path:
    assert command("train", *tiny, "evaluate=false").status == 0
    (path,) = tmp_path.glob("runs/train/*/checkpoints/best.ckpt")
    return path


def test_checkpoints(command, checkpoint: Path, example, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    spoiled = {
        "missing": None,
        "cut.ckpt": checkpoint.read_bytes()[:5000],
        "empty.ckpt": b"",
        "text.ckpt": b"not a checkpoint at all\n",
    }
    for name, data in spoiled.items():
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        for words in (["evaluate"], ["predict", f"input={example.path}", "output_dir=out"]):
            one_line(command(*words, f"ckpt={path}"), str(path))
    for name, change in {
        "other_kind": {"state_dict": {}, "hyper_parameters": {}},
        "other_target": content | {"qtmnet": content["qtmnet"] | {"network": {"_target_": "os.system"}}},
        "other_weights": content | {"state_dict": {"estimator.network.head.bias": torch.zeros(3)}},
    }.items():
        torch.save(change, tmp_path / f"{name}.ckpt")
        one_line(command("evaluate", f"ckpt={tmp_path / name}.ckpt"), name)
    assert not (tmp_path / "out").exists()


def test_a_pickled_object_is_not_loaded(command, tmp_path: Path) -> None:
    torch.save({"qtmnet": Path, "state_dict": {}}, tmp_path / "object.ckpt")
    one_line(command("evaluate", f"ckpt={tmp_path / 'object.ckpt'}"), "object.ckpt")


@pytest.mark.parametrize(
    ("spoil", "needles"),
    [
        (lambda scan: scan.path.unlink(), ["sub-01"]),
        (lambda scan: scan.path.write_bytes(scan.path.read_bytes()[:300]), ["sub-01_asl.nii.gz"]),
        (lambda scan: scan.write_image(scan.path, np.ones((4, 4))), ["sub-01_asl.nii.gz"]),
        (lambda scan: scan.write_context(["control", "label"]), ["aslcontext", "2"]),
        (lambda scan: scan.set(PostLabelingDelay=[1.0, 2.0]), ["PostLabelingDelay"]),
        (lambda scan: scan.set(PostLabelingDelay=1800), ["PostLabelingDelay", "1800"]),
        (lambda scan: scan.set(LabelingDuration=...), ["LabelingDuration"]),
        (lambda scan: scan.set(RepetitionTimePreparation=0), ["RepetitionTimePreparation", "0"]),
        (lambda scan: scan.write(PAIRS, M0Type="Absent", BackgroundSuppression=True), ["M0Type"]),
        (lambda scan: scan.spoil(lambda data: np.where(data > 100, np.nan, data)), ["sub-01_asl.nii.gz"]),
        (lambda scan: scan.spoil(lambda data: 0 * data), ["sub-01_asl.nii.gz"]),
    ],
)
def test_scans(command, example, tmp_path: Path, spoil, needles: list[str]) -> None:
    spoil(example)
    one_line(command("predict", f"input={example.folder}", "output_dir=out", "method=multi_delay"), *needles)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [("nowhere", "out"), ("ds", "out", "m0=-5"), ("ds", "out", "labeling_efficiency=2")])
def test_a_prediction_that_cannot_be_is_not_announced(command, words: tuple[str, ...]) -> None:
    refused = command("predict", *words)
    assert refused.status == 2
    (line,) = refused.err.splitlines()
    assert line.startswith("error: ")
    assert "quote it" not in line


def test_swapped_control_and_label_is_a_warning(command, new_scan, tmp_path: Path) -> None:
    pairs = [(kind, delay) for delay in (1.0, 1.5) for kind in ("control", "label")]
    scan = new_scan().write([("m0scan", 0.0), *pairs])
    scan.write_context(["m0scan", *(["label", "control"] * 2)])
    outcome = command("predict", f"input={scan.path}", "output_dir=out", "method=multi_delay")
    assert outcome.status == 0
    assert "sub-01: warning: Order of control and label: " in outcome.out
    assert (tmp_path / "out/sub-01/perf/sub-01_cbf.nii.gz").exists()


@pytest.mark.parametrize(
    ("options", "needles"),
    [
        (["method=multi_delay"], ["output_dir"]),
        (["output_dir=out", "weights=nowhere"], ["weights", "nowhere"]),
        (["output_dir=out", "method=buxton"], ["method", "buxton"]),
        (["output_dir=out", "method=multi_delay", "t1_tissue=0"], ["t1_tissue"]),
        (["output_dir=out", "method=multi_delay", "labeling_efficiency=-1"], ["labeling_efficiency"]),
        (["output_dir=out", "method=multi_delay", "m0=/nowhere.nii"], ["/nowhere.nii"]),
        (["output_dir=out", "method=multi_delay", "threshold=3"], ["threshold"]),
        (["output_dir=out", "weights=null"], ["weights: found null", *SHIPPED]),
        (["output_dir=out", "method=qtmnet"], ["ckpt: not given", "leave qtmnet out"]),
    ],
)
def test_predict_options(command, example, tmp_path: Path, options: list[str], needles: list[str]) -> None:
    one_line(command("predict", f"input={example.path}", *options), *needles)
    assert not (tmp_path / "out").exists()


def test_evaluate_needs_a_checkpoint(command) -> None:
    one_line(command("evaluate"), "phantom: not given", "phantom=brain", "ckpt of one")


def test_as_a_process(tmp_path: Path) -> None:
    """Once for real: the shell sees status 2 and one line on what is wrong."""
    run = subprocess.run(
        [sys.executable, str(ROOT / "simulate.py"), "data.n_cubes=0"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 2
    first, error = run.stderr.strip().splitlines()
    assert first.startswith("simulate: starting; results")
    assert error.startswith("error: ")
    assert "n_cubes: found 0" in run.stderr


@pytest.mark.parametrize(
    ("overrides", "needles"),
    [
        (["phantom.voxel_size_mm=[0,1,1]"], ["phantom.voxel_size_mm", "0"]),
        (["phantom.inlet_shares={ICA_L:0.5}"], ["phantom.inlet_shares", "ICA_L 0.5", "add up to 1"]),
        (["phantom.territory_delay={MCA_L:-1}"], ["phantom.territory_delay.MCA_L", "-1"]),
        (["phantom.t1_blood=1650"], ["t1_blood", "1650", "not ms"]),
        (["until=foo"], ["until", "foo", "great_vessels"]),
        (["angiography.transform=x.txt"], ["angiography.transform", "swc or tof"]),
        (["angiography.swc=/nowhere.swc"], ["/nowhere.swc", "angiography.swc"]),
        (["anatomy.grey=/nowhere.nii"], ["anatomy.white", "none"]),
        (["phantom=brain", "n_cubes=3"], ["n_cubes"]),
        (["simulator.n_threads=0"], ["n_threads", "0"]),
    ],
)
def test_simulate_a_brain(command, tmp_path: Path, overrides: list[str], needles: list[str]) -> None:
    one_line(command("simulate", "phantom=brain_small", *overrides), *needles)
    assert not list(tmp_path.rglob("*.npz"))
    assert not list(tmp_path.rglob("runs"))


def test_arteries_of_another_head(command, tmp_path: Path) -> None:
    """In µm, say: refused before a grid that holds them fills the memory."""
    (tmp_path / "far.swc").write_text("1 0 0 0 0 1 -1\n2 0 5000 5000 90000 1 1\n", encoding="utf-8")
    outcome = command("simulate", "phantom=brain_small", "phantom.inlet_shares=null", "angiography.swc=far.swc")
    one_line(outcome, "angiography", "outside of the brain", "angiography.transform")


def test_settings_of_a_brain_that_start_empty_can_be_given(command) -> None:
    settings = ("phantom.territory_perfusion={MCA_L:0.5,right:1.1}", "phantom.territory_delay={ICA_R:0.3}")
    outcome = command("simulate", "phantom=brain_small", *settings, "until=great_vessels")
    assert outcome.status == 0, outcome.err


def test_cubes_have_no_stages(command) -> None:
    one_line(command("simulate", "until=pial"), "until", "pial", "brain")


def begun(outcome):
    """An outcome without the line that says what was begun."""
    lines = outcome.err.splitlines(keepends=True)
    return replace(outcome, err="".join(line for line in lines if not line.endswith(" to do\n")))


CUBES = ("phantom.shape=[8,8,8]", "data.n_cubes=3", "data.shard_size=2", "cluster.n_workers=1", "data.dir=cubes")


@pytest.mark.parametrize(
    ("overrides", "needles"),
    [
        (["data.shard_size=0"], ["data.shard_size", "found 0"]),
        (["cluster.n_workers=0"], ["cluster.n_workers", "found 0"]),
        (["cluster=dask", "cluster.n_workers=0"], ["cluster.n_workers", "found 0"]),
        (["cluster=slurm", "cluster.minutes=0"], ["cluster.minutes", "found 0"]),
        (["cluster=slurm", "cluster.n_jobs=2"], ["n_jobs"]),
        (["cluster=slurm"], ["sbatch not found", "cluster=local"]),
        (["data.dir=s4://bucket/cubes"], ["data.dir", "s4://bucket/cubes"]),
        (["data.dir=/proc/cubes"], ["/proc/cubes", "cannot be written"]),
    ],
)
def test_cubes(command, tmp_path: Path, monkeypatch, overrides: list[str], needles: list[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    one_line(begun(command("simulate", *CUBES, *overrides)), *needles)
    assert not list(tmp_path.rglob("*.npy"))


def test_a_store_that_is_not_what_was_asked_for(command, tmp_path: Path) -> None:
    assert command("simulate", *CUBES).status == 0
    for override, needles in (
        ("phantom.reach_mm=4.0", ["dataset.json: phantom.reach_mm: found 5.0, asked for 4.0"]),
        ("data.shard_size=1", ["dataset.json: shard_size: found 2, asked for 1"]),
    ):
        one_line(command("simulate", *CUBES, override), *needles)
    file = tmp_path / "cubes" / "shard-00000.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-99] + b"x" + whole[-98:])
    for command_and_more in (("simulate", "verify=true"), ("train", "model.base_channels=2", "data.n_test=1")):
        name, *more = command_and_more
        one_line(begun(command(name, *CUBES, *more)), "cubes/shard-00000.npy: cube 1: damaged", "delete")
    file.write_bytes(whole[:-1])
    for more in ((), ("verify=true",)):
        one_line(command("simulate", *CUBES, *more), "cubes/shard-00000.npy: cut short")
    file.unlink()
    one_line(command("simulate", *CUBES, "verify=true"), "cubes/shard-00000.npy: missing", "simulate.py")
    assert command("simulate", *CUBES).status == 0
    assert file.read_bytes() == whole


def test_verify_reads_all_and_writes_nothing(command, tiny, tmp_path: Path) -> None:
    assert command("train", *tiny, "data.dir=cubes").status == 0
    settings = [option for option in tiny if option.startswith(("phantom", "data", "cluster"))]
    verify = ("simulate", *settings, "data.dir=cubes", "verify=true")
    assert command(*verify).status == 0
    shards = [
        next(tmp_path.glob(f"cubes/{where}/shard-00000.npy")) for where in (".", "test", "views/*", "test/views/*")
    ]
    for path in shards:
        whole = path.read_bytes()
        path.write_bytes(whole[:-99] + bytes([whole[-99] ^ 1]) + whole[-98:])
    cut = tmp_path / "cubes" / "shard-00001.npy"
    cut.write_bytes(cut.read_bytes()[:-1])
    one_line(command(*verify), "shard-00001.npy: cut short", *(str(path.relative_to(tmp_path)) for path in shards))
    one_line(command("simulate", "data.dir=nowhere", "verify=true"), "nowhere/dataset.json: no such file")
    assert not (tmp_path / "nowhere").exists()


def test_a_full_disk(command, tmp_path: Path, monkeypatch) -> None:
    """What is finished stays, what is not is not seen, and it goes on from there."""
    write, written = shard.write_shard, []

    def fill_up(stream, *rest) -> None:
        write(stream, *rest)
        written.append(1)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shard_files, "write_shard", fill_up)
    told = "cubes/shard-00001.npy: cannot be written (no space left on the disk)"
    one_line(begun(command("simulate", *CUBES)), told)
    assert sorted(path.name for path in (tmp_path / "cubes").iterdir()) == ["dataset.json", "shard-00000.npy"]
    monkeypatch.setattr(shard_files, "write_shard", write)
    assert command("simulate", *CUBES).status == 0
    assert command("simulate", *CUBES, "verify=true").status == 0
