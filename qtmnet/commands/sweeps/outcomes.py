"""What came of each run of a sweep: kept line by line on disk, and shown as a table."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from simulators.files.json_files import json_text, parse_json
from simulators.files.reading import MIB, FileKind, kind_there, read_text

OUTCOMES_FILE = FileKind("a log of outcomes", 256 * MIB)
"""Lines of some hundred bytes, of a million runs at most."""

DONE, PRUNED, FAILED = "done", "pruned", "failed"


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        number: of the run in its sweep, which is also the name of its folder.
        overrides: swept setting → value, as on a command line.
        state: `done`, `pruned` or `failed`.
        seed: of the run, if it has one.
        values: what it measured; the first one counts, and less is better.
        reason: why it failed or was pruned.
        seconds: that it took.
    """

    number: int
    overrides: dict[str, str]
    state: str
    seed: int | None = None
    values: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0

    @property
    def rank(self) -> tuple[int, float]:
        """What tables are sorted by: the runs that ended first, the best of them before."""
        value = next(iter(self.values.values()), math.inf)
        return (DONE, PRUNED, FAILED).index(self.state), value if math.isfinite(value) else math.inf


class OutcomeLog:
    """The outcomes of a sweep in a file, a JSON object a line; a later line on a run replaces an earlier one.

    Args:
        path: of the file; it and its folder are made when they are needed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, outcome: Outcome) -> None:
        """Write an outcome; when this returns, it is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut_short = not self._text().endswith("\n")
        values = {name: value if math.isfinite(value) else None for name, value in outcome.values.items()}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("\n" * cut_short + json_text(asdict(outcome) | {"values": values}) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def read(self) -> dict[int, Outcome]:
        """All outcomes, by number; a line that a kill cut short is left out."""
        outcomes = {}
        for line in self._text().split("\n"):
            try:
                found = parse_json(line.encode(), self.path, only_finite=False)
                outcome = Outcome(**found)  # type: ignore[arg-type]
                values = {name: math.nan if value is None else value for name, value in outcome.values.items()}
            except (ValueError, TypeError, AttributeError):
                continue
            outcomes[outcome.number] = replace(outcome, values=values)
        return outcomes

    def _text(self) -> str:
        """What is there; a line's end where there is nothing."""
        return read_text(self.path, OUTCOMES_FILE, strict=False) if kind_there(self.path) else "\n"


def print_outcomes(outcomes: Iterable[Outcome], caption: str) -> None:
    """Print a row for each run, the best first, and below them why runs failed or were given up."""
    rows = sorted(outcomes, key=lambda outcome: outcome.rank)
    settings = [*dict.fromkeys(name for outcome in rows for name in outcome.overrides)]
    measures = [*dict.fromkeys(name for outcome in rows for name in outcome.values)]
    swept_seed = "seed" in settings
    table = Table("run", *settings, *([] if swept_seed else ["seed"]), "outcome", *measures, "time", title=caption)
    for outcome in rows:
        seed = [] if swept_seed else ["" if outcome.seed is None else str(outcome.seed)]
        table.add_row(
            str(outcome.number),
            *(_brief(outcome.overrides.get(name, "")) for name in settings),
            *seed,
            outcome.state,
            *(_number(outcome.values, name) for name in measures),
            _duration(outcome.seconds),
        )
    console = wide_console()
    console.print(table)
    for outcome in rows:
        if outcome.reason:
            console.print(f"run {outcome.number} {outcome.state}: {outcome.reason}", markup=False, soft_wrap=True)


def wide_console() -> Console:
    """The terminal, or where there is none a console that tables are not squeezed into."""
    return Console() if Console().is_terminal else Console(width=160)


def _number(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.4g}" if name in values else ""


def _brief(value: str) -> str:
    """A number that a search has proposed, with the digits that tell; anything else as it is."""
    try:
        return f"{float(value):.4g}" if len(value) > len("0.00001") else value
    except ValueError:
        return value


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
