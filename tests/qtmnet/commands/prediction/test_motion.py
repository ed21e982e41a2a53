"""Motion that is known, in the files that `predict` writes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from qtmnet.scans.motion.table import COLUMNS
from tests.qtmnet.scans.motion.heads import STILL
from tests.qtmnet.scans.motion.made import pairs, write

WAY = np.array([3.0, -2.0, 1.0, 0.0, 0.0, 2.0])


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def test_motion_is_told_and_undone(command, tmp_path: Path) -> None:
    """Volume 4, a label, has moved, and the head is back in volume 5; a run without correction takes the table away."""
    write(tmp_path / "ds/sub-1/perf", pairs([STILL] * 3 + [WAY] + [STILL] * 6), noise=15.0)
    words = ("predict", "ds/sub-1/perf", "out", "method=single_delay", "compare=null")
    outcome = command(*words, "motion_correction=true")
    assert outcome.status == 0, outcome.err
    assert "1 of 10 volumes put back" in outcome.out
    folder = tmp_path / "out/sub-1/perf"
    rows = table(folder / "sub-1_desc-confounds_timeseries.tsv")
    assert len(rows) == 11
    assert set(rows[0]) == set(COLUMNS)
    assert set(json.loads((folder / "sub-1_desc-confounds_timeseries.json").read_text(encoding="utf-8"))) == set(
        COLUMNS
    )
    assert [row["moved_back"] for row in rows] == ["0"] * 4 + ["1"] + ["0"] * 6
    assert {rows[0][name] for name in COLUMNS if name != "moved_back"} == {"n/a"}  # M0
    assert float(rows[4]["rot_z"]) == pytest.approx(np.radians(2), abs=np.radians(0.3))
    # The head turns about its own middle, which lies less than 10 mm from that of the field of view.
    assert float(rows[4]["trans_x"]) == pytest.approx(3, abs=0.3 + 10 * np.radians(2))
    assert float(rows[4]["trans_z"]) == pytest.approx(1, abs=0.3)
    (numbers,) = table(folder / "sub-1_desc-qc.tsv")
    framewise = [float(row["framewise_displacement"]) for row in rows[2:]]
    assert rows[1]["framewise_displacement"] == "n/a"
    assert float(numbers["fd_mean"]) == pytest.approx(np.mean(framewise), rel=1e-3)
    assert float(numbers["fd_max"]) == pytest.approx(max(framewise), rel=1e-3)
    of_pairs = table(folder / "sub-1_desc-pairs_qc.tsv")
    assert [row["moved_back"] for row in of_pairs] == ["0", "1", "0", "0", "0"]
    assert float(of_pairs[1]["framewise_displacement"]) == pytest.approx(framewise[2], rel=1e-3)
    report = (folder / "sub-1_report.html").read_text(encoding="utf-8")
    assert "Motion" in report
    assert "displacement (mm)" in report
    outcome = command(*words)
    assert outcome.status == 0, outcome.err
    assert not (folder / "sub-1_desc-confounds_timeseries.tsv").exists()
    assert {row["moved_back"] for row in table(folder / "sub-1_desc-pairs_qc.tsv")} == {"n/a"}
