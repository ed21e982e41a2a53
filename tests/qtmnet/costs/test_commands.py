"""Commands refuse what does not fit before they make anything, and nothing that fits."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.commands import train as training
from qtmnet.commands.sources import build_source
from qtmnet.configuration.conf_folder import CONF
from qtmnet.costs import datasets, machine
from qtmnet.costs.afford import afford
from qtmnet.costs.brains import brain_evaluation_costs
from qtmnet.costs.datasets import dataset_costs
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

BOTH_NUMBERS = r"takes about [\d.e+]+ [kMGTPE]?B (of memory|on disk).* (has|holds) [\d.]+ [kMGTPE]?B"


LARGE = ("phantom.shape=[128,128,128]",)
LONG = ("acquisition.post_labeling_delays=[20]", "acquisition.labeling_duration=20")


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """16 GB of memory, of which 12 are free, two cores and 50 GB of free disk, in an empty folder."""
    monkeypatch.setattr(machine, "free_memory", lambda: 12e9)
    monkeypatch.setattr(machine, "free_disk", lambda place: None if "://" in place else 50e9)
    monkeypatch.setattr(datasets, "n_cores", lambda: 2)
    monkeypatch.chdir(tmp_path)


def configured(name: str, *overrides: str) -> DictConfig:
    """A command's configuration."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, [*overrides, "run_dir=runs/x"])


@pytest.mark.usefixtures("laptop")
@pytest.mark.parametrize(
    ("name", "overrides", "setting"),
    [
        ("simulate", [*LARGE, *LONG, "data.n_cubes=1"], "phantom.shape"),
        ("simulate", ["data.n_cubes=1000000"], "data.n_cubes"),
        ("simulate", [*LARGE, "data.n_cubes=64", "cluster.n_workers=8"], "cluster.n_workers"),
        ("simulate", ["cluster=slurm", *LARGE, "data.n_cubes=9"], "cluster.memory_gb"),
        (
            "simulate",
            ["simulator=reference", "simulator.time_step=5e-4", "phantom.shape=[64,64,64]", "data.n_cubes=1"],
            "simulator.time_step",
        ),
        ("simulate", ["phantom=brain", "phantom.voxel_size_mm=[0.5,0.5,0.5]"], "phantom.voxel_size_mm"),
        ("train", ["data=cco_stream", "data.samples_per_epoch=60000", "data.batch_size=60000"], "data.batch_size"),
        ("train", ["experiment=quickstart", "data.n_test=1000000"], "data.n_test"),
        ("train", ["data=cco_stream", "data.n_trees=1000000"], "data.n_trees"),
        ("train", ["data=cco_stream", "data.loader_workers=8", "phantom.shape=[96,96,96]"], "data.loader_workers"),
        ("evaluate", ["phantom=brain", "phantom.voxel_size_mm=[0.5,0.5,0.5]"], "phantom.voxel_size_mm"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, overrides: list[str], setting: str, command, tmp_path) -> None:  # type: ignore[no-untyped-def]
    outcome = command(name, *overrides)
    assert outcome.status == 2
    (line,) = outcome.told
    assert line.startswith(f"error: {setting}: ")
    assert re.search(BOTH_NUMBERS, line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("laptop")
def test_a_network_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda: 1.5e9)
    cfg = configured("train", "experiment=quickstart", "model.base_channels=128")
    with pytest.raises(InputError, match=r"^model: .* takes about 2 GB of memory and this machine has 1.5 GB free"):
        afford(training._costs(cfg, build_source(cfg)))


def test_a_scan_that_does_not_fit_is_refused(example, command, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(machine, "free_memory", lambda: 20e3)
    outcome = command("predict", f"input={example.path}", "output_dir=maps", "method=multi_delay")
    assert outcome.status == 2
    assert re.search(f"^error: input: .*{BOTH_NUMBERS}", outcome.told[0])
    assert not (tmp_path / "maps").exists()


def test_mapping_a_scan_is_reckoned_too(example, command, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("qtmnet.commands.prediction.one_scan.reading_costs", lambda paths: ())
    monkeypatch.setattr(machine, "free_memory", lambda: 10e3)
    outcome = command("predict", f"input={example.path}", "output_dir=maps", "method=multi_delay")
    assert outcome.status == 2
    assert "error: input: fitting 3 frames" in outcome.told[-1]
    assert not (tmp_path / "maps").exists()


@pytest.mark.usefixtures("laptop")
@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("experiment=quickstart",),
        ("experiment=paper",),
        ("experiment=brain",),
        ("data=cco_stream",),
        ("phantom.shape=[64,64,64]", "data.n_cubes=600"),
    ],
)
def test_a_laptop_can_train(overrides: Sequence[str]) -> None:
    cfg = configured("train", *overrides)
    afford(training._costs(cfg, build_source(cfg)))


@pytest.mark.usefixtures("laptop")
@pytest.mark.parametrize("phantom", ["brain", "brain_small", "brain_stenosis"])
def test_a_laptop_can_simulate_a_brain(phantom: str) -> None:
    cfg = configured("evaluate", f"phantom={phantom}")
    made, simulator = (instantiate(cfg[name], _convert_="all") for name in ("phantom", "simulator"))
    afford(brain_evaluation_costs(made, Acquisition(), simulator, "datasets/brain", None))


@pytest.mark.parametrize(
    "overrides",
    [
        ["data.n_cubes=6400", "data.dir=datasets/mine"],
        [
            "data.n_cubes=100000",
            "data.shard_size=256",
            "data.dir=shared/cubes",
            "cluster=slurm",
            "cluster.n_workers=200",
        ],
        [
            "data.n_cubes=100000",
            "data.shard_size=256",
            "data.dir=shared/cubes",
            "cluster=dask",
            "cluster.address=tcp://a:1",
        ],
        ["data.n_cubes=100000", "data.dir=s3://bucket/cubes"],
    ],
)
def test_documented_runs_are_not_refused(
    overrides: list[str], laptop: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of docs/datasets.md, with room on disk for 6400 cubes here and for 100,000 where a cluster keeps them."""
    monkeypatch.setattr(machine, "free_disk", lambda place: 1e12 if place.startswith("shared") else 50e9)
    monkeypatch.setattr(datasets, "storage_at", lambda place: SimpleNamespace(sizes=dict))  # s3fs need not be there
    if "s3" in overrides[-1]:
        monkeypatch.setattr(machine, "free_disk", lambda place: None)
    cfg = configured("simulate", *overrides)
    afford(dataset_costs(build_source(cfg), ("train",), acquired=False))
    assert "interrupt" not in capsys.readouterr().err


@pytest.mark.usefixtures("laptop")
def test_a_record_that_numpy_has_no_type_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "LARGEST_RECORD", 1e6)
    source = build_source(configured("simulate", "data.n_cubes=1"))
    with pytest.raises(InputError, match=r"^phantom.shape: .* takes about 3.1 MB .* and a record holds 1 MB at most"):
        afford(dataset_costs(source, ("train",)))


@pytest.mark.usefixtures("laptop")
def test_what_is_there_already_takes_nothing(tiny: Sequence[str], tmp_path: Path) -> None:
    source = build_source(configured("train", *tiny))
    before = list(dataset_costs(source, ("train", "test")))
    source.prepare()
    left = list(dataset_costs(source, ("train", "test")))
    for costs, missing in ((before, 6), (left, 0)):
        (made,) = (cost for cost in costs if cost.setting == "data.n_cubes" and "simulating" in cost.what)
        assert made.what == f"simulating {missing} train cubes"
        assert (made.disk_bytes > 0) == (made.seconds > 0) == (missing > 0)
    assert not any(cost.disk_bytes for cost in left if "train" in cost.what)
