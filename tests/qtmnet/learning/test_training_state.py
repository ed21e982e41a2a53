"""A training goes on from what one like it has written, and refuses by name what no such training leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from qtmnet.learning.module import QTMModule

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(params=["adamw", "sgd"])
def stopped(command, tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """A training that was interrupted in its second epoch: its checkpoint, and how to go on with it."""
    words = [*tiny, f"optimizer={request.param}", "trainer.max_epochs=3", "evaluate=false"]

    def interrupt(module: QTMModule) -> None:
        if module.current_epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(QTMModule, "on_train_epoch_start", interrupt)
        assert command("train", *words, "name=begun").status == 130
    (last,) = tmp_path.glob("runs/begun/*/checkpoints/last.ckpt")
    return last, lambda: command("train", *words, "name=begun", f"resume={last}")


def nan_moment(content: dict[str, Any]) -> None:
    """In what the optimizer keeps for one of the weights."""
    first = content["optimizer_states"][0]["state"][0]
    name = next(name for name in ("exp_avg", "momentum_buffer") if name in first)
    first[name] = first[name] * torch.nan


CHANGES: dict[str, Change] = {
    "optimizer_states": nan_moment,
    "optimizer_states.": lambda content: content["optimizer_states"][0]["param_groups"][0].update(lr="fast"),
    "lr_schedulers": lambda content: content.update(lr_schedulers=[]),
    "loops": lambda content: content["loops"].pop("fit_loop"),
    "loops.fit_loop": lambda content: content["loops"]["fit_loop"]["epoch_progress"]["total"].update(ready=-1),
    "global_step": lambda content: content.update(global_step=10**18),
    "callbacks": lambda content: content.update(callbacks=[1]),
}


def test_it_goes_on_or_is_refused_by_name(stopped) -> None:
    last, go_on = stopped
    whole = last.read_bytes()
    for name, change in CHANGES.items():
        content = torch.load(last, weights_only=True)
        change(content)
        torch.save(content, last)
        outcome = go_on()
        assert outcome.status == 2, name
        (line,) = (line for line in outcome.told if line.startswith("error: "))
        assert f"resume: {name}" in line
        assert "take last.ckpt as the training wrote it" in line
        last.write_bytes(whole)
    assert go_on().status == 0
    assert torch.load(last, weights_only=True)["epoch"] == 2
