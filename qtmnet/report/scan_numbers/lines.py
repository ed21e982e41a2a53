"""The numbers of a scan, and those of its regions, as a report shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qtmnet.evaluation.scan_numbers.columns import COLUMNS
from qtmnet.evaluation.scan_numbers.regions import Row
from qtmnet.quantities import BOUNDS, INTERVAL_LEVEL, QUANTITIES, number_text


@dataclass(frozen=True)
class Number:
    """A number as text, and what it is."""

    title: str
    value: str
    unit: str
    description: str


@dataclass(frozen=True)
class RegionTable:
    """Numbers of the regions of an atlas, as texts.

    Attributes:
        caption: of the table.
        headings: of its columns, with their units.
        rows: name of each region, and a text for each further column.
        note: on what columns mean.
    """

    caption: str
    headings: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    note: str = ""


def known_numbers(numbers: Mapping[str, float]) -> tuple[Number, ...]:
    """Those numbers that are known, by column."""
    return tuple(
        Number(column.title, _text(numbers[column.key], column.digits), column.unit, column.description)
        for column in COLUMNS
        if np.isfinite(numbers[column.key])
    )


def region_table(caption: str, rows: Sequence[Row]) -> RegionTable:
    """Regions as a table: size, and of each quantity mean, spread and, where there are any, the interval's ends.

    Args:
        caption: of the table.
        rows: of `qtmnet.evaluation.scan_numbers.regions.region_rows`.
    """
    columns = [("n_voxels", "Voxels", "", 0), ("volume", "Volume", "mL", 1), ("coverage", "In the mask", "%", 0)]
    for quantity in QUANTITIES.values():
        for key, word in (("mean", "mean"), ("median", "median"), ("sd", "SD"), *((end, end) for end in BOUNDS)):
            if quantity.is_own and f"{quantity.key}_{key}" in rows[0]:
                title = f"{quantity.abbreviation}, {word}"
                columns.append((f"{quantity.key}_{key}", title, quantity.unit, quantity.digits))
    has_interval = any(f"_{end}" in key for key, *_ in columns for end in BOUNDS)
    return RegionTable(
        caption,
        tuple((title, unit) for _, title, unit, _ in columns),
        tuple(
            (
                str(row["name"]),
                tuple(
                    _text(float(row[key]) * (100 if key == "coverage" else 1), digits) for key, _, _, digits in columns
                ),
            )
            for row in rows
        ),
        f"Low and high are means of the ends of the voxels’ {INTERVAL_LEVEL:.0%} intervals: those of the region’s mean "
        "if the errors of all its voxels go together, else too wide."
        if has_interval
        else "",
    )


def _text(value: float, digits: int) -> str:
    return number_text(value, f",.{digits}f").replace("-", "−")
