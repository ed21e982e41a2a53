"""Weights from a stranger: taken if they are the network's, refused by name if not."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qtmnet.methods.base import Frames
from qtmnet.methods.network.checkpoint import described as kept
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.estimator import Estimator
from simulators import Acquisition, CubeParameters, InputError
from tests.qtmnet.networks import described

NETWORK = described(
    Acquisition(labeling_duration=1.8, post_labeling_delays=(0.5, 1.0, 2.0), voxel_size_mm=(3.0, 3.5, 4.0)),
    replace(CubeParameters(), shape=(9, 8, 8)),
    snr=(2.0, 20.0),
    linear_start=True,
)
WEIGHTS, BUFFER = "estimator.network.bottleneck.0.0.weight", "estimator.decorrelation"
Change = Callable[[torch.Tensor], object]


def write(path: Path, name: str = WEIGHTS, change: Change = lambda weights: weights) -> Path:
    """A checkpoint as training writes it, with one of its tensors changed."""
    torch.manual_seed(0)
    weights = {f"estimator.{name}": value.clone() for name, value in Estimator(NETWORK).state_dict().items()}
    weights[name] = change(weights[name])  # type: ignore[assignment]
    torch.save({"qtmnet": kept(NETWORK, {}), "state_dict": weights, "epoch": 0}, path)
    return path


def first(value: float) -> Change:
    def spoil(weights: torch.Tensor) -> torch.Tensor:
        weights.view(-1)[0] = value
        return weights

    return spoil


@pytest.mark.parametrize(
    ("name", "change", "needle"),
    [
        (WEIGHTS, first(torch.nan), "1 of 3456 numbers are not finite"),
        (WEIGHTS, first(-torch.inf), "1 of 3456 numbers are not finite"),
        (BUFFER, first(torch.nan), "1 of 9 numbers are not finite"),
        (WEIGHTS, lambda weights: weights.double() * 1e300, "numbers are not finite"),  # once they are float32
        (WEIGHTS, lambda weights: weights.to(torch.complex64), "found complex64, not float32"),
        (BUFFER, lambda weights: weights.to(torch.int64), "found int64, not float32"),
        (WEIGHTS, lambda weights: weights > 0, "found bool, not float32"),
        (WEIGHTS, lambda weights: weights.to(torch.float8_e4m3fn), "found float8_e4m3fn, not float32"),
        (WEIGHTS, lambda weights: weights[:1], "found shape [1, "),
        (WEIGHTS, lambda weights: weights[0, 0, 0, 0, 0], "found shape []"),
        (WEIGHTS, lambda weights: weights.to_sparse(), "not plain numbers"),
        (WEIGHTS, lambda weights: weights.to("meta"), "not plain numbers"),
        (WEIGHTS, lambda weights: weights.tolist(), "found list, not plain numbers"),
        (WEIGHTS, lambda weights: None, "found NoneType, not plain numbers"),
    ],
)
@pytest.mark.parametrize("reader", ["evaluate", "predict"])
def test_other_weights_are_refused_by_name(
    command, example, tmp_path: Path, reader: str, name: str, change: Change, needle: str
) -> None:
    path = write(tmp_path / "spoiled.ckpt", name, change)
    words = {"evaluate": ["evaluate"], "predict": ["predict", f"input={example.path}", "output_dir=out"]}[reader]
    outcome = command(*words, f"ckpt={path}")
    assert outcome.status == 2, outcome.err
    (line,) = outcome.told
    assert line.startswith(f"error: {path}: ckpt: {name.removeprefix('estimator.')}: ")
    assert needle in line
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("factor", [1e10, 1e20, 1e38])
@pytest.mark.parametrize("reader", ["evaluate", "predict"])
def test_weights_that_make_no_perfusion_are_refused_before_anything_is_written(
    command, example, tmp_path: Path, reader: str, factor: float
) -> None:
    path = write(tmp_path / "huge.ckpt", "estimator.network.head.weight", lambda weights: weights * factor)
    words = {
        "evaluate": ["evaluate", "n_cubes=2", "cluster.n_workers=1"],
        "predict": ["predict", f"input={example.path}", "output_dir=out"],
    }[reader]
    outcome = command(*words, f"ckpt={path}")
    assert outcome.status == 2, outcome.err
    assert outcome.told[-1].startswith("error: ")
    for needle in ("qtmnet: its map is", "train it anew"):
        assert needle in outcome.told[-1]
    assert not outcome.out
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize(("missing", "needle"), [(True, "not in the file"), (False, "not in the network")])
def test_weights_of_another_network_are_refused(tmp_path: Path, missing: bool, needle: str) -> None:
    content = torch.load(write(tmp_path / "other.ckpt"), weights_only=True)
    if missing:
        del content["state_dict"][WEIGHTS]
    else:
        content["state_dict"]["estimator.network.more"] = torch.zeros(3)
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(InputError, match=rf"other\.ckpt: ckpt: network\..*{needle}"):
        load_estimator(tmp_path / "other.ckpt")


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_every_precision_are_taken(tmp_path: Path, precision: torch.dtype) -> None:
    """As trainer.precision=bf16-true or 64-true leave them."""
    estimator = load_estimator(write(tmp_path / "best.ckpt", WEIGHTS, lambda weights: weights.to(precision)))
    assert {weights.dtype for weights in estimator.state_dict().values()} == {torch.float32}
    frames = np.full((3, 8, 8, 8), 0.01)
    assert np.isfinite(estimator.maps(Frames(frames, NETWORK.acquisition))["cbf"]).all()


def test_a_damaged_byte_is_told(tmp_path: Path) -> None:
    """torch reads on: other weights, finite and wrong."""
    path = write(tmp_path / "best.ckpt")
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content = bytearray(path.read_bytes())
    middle = largest.header_offset + largest.file_size // 2
    content[middle] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)
    with pytest.raises(InputError, match=r"ckpt: .*data/\d+ in it is damaged; copy it again"):
        load_estimator(path)


def test_what_unpacks_to_more_than_the_file_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write(tmp_path / "best.ckpt")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("best/data/more", bytes(10_000_000))
    with pytest.raises(InputError, match=r"ckpt: found \d+ bytes in a file of \d+; give one of a training"):
        load_estimator(path)
