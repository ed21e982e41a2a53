"""Simulate vessel cubes: python simulate.py data.n_cubes=1000 data.dir=..."""

import hydra
from omegaconf import DictConfig

from qtmnet.cli import run


@hydra.main(version_base="1.3", config_path="conf", config_name="simulate")
def main(cfg: DictConfig) -> object:
    from qtmnet.simulation import simulate

    return simulate(cfg)


if __name__ == "__main__":
    run(main)
