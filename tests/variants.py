"""How many variants of what hospitals' scans have wrong are tried, and how many hold, by kind.

    python -m tests.variants [KIND ...]

A variant is a case of a test that makes a scan with one thing about it, and holds what comes of it against what is
right: the true perfusion, or a refusal that names file and field. One that does not hold is a strict xfail there.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

KINDS: Mapping[str, tuple[str, ...]] = {
    "volumes": ("scans/volumes",),
    "grids": ("scans/grids", "scans/test_brain_mask.py"),
    "signals": (
        *("scans/calibration/test_comparable.py", "scans/calibration/test_gains.py"),
        *("scans/protocol/test_echoes.py", "scans/test_nifti.py"),
    ),
    "level": ("scans/calibration/test_signal_scale.py",),
    "m0": ("scans/calibration/test_m0_file.py",),
    "names": ("scans/bids/test_derivatives.py", "commands/prediction/test_files.py"),
    "datasets": ("commands/prediction/test_many.py", "scans/bids/test_finding.py", "scans/test_missing_values.py"),
    "protocols": (
        *("commands/prediction/test_protocols.py", "scans/protocol/test_field_strength.py"),
        *("scans/protocol/test_labeling.py", "scans/protocol/test_time_encoding.py"),
        *("scans/protocol/test_plausible.py", "scans/test_refused_fields.py", "scans/test_refused_files.py"),
    ),
    "report": ("commands/prediction/test_told.py",),
}
"""Tests of each kind, below `tests/qtmnet`."""


class Outcomes:
    """Cases by how they ended, as pytest tells them."""

    def __init__(self) -> None:
        self.by_case: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            missed = report.skipped and hasattr(report, "wasxfail")
            self.by_case.setdefault(report.nodeid, "missed" if missed else report.outcome)

    def counted(self) -> tuple[int, int]:
        """Tried, skipped ones aside, and held."""
        counts = Counter(self.by_case.values())
        return sum(counts.values()) - counts["skipped"], counts["passed"]


def main(kinds: list[str]) -> int:
    """Run the tests of kinds and print a line for each; 1 if a variant fails that is not known to."""
    failed, total = False, [0, 0]
    for kind in kinds or KINDS:
        outcomes = Outcomes()
        paths = [str(ROOT / "tests" / "qtmnet" / path) for path in KINDS[kind]]
        # Of failures a line, and no other output: this is a table.
        failed |= pytest.main(["-q", "-q", "-n0", "--tb=line", "--no-header", *paths], plugins=[outcomes]) != 0
        tried, held = outcomes.counted()
        total = [total[0] + tried, total[1] + held]
        print(f"\n{kind}: {tried} tried, {held} held", flush=True)
    print(f"all: {total[0]} tried, {total[1]} held")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
