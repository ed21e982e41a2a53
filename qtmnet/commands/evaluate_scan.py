"""Methods on a real scan: how well parts of it agree, as there is no truth to hold them against."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from qtmnet.evaluation.repeatability import level, of_halves, of_part
from qtmnet.methods.base import Frames, Maps, Method, Methods
from qtmnet.quantities import QUANTITIES, number_text
from qtmnet.scans.bids.finding import find_scans
from qtmnet.scans.bids.series import Series, read_series
from qtmnet.scans.scan import scan_of
from qtmnet.scans.volumes.parts import some_delays, some_pairs
from simulators.errors import InputError, printable
from simulators.files.writing import writing

Row = dict[str, Any]
"""Scan, what was compared, method and quantity, and measures by name."""

MEASURES = {
    "median": ("median", ".3g"),
    "median_of_bright": ("median of the brighter two fifths", ".3g"),
    "r": ("r", ".2f"),
    "spread": ("spread of the difference", ".3g"),
    "r_smoothed": ("r, smoothed", ".2f"),
    "spread_smoothed": ("spread, smoothed", ".3g"),
    "difference": ("mean difference", ".3g"),
    "z": ("spread over the stated one", ".2f"),
    "inside": ("inside the interval", ".2f"),
}

LEAST_DELAYS = 3
"""Fewer have no half that would tell of transit times."""


@dataclass(frozen=True)
class ScanEvaluation:
    """What an evaluation on real scans finds: a row for each scan, comparison, method and quantity."""

    rows: list[Row]

    def measures(self) -> dict[str, float]:
        """What a sweep compares: how far halves of the pairs correlate, by method and quantity."""
        return {f"{row['method']}_{row['quantity']}": row["r"] for row in self.rows if row["compared"] == "halves"}


def evaluate_scans(cfg: DictConfig, methods: Methods) -> ScanEvaluation:
    """Compare what methods make of a scan with what they make of half of its pairs, and of every second delay.

    Writes `repeatability.csv` in the run's folder, and prints it as a table.

    Args:
        cfg: of `conf/evaluate.yaml`, with `input`.
        methods: to be compared.

    Raises:
        InputError: for a scan that cannot be read, or of neither two pairs nor three delays.
    """
    rows: list[Row] = []
    for path in find_scans(Path(cfg.input)):
        series = read_series(path)
        for name, method in methods.all.items():
            rows += [{"scan": path.name, "method": name, **row} for row in _rows(series, method)]
    _write(Path(cfg.run_dir) / "repeatability.csv", rows)
    _print(rows)
    print(printable(f"rows: {Path(cfg.run_dir) / 'repeatability.csv'}"))
    return ScanEvaluation(rows)


def _rows(series: Series, method: Method) -> Iterator[Row]:
    whole = _frames(series)
    n_pairs, n_delays = min(whole.pairs), len(whole.frames.acquisition.post_labeling_delays)
    if n_pairs < 2 and n_delays < LEAST_DELAYS:
        raise InputError(
            f"{series.path}: input: found one pair at some delay and {n_delays} delays; give a scan with two pairs at "
            f"each, or with {LEAST_DELAYS} delays"
        )
    maps, mask = _maps(whole.frames, method), whole.frames.inside
    for key, numbers in level(maps, mask).items():
        yield {"compared": "all", "quantity": key, **numbers}
    if n_pairs > 1:
        first, second = (_part(some_pairs(series, half), method, "halves") for half in (0, 1))
        for key, numbers in of_halves(first, second, mask) if first is not None and second is not None else ():
            yield {"compared": "halves", "quantity": key, **numbers}
    for places in (range(0, n_delays, 2), range(1, n_delays, 2)) if n_delays >= LEAST_DELAYS else ():
        named = "delays " + ", ".join(str(place + 1) for place in places)
        part = _part(some_delays(series, places), method, named)
        for key, numbers in of_part(part, maps, mask) if part is not None else ():
            yield {"compared": named, "quantity": key, **numbers}


def _part(series: Series, method: Method, named: str) -> Maps | None:
    """Maps of a part of a scan; None, and why, where the method cannot read it."""
    try:
        return _maps(_frames(series).frames, method)
    except InputError as error:
        print(printable(f"{method.title}: {named} are left out: {error}"))
        return None


@dataclass(frozen=True)
class _Read:
    frames: Frames
    pairs: tuple[float, ...]


def _frames(series: Series) -> _Read:
    scan = scan_of(series)
    return _Read(Frames.of_scan(scan), scan.pairs)


def _maps(frames: Frames, method: Method) -> Maps:
    try:
        method.check(frames.acquisition)
    except InputError as error:
        raise InputError(f"{frames.path}: {error}") from None
    return method.maps(frames)


def _write(path: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    names = ("scan", "compared", "quantity", "method", *MEASURES)
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with writing(path) as draft:
        draft.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _print(rows: list[Row]) -> None:
    """A table for each scan, quantity and comparison, a line for each method."""
    console = Console(width=110)
    for scan, compared, quantity in dict.fromkeys((row["scan"], row["compared"], row["quantity"]) for row in rows):
        here = [row for row in rows if (row["scan"], row["compared"], row["quantity"]) == (scan, compared, quantity)]
        measures = [name for name in MEASURES if any(name in row for row in here)]
        unit = QUANTITIES[quantity].unit
        table = Table(
            "method", *(MEASURES[name][0] for name in measures), title=f"{scan}, {compared}: {quantity} ({unit})"
        )
        for row in here:
            cells = (number_text(row[name], MEASURES[name][1]) if name in row else "" for name in measures)
            table.add_row(row["method"], *cells)
        console.print(table)
