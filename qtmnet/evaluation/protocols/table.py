"""The table over protocols: rows of brains averaged, as CSV, as Markdown and for the console."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from qtmnet.evaluation.protocols.scans import Row
from qtmnet.evaluation.protocols.scores import width_bins
from simulators.files.writing import writing

SCAN = ("protocol", "arterial_label", "snr", "method")
"""Columns that say what a row is of."""

MEASURES = {
    "nrmse": ("NRMSE", ".3f"),
    "bias": ("bias (mL/100g/min)", "+.1f"),
    "slope": ("slope", ".2f"),
    "contrast": ("grey : white contrast over the true one", ".2f"),
    "coverage": ("coverage of the 90 % interval", ".2f"),
    "width": ("half width of the 90 % interval (mL/100g/min)", ".1f"),
    "att_error": ("mean error of ATT (s)", ".2f"),
    "att_bias": ("bias of ATT (s)", "+.2f"),
    "att_coverage": ("coverage of ATT's 90 % interval", ".2f"),
    "ratio": ("NRMSE over that of the protocol beside it", ".2f"),
    "permuted_difference": ("largest difference with frames in reverse order (mL/100g/min)", ".1e"),
}
"""Measures that have a table, in its order: title and form of the numbers."""

PLAIN = ("seconds", "n_voxels")
"""Measures that are in the CSV alone."""

OF_BINS = tuple(f"{what}_{name}" for name in width_bins() for what in ("coverage", "share"))

COLUMNS = ("brain", *SCAN, *MEASURES, *OF_BINS, *PLAIN, "reason")

Averages = dict[tuple[Any, ...], dict[str, Any]]
"""Scan, as `SCAN`, → measure → mean and standard deviation over brains; `reason` → text."""


def average(rows: Iterable[Row]) -> Averages:
    """Mean and standard deviation over brains, in the order of the rows; NaN is left out, and the deviation of one."""
    by_scan: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_scan[tuple(row[name] for name in SCAN)].append(row)
    return {scan: _averaged(of_scan) for scan, of_scan in by_scan.items()}


def _averaged(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in (*MEASURES, *OF_BINS, *PLAIN):
        values = [row[name] for row in rows if row.get(name) is not None and math.isfinite(row[name])]
        if values:
            found[name] = (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else math.nan)
    reasons = [row["reason"] for row in rows if row.get("reason")]
    return found | ({"reason": reasons[0]} if reasons else {})


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """All rows, one a line; empty where there is no number.

    Raises:
        InputError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row.get(name)) for name in COLUMNS})
    with writing(path) as draft:
        draft.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def write_markdown(path: Path, averages: Averages, caption: str) -> None:
    """A table for each measure that some method has, and the reasons of all dashes.

    Raises:
        InputError: if it cannot be written.
    """
    parts = [f"# Methods on protocols\n\n{caption}\n"]
    for measure, (title, _) in MEASURES.items():
        if any(measure in found for found in averages.values()):
            parts.append(f"## {title[0].upper()}{title[1:]}\n\n{_markdown(*_grid(averages, measure))}\n")
    if any("coverage" in found for found in averages.values()):
        parts.append(
            "## Coverage by width\n\nOf voxels by half the interval over the estimate; in brackets, how many they are."
            f"\n\n{_markdown(*_bins_grid(averages))}\n"
        )
    if reasons := reasons_of(averages):
        parts.append("## Dashes\n\n" + "".join(f"- {line}\n" for line in reasons))
    with writing(path) as draft:
        draft.write_text("\n".join(parts), encoding="utf-8", newline="\n")


def print_averages(averages: Averages, caption: str) -> None:
    """Print NRMSE and the reasons of all dashes."""
    headings, lines = _grid(averages, "nrmse", deviations=False)
    table = Table(*headings, title=f"NRMSE, {caption}")
    for line in lines:
        table.add_row(*line)
    console = Console(width=max(100, sum(max(map(len, column)) + 3 for column in zip(headings, *lines, strict=True))))
    console.print(table)
    for reason in reasons_of(averages):
        console.print(f"– {reason}", markup=False, highlight=False)


def reasons_of(averages: Averages) -> list[str]:
    """Why methods have no numbers, once for each method and protocol."""
    found = {(scan[3], scan[0]): values["reason"] for scan, values in averages.items() if "reason" in values}
    return [f"{method} on {protocol}: {reason}" for (method, protocol), reason in found.items()]


def _grid(averages: Averages, measure: str, *, deviations: bool = True) -> tuple[list[str], list[list[str]]]:
    """Headings, and a line for each protocol and arterial label; a cell has all noise levels of a method."""
    levels = list(dict.fromkeys(scan[2] for scan in averages))
    methods = list(dict.fromkeys(scan[3] for scan in averages))
    lines = []
    for protocol, label in dict.fromkeys(scan[:2] for scan in averages):
        cells = []
        for method in methods:
            values = [averages.get((protocol, label, level, method), {}).get(measure) for level in levels]
            cells.append(" / ".join(_number(value, MEASURES[measure][1], deviations) for value in values))
        lines.append([protocol, label, *cells])
    noise = " / ".join("no noise" if level is None else f"SNR {level:g}" for level in levels)
    return ["protocol", "arterial label", *(f"{method}: {noise}" for method in methods)], lines


def _bins_grid(averages: Averages) -> tuple[list[str], list[list[str]]]:
    """Headings, and a line for each scan and method that has intervals."""
    lines = []
    for (protocol, label, snr, method), found in averages.items():
        if "coverage" not in found:
            continue
        cells = [
            f"{_number(found.get(f'coverage_{name}'), '.2f', True)} ({found[f'share_{name}'][0]:.0%})"
            for name in width_bins()
        ]
        lines.append([method, protocol, label, "no noise" if snr is None else f"SNR {snr:g}", *cells])
    return ["method", "protocol", "arterial label", "noise", *width_bins()], lines


def _markdown(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _number(value: tuple[float, float] | None, form: str, deviations: bool) -> str:
    if value is None:
        return "–"
    mean, deviation = value
    text = format(mean, form)
    return f"{text} ± {format(deviation, form.lstrip('+'))}" if deviations and math.isfinite(deviation) else text


def _cell(value: object) -> object:
    """As a CSV has it: nothing for what there is no number of."""
    return "" if value is None or (isinstance(value, float) and not math.isfinite(value)) else value
