"""The page of all scans: who stands apart, what is said of whom, and that names of files cannot spoil it."""

import math
import re

import numpy as np
import pytest

from qtmnet.evaluation.scan_numbers.columns import COLUMNS
from qtmnet.report.cohort.page import cohort_of, stands_apart, write_cohort
from simulators.files.writing import writing_together


def row(scan: str, **numbers: float) -> dict[str, str | float]:
    return {"scan": scan, "method": "multi_delay", **dict.fromkeys((c.key for c in COLUMNS), math.nan), **numbers}


def cohort(*rows, links=None):
    return cohort_of(rows, links or {}, (("Command", "qtmnet predict in out"),))


def test_a_value_beyond_the_fences_stands_apart() -> None:
    """Quartiles of 0 to 8 are 2 and 6: the fences are at −4 and 12."""
    values = np.arange(9.0)
    for last, apart in ((12.0, False), (12.1, True)):
        values[-1] = 8
        found = np.concatenate([values[:-1], [last]])
        assert stands_apart(found)[-1] == apart
    assert not stands_apart(np.array([1.0, 1, 1, 100])).any()  # four are too few
    assert not stands_apart(np.array([math.nan] * 9)).any()


def test_only_known_numbers_have_columns_and_a_dash_stands_for_what_is_not() -> None:
    found = cohort(row("sub-01", cbf_median=50.0, qei=0.7), row("sub-02", cbf_median=-3.0))
    assert [column.key for column in found.columns] == ["cbf_median", "qei"]
    assert [[cell.text for cell in each.cells] for each in found.rows] == [["50.0", "0.700"], ["−3.0", "–"]]
    (median, qei) = found.spreads
    assert (median.n, median.median, median.ends) == (2, "23.5", "−3.0 to 50.0")
    assert qei.n == 1


@pytest.fixture
def page(tmp_path):
    def write(found) -> str:
        path = tmp_path / "group_qc.html"
        with writing_together() as drafts:
            write_cohort(path, found, drafts)
        return path.read_text(encoding="utf-8")

    return write


def test_the_page_names_who_stands_apart_and_links_to_reports(page) -> None:
    rows = [row(f"sub-{k:02}", cbf_median=50.0 + k) for k in range(8)]
    text = page(cohort(*rows, row("sub-99", cbf_median=5.0), links={"sub-99": "sub-99/perf/sub-99_report.html"}))
    assert '<a href="sub-99/perf/sub-99_report.html">sub-99</a>' in text
    assert re.findall(r'<span class="badge warning">(.*?)</span>', text) == ["5.0"]
    assert "1 stands apart" in text
    assert "Standing apart: sub-99" in text


def test_names_are_escaped(page) -> None:
    rows = [row(f"sub-{k:02}", cbf_median=50.0) for k in range(8)]
    text = page(cohort(*rows, row("<script>alert(1)</script>$x$", cbf_median=5.0)))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_nothing_is_fetched(page) -> None:
    text = page(cohort(row("sub-01", cbf_median=50.0)))
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
