"""Train a network: python train.py experiment=quickstart"""

from omegaconf import DictConfig

from qtmnet.cli import command


@command("train")
def main(cfg: DictConfig) -> object:
    from qtmnet.training import train

    return train(cfg)


if __name__ == "__main__":
    main()
