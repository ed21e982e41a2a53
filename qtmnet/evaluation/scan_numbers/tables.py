"""Tables of numbers as BIDS has them: tab-separated, `n/a` for what is not known, a dictionary of columns beside."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from qtmnet.evaluation.scan_numbers.columns import BY_KEY, COLUMNS
from simulators.errors import InputError
from simulators.files.json_files import json_text
from simulators.files.reading import TABLE_FILE, read_text
from simulators.files.writing import Drafts, one_line

NOT_KNOWN = "n/a"

SCAN, METHOD = "scan", "method"
"""Columns beside the numbers: what the scan's files begin with, and what made its maps."""

TEXTS = {
    SCAN: {"LongName": "Scan", "Description": "What the files of the scan begin with."},
    METHOD: {"LongName": "Method", "Description": "What made the maps."},
}

Row = Mapping[str, str | float]


def write_table(path: Path, rows: Sequence[Row], dictionary: Mapping[str, object], drafts: Drafts) -> list[Path]:
    """Write a table and the JSON that says what its columns are.

    Args:
        path: of the table, `.tsv`.
        rows: values by column, texts and numbers; those of the first give the order.
        dictionary: what there is to say of each column.
        drafts: files that these are to appear together with, and when.

    Returns:
        Paths of both.

    Raises:
        InputError: if they cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(rows[0])
    writer.writerows([_text(value) for value in row.values()] for row in rows)
    drafts.write(path, text.getvalue().encode("utf-8", "backslashreplace"))
    beside = path.with_suffix(".json")
    drafts.write(beside, json_text(dict(dictionary), indent=2).encode())
    return [path, beside]


def number_row(scan: str, method: str, numbers: Mapping[str, float]) -> dict[str, str | float]:
    """A scan's row of the table of numbers."""
    return {SCAN: scan, METHOD: method, **numbers}


def number_dictionary() -> dict[str, object]:
    """What there is to say of the columns of that table."""
    return {**TEXTS, **{column.key: column.dictionary for column in COLUMNS}}


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table by column, as texts.

    Raises:
        InputError: if it is missing or no such table.
    """
    try:
        rows = list(csv.DictReader(read_text(path, TABLE_FILE).splitlines(), delimiter="\t", strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: not readable as a table ({one_line(error)}); mend the file") from None
    if any(None in row or None in row.values() for row in rows):
        raise InputError(f"{path}: found a row with more or fewer columns than the heading; mend the file")
    return rows


def read_numbers(path: Path) -> list[dict[str, str | float]]:
    """Rows of a table of numbers: `scan` and `method` as texts, NaN for what is not known or not there.

    Raises:
        InputError: as `read_rows`, or for what is no number.
    """
    found: list[dict[str, str | float]] = []
    for row in read_rows(path):
        numbers = {key: _number(path, key, row.get(key, NOT_KNOWN)) for key in BY_KEY}
        found.append({SCAN: row.get(SCAN, ""), METHOD: row.get(METHOD, ""), **numbers})
    return found


def _number(path: Path, column: str, text: str) -> float:
    if text == NOT_KNOWN:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}: {column}: found {text[:40]!r}; give a number, or {NOT_KNOWN}") from None


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if np.isfinite(value) else NOT_KNOWN
