"""A training whose numbers are no longer finite stops with one line, and keeps what was good."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from qtmnet.learning.module import QTMModule

LAYER = "network.bottleneck.0.0.weight"


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def gradient(module: QTMModule) -> None:
    module.estimator.get_parameter(LAYER).grad[0, 0] = torch.nan  # type: ignore[index]


def huge_gradient(module: QTMModule) -> None:
    """Finite, but its norm is not: clipping would make all gradients 0 of it."""
    module.estimator.get_parameter(LAYER).grad[:] = 3e38  # type: ignore[index]


def weights(module: QTMModule) -> None:
    module.estimator.get_parameter(LAYER).data[0, 0] = torch.inf


def buffer(module: QTMModule) -> None:
    module.estimator.decorrelation[0, 0] = torch.nan


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a hook of the module do a deed, in one epoch or in all."""

    def poison(hook: str, deed: Callable[[QTMModule], None], epoch: int | None) -> None:
        def hooked(module: QTMModule, *_arguments: object) -> None:
            if epoch in (None, module.current_epoch):
                deed(module)

        monkeypatch.setattr(QTMModule, hook, hooked)

    return poison


@pytest.mark.parametrize(
    ("hook", "deed", "needles"),
    [
        ("on_after_backward", gradient, [f"gradient of {LAYER}", "epoch 2, step 1"]),
        ("on_after_backward", huge_gradient, [f"gradient of {LAYER}", "epoch 2, step 1"]),
        ("on_train_batch_start", weights, [f"weights {LAYER}", "epoch 2, step 1"]),
        ("on_train_batch_start", buffer, ["buffer decorrelation", "epoch 2, step 1"]),
        ("on_validation_epoch_start", weights, [f"weights {LAYER}", "after epoch 2"]),
    ],
)
@pytest.mark.parametrize("clipping", ["1.0", "null"])
def test_training_stops_and_keeps_the_last_good_epoch(
    command, tiny, tmp_path: Path, poisoned, hook: str, deed: Callable, needles: list[str], clipping: str
) -> None:
    kept: dict[str, bytes] = {}
    folder = tmp_path / "run" / "checkpoints"

    def act(module: QTMModule) -> None:
        kept.update({path.name: path.read_bytes() for path in folder.iterdir()})
        deed(module)

    if hook == "on_validation_epoch_start":  # instead of its own, which it needs
        start = QTMModule.on_validation_epoch_start
        poisoned(hook, lambda module: (start(module), act(module) if module.current_epoch == 1 else None), None)
    else:
        poisoned(hook, act, 1)
    settings = ("trainer.max_epochs=3", "hydra.run.dir=run", "trainer.precision=bf16-mixed")
    outcome = command("train", *tiny, *settings, f"trainer.gradient_clip_val={clipping}")
    assert outcome.status == 2, outcome.err
    (line,) = [line for line in outcome.told if line.startswith("error: ")]
    wanted = [*needles, "bf16-mixed", "trainer.precision=32-true", "optimizer.lr", "best.ckpt is kept"]
    for needle in wanted + ["gradient_clip_val=1"] * (clipping == "null"):
        assert needle in line
    assert "nan" not in outcome.out
    assert set(kept) == {"best.ckpt", "last.ckpt"}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept
    assert torch.load(folder / "last.ckpt", weights_only=True)["epoch"] == 0


def test_a_layer_that_overflows_is_named(command, tiny, tmp_path: Path, poisoned) -> None:
    def blow_up(module: QTMModule) -> None:
        module.estimator.get_parameter("network.down.1.0.0.weight").data[:] = 1e38

    poisoned("on_train_batch_start", blow_up, 0)
    outcome = command("train", *tiny, "trainer.precision=32-true")
    assert outcome.status == 2, outcome.err
    for needle in ("output of network.down.1.0.0 is not finite at epoch 1, step 1", "no checkpoint was written before"):
        assert needle in outcome.told[-1]
    assert not list(tmp_path.glob("runs/*/*/checkpoints/*"))


def test_a_network_that_is_not_finite_from_the_start(command, tiny, poisoned) -> None:
    poisoned("on_fit_start", buffer, None)
    outcome = command("train", *tiny)
    assert outcome.status == 2, outcome.err
    assert "buffer decorrelation is not finite before the first step" in outcome.told[-1]


def test_a_sweep_tells_the_line_of_each_run(command, tiny, tmp_path: Path, poisoned) -> None:
    poisoned("on_after_backward", gradient, 0)
    outcome = command("train", "--multirun", *tiny, "hydra.sweep.dir=sweep", "optimizer.lr=1e-3,2e-3")
    assert outcome.status == 1
    for number, rate in enumerate(("0.0001", "0.0002")):
        told = f"run {number} failed: training: gradient of {LAYER} is not finite at epoch 1, step 1"
        (line,) = [line for line in outcome.err.splitlines() if line.startswith(told)]
        assert f"optimizer.lr={rate}" in line
    assert not list(tmp_path.glob("sweep/*/error.txt"))


def test_validation_cubes_without_perfusion(command, tiny, monkeypatch) -> None:
    step = QTMModule.validation_step
    monkeypatch.setattr(
        QTMModule,
        "validation_step",
        lambda module, sample, index: step(module, sample | {"cbf": 0 * sample["cbf"]}, index),
    )
    outcome = command("train", *tiny)
    assert outcome.status == 2, outcome.err
    assert "val/nrmse: perfusion is 0 in all cubes to validate with" in outcome.told[-1]


@pytest.mark.parametrize("limit", [1e-3, 1e3])
def test_gradients_are_clipped_to_their_limit(command, tiny, monkeypatch, limit: float) -> None:
    """By the norm that is looked at: below it they stay as they are."""
    before: list[torch.Tensor] = []
    after: list[torch.Tensor] = []

    def norm(module: QTMModule) -> torch.Tensor:
        return torch.cat([weights.grad.ravel() for weights in module.parameters()]).norm()  # type: ignore[union-attr]

    monkeypatch.setattr(QTMModule, "on_after_backward", lambda module: before.append(norm(module)))
    monkeypatch.setattr(QTMModule, "on_before_zero_grad", lambda module, _: after.append(norm(module)) if before else 0)
    assert command("train", *tiny, "evaluate=false", f"trainer.gradient_clip_val={limit}").status == 0
    assert before[0] > 1e-3
    assert float(after[0]) == pytest.approx(min(limit, float(before[0])), rel=1e-3)  # torch adds 1e-6 to the norm


def test_curves_hold_no_nan(command, tiny, tmp_path: Path) -> None:
    assert command("train", *tiny, "evaluate=false").status == 0
    with only(tmp_path, "runs/train/*/metrics.csv").open(encoding="utf-8") as stream:
        assert not [value for row in csv.DictReader(stream) for value in row.values() if value in ("nan", "inf")]
