"""What a training tells on its way: lines in a log, a bar in a terminal."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qtmnet.learning.callbacks import training_progress
from qtmnet.learning.callbacks.training_progress import duration

ROOT = Path(__file__).parents[3]


def test_lines_where_there_is_no_terminal(command, tiny, monkeypatch) -> None:
    monkeypatch.setattr(training_progress, "SECONDS_BETWEEN_LINES", 0.0)
    outcome = command("train", *tiny, "evaluate=false", "trainer.max_epochs=2")
    assert outcome.status == 0
    lines = [line for line in outcome.told if line.startswith(("training ", "epoch "))]
    assert re.fullmatch(r"training [\d,]+ weights for 2 epochs of 2 steps on cpu, .+", lines[0])
    for epoch, (within, end) in enumerate((lines[1:3], lines[3:5]), 1):
        pattern = rf"epoch {epoch}/2: step 1/2, loss \d+\.\d{{4}}, [\d.e+]+ samples/s, \d+ (s|min) left"
        assert re.fullmatch(pattern, within)
        assert end.startswith(f"epoch {epoch}/2: train/loss ")
    assert len(lines) == 5


def test_short_epochs_tell_a_tenth_of_them(command, tiny) -> None:
    outcome = command("train", *tiny, "evaluate=false", "trainer.max_epochs=20", "callbacks.validation_maps.every=0")
    told = [int(line.split()[1].partition("/")[0]) for line in outcome.told if line.startswith("epoch ")]
    assert told == list(range(2, 21, 2))


@pytest.mark.parametrize(("seconds", "told"), [(3.2, "3 s"), (59.4, "59 s"), (90, "2 min"), (5400, "1 h 30 min")])
def test_duration(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_a_bar_in_a_terminal(tiny, tmp_path: Path) -> None:
    ours, theirs = pytest.importorskip("pty").openpty()
    shown = bytearray()

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:  # how a terminal ends on Linux
                return
            if not data:
                return
            shown.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    words = [sys.executable, str(ROOT / "train.py"), *tiny, "evaluate=false", "trainer.max_epochs=2"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    done = subprocess.run(words, cwd=tmp_path, stderr=theirs, stdout=subprocess.PIPE, encoding="utf-8", env=environment)
    os.close(theirs)
    reader.join(10)
    os.close(ours)
    text = shown.decode(errors="replace")
    assert done.returncode == 0, text
    assert "━" in text
    assert "Epoch 1/1" in text
    assert "val/nrmse" in text
    assert "epoch 1/2:" not in text
    assert "━" not in done.stdout
