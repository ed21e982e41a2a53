"""Curves of a table: each value in its place, the undisturbed scan among them, and why there are dashes."""

import math
from pathlib import Path

import pytest

from qtmnet.evaluation.robustness.table import curves_of, grid, reasons_of, with_ratios, write_csv, write_markdown


def row(parameter: str, value: str, error: float | None, *, of_world: bool = False, method: str = "a") -> dict:
    made = {"parameter": parameter, "value": value, "of_world": of_world, "arterial_label": "all label"}
    return {**made, "method": method, **({"reason": "cannot"} if error is None else {"nrmse": error, "bias": -1.0})}


ROWS = [
    row("undisturbed", "", 0.1),
    row("undisturbed", "", 0.2, of_world=True),
    row("snr", "3", 0.4),
    row("snr", "20", 0.2),
    row("voxel_size_mm", "4×4×4", None),
    row("t1_blood", "1.9", 0.3, of_world=True),
    row("t1_blood", "1.5", 0.1, of_world=True),
    row("trees", "bent", 0.25, of_world=True),
]
USUAL = {"snr": "∞", "voxel_size_mm": "2×2×4", "t1_blood": "1.65", "trees": "phantom’s"}


def test_errors_are_divided_by_those_of_their_own_undisturbed_world() -> None:
    ratios = [found.get("ratio") for found in with_ratios(ROWS)]
    assert ratios == pytest.approx([1, 1, 4, 2, None, 1.5, 0.5, 1.25])


def test_curves_rise_and_hold_the_undisturbed_scan() -> None:
    snr, size, t1, trees = curves_of(with_ratios(ROWS), USUAL)
    assert (snr.values, snr.undisturbed) == (("∞", "20", "3"), 0)
    assert snr.measure("a", "nrmse") == (0.1, 0.2, 0.4)
    assert size.values == ("2×2×4", "4×4×4")
    assert math.isnan(size.measure("a", "nrmse")[1])
    assert (t1.values, t1.undisturbed) == (("1.5", "1.65", "1.9"), 1)
    assert t1.measure("a", "nrmse") == (0.1, 0.2, 0.3)  # its world's undisturbed error, not that of the readouts
    assert trees.values == ("phantom’s", "bent")


def test_what_is_written(tmp_path: Path) -> None:
    curves = list(curves_of(with_ratios(ROWS), USUAL))
    assert grid(curves, "nrmse")[1][0] == ["signal-to-noise ratio", "∞ *", "0.100"]
    assert reasons_of(curves) == ["a, voxel_size_mm 4×4×4: cannot"]
    write_csv(tmp_path / "rows.csv", with_ratios(ROWS))
    lines = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(ROWS)
    assert lines[5].endswith(",cannot")
    write_markdown(tmp_path / "tables.md", curves, "A caption.")
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "| acquired voxel (mm) | 4×4×4 | – |" in text
    assert "## Dashes" in text
    assert "## Slope" not in text
