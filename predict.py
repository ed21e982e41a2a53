"""Map perfusion of a scan: python predict.py input=... output_dir=... ckpt=..."""

import hydra
from omegaconf import DictConfig

from qtmnet.cli import run


@hydra.main(version_base="1.3", config_path="conf", config_name="predict")
def main(cfg: DictConfig) -> object:
    from qtmnet.prediction import predict

    return predict(cfg)


if __name__ == "__main__":
    run(main)
