"""The table of robustness: curves of a measure over each parameter, as CSV, as Markdown and for the console."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from qtmnet.evaluation.protocols.table import MEASURES as OF_PROTOCOLS
from qtmnet.evaluation.robustness.points import UNDISTURBED
from qtmnet.evaluation.robustness.scans import Row
from qtmnet.evaluation.robustness.settings import PARAMETERS
from qtmnet.quantities import number_text
from simulators.files.writing import writing

MEASURES = {
    name: OF_PROTOCOLS[name]
    for name in ("nrmse", "bias", "slope", "contrast", "coverage", "width", "att_error", "att_bias")
} | {"ratio": ("NRMSE over that of the undisturbed scan", ".2f")}
"""Measures that have a table, in its order: title and form of the numbers."""

COLUMNS = ("parameter", "value", "of_world", "arterial_label", "method", *MEASURES, "seconds", "n_voxels", "reason")


@dataclass(frozen=True)
class Curve:
    """What becomes of methods over the values of a parameter, under one arterial label.

    Attributes:
        parameter: of `PARAMETERS`.
        arterial_label: all label, or crushed.
        values: as tables have them, (N,).
        rows: by method, (N,) each; of a value that was not read, an empty row.
        undisturbed: place of the scan in which nothing is off.
    """

    parameter: str
    arterial_label: str
    values: tuple[str, ...]
    rows: dict[str, tuple[Row, ...]]
    undisturbed: int

    def measure(self, method: str, name: str) -> tuple[float, ...]:
        """A measure of a method, (N,), NaN where there is none."""
        return tuple(float(row.get(name, math.nan)) for row in self.rows[method])


def with_ratios(rows: Iterable[Row]) -> list[Row]:
    """Rows with `ratio`: their error over that of the undisturbed scan of the same world, where there is one."""
    rows = list(rows)
    undisturbed = {_of(row): row.get("nrmse") for row in rows if row["parameter"] == UNDISTURBED}
    found = []
    for row in rows:
        own = undisturbed.get(_of(row))
        found.append(row | ({"ratio": row["nrmse"] / own} if own and "nrmse" in row else {}))
    return found


def _of(row: Row) -> tuple[bool, str, str]:
    return bool(row["of_world"]), row["arterial_label"], row["method"]


def curves_of(rows: Sequence[Row], usual: dict[str, str]) -> Iterator[Curve]:
    """A curve for each parameter and arterial label, the undisturbed scan among its values.

    Args:
        rows: of all points.
        usual: text of the value that each varied parameter has in the undisturbed scan.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for parameter, own in usual.items():
        values = list(dict.fromkeys(row["value"] for row in rows if row["parameter"] == parameter))
        values = _in_order(parameter, [*values, own])
        for label in dict.fromkeys(row["arterial_label"] for row in rows):
            by_method = {
                method: tuple(_row(rows, parameter, value, own, label, method) for value in values)
                for method in methods
            }
            yield Curve(parameter, label, tuple(values), by_method, values.index(own))


def _in_order(parameter: str, values: list[str]) -> list[str]:
    """Numbers as they rise, noise as it does, sizes by their volume; anything else behind the undisturbed one."""
    if parameter == "snr":
        return sorted(values, key=lambda text: -math.inf if text == "∞" else -float(text))
    if parameter == "voxel_size_mm":
        return sorted(values, key=lambda text: (math.prod(map(float, text.split("×"))), text))
    if PARAMETERS[parameter].ordered:
        return sorted(values, key=float)
    return [values[-1], *values[:-1]]


def _row(rows: Sequence[Row], parameter: str, value: str, own: str, label: str, method: str) -> Row:
    of_world = PARAMETERS[parameter].of_world
    wanted = (UNDISTURBED, "") if value == own else (parameter, value)
    for row in rows:
        if (row["parameter"], row["value"]) == wanted and _of(row) == (of_world, label, method):
            return row
    return {}


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """All rows, one a line; empty where there is no number.

    Raises:
        InputError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: row[name] for name in COLUMNS if row.get(name) is not None})
    with writing(path) as draft:
        draft.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def write_markdown(path: Path, curves: Sequence[Curve], caption: str) -> None:
    """A table for each measure that some method has, and the reasons of all dashes.

    Raises:
        InputError: if it cannot be written.
    """
    parts = [f"# Robustness\n\n{caption}\n"]
    for measure, (title, _) in MEASURES.items():
        if any(
            math.isfinite(value) for curve in curves for name in curve.rows for value in curve.measure(name, measure)
        ):
            headings, lines = grid(curves, measure)
            told = [headings, ["---"] * len(headings), *lines]
            parts.append(f"## {title[0].upper()}{title[1:]}\n")
            parts.append("\n".join(f"| {' | '.join(row)} |" for row in told) + "\n")
    if reasons := reasons_of(curves):
        parts.append("## Dashes\n\n" + "".join(f"- {line}\n" for line in reasons))
    with writing(path) as draft:
        draft.write_text("\n".join(parts), encoding="utf-8", newline="\n")


def print_curves(curves: Sequence[Curve], caption: str) -> None:
    """Print NRMSE, and the reasons of all dashes."""
    headings, lines = grid(curves, "nrmse")
    table = Table(*headings, title=f"NRMSE, {caption}")
    before = ""
    for line in lines:
        if before and line[0] != before:
            table.add_section()
        table.add_row(*line)
        before = line[0]
    console = Console(width=110)
    console.print(table)
    for reason in reasons_of(curves):
        console.print(f"– {reason}", markup=False, highlight=False)


def grid(curves: Sequence[Curve], measure: str) -> tuple[list[str], list[list[str]]]:
    """Headings, and a line for each value of each curve; the undisturbed one is marked."""
    form = MEASURES[measure][1]
    methods = list(dict.fromkeys(method for curve in curves for method in curve.rows))
    several = len({curve.arterial_label for curve in curves}) > 1
    lines = []
    for curve in curves:
        title = PARAMETERS[curve.parameter].title + (f", {curve.arterial_label}" if several else "")
        for place, value in enumerate(curve.values):
            cells = (number_text(curve.measure(method, measure)[place], form) for method in methods)
            lines.append([title, f"{value} *" if place == curve.undisturbed else value, *cells])
    return ["parameter", "value (* undisturbed)", *methods], lines


def reasons_of(curves: Sequence[Curve]) -> list[str]:
    """Why methods have no numbers, once for each method and value."""
    found = {}
    for curve in curves:
        for method, rows in curve.rows.items():
            for value, row in zip(curve.values, rows, strict=True):
                if row.get("reason"):
                    found[method, curve.parameter, value] = row["reason"]
    return [f"{method}, {parameter} {value}: {reason}" for (method, parameter, value), reason in found.items()]
