"""Numbers and regions as a page shows them."""

import math
import re

from qtmnet.evaluation.scan_numbers.columns import COLUMNS
from qtmnet.report.scan_numbers.lines import known_numbers, region_table

REGIONS = (
    {"index": "1", "name": "<left>", "n_voxels": 1234, "volume": 12.34, "coverage": 0.5, "cbf_mean": 51.26,
     "cbf_median": 50.0, "cbf_sd": 10.0, "cbf_low": -1.0, "cbf_high": 60.0},
    {"index": "2", "name": "right", "n_voxels": 0, "volume": 0.0, "coverage": math.nan, "cbf_mean": math.nan,
     "cbf_median": math.nan, "cbf_sd": math.nan, "cbf_low": math.nan, "cbf_high": math.nan},
)  # fmt: skip


def test_numbers_that_are_not_known_are_left_out() -> None:
    numbers = {column.key: math.nan for column in COLUMNS} | {"cbf_median": -1.25, "flow_total": 1234.4}
    found = known_numbers(numbers)
    assert [(number.title, number.value) for number in found] == [("Median CBF", "−1.2"), ("Total flow", "1,234")]


def test_regions_are_a_row_each_with_a_dash_for_what_is_not_there(written) -> None:
    table = region_table("Regions of two", REGIONS)
    assert [title for title, _ in table.headings][:4] == ["Voxels", "Volume", "In the mask", "CBF, mean"]
    text = written(numbers=known_numbers({column.key: 1.0 for column in COLUMNS}), regions=(table,)).read_text(
        encoding="utf-8"
    )
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))
    assert "&lt;left&gt; 1,234 12.3 50 51.3 50.0 10.0 −1.0 60.0" in plain
    assert "right 0 0.0 – – – – – –" in plain
    assert 'href="#numbers"' in text
    assert 'href="#regions"' in text


def test_a_report_without_numbers_has_no_section_of_them(written) -> None:
    text = written().read_text(encoding="utf-8")
    assert 'id="numbers"' not in text
    assert 'id="regions"' not in text


def test_without_an_interval_none_is_explained() -> None:
    row = {key: value for key, value in REGIONS[0].items() if key not in ("cbf_low", "cbf_high")}
    assert region_table("Regions", [row]).note == ""
    assert "90%" in region_table("Regions", REGIONS).note
