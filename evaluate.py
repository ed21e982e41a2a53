"""Compare a network with the kinetic models: python evaluate.py ckpt=..."""

from omegaconf import DictConfig

from qtmnet.cli import command


@command("evaluate")
def main(cfg: DictConfig) -> object:
    from qtmnet.evaluation import evaluate

    return evaluate(cfg)


if __name__ == "__main__":
    main()
