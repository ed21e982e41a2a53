"""Simulate vessel cubes: python simulate.py data.n_cubes=1000 data.dir=..."""

from omegaconf import DictConfig

from qtmnet.cli import command


@command("simulate")
def main(cfg: DictConfig) -> object:
    from qtmnet.simulation import simulate

    return simulate(cfg)


if __name__ == "__main__":
    main()
