"""What a report says of motion that is known."""

from pathlib import Path

import numpy as np

from qtmnet.report.pairs.motion import motion_chart, motion_flag
from qtmnet.scans.motion.canvas import Canvas
from qtmnet.scans.motion.estimate import Estimate
from qtmnet.scans.motion.rigid import Head

HEAD = Head(np.random.default_rng(0).normal(0, 40, (200, 3)))


def of(ways: list[float]) -> Estimate:
    """Volumes that lie so many mm to the side; the first is M0, of which nothing is known."""
    motion = np.zeros((len(ways) + 1, 6))
    motion[0], motion[1:, 0] = np.nan, ways
    spread = np.array([np.inf, *[0.01] * len(ways)])
    canvas, rows = Canvas((30, 30, 30), np.eye(4)), np.arange(1, len(ways) + 1)
    return Estimate(HEAD, canvas, np.empty((0, 3), int), motion, spread, (rows,))


def test_a_still_head_is_in_order() -> None:
    flag = motion_flag(of([0, 0, 0.1, 0]))
    assert flag.level == "ok"
    assert "0.07 mm in the mean, 0.10 mm at most" in flag.found
    assert "0 volumes were put back" in flag.found


def test_a_restless_head_is_not(tmp_path: Path) -> None:
    flag = motion_flag(of([0, 0, 0, 3, 0, 2]))
    assert flag.level == "warning"
    assert "above 0.5 mm in 60% of volumes" in flag.found
    chart = motion_chart(of([0, 0, 0, 3, 0, 2]))
    assert "2 of 6 volumes were put back" in chart.text
    assert "displacement (mm)" in chart.svg
