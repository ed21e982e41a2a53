"""From a composed configuration to the objects that it names."""

from collections.abc import Mapping

from omegaconf import DictConfig, OmegaConf

from qtmnet.learning.stored import StoredCubes
from qtmnet.methods.network.estimator import Estimator, Recipe
from qtmnet.scans.acquisitions import build_acquisition
from simulators.errors import InputError

__all__ = ["build_acquisition", "build_estimator"]


def build_estimator(cfg: DictConfig, source: StoredCubes) -> Estimator:
    """An untrained estimator for the protocol of the samples.

    Raises:
        InputError: for a network that it cannot be.
    """
    network = OmegaConf.to_container(cfg.model, resolve=True)
    recipe = source.recipe.settings()
    assert isinstance(network, Mapping)
    try:
        trained_for = Recipe(
            network={str(name): value for name, value in network.items()},
            normalization=cfg.normalization,
            acquisition=source.acquisition,
            phantom=source.recipe.phantom,
            simulator=recipe["simulator"],  # type: ignore[arg-type]
            seed=cfg.seed,
            snr=source.snr,
            linear_start=cfg.linear_start,
        )
    except InputError as error:  # what a checkpoint calls network is `model` in the configuration
        raise InputError(f"model.{str(error).removeprefix('network.')}") from None
    return Estimator(trained_for)
