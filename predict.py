"""Map perfusion of a scan: python predict.py input=... output_dir=... ckpt=..."""

from omegaconf import DictConfig

from qtmnet.cli import command


@command("predict")
def main(cfg: DictConfig) -> object:
    from qtmnet.prediction import predict

    return predict(cfg)


if __name__ == "__main__":
    main()
