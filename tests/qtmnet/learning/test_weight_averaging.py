"""Averages of weights: what they are, that they are validated and kept, and that a training goes on with them."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qtmnet.learning.callbacks.weight_averaging import AveragedWeights
from qtmnet.learning.module import QTMModule
from qtmnet.methods.network.checkpoint import load_estimator
from simulators.errors import InputError

AVERAGED = ("callbacks=weight_averaging", "evaluate=false", "data.dir=cubes", "data.snr=10", "model.slope=0.1")
NAME = "estimator.network.down.0.0.0.weight"


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Any]]]:
    """The weights called `NAME` after each step, and all that each validation is made with."""
    kept: dict[str, list[Any]] = {"steps": [], "validated": []}
    start = QTMModule.on_validation_epoch_start

    def step_ended(module: QTMModule, *_: object) -> None:
        kept["steps"].append(module.state_dict()[NAME].clone().double())

    def validation_begins(module: QTMModule) -> None:
        kept["validated"].append(copy.deepcopy(module.state_dict()))
        start(module)

    with monkeypatch.context() as patch:
        patch.setattr(QTMModule, "on_train_batch_end", step_ended)
        patch.setattr(QTMModule, "on_validation_epoch_start", validation_begins)
        yield kept


@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_the_average_is_validated_and_kept(command, tiny, tmp_path: Path, monkeypatch, decay: float) -> None:
    with recorded(monkeypatch) as kept:
        words = (*tiny, *AVERAGED, f"callbacks.weight_averaging.decay={decay}", "trainer.max_epochs=8")
        assert command("train", *words, "hydra.run.dir=run").status == 0
    n = len(kept["steps"])
    assert n == 16
    # The share of step k in the average is what it took, times what each later step left.
    left = np.array([min(decay, k / (k + 9)) for k in range(n)])
    shares = [(1 - left[k]) * left[k + 1 :].prod() for k in range(n)]
    assert sum(shares) == pytest.approx(1)
    expected = sum(share * weights for share, weights in zip(shares, kept["steps"], strict=True))
    last = torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)
    atol = 1e-6 * float(expected.abs().max())  # float32 over 16 steps
    torch.testing.assert_close(last["state_dict"][NAME].double(), expected, rtol=0, atol=atol)
    torch.testing.assert_close(last["current_model_state"][NAME].double(), kept["steps"][-1], rtol=0, atol=0)
    assert (last["state_dict"][NAME].double() - kept["steps"][-1]).abs().max() > 100 * atol

    best = torch.load(tmp_path / "run/checkpoints/best.ckpt", weights_only=True)
    validated = kept["validated"][1 + best["epoch"]]  # after the look before the first step
    for name, weights in best["state_dict"].items():
        torch.testing.assert_close(weights, validated[name], rtol=0, atol=0)
    estimator = load_estimator(tmp_path / "run/checkpoints/best.ckpt")
    for name, weights in estimator.state_dict().items():
        torch.testing.assert_close(weights, best["state_dict"][f"estimator.{name}"], rtol=0, atol=0)


def test_a_training_goes_on_with_its_averages_or_not_at_all(command, tiny, tmp_path: Path, monkeypatch) -> None:
    words = (*tiny, *AVERAGED, "trainer.max_epochs=4")
    assert command("train", *words, "hydra.run.dir=whole").status == 0

    def interrupt(module: QTMModule) -> None:
        if module.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(QTMModule, "on_train_epoch_start", interrupt)
        assert command("train", *words, "hydra.run.dir=part").status == 130
    last = tmp_path / "part/checkpoints/last.ckpt"

    without = command("train", *words, "callbacks=default", f"resume={last}")
    assert without.status == 2
    assert "its training kept an average of the weights; give callbacks=weight_averaging" in without.err
    other = command("train", *words, "callbacks.weight_averaging.decay=0.9", f"resume={last}")
    assert other.status == 2
    assert "callbacks.weight_averaging.decay: 0.999, now 0.9" in other.err
    whole_file = last.read_bytes()
    content = torch.load(last, weights_only=True)
    for name, value in (("averaging_state", {"n_averaged": torch.tensor(0)}), ("current_model_state", {})):
        torch.save({**content, name: value}, last)
        refused = command("train", *words, f"resume={last}")
        assert refused.status == 2
        assert f"resume: {name}" in refused.err
    last.write_bytes(whole_file)

    assert command("train", *words, f"resume={last}").status == 0
    whole, rest = (torch.load(tmp_path / run / "checkpoints/last.ckpt", weights_only=True) for run in ("whole", "part"))
    assert whole["epoch"] == rest["epoch"] == 3
    for part in ("state_dict", "current_model_state", "averaging_state"):
        for name, value in whole[part].items():
            torch.testing.assert_close(
                rest[part][name], value, rtol=1e-5, atol=1e-7, msg=lambda text, n=name: f"{n}: {text}"
            )


def test_a_training_without_averages_does_not_go_on_with_some(command, tiny, tmp_path: Path, monkeypatch) -> None:
    words = (*tiny, "evaluate=false", "trainer.max_epochs=2")

    def interrupt(module: QTMModule) -> None:
        if module.current_epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(QTMModule, "on_train_epoch_start", interrupt)
        assert command("train", *words, "hydra.run.dir=run").status == 130
    refused = command("train", *words, "callbacks=weight_averaging", "resume=run/checkpoints/last.ckpt")
    assert refused.status == 2
    assert "its training kept no average of the weights; leave out callbacks=weight_averaging" in refused.err


@pytest.mark.parametrize("decay", [1.0, -0.1, "much"])
def test_a_decay_that_is_no_share_is_refused(decay: Any) -> None:
    with pytest.raises(InputError, match="decay"):
        AveragedWeights(decay)


def test_counts_are_kept_and_not_averaged() -> None:
    module = torch.nn.BatchNorm3d(1)
    averaged = torch.optim.swa_utils.AveragedModel(module, use_buffers=True, **AveragedWeights(0.5)._kwargs)
    for count in (1, 2, 3):
        module.num_batches_tracked.fill_(count)
        averaged.update_parameters(module)
    assert int(averaged.module.num_batches_tracked) == 3
