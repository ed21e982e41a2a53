"""Every option of every group: composed, and run for one step."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

COMMANDS = ("train", "evaluate", "simulate", "predict")


def options() -> list[str]:
    groups = sorted(path for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name != "__pycache__")
    return [f"{group.name}={file.stem}" for group in groups for file in sorted(group.glob("*.yaml"))]


@pytest.mark.parametrize("option", options())
def test_option_trains_one_epoch(command, tiny, tmp_path: Path, option: str) -> None:
    outcome = command("train", option, *tiny, "name=one", "evaluate=false")
    assert outcome.status == 0, outcome.err
    (checkpoint,) = tmp_path.glob("runs/one/*/checkpoints/last.ckpt")
    assert checkpoint.stat().st_size > 0


@pytest.mark.parametrize("name", COMMANDS)
def test_command_shows_its_settings(name: str, command) -> None:
    outcome = command(name, "--cfg", "job")
    assert outcome.status == 0
    assert "run_dir" in outcome.out
