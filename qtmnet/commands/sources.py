"""From a composed configuration to the cubes and samples that it names; without torch."""

from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.commands.brains import refuse_brain
from qtmnet.learning.source import Source
from simulators.errors import InputError


def build_source(cfg: DictConfig) -> Source:
    """The source of samples of a configuration.

    Raises:
        InputError: if its phantom is a brain.
    """
    refuse_brain(cfg)
    source = instantiate(cfg.data, _convert_="all")
    if not isinstance(source, Source):
        raise InputError(
            f"data._target_: found {cfg.data._target_}; give a qtmnet.learning.source.Source, such as "
            "qtmnet.learning.stored.StoredCubes"
        )
    return source
