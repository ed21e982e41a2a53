"""What a grid whose runs were repeated with other seeds ends with: a table by setting, a law by size, a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtmnet.commands.sweeps.grid import Run
from qtmnet.commands.sweeps.outcomes import Outcome
from qtmnet.commands.sweeps.repetitions import (
    SEED,
    Repetitions,
    mean_and_spread,
    names_of,
    print_repetitions,
    repetitions_of,
    write_repetitions,
)
from simulators.errors import InputError
from simulators.files.json_files import json_text
from simulators.files.writing import writing

TABLE, LAW, PICTURE, PAGE = "settings.tsv", "scaling.json", "scaling.png", "report.html"
"""Names of the files beside `outcomes.jsonl`."""

NETWORK = "test qtmnet"
"""What the law is of, the network's error on test cubes; without an evaluation it is of the first measure."""


@dataclass(frozen=True)
class LawWanted:
    """A law of error by size.

    Attributes:
        size: what the sizes are of, for the axis.
        predict: size to tell the error for.
    """

    size: str
    predict: float

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> "LawWanted | None":
        """From `hydra.sweeper.law`.

        Raises:
            InputError: for anything else than a name and a number above 0.
        """
        if given is None:
            return None
        size, predict = given.get("size"), given.get("predict")
        number = isinstance(predict, int | float) and not isinstance(predict, bool) and predict > 0
        if {*given} != {"size", "predict"} or not isinstance(size, str) or not number:
            raise InputError("hydra.sweeper.law: give {size: what it is of, predict: a number above 0}")
        return cls(size, float(predict))  # type: ignore[arg-type]


def conclude(folder: Path, outcomes: Iterable[Outcome], runs: Sequence[Run], law: LawWanted | None, line: str) -> None:
    """Print and write what came of a grid by setting, if it was swept over seeds; else nothing.

    Args:
        folder: of the sweep.
        outcomes: of its runs.
        runs: all of them, by number.
        law: that is wanted.
        line: the command, for the page.
    """
    outcomes = list(outcomes)
    rows = repetitions_of(outcomes)
    if not any(row.n for row in rows) or not any(SEED in outcome.overrides for outcome in outcomes):
        return
    print_repetitions(rows, "Mean ± standard deviation over seeds; NRMSE")
    write_repetitions(folder / TABLE, rows)
    picture = _law(folder, outcomes, runs, law) if law is not None else None
    _write_page(folder, rows, picture, line)
    print(f"by setting: {folder / TABLE}\nreport: {folder / PAGE}", flush=True)


def _law(folder: Path, outcomes: Sequence[Outcome], runs: Sequence[Run], law: LawWanted) -> tuple[bytes, str] | None:
    """Fit, tell, draw and keep the law; the picture and what it says."""
    from qtmnet.evaluation.scaling_law import fit_scaling_law
    from qtmnet.figures.scaling import scaling_picture

    sizes_by_run = {number: run.size for number, run in enumerate(runs) if run.size is not None}
    measured = {outcome.number: outcome.values for outcome in outcomes if outcome.values}
    numbers = sorted(sizes_by_run.keys() & measured.keys())
    if not sizes_by_run:
        print("no law of the error: the command line sets what makes the size", flush=True)
        return None
    name = NETWORK if any(NETWORK in measured[number] for number in numbers) else next(iter(measured[numbers[0]]))
    numbers = [number for number in numbers if name in measured[number]]
    sizes, errors = [sizes_by_run[number] for number in numbers], [measured[number][name] for number in numbers]
    try:
        found = fit_scaling_law(sizes, errors)
    except InputError as error:
        print(f"no law of the error: {error}", flush=True)
        return None
    ends = {part: found.interval(part) for part in ("floor", "amplitude", "exponent")}
    value, low, high = found.at(law.predict)
    told = (
        f"{name} = {found.floor:.4f} + {found.amplitude:.3g} n^(−{found.exponent:.3f}), n: {law.size}; "
        f"floor {ends['floor'][0]:.4f} to {ends['floor'][1]:.4f}, exponent {ends['exponent'][0]:.2f} to "
        f"{ends['exponent'][1]:.2f}; at n = {law.predict:,.0f}: {value:.4f} ({low:.4f} to {high:.4f}); 90 % intervals"
    )
    print(told, flush=True)
    kept = {
        "law": "floor + amplitude * size ** -exponent",
        "measure": name,
        "size": law.size,
        "sizes": sizes,
        "errors": errors,
        **{part: getattr(found, part) for part in ends},
        "interval_90": ends,
        "at": {"size": law.predict, "error": value, "interval_90": [low, high]},
    }
    with writing(folder / LAW) as draft:
        draft.write_text(json_text(kept, indent=1) + "\n", encoding="utf-8")
    equation = f"{found.floor:.3f} + {found.amplitude:.3g} n$^{{-{found.exponent:.2f}}}$"
    picture = scaling_picture(sizes, errors, found.at, equation, law.size, law.predict)
    with writing(folder / PICTURE) as draft:
        draft.write_bytes(picture)
    return picture, told


def _write_page(folder: Path, rows: Sequence[Repetitions], law: tuple[bytes, str] | None, line: str) -> None:
    from qtmnet.report.sweep.page import SweepPage, write_sweep

    settings, measures = names_of(rows)
    write_sweep(
        folder / PAGE,
        SweepPage(
            title=f"Sweep of {', '.join(settings) or SEED}",
            settings=tuple(settings),
            measures=tuple(measures),
            rows=tuple(
                (
                    tuple(row.overrides.get(name, "") for name in settings),
                    row.n,
                    tuple(mean_and_spread(row, name) for name in measures),
                )
                for row in rows
            ),
            picture=law[0] if law else None,
            law=law[1] if law else "",
            command=line,
        ),
    )
