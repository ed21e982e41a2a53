"""Callbacks of the configuration: as many as are asked for, beside those that no training goes without."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from qtmnet.configuration.conf_folder import CONF
from qtmnet.learning.trainer import build_callbacks
from simulators import InputError

DEFAULT = ["ValidationMaps", "DataWait", "LearningRateMonitor"]


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ((), DEFAULT),
        (("callbacks=[default,early_stopping]",), [*DEFAULT, "EarlyStopping"]),
        (("callbacks=data_wait",), ["DataWait"]),
        (("callbacks=[]",), []),
    ],
)
def test_those_that_are_asked_for_are_built(overrides: tuple[str, ...], names: list[str]) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["run_dir=here", *overrides])
    assert [type(callback).__name__ for callback in build_callbacks(cfg.get("callbacks"))] == names


def test_what_is_no_callback_is_refused() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["run_dir=here", "+callbacks.other._target_=builtins.dict"])
    with pytest.raises(InputError, match=r"callbacks.other._target_: found builtins.dict; give a Lightning callback"):
        build_callbacks(cfg.callbacks)


def test_a_training_stops_early_and_keeps_its_checkpoints(command, tiny, tmp_path: Path) -> None:
    patience = ("callbacks=[early_stopping]", "callbacks.early_stopping.patience=1", "optimizer.lr=1e-12")
    tiny = [word for word in tiny if not word.startswith("trainer.max_epochs")]
    outcome = command("train", *tiny, *patience, "trainer.max_epochs=30", "evaluate=false", "hydra.run.dir=run")
    assert outcome.status == 0, outcome.err
    kept = {path.name for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert kept >= {"best.ckpt", "last.ckpt"}
    assert not any(name.startswith("epoch-") for name in kept)
    lines = (tmp_path / "run" / "metrics.csv").read_text(encoding="utf-8").splitlines()
    assert 2 <= len(lines) < 30
