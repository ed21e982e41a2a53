"""Compare a network with the kinetic models: python evaluate.py ckpt=..."""

import hydra
from omegaconf import DictConfig

from qtmnet.cli import run


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(cfg: DictConfig) -> object:
    from qtmnet.evaluation import evaluate

    return evaluate(cfg)


if __name__ == "__main__":
    run(main)
