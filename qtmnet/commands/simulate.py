"""`simulate`: fill a folder with cubes, or make a brain."""

import math
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.commands.brains import FOLDER, tell
from qtmnet.commands.sources import build_source
from qtmnet.configuration.schema.phantoms import is_brain
from qtmnet.costs.afford import afford
from qtmnet.costs.any_scan import world_costs
from qtmnet.costs.brains import brain_costs
from qtmnet.costs.datasets import dataset_costs
from qtmnet.figures.brain_vessels import print_morphometry, save_brain_figures
from qtmnet.learning.any_scan.source import AnyScanCubes
from qtmnet.learning.stored import StoredCubes
from simulators.errors import InputError
from simulators.imaging.readout import simulated_time
from simulators.phantoms.brain import BrainStages

FLAWS_TO_TELL = 8
"""Files named before the rest is only counted."""


def simulate(cfg: DictConfig) -> str | Path:
    """Simulate the phantom of a configuration; see `conf/simulate.yaml`.

    Returns:
        Folder or URL of the cubes, or folder of the brain's stages.
    """
    return _simulate_brain(cfg) if is_brain(cfg) else _simulate_cubes(cfg)


def _simulate_cubes(cfg: DictConfig) -> str:
    for name in ("dir", "until"):
        if cfg[name] is not None:
            raise InputError(f"{name}: found {cfg[name]}, which is a brain's; for cubes give data.dir and data.n_cubes")
    source = build_source(cfg)
    if isinstance(source, AnyScanCubes):
        return _simulate_world(cfg, source)
    assert isinstance(source, StoredCubes)
    if cfg.verify:
        return _verify(source)
    afford(dataset_costs(source, ("train",), acquired=False))
    store = source.simulate()
    print(f"{source.cubes['train'].n_cubes} cubes: {store.url}")
    return store.url


def _simulate_world(cfg: DictConfig, source: AnyScanCubes) -> str:
    if not cfg.verify:
        afford(world_costs(source))
        source.prepare()
        print(f"{source.n_cubes} cubes: {source.url}")
    elif flaws := [*source.cubes.records.flaws(source.n_cubes)]:
        raise InputError("; ".join(flaws[:FLAWS_TO_TELL]))
    else:
        print(f"{source.n_cubes} cubes, each as it was written: {source.url}")
    return source.url


def _verify(source: StoredCubes) -> str:
    """Read all cubes to train on, what there is of test cubes, and of both on the protocol's voxels.

    Raises:
        InputError: that names the files with something missing or damaged.
    """
    cubes = source.cubes["train"]
    flaws = [*cubes.flaws(of_all=True), *source.cubes["test"].flaws(of_all=False)]
    if flaws:
        more = f"; and {len(flaws) - FLAWS_TO_TELL} files more" if len(flaws) > FLAWS_TO_TELL else ""
        raise InputError("; ".join(flaws[:FLAWS_TO_TELL]) + more)
    print(f"{cubes.n_cubes} cubes, each as it was written: {cubes.url}")
    return cubes.url


def _simulate_brain(cfg: DictConfig) -> Path:
    """Simulate a brain at its own voxel size, until a protocol's last readout, and show what it looks like."""
    folder = FOLDER if cfg.dir is None else Path(cfg.dir)
    phantom, simulator = instantiate(cfg.phantom, _convert_="all"), instantiate(cfg.simulator)
    time = simulated_time(instantiate(cfg.acquisition, _convert_="all"))
    afford(brain_costs(phantom, time, simulator, folder, until=cfg.until))
    stages = BrainStages(phantom, folder=folder, tell=tell)
    if cfg.until is not None:
        stages.run_until(cfg.until)
        return folder
    brain = stages.brain(time, simulator)
    seconds = sum(record.seconds for record in brain.records)
    held = f", at most {peak:.1f} GB" if math.isfinite(peak := brain.records[-1].peak_gb) else ""
    tell(f"brain: {seconds:.0f} s in all{held}; stages in {folder}")
    print_morphometry(save_brain_figures(brain, Path(cfg.run_dir)), "The brain beside published values")
    print(f"pictures and maps: {cfg.run_dir}")
    return folder
