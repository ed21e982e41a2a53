"""A page of all scans of an output: their numbers side by side, and which stand apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qtmnet.evaluation.scan_numbers.columns import COLUMNS, Column
from qtmnet.evaluation.scan_numbers.tables import METHOD, SCAN
from qtmnet.quantities import number_text
from qtmnet.report.charts import Chart, strip
from qtmnet.report.page import render_template
from qtmnet.report.settings import Settings
from simulators.files.writing import Drafts

FENCE = 1.5
"""Times the distance of the quartiles, beyond which a value stands apart (Tukey 1977, Exploratory Data Analysis)."""

LEAST_SCANS = 5
"""With fewer, quartiles say nothing of who stands apart."""


@dataclass(frozen=True)
class Cell:
    """A number as text, and whether it stands apart from those of the other scans."""

    text: str
    apart: bool


@dataclass(frozen=True)
class ScanRow:
    """A line of the table of scans.

    Attributes:
        scan: its name.
        method: that made its maps.
        link: to its report, from the page; empty if there is none.
        cells: one for each column.
        n_apart: cells that stand apart.
    """

    scan: str
    method: str
    link: str
    cells: tuple[Cell, ...]
    n_apart: int


@dataclass(frozen=True)
class Spread:
    """How a number is spread over scans, as texts."""

    column: Column
    n: int
    median: str
    quartiles: str
    ends: str


@dataclass(frozen=True)
class Cohort:
    """What a page of scans says."""

    title: str
    summary: str
    columns: tuple[Column, ...]
    spreads: tuple[Spread, ...]
    rows: tuple[ScanRow, ...]
    charts: tuple[Chart, ...]
    provenance: Settings
    fence: float = FENCE
    least_scans: int = LEAST_SCANS


def cohort_of(numbers: Sequence[Mapping[str, str | float]], links: Mapping[str, str], provenance: Settings) -> Cohort:
    """What there is to say of scans.

    Args:
        numbers: a row of `COLUMNS` for each scan, with `scan` and `method`.
        links: to the report of each scan that has one, from the page.
        provenance: what made the page.
    """
    values = {column.key: np.array([float(row[column.key]) for row in numbers]) for column in COLUMNS}
    columns = tuple(column for column in COLUMNS if np.isfinite(values[column.key]).any())
    apart = {column.key: stands_apart(values[column.key]) for column in columns}
    names, methods = [str(row[SCAN]) for row in numbers], [str(row[METHOD]) for row in numbers]
    rows = []
    for place, (scan, method) in enumerate(zip(names, methods, strict=True)):
        cells = tuple(
            Cell(_text(column, values[column.key][place]), bool(apart[column.key][place])) for column in columns
        )
        rows.append(ScanRow(scan, method, links.get(scan, ""), cells, sum(cell.apart for cell in cells)))
    n_apart = sum(row.n_apart > 0 for row in rows)
    told = (
        f"{n_apart} {'stands' if n_apart == 1 else 'stand'} apart from the others in some number."
        if len(rows) >= LEAST_SCANS
        else ""
    )
    return Cohort(
        title=f"Perfusion of {len(rows)} scans",
        summary=f"{len(rows)} scans, mapped by {', '.join(sorted(set(methods)))}. {told}".strip(),
        columns=columns,
        spreads=tuple(_spread(column, values[column.key]) for column in columns),
        rows=tuple(rows),
        charts=tuple(
            strip(
                column.title,
                f"{column.title} ({column.unit})" if column.unit else column.title,
                values[column.key],
                names,
                apart[column.key],
            )
            for column in columns
        ),
        provenance=provenance,
    )


def stands_apart(values: np.ndarray) -> np.ndarray:
    """Which of values (N,) lie beyond the fences of their quartiles, bool (N,); none of fewer than `LEAST_SCANS`."""
    known = values[np.isfinite(values)]
    if known.size < LEAST_SCANS:
        return np.zeros(values.shape, bool)
    low, high = np.percentile(known, (25, 75))
    room = FENCE * (high - low)
    return (values < low - room) | (values > high + room)


def write_cohort(path: Path, cohort: Cohort, drafts: Drafts) -> Path:
    """Write the page.

    Raises:
        InputError: if it cannot be written.
    """
    content = render_template("cohort.html", cohort=cohort, page=cohort, settings=cohort.provenance)
    drafts.write(path, content.encode("utf-8", "backslashreplace"))
    return path


def _spread(column: Column, values: np.ndarray) -> Spread:
    known = values[np.isfinite(values)]
    low, first, middle, third, high = (_text(column, value) for value in np.percentile(known, (0, 25, 50, 75, 100)))
    return Spread(column, known.size, middle, f"{first} to {third}", f"{low} to {high}")


def _text(column: Column, value: float) -> str:
    return number_text(value, f".{column.digits}f").replace("-", "−")
