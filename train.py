"""Train a network: python train.py experiment=quickstart"""

import hydra
from omegaconf import DictConfig

from qtmnet.cli import run


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> object:
    from qtmnet.training import train

    return train(cfg)


if __name__ == "__main__":
    run(main)
