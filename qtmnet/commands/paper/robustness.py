"""All methods on a brain that is off what they assume, one parameter after the other."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.commands.brains import FOLDER, tell
from qtmnet.commands.evaluate_brain import check_settings, warn_of_noise
from qtmnet.configuration.asked import asked
from qtmnet.costs.afford import afford
from qtmnet.costs.brains import brain_costs
from qtmnet.evaluation.robustness.points import Point, changed, points_of, usual, value_text
from qtmnet.evaluation.robustness.scans import Reader, Row
from qtmnet.evaluation.robustness.settings import PARAMETERS, RobustnessTable
from qtmnet.evaluation.robustness.table import (
    Curve,
    curves_of,
    grid,
    print_curves,
    reasons_of,
    with_ratios,
    write_csv,
    write_markdown,
)
from qtmnet.evaluation.robustness.worlds import World, times_of
from qtmnet.figures.curves import Look, Panel, save_curves
from qtmnet.methods.base import Methods
from qtmnet.process.progress import watched
from qtmnet.report.gallery.page import Gallery, Plate, write_gallery
from qtmnet.report.lines import lines_of
from qtmnet.report.scan_numbers.lines import RegionTable
from qtmnet.report.settings import origin, protocol
from qtmnet.scans.words import noise
from simulators.files.json_files import read_json, write_json
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain import BrainStages
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.transport.step_response import Simulator


def evaluate_robustness(
    cfg: DictConfig, phantom: BrainParameters, acquisition: Acquisition, methods: Methods
) -> list[Row]:
    """Score methods at all points of a table of robustness.

    Writes rows to `points/` in the run's folder, world by world, and reads from there what was scored before with the
    same settings: a run that was killed goes on if it is given the same `run_dir`. In the end writes `robustness.csv`,
    `robustness.md`, `robustness.png` and `robustness.html`, and prints a table.

    Args:
        cfg: of `conf/evaluate.yaml`, with `robustness`.
        phantom: the brain.
        acquisition: protocol.
        methods: to be compared.

    Returns:
        All rows.

    Raises:
        InputError: for settings that do not fit the brain or the network, or files that cannot be written.
    """
    check_settings(methods, acquisition, cfg.snr)
    table: RobustnessTable = instantiate(cfg.robustness, _convert_="all")
    if cfg.snr is None:  # else it has been told
        warn_of_noise(methods, table.snr)
    points = list(points_of(table, phantom, acquisition, cfg.snr))
    reader = Reader(acquisition, table, methods, phantom.label, cfg.snr, cfg.seed)
    run_dir = Path(cfg.run_dir)
    settings = asked(
        cfg,
        ("method", "phantom", "simulator", "robustness"),
        {"robustness": (*PARAMETERS, "only")},
        origins=methods.origins,
        snr=cfg.snr,
        acquisition=acquisition.plain(),
    )
    file = run_dir / "points" / f"{hashlib.sha256(settings.encode()).hexdigest()[:8]}.json"
    worlds = _Worlds(reader, phantom, instantiate(cfg.simulator), Path(cfg.dir or FOLDER), run_dir / "trees")
    rows = with_ratios(_rows(file, settings, points, worlds))
    own = {name: value_text(name, usual(name, phantom, acquisition, cfg.snr)) for name in table.varied}
    curves = list(curves_of(rows, own))
    caption = f"a brain, seed {phantom.seed}, {table.share:.3g} of its voxels"
    write_csv(run_dir / "robustness.csv", rows)
    write_markdown(run_dir / "robustness.md", curves, f"{caption[0].upper()}{caption[1:]}.")
    save_curves(run_dir / "robustness.png", _panels(curves), _looks(methods), "NRMSE")
    print_curves(curves, caption)
    for name, ending in (("rows", "csv"), ("tables", "md"), ("figure", "png")):
        print(f"{name}: {run_dir / f'robustness.{ending}'}")
    page = _page(curves, methods, caption, acquisition, run_dir, cfg.snr)
    print(f"page: {write_gallery(run_dir / 'robustness.html', page)}")
    return rows


class _Worlds:
    """Worlds as they are asked for, the last one held: points of one world follow each other."""

    def __init__(
        self, reader: Reader, phantom: BrainParameters, simulator: Simulator, folder: Path, trees: Path
    ) -> None:
        self.reader, self.phantom, self.simulator, self.folder, self.trees = reader, phantom, simulator, folder, trees

    def rows(self, points: list[Point]) -> Iterator[tuple[Point, list[Row]]]:
        """Each point of one world with its rows."""
        world = self._world(points)
        for point in points:
            yield point, list(self.reader.rows(world, point))

    def _world(self, points: list[Point]) -> World:
        table, acquisition = self.reader.table, self.reader.acquisition
        parameters = changed(self.phantom, points[0], self.trees)
        if points[0].of_world:
            edges = table.world_voxel_size_mm or parameters.voxel_size_mm
            x, y, z = map(max, edges, parameters.voxel_size_mm)
            parameters = replace(parameters, voxel_size_mm=(x, y, z))
        delays = tuple(point.value for point in points if point.parameter == "added_delay")
        times = times_of(acquisition, delays)
        afford(brain_costs(parameters, times, self.simulator, self.folder))
        brain = BrainStages(parameters, folder=self.folder, tell=tell).brain(times, self.simulator)
        return World.of(
            brain,
            acquisition,
            self.reader.sizes(points),
            labels=table.arterial_label,
            movements=tuple(point.value for point in points if point.parameter == "motion"),
            seed=self.reader.seed,
        )


def _rows(file: Path, asked: str, points: list[Point], worlds: _Worlds) -> list[Row]:
    """The rows of all points, those that the file has and those that are wanting."""
    kept: dict[str, Any] = dict(read_json(file)) if file.exists() else {"asked": asked, "rows": {}}
    done = 0
    with watched(lambda: done, len(points), "Points"):
        for together in _worlds_of(points):
            wanting = [point for point in together if point.key not in kept["rows"]]
            done += len(together) - len(wanting)
            for point, rows in worlds.rows(wanting) if wanting else ():
                kept["rows"][point.key] = list(map(_plain, rows))
                write_json(file, kept)
                done += 1
    return [row for point in points for row in kept["rows"][point.key]]


def _worlds_of(points: list[Point]) -> Iterator[list[Point]]:
    """Points that one world serves: all of a readout, and each other by itself."""
    yield [point for point in points if not point.of_world]
    yield from ([point] for point in points if point.of_world)


def _plain(row: Row) -> Row:
    """A row as JSON has it, without what is no number."""
    return {name: value for name, value in row.items() if not isinstance(value, float) or math.isfinite(value)}


def _panels(curves: list[Curve]) -> list[Panel]:
    several = len({curve.arterial_label for curve in curves}) > 1
    return [
        Panel(
            PARAMETERS[curve.parameter].title + (f"\n{curve.arterial_label}" if several else ""),
            curve.values,
            tuple(map(float, curve.values)) if PARAMETERS[curve.parameter].ordered else None,
            {method: curve.measure(method, "nrmse") for method in curve.rows},
            curve.undisturbed,
        )
        for curve in curves
    ]


def _looks(methods: Methods) -> dict[str, Look]:
    return {name: (line.title, line.colour, line.dashes) for name, line in lines_of(methods).items()}


def _page(
    curves: list[Curve], methods: Methods, caption: str, acquisition: Acquisition, run_dir: Path, snr: float | None
) -> Gallery:
    tables = []
    for measure, title, unit in (("nrmse", "NRMSE", ""), ("bias", "Bias", "mL/100g/min")):
        headings, lines = grid(curves, measure)
        titles = (("Value (* undisturbed)", ""), *((methods.titles[name], unit) for name in headings[2:]))
        told = tuple((line[0], tuple(cell.replace("-", "−") for cell in line[1:])) for line in lines)
        tables.append(RegionTable(title, titles, told))
    return Gallery(
        title="Robustness",
        summary=f"Relative error of perfusion on {caption}, where one parameter after the other is off what methods "
        "assume.",
        plates=(
            Plate(
                "Relative error",
                "NRMSE, ‖Q̂ − Q‖ / ‖Q‖, of perfusion over the values of each parameter, a line for each method; all "
                "other parameters are the phantom’s. A dotted line marks the undisturbed scan."
                + _followed_anew(curves),
                run_dir / "robustness.png",
            ),
        ),
        tables=tuple(tables),
        notes=tuple(reasons_of(curves)),
        settings=(*protocol(acquisition), ("Noise", noise(snr))),
        provenance=origin(),
    )


def _followed_anew(curves: list[Curve]) -> str:
    """Which curves are of worlds of their own, for a caption."""
    parameters = dict.fromkeys(curve.parameter for curve in curves)
    titles = [PARAMETERS[name].title for name in parameters if PARAMETERS[name].of_world]
    if not titles:
        return ""
    return f" Label was followed anew for: {'; '.join(titles)}; their undisturbed scan is of the same simulated voxels."
