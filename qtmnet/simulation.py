"""`simulate.py`: fill a folder with cubes."""

from pathlib import Path

from omegaconf import DictConfig

from qtmnet.building import build_data


def simulate(cfg: DictConfig) -> Path:
    """Simulate the training cubes of a configuration that are missing; see `conf/simulate.yaml`.

    Returns:
        Their folder.
    """
    data = build_data(cfg)
    data.simulate("train")
    print(f"{data.n_cubes['train']} cubes: {data.path}")
    return data.path
