"""The table over protocols: means over brains, and dashes with their reasons."""

import csv
import math
from pathlib import Path

import pytest

from qtmnet.evaluation.protocols.table import COLUMNS, average, print_averages, write_csv, write_markdown

SCAN = {"protocol": "paper", "arterial_label": "crushed", "snr": None, "method": "multi_delay"}
ROWS = [
    {"brain": 1, **SCAN, "nrmse": 0.1, "bias": -1.0},
    {"brain": 2, **SCAN, "nrmse": 0.3, "bias": 2.0},
    {"brain": 1, **SCAN, "snr": 3.0, "nrmse": 0.5, "contrast": math.nan},
    {"brain": 1, **SCAN, "protocol": "one", "reason": "found one delay"},
    {"brain": 2, **SCAN, "protocol": "one", "reason": "found one delay"},
]


def test_brains_are_averaged_with_their_spread() -> None:
    averages = average(ROWS)
    found = averages["paper", "crushed", None, "multi_delay"]
    assert found["nrmse"] == pytest.approx((0.2, 0.1 * math.sqrt(2)))  # of two, about their mean
    assert found["bias"] == pytest.approx((0.5, 1.5 * math.sqrt(2)))
    mean, deviation = averages["paper", "crushed", 3.0, "multi_delay"]["nrmse"]
    assert mean == 0.5
    assert math.isnan(deviation)
    assert "contrast" not in averages["paper", "crushed", 3.0, "multi_delay"]
    assert averages["one", "crushed", None, "multi_delay"] == {"reason": "found one delay"}


def test_markdown_has_all_noise_levels_in_a_cell_and_says_what_dashes_are(tmp_path: Path) -> None:
    write_markdown(tmp_path / "protocols.md", average(ROWS), "Two brains.")
    text = (tmp_path / "protocols.md").read_text(encoding="utf-8")
    assert "| protocol | arterial label | multi_delay: no noise / SNR 3 |" in text
    assert "| paper | crushed | 0.200 ± 0.141 / 0.500 |" in text
    assert "| one | crushed | – / – |" in text
    assert "| paper | crushed | +0.5 ± 2.1 / – |" in text
    assert text.count("multi_delay on one: found one delay") == 1
    assert "Coverage" not in text  # no method gives intervals


def test_csv_has_every_row_and_nothing_for_no_number(tmp_path: Path) -> None:
    write_csv(tmp_path / "protocols.csv", ROWS)
    with open(tmp_path / "protocols.csv", encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert tuple(found[0]) == COLUMNS
    assert [row["nrmse"] for row in found] == ["0.1", "0.3", "0.5", "", ""]
    assert found[2]["contrast"] == ""
    assert found[3]["reason"] == "found one delay"


def test_console_says_why_there_are_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    print_averages(average(ROWS), "two brains")
    out = capsys.readouterr().out
    assert "0.200 / 0.500" in out
    assert "– multi_delay on one: found one delay" in out
