"""From a composed configuration to the objects that it names."""

from collections.abc import Mapping

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from qtmnet.commands.brains import refuse_brain
from qtmnet.learning.data import QTMDataModule
from qtmnet.methods.network.estimator import Estimator, Recipe
from qtmnet.scans.acquisitions import build_acquisition
from simulators.errors import InputError

__all__ = ["build_acquisition", "build_data", "build_estimator"]


def build_data(cfg: DictConfig) -> QTMDataModule:
    """The data module of a configuration.

    Raises:
        InputError: if its phantom is a brain.
    """
    refuse_brain(cfg)
    data = instantiate(cfg.data, _convert_="all")
    if not isinstance(data, QTMDataModule):
        raise InputError(
            f"data._target_: found {cfg.data._target_}; give qtmnet.learning.data.QTMDataModule or one of its kind"
        )
    return data


def build_estimator(cfg: DictConfig, data: QTMDataModule) -> Estimator:
    """An untrained estimator for the data's protocol.

    Raises:
        InputError: for a network that it cannot be.
    """
    network = OmegaConf.to_container(cfg.model, resolve=True)
    recipe = data.recipes["train"].settings()
    assert isinstance(network, Mapping)
    try:
        trained_for = Recipe(
            network={str(name): value for name, value in network.items()},
            normalization=cfg.normalization,
            acquisition=data.acquisition,
            phantom=data.recipes["train"].phantom,
            simulator=recipe["simulator"],  # type: ignore[arg-type]
            seed=cfg.seed,
            snr=data.snr,
            linear_start=cfg.linear_start,
        )
    except InputError as error:  # what a checkpoint calls network is `model` in the configuration
        raise InputError(f"model.{str(error).removeprefix('network.')}") from None
    return Estimator(trained_for)
