"""What a sweep over seeds ends with: means and spreads by setting, and a law by size, of outcomes that are made up."""

import json
from pathlib import Path

import numpy as np
import pytest

from qtmnet.commands.sweeps.conclusion import LawWanted, conclude
from qtmnet.commands.sweeps.grid import Run
from qtmnet.commands.sweeps.outcomes import DONE, FAILED, Outcome
from qtmnet.commands.sweeps.repetitions import repetitions_of

ATTENTION = [
    Outcome(0, {"seed": "0", "model.attention": "none"}, DONE, 0, {"val/nrmse": 0.1, "test qtmnet": 0.2}),
    Outcome(1, {"seed": "0", "model.attention": "both"}, DONE, 0, {"val/nrmse": 0.3, "test qtmnet": 0.5}),
    Outcome(2, {"seed": "1", "model.attention": "none"}, DONE, 1, {"val/nrmse": 0.14, "test qtmnet": 0.26}),
    Outcome(3, {"seed": "1", "model.attention": "both"}, FAILED, 1, reason="the disk is full"),
]


def test_runs_that_differ_in_the_seed_are_one_setting() -> None:
    none, both = repetitions_of(ATTENTION)
    assert none.overrides == {"model.attention": "none"}
    assert (none.n, both.n) == (2, 1)
    assert none.mean("val/nrmse") == pytest.approx(0.12)
    assert none.spread("val/nrmse") == pytest.approx(np.std([0.1, 0.14], ddof=1))
    assert both.mean("test qtmnet") == 0.5
    assert np.isnan(both.spread("test qtmnet"))
    assert np.isnan(both.mean("test other"))


def test_the_table_is_told_written_and_in_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conclude(tmp_path, ATTENTION, [], None, "python train.py --multirun <x>")
    told = capsys.readouterr().out
    assert "0.1200 ± 0.0283" in told
    table = (tmp_path / "settings.tsv").read_text(encoding="utf-8")
    head, none, both = (line.split("\t") for line in table.splitlines())
    assert head == [
        "model.attention",
        "seeds",
        *(f"{m} {x}" for m in ("val/nrmse", "test qtmnet") for x in ("mean", "sd")),
    ]
    assert none == ["none", "2", "0.12", "0.0282843", "0.23", "0.0424264"]
    assert both == ["both", "1", "0.3", "n/a", "0.5", "n/a"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "0.2300 ± 0.0424" in page
    assert "python train.py --multirun &lt;x&gt;" in page
    assert not (tmp_path / "scaling.json").exists()


def test_without_seeds_there_is_nothing_to_take_together(tmp_path: Path) -> None:
    conclude(tmp_path, [Outcome(0, {"optimizer.lr": "1"}, DONE, 0, {"val/nrmse": 0.1})], [], None, "")
    conclude(tmp_path, [Outcome(0, {"seed": "1"}, FAILED)], [], None, "")
    assert not [*tmp_path.iterdir()]


def by_size(sizes: tuple[float | None, ...]) -> tuple[list[Run], list[Outcome]]:
    """Runs of two seeds, whose test errors are 0.05 + 0.9 n^(-0.5)."""
    runs, outcomes = [], []
    for size in sizes:
        for seed in "01":
            swept = {"data.n_cubes": str(size), "seed": seed}
            error = 0.05 + 0.9 * (size or 1) ** -0.5
            outcomes.append(Outcome(len(runs), swept, DONE, int(seed), {"val/nrmse": 0.7, "test qtmnet": error}))
            runs.append(Run(swept, (), size))
    return runs, outcomes


def test_a_law_is_told_drawn_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, outcomes = by_size((360.0, 1440.0, 5760.0, 23040.0))
    conclude(tmp_path, outcomes, runs, LawWanted("training cubes", 1e6), "")
    assert "test qtmnet = 0.0500 + 0.9 n^(−0.500), n: training cubes" in capsys.readouterr().out
    kept = json.loads((tmp_path / "scaling.json").read_text(encoding="utf-8"))
    assert kept["at"]["error"] == pytest.approx(0.05 + 0.9e-3, rel=1e-4)
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
    assert "data:image/png;base64," in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [((8.0, 16.0), "no law of the error: sizes: found 4 errors of 2 sizes"), ((None,) * 3, "the command line sets")],
)
def test_no_law_is_told_without_sizes(tmp_path: Path, capsys, sizes: tuple[float | None, ...], reason: str) -> None:
    runs, outcomes = by_size(sizes)
    conclude(tmp_path, outcomes, runs, LawWanted("training cubes", 1e6), "")
    assert reason in capsys.readouterr().out
    assert not (tmp_path / "scaling.json").exists()
    assert (tmp_path / "report.html").exists()
