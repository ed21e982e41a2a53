"""What the loggers leave on disk, read back with the readers of their makers."""

import csv
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

from qtmnet.configuration.conf_folder import CONF
from qtmnet.figures.comparison import pixels, validation_panel
from qtmnet.learning.loggers import build_loggers
from qtmnet.learning.module import QTMModule
from qtmnet.process.provenance import provenance

ROOT = Path(__file__).parents[3]
CURVES = ("train/loss", "val/nrmse", "val/bias_ml_100g_min", "lr-AdamW", "train/samples_per_s", "train/data_wait")


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def curves(run: Path) -> dict[str, list[float]]:
    """Values by name in metrics.csv, in order."""
    with (run / "metrics.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {name: [float(row[name]) for row in rows if row[name]] for name in CURVES}


BLOCK, FULL, FIRST, MIDDLE, LAST = 32768, 1, 2, 3, 4


def wandb_records(folder: Path) -> list[Record]:
    """All that W&B has written of a run: pieces with checksum, length and kind in blocks, as LevelDB's log has them."""
    content = only(folder, "run-*.wandb").read_bytes()
    assert content[:4] == b":W&B"
    found, whole, at = [], b"", 7
    while at + 7 <= len(content):
        if BLOCK - at % BLOCK < 7:  # no room for a heading: zeros
            at += BLOCK - at % BLOCK
            continue
        checksum, length, kind = struct.unpack_from("<IHB", content, at)
        piece = content[at + 7 : at + 7 + length]
        assert zlib.crc32(bytes([kind]) + piece) == checksum
        whole = piece if kind in (FULL, FIRST) else whole + piece
        if kind in (FULL, LAST):
            found.append(Record.FromString(whole))
        at += 7 + length
    return found


def wandb_curves(records: list[Record]) -> dict[str, list]:
    """Logged values by name."""
    found: dict[str, list] = {}
    for record in records:
        for item in record.history.item:
            name = item.key or "/".join(item.nested_key)
            found.setdefault(name, []).append(json.loads(item.value_json))
    return found


def wandb_config(records: list[Record]) -> dict:
    found = {}
    for record in records:
        updates = [*record.run.config.update, *record.config.update]
        found |= {item.key: json.loads(item.value_json) for item in updates if item.key}
    return found


@pytest.fixture
def run(command, tiny, tmp_path: Path) -> Path:
    """A run of three epochs with all loggers, pictures after the second and third."""
    settings = (
        "logger=[csv,tensorboard,wandb]",
        "callbacks.validation_maps.every=2",
        "trainer.max_epochs=3",
        "evaluate=false",
    )
    outcome = command("train", *tiny, *settings)
    assert outcome.status == 0, outcome.err
    folder = only(tmp_path, "runs/train/*")
    told = [line for line in outcome.err.splitlines() if "wandb" in line]
    assert len(told) == 1
    assert told[0].startswith(f"wandb: {only(folder, 'wandb/offline-run-*').relative_to(tmp_path)}; send it with:")
    return folder


def test_all_loggers_hold_the_same_curves_settings_and_pictures(run: Path) -> None:
    expected = curves(run)
    assert all(len(values) >= 3 for values in expected.values())

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    events.Reload()
    for name in CURVES:
        assert [event.value for event in events.Scalars(name)] == pytest.approx(expected[name], rel=1e-6)
    sizes = [(image.width, image.height) for image in events.Images("validation/maps")]
    assert sizes == [(900, 320)] * 2
    text = events.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "base_channels: 2" in text
    assert "versions:" in text

    records = wandb_records(only(run, "wandb/offline-run-*"))
    kept = wandb_curves(records)
    for name in CURVES:
        assert kept[name] == pytest.approx(expected[name], rel=1e-6)
    config = wandb_config(records)
    assert config["model"]["base_channels"] == 2
    assert config["provenance"] == provenance().plain()
    assert len(kept["validation/maps/filenames"]) == 2
    for (name,) in kept["validation/maps/filenames"]:
        with Image.open(only(run, "wandb/offline-run-*") / "files" / name) as picture:
            assert picture.size == (900, 320)

    assert sorted(path.name for path in (run / "validation").iterdir()) == ["epoch-002.png", "epoch-003.png"]
    assert yaml.safe_load((run / "hparams.yaml").read_text(encoding="utf-8"))["provenance"] == provenance().plain()


def test_provenance_is_the_revision_of_the_code() -> None:
    found = provenance()
    assert found.versions["numpy"] == np.__version__
    if (ROOT / ".git").exists():
        head = subprocess.run(
            ["git", "log", "-1", "--format=%H"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
        )
        assert found.git_revision == head.stdout.strip()


def test_without_git_there_is_no_revision(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance().git_revision is None


def test_a_training_that_fails_leaves_a_whole_run_of_its_own(command, tiny, tmp_path: Path, monkeypatch) -> None:
    end = QTMModule.on_validation_epoch_end

    def fails(module: QTMModule) -> None:
        end(module)
        if module.config["seed"] == 1 and module.current_epoch == 1:
            raise MemoryError("full")

    monkeypatch.setattr(QTMModule, "on_validation_epoch_end", fails)
    settings = ("logger=wandb", "trainer.max_epochs=3", "evaluate=false", "data.seed=0", "hydra.sweep.dir=sweep")
    outcome = command("train", "--multirun", *tiny, *settings, "seed=0,1,2")
    assert outcome.status == 1
    n_epochs, exits, names = [], [], set()
    for number in range(3):
        folder = only(tmp_path, f"sweep/{number}/wandb/offline-run-*")
        records = wandb_records(folder)
        n_epochs.append(len(wandb_curves(records)["val/nrmse"]))
        exits += [record.exit.exit_code for record in records if record.HasField("exit")]
        names.add(folder.name.rpartition("-")[2])
    assert exits == [0, 1, 0]
    assert n_epochs[0] == n_epochs[2] == 3
    assert n_epochs[1] < 3
    assert len(names) == 3


@pytest.mark.parametrize("package", ["wandb", "tensorboard"])
def test_a_logger_that_is_not_installed_is_refused(command, tiny, monkeypatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    outcome = command("train", *tiny, f"logger={package}")
    assert outcome.status == 2
    assert outcome.told == [
        f"error: logger={package}: {package} is not installed; pip install -c constraints.txt -e '.[{package}]'"
    ]


def test_checkpoints_cannot_be_sent_offline(command, tiny) -> None:
    outcome = command("train", *tiny, "logger=wandb", "logger.wandb.log_model=true")
    assert outcome.status == 2
    assert "logger.wandb.log_model: checkpoints cannot be sent offline" in outcome.told[0]


def test_one_scale_for_truth_and_estimate() -> None:
    truth = np.tile(np.linspace(0, 60, 8)[:, None, None], (1, 8, 3))
    picture = pixels(validation_panel(truth, truth, "the same"))
    assert picture.shape == (320, 900, 3)
    top, left, right = 200, slice(4, 242), slice(248, 484)
    ours = picture[top, left].astype(int)
    theirs = picture[top, right].astype(int)
    colours = np.unique(ours[ours.sum(1) < 765], axis=0)
    assert len(colours) >= 8
    assert np.array_equal(np.unique(theirs[theirs.sum(1) < 765], axis=0), colours)
    other = pixels(validation_panel(truth, truth / 2, "half"))
    assert not np.array_equal(other[top, right], picture[top, right])
    assert np.array_equal(other[top, left], picture[top, left])


def composed(*overrides: str):
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=[*overrides, "run_dir=."])


def test_one_or_several_loggers() -> None:
    for words, expected in (("csv", ["csv"]), ("[csv,tensorboard]", ["csv", "tensorboard"])):
        assert list(composed(f"logger={words}").logger) == expected
    assert len(build_loggers(composed("logger=[csv,tensorboard]").logger)) == 2


def test_the_sweep_file_of_wandb_fits_this_command_line(command, tiny, tmp_path: Path) -> None:
    sweep = yaml.safe_load((ROOT / "sweeps" / "wandb.yaml").read_text(encoding="utf-8"))
    drawn = {name: about.get("values", [about.get("min")])[0] for name, about in sweep["parameters"].items()}
    last = {name: about.get("values", [about.get("max")])[-1] for name, about in sweep["parameters"].items()}
    assert sweep["command"][:3] == ["${env}", "python", "${program}"]
    assert sweep["command"][-1] == "${args_no_hyphens}"
    fixed = sweep["command"][3:-1]
    for values in (drawn, last):
        composed(*fixed, *(f"{name}={value}" for name, value in values.items()))
    offline = [word for word in fixed if "offline" not in word and "n_cubes" not in word]
    words = (*offline, *(f"{name}={value}" for name, value in drawn.items()), "name=agent")
    small = [word for word in tiny if not word.startswith("model.")]
    outcome = command(Path(sweep["program"]).stem, *small, *words)
    assert outcome.status == 0, outcome.err
    kept = wandb_curves(wandb_records(only(tmp_path, "runs/agent/*/wandb/offline-run-*")))
    assert len(kept[sweep["metric"]["name"]]) == 1
