"""Runs that differ in the seed alone, taken together: a row for each setting, with the mean and the spread."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from qtmnet.commands.sweeps.outcomes import DONE, Outcome, wide_console
from simulators.files.writing import writing

SEED = "seed"
"""The setting that repetitions differ in."""


@dataclass(frozen=True)
class Repetitions:
    """What came of the runs of one setting.

    Attributes:
        overrides: swept setting → value, without the seed.
        values: by what was measured, one of each run that is done.
    """

    overrides: dict[str, str]
    values: dict[str, list[float]] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Runs that are done."""
        return max(map(len, self.values.values()), default=0)

    def mean(self, name: str) -> float:
        """Mean of a measure; NaN if no run has it."""
        return statistics.fmean(self.values[name]) if self.values.get(name) else math.nan

    def spread(self, name: str) -> float:
        """Standard deviation of a measure, of the runs as a sample; NaN of fewer than two."""
        return statistics.stdev(self.values[name]) if len(self.values.get(name, ())) > 1 else math.nan

    @property
    def label(self) -> str:
        """The setting in a word or two: the values."""
        return ", ".join(self.overrides.values()) or "as it is"


def repetitions_of(outcomes: Iterable[Outcome]) -> list[Repetitions]:
    """The runs that are done, by setting, in the order of their numbers."""
    found: dict[tuple[tuple[str, str], ...], Repetitions] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.number):
        setting = {name: value for name, value in outcome.overrides.items() if name != SEED}
        row = found.setdefault(tuple(setting.items()), Repetitions(setting))
        if outcome.state == DONE:
            for name, value in outcome.values.items():
                row.values.setdefault(name, []).append(value)
    return list(found.values())


def names_of(rows: Sequence[Repetitions]) -> tuple[list[str], list[str]]:
    """Names of all settings and of all measures of rows, in order."""
    settings = dict.fromkeys(name for row in rows for name in row.overrides)
    return [*settings], [*dict.fromkeys(name for row in rows for name in row.values)]


def print_repetitions(rows: Sequence[Repetitions], caption: str) -> None:
    """Print a row for each setting: mean ± standard deviation over its seeds."""
    settings, measures = names_of(rows)
    table = Table(*settings, "seeds", *measures, title=caption)
    for row in rows:
        cells = [row.overrides.get(name, "") for name in settings]
        table.add_row(*cells, str(row.n), *(mean_and_spread(row, name) for name in measures))
    wide_console().print(table)


def mean_and_spread(row: Repetitions, name: str) -> str:
    """As 0.0613 ± 0.0012; the mean alone of one run, and nothing of none."""
    mean, spread = row.mean(name), row.spread(name)
    if math.isnan(mean):
        return ""
    return f"{mean:.4f}" if math.isnan(spread) else f"{mean:.4f} ± {spread:.4f}"


def write_repetitions(path: Path, rows: Sequence[Repetitions]) -> None:
    """Write the rows as tab-separated values: settings, seeds, and mean and standard deviation of each measure.

    Raises:
        InputError: if it cannot be written.
    """
    settings, measures = names_of(rows)
    head = [*settings, "seeds", *(f"{name} {what}" for name in measures for what in ("mean", "sd"))]
    lines = [head]
    for row in rows:
        numbers = [value for name in measures for value in (row.mean(name), row.spread(name))]
        cells = [row.overrides.get(name, "n/a") for name in settings]
        lines.append([*cells, str(row.n), *("n/a" if math.isnan(value) else f"{value:.6g}" for value in numbers)])
    with writing(path) as draft:
        draft.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
