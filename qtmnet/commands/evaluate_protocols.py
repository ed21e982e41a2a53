"""All methods on many protocols, read from brains whose step response is simulated once."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from qtmnet.commands.brains import FOLDER, tell
from qtmnet.commands.evaluate_brain import warn_of_noise
from qtmnet.configuration.asked import asked
from qtmnet.costs.afford import afford
from qtmnet.costs.brains import brain_costs
from qtmnet.evaluation.protocols.scans import Row, divide_errors, scans_of, score_scan
from qtmnet.evaluation.protocols.settings import ProtocolTable
from qtmnet.evaluation.protocols.table import average, print_averages, write_csv, write_markdown
from qtmnet.limits import BrainSeeds
from qtmnet.methods.base import Methods
from qtmnet.process.progress import watched
from simulators.files.json_files import read_json, write_json
from simulators.phantoms.averaged_brain import TIMES_AT_ONCE, AveragedBrain, AveragedBrains
from simulators.phantoms.brain import BrainStages
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.settings.checking import checked
from simulators.transport.step_response import Simulator

Edges = tuple[float, float, float]


def evaluate_protocols(cfg: DictConfig, phantom: BrainParameters, methods: Methods) -> list[Row]:
    """Score methods on all protocols of a table, for one brain or several.

    Writes the rows of each brain to `brains/` in the run's folder, protocol by protocol, and reads from there what was
    scored before with the same settings: a run that was killed goes on if it is given the same `run_dir`. In the end
    writes `protocols.csv` and `protocols.md`, and prints a table.

    Args:
        cfg: of `conf/evaluate.yaml`, with `protocols`.
        phantom: of the brains, but for their seeds.
        methods: to be compared.

    Returns:
        All rows.

    Raises:
        InputError: for settings that do not fit the brain, or files that cannot be written.
    """
    table: ProtocolTable = instantiate(cfg.protocols, _convert_="all")
    warn_of_noise(methods, table.snr)
    seeds = _seeds(cfg, phantom)
    run_dir, simulator = Path(cfg.run_dir), instantiate(cfg.simulator)
    rows: list[Row] = []
    for seed in seeds:
        brains = _averaged(replace(phantom, seed=seed), table, simulator, Path(cfg.dir or FOLDER))
        groups = ("method", "phantom", "simulator", "protocols")
        settings = asked(cfg, groups, {"protocols": ("protocols", "only")}, brain=seed, origins=methods.origins)
        file = run_dir / "brains" / f"seed{seed}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}.json"
        found = divide_errors(_rows(file, settings, brains, table, methods, cfg.seed), table)
        rows += [{"brain": seed, **row} for row in found]
    averages = average(rows)
    caption = f"{len(seeds)} brain{'s' if len(seeds) > 1 else ''}, seed {', '.join(map(str, seeds))}"
    if table.share < 1:
        caption += f", {table.share:.3g} of the voxels"
    write_csv(run_dir / "protocols.csv", rows)
    write_markdown(run_dir / "protocols.md", averages, f"{caption[0].upper()}{caption[1:]}.")
    print_averages(averages, caption)
    print(f"rows: {run_dir / 'protocols.csv'}")
    print(f"tables: {run_dir / 'protocols.md'}")
    return rows


def _seeds(cfg: DictConfig, phantom: BrainParameters) -> tuple[int, ...]:
    """Of all brains."""
    if cfg.brain_seeds is None:
        return (phantom.seed,)
    given = OmegaConf.to_container(cfg.brain_seeds) if OmegaConf.is_config(cfg.brain_seeds) else cfg.brain_seeds
    seeds: tuple[int, ...] = checked("brain_seeds", given, BrainSeeds)
    return seeds


def _averaged(
    parameters: BrainParameters, table: ProtocolTable, simulator: Simulator, folder: Path
) -> dict[Edges, AveragedBrain]:
    """A brain on the voxels of all protocols; all at once, so that the step response is not held any longer."""
    stages = BrainStages(parameters, folder=folder, tell=tell)
    times = table.times(float(stages.anatomy.tissue.shape[2] * stages.anatomy.voxel_size_mm[2]))
    afford(brain_costs(parameters, times[-TIMES_AT_ONCE:], simulator, folder))
    brains = AveragedBrains(stages, times, [protocol.voxel_size_mm for protocol in table.read.values()], simulator)
    return {size: brains.on(size) for size in brains.sizes}


def _rows(
    file: Path,
    asked: str,
    brains: dict[Edges, AveragedBrain],
    table: ProtocolTable,
    methods: Methods,
    seed: int,
) -> list[Row]:
    """The rows of one brain, those that the file has and those that are wanting."""
    kept: dict[str, Any] = dict(read_json(file)) if file.exists() else {"asked": asked, "rows": {}}
    n_scans = len(table.snr) * len(table.arterial_label)
    done = 0
    with watched(lambda: done, n_scans * len(table.read), f"Scans of {file.stem}"):
        for name, protocol in table.read.items():
            settings = repr(protocol)
            found = kept["rows"].get(name)
            if found is None or found["protocol"] != settings:
                made: list[Row] = []
                for scan in scans_of(brains[protocol.voxel_size_mm], protocol, table, seed):
                    made += score_scan(scan, methods, permuted=table.permuted)
                    done += 1
                kept["rows"][name] = {"protocol": settings, "rows": list(map(_plain, made))}
                write_json(file, kept)
            else:
                done += n_scans
    return [{"protocol": name, **row} for name in table.read for row in kept["rows"][name]["rows"]]


def _plain(row: Row) -> Row:
    """A row as JSON has it, without what is no number."""
    return {name: value for name, value in row.items() if not isinstance(value, float) or math.isfinite(value)}
