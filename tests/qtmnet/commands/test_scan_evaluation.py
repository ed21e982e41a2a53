"""Methods on parts of a real scan, by the command."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.qtmnet.made_scans import write_scan

DELAYS = (0.8, 1.4, 2.0)
M0 = 1000.0


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write a scan whose label decays with the T1 of blood, as what has all arrived does; 2 % of M0 at its end."""

    def write(pairs: int, delays: tuple[float, ...] = DELAYS) -> Path:
        shape = (10, 10, 6)
        scale = np.linspace(0.5, 1.5, shape[0])[:, None, None] * np.ones(shape)
        delta_m = np.stack([0.02 * M0 * scale * np.exp(-delay / 1.65) for delay in delays])
        path = tmp_path / "sub-01" / "perf" / "sub-01_asl.nii.gz"
        mask = np.ones(shape, bool)
        return write_scan(
            path, delta_m, np.full(shape, M0), delays, pairs=pairs, noise=0.5, mask=mask, LabelingDuration=1.8
        )

    return write


def test_parts_of_a_scan_are_compared(written: Callable[..., Path], command: Callable, tmp_path: Path) -> None:
    path = written(4)
    done = command("evaluate", f"input={path}", "method=[multi_delay]", "weights=null", f"run_dir={tmp_path / 'run'}")
    assert done.status == 0, done.err
    with open(tmp_path / "run" / "repeatability.csv", encoding="utf-8", newline="") as stream:
        rows = {(row["compared"], row["quantity"]): row for row in csv.DictReader(stream)}
    assert "delays 2 are left out: " in done.out  # one does not tell transit times
    compared = ("all", "halves", "delays 1, 3")
    assert set(rows) == {(part, key) for part in compared for key in ("cbf", "att")}
    # Perfusion rises threefold along x, its noise is a few per cent of that: parts agree but for it.
    assert float(rows["halves", "cbf"]["r"]) > 0.9
    assert float(rows["halves", "cbf"]["r_smoothed"]) > float(rows["halves", "cbf"]["r"])
    median = float(rows["all", "cbf"]["median"])
    assert 0 < float(rows["delays 1, 3", "cbf"]["difference"]) < 0.2 * median
    assert float(rows["all", "cbf"]["median_of_bright"]) > 1.1 * median
    assert rows["halves", "cbf"]["z"] == ""  # the kinetic model states no deviation


def test_a_scan_without_parts_is_refused(written: Callable[..., Path], command: Callable) -> None:
    path = written(1, DELAYS[:2])
    done = command("evaluate", f"input={path}", "method=[multi_delay]", "weights=null")
    assert done.status == 2
    assert "found one pair at some delay and 2 delays; give a scan with two pairs at each" in done.err


def test_a_phantom_besides_is_refused(written: Callable[..., Path], command: Callable) -> None:
    done = command("evaluate", f"input={written(2)}", "phantom=brain")
    assert done.status == 2
    assert "input: found a phantom, protocols or robustness besides" in done.err
