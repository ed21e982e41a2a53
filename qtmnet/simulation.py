"""`simulate.py`: fill a folder with cubes, or make a brain."""

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.brain_figures import print_morphometry, save_brain_figures
from qtmnet.brains import FOLDER, is_brain, simulate_for
from qtmnet.building import build_data
from simulators.errors import InputError


def simulate(cfg: DictConfig) -> Path:
    """Simulate the phantom of a configuration; see `conf/simulate.yaml`.

    Returns:
        Folder of the cubes that were missing, or of the brain's stages.
    """
    return _simulate_brain(cfg) if is_brain(cfg) else _simulate_cubes(cfg)


def _simulate_cubes(cfg: DictConfig) -> Path:
    for name in ("dir", "until"):
        if cfg[name] is not None:
            raise InputError(f"{name}: found {cfg[name]}, which is a brain's; for cubes give data.dir and data.n_cubes")
    data = build_data(cfg)
    data.simulate("train")
    print(f"{data.n_cubes['train']} cubes: {data.path}")
    return data.path


def _simulate_brain(cfg: DictConfig) -> Path:
    acquisition = instantiate(cfg.acquisition, _convert_="all")
    phantom, simulator = instantiate(cfg.phantom, _convert_="all"), instantiate(cfg.simulator)
    brain = simulate_for(phantom, acquisition, simulator, cfg.dir, cfg.until)
    folder = Path(cfg.dir) if cfg.dir else FOLDER
    if brain is not None:
        print_morphometry(save_brain_figures(brain, Path(cfg.run_dir)), "The brain beside published values")
        print(f"pictures and maps: {cfg.run_dir}")
    return folder
