"""Weights that last: both files, what is refused of them, and checkpoints of version 0.2.0."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qtmnet.methods.any_scan.given_weights import network
from qtmnet.methods.any_scan.method import AnyScan
from qtmnet.methods.base import Frames
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.method import NetworkMethod
from qtmnet.methods.network.migration import FORMAT, current
from qtmnet.methods.network.training_record import phantom_of
from qtmnet.methods.network.weights import save_weights
from qtmnet.methods.shipped.files import shipped_weights
from simulators import Acquisition, CubeParameters, InputError
from tests.qtmnet.networks import UNET, described

FRAMES = Frames(np.random.default_rng(0).uniform(0, 0.01, (4, 8, 8, 8)).astype(np.float32), Acquisition())


@pytest.fixture
def estimator() -> Estimator:
    torch.manual_seed(0)
    return Estimator(described(outputs=("cbf", "att", "cbf_sd"), linear_start=True)).eval()


@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_weights_give_the_same_maps(estimator: Estimator, tmp_path: Path, ending: str) -> None:
    save_weights(tmp_path / "best.ckpt", estimator, epochs=3)
    found = load_estimator(tmp_path / f"best.{ending}")
    assert found.description.trained["epochs"] == 3
    maps, expected = found.maps(FRAMES), estimator.maps(FRAMES)
    assert [*maps] == ["cbf", "att", "cbf_sd"]
    assert all(np.array_equal(maps[key], expected[key]) for key in maps)
    assert (maps["cbf_sd"] > 0).all()


@pytest.mark.parametrize("network", [{"norm": "batch"}, {"norm": "group", "attention": "channel"}])
def test_running_means_and_counts_are_kept(tmp_path: Path, network: dict[str, str]) -> None:
    torch.manual_seed(0)
    estimator = Estimator(described(network=network))
    for _ in range(3):
        estimator({"concentration": torch.rand(2, 4, 8, 8, 8), "slice_time": torch.zeros(2, 1, 8, 8, 8)})
    save_weights(tmp_path / "best", estimator.eval())
    found = load_estimator(tmp_path / "best.json")
    assert np.array_equal(found.maps(FRAMES)["cbf"], estimator.maps(FRAMES)["cbf"])
    for name, value in estimator.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name


def test_networks_of_0_3_tell_the_plug_flow_time(tmp_path: Path) -> None:
    """Trained on laminar flow: half of the label has come by 1/√2 of it. Perfusion is what it was."""
    torch.manual_seed(0)
    estimator = Estimator(described(outputs=("cbf", "att", "att_sd", "att_low"))).eval()
    save_weights(tmp_path / "best", estimator)
    content = json.loads((tmp_path / "best.json").read_text(encoding="utf-8"))
    assert content.pop("plug_flow_att") is False
    (tmp_path / "best.json").write_text(json.dumps(content | {"format": 2}), encoding="utf-8")
    older = load_estimator(tmp_path / "best.json")
    maps, now = older.maps(FRAMES), estimator.maps(FRAMES)
    np.testing.assert_array_equal(maps["cbf"], now["cbf"])
    for key in ("att", "att_sd", "att_low"):
        assert np.abs(now[key]).max() > 0.01
        np.testing.assert_allclose(maps[key], now[key] / np.sqrt(2), rtol=1e-6)
    save_weights(tmp_path / "again", older)
    again = load_estimator(tmp_path / "again.json").maps(FRAMES)
    assert all(np.array_equal(again[key], maps[key]) for key in maps)


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Change the content of the JSON."""

    def apply(folder: Path) -> None:
        content = json.loads((folder / "best.json").read_text(encoding="utf-8"))
        change(content)
        (folder / "best.json").write_text(json.dumps(content), encoding="utf-8")

    return apply


def flip(folder: Path) -> None:
    numbers = bytearray((folder / "best.safetensors").read_bytes())
    numbers[-5] ^= 1
    (folder / "best.safetensors").write_bytes(numbers)


def test_networks_for_any_scan_that_added_to_another_estimate_are_refused(tmp_path: Path) -> None:
    """Their weights would be read without complaint, and give other maps."""
    file = json.loads(shipped_weights("any_scan").read_text(encoding="utf-8"))
    with pytest.raises(InputError, match=r"format: found 3, .*; train it anew"):
        current({**file, "format": 3})
    assert current(file)["accepts"] == file["accepts"]


@pytest.mark.parametrize(
    ("spoil", "needle"),
    [
        (flip, r"best\.safetensors: ckpt: found a SHA-256 of .*; copy both again"),
        (changed(lambda content: content.update(sha256="0")), "but best.json has '0'"),
        (changed(lambda content: content.pop("sha256")), "but best.json has null"),
        (
            changed(lambda content: content.update(format=FORMAT + 1)),
            r"format: found \d+, which is newer .*; update qtmnet",
        ),
        (changed(lambda content: content.update(format="2")), "format: found '2'"),
        (changed(lambda content: content.pop("format")), "format: found null"),
        (changed(lambda content: content.update(outputs=["cbf"])), r"network\.head\.weight: found shape"),
        (changed(lambda content: content.update(outputs=["flow"])), "outputs: found 'flow'"),
        (lambda folder: (folder / "best.safetensors").unlink(), r"best\.safetensors: ckpt: no such file"),
        (lambda folder: (folder / "best.json").write_text("{", encoding="utf-8"), "not readable as JSON"),
    ],
)
def test_damaged_weights_are_refused_in_one_line(estimator: Estimator, tmp_path: Path, spoil, needle: str) -> None:
    save_weights(tmp_path / "best", estimator)
    spoil(tmp_path)
    with pytest.raises(InputError, match=needle) as caught:
        load_estimator(tmp_path / "best.json")
    assert "\n" not in str(caught.value)


def test_weights_are_nothing_to_go_on_from(estimator: Estimator, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"resume: weights alone do not say how to go on; give last\.ckpt"):
        load_estimator(save_weights(tmp_path / "best", estimator), "resume")


PHANTOM_OF_0_2_0 = {
    "shape": (9, 8, 8),
    "voxel_size_mm": (1.0, 1.0, 1.0),
    "perfusion_range": (0.0, 80.0),
    "permeability_surface_ml_100g_min": (100.0, 200.0),
    "exchange": "two_compartment",
    "t1_blood": 1.65,
    "t1_tissue": 1.2,
    "extravascular_volume": 0.9,
}


def of_0_2_0(path: Path, estimator: Estimator, **fields: object) -> Path:
    """A checkpoint as version 0.2.0 has laid it out."""
    recipe = {
        "network": {"_target_": "qtmnet.models.unet_cbam.UNetCBAM", "base_channels": 2},
        "normalization": "calibrated",
        "acquisition": {
            "labeling_duration": 1.45,
            "post_labeling_delays": (1.025, 1.525, 2.025, 2.525),
            "voxel_size_mm": (2.0, 2.0, 4.0),
            "vascular_crushing": None,
            "slice_timing": (),
        },
        "phantom": PHANTOM_OF_0_2_0,
        "simulator": {"name": "NumbaSimulator", "time_step": 0.025},
        "seed": 0,
        "snr": None,
        "linear_start": True,
    }
    state = {f"estimator.{name}": value for name, value in estimator.state_dict().items()}
    content = {"qtmnet": {"recipe": recipe | fields, "config": {}}, "state_dict": state, "epoch": 0}
    torch.save(content, path)
    return path


def test_a_checkpoint_of_version_0_2_0_gives_the_same_maps(tmp_path: Path) -> None:
    estimator = Estimator(described(linear_start=True)).eval()
    found = load_estimator(of_0_2_0(tmp_path / "best.ckpt", estimator))
    assert found.description.network["_target_"] == UNET
    assert found.description.outputs == ("cbf",)
    assert found.description.acquisition == Acquisition()
    assert phantom_of(found.description) == CubeParameters(shape=(9, 8, 8), **drawn())
    np.testing.assert_array_equal(found.maps(FRAMES)["cbf"], estimator.maps(FRAMES)["cbf"])


def drawn() -> dict[str, Any]:
    from simulators import TwoCompartmentExchange

    return {"exchange": TwoCompartmentExchange((100.0, 200.0), 0.9)}


@pytest.mark.parametrize("phantom", [None, "cubes", {"shape": "large", "colour": 3}])
def test_how_it_was_trained_is_not_needed_to_read_scans(tmp_path: Path, phantom: object) -> None:
    found = load_estimator(of_0_2_0(tmp_path / "best.ckpt", Estimator(described(linear_start=True)), phantom=phantom))
    assert np.isfinite(found.maps(FRAMES)["cbf"]).all()
    with pytest.raises(InputError, match=r"trained\.phantom"):
        phantom_of(found.description)


def test_what_no_recipe_of_version_0_2_0_had_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"best\.ckpt: ckpt: colour: a recipe has no such field"):
        load_estimator(of_0_2_0(tmp_path / "best.ckpt", Estimator(described(linear_start=True)), colour="red"))


STRANGER = """
from pathlib import Path

Path("imported").touch()

from torch import nn


class Network(nn.Conv3d):
    def __init__(self, in_channels, out_channels):
        super().__init__(in_channels, out_channels, 1)
"""


def test_a_strangers_checkpoint_runs_no_code_until_it_is_trusted(
    command, example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its module lies where Python looks, and tells that it was imported."""
    name = f"stranger_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(STRANGER, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    description = described().plain() | {"network": {"_target_": f"{name}.Network"}, "trusted": [f"{name}.Network"]}
    weights = {
        "network.weight": torch.zeros(1, 4, 1, 1, 1),
        "network.bias": torch.ones(1),
        "decorrelation": torch.eye(4),
    }
    content = {"qtmnet": {"format": FORMAT, **description}, "epoch": 0}
    content["state_dict"] = {f"estimator.{key}": value for key, value in weights.items()}
    torch.save(content, tmp_path / "stranger.ckpt")
    words = ("predict", f"input={example.path}", "output_dir=out", f"ckpt={tmp_path / 'stranger.ckpt'}")
    outcome = command(*words, f"trust=[{name}.Network]")
    assert outcome.status == 2
    assert "trusted: a file cannot say what is to be trusted" in outcome.err
    del content["qtmnet"]["trusted"]  # type: ignore[attr-defined]
    torch.save(content, tmp_path / "stranger.ckpt")
    outcome = command(*words)
    assert outcome.status == 2
    assert f"network._target_: found '{name}.Network'; give qtmnet's own (" in outcome.err
    assert not (tmp_path / "imported").exists()
    found = load_estimator(tmp_path / "stranger.ckpt", trusted=[f"{name}.Network"])
    assert (tmp_path / "imported").exists()
    np.testing.assert_array_equal(found.maps(FRAMES)["cbf"], np.full((8, 8, 8), 60.0, np.float32))


def test_weights_of_a_network_for_one_protocol_are_read_as_such(estimator: Estimator, tmp_path: Path) -> None:
    path = save_weights(tmp_path / "best", estimator)
    method = network(path)
    assert type(method) is NetworkMethod
    assert method.estimator.description.acquisition == estimator.description.acquisition
    assert isinstance(network(), AnyScan)
    with pytest.raises(InputError, match=r"best\.json: weights: of a network for one protocol"):
        AnyScan(path)
