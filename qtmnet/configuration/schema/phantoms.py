"""What kind of phantom a configuration asks for, before one is made."""

from omegaconf import DictConfig

from qtmnet.configuration.schema.targets import locate
from simulators.phantoms.brain_parameters import BrainParameters


def is_brain(cfg: DictConfig) -> bool:
    """Whether the configured phantom is a brain, or of a class of one's own that is one."""
    if cfg.get("phantom") is None:
        return False
    try:
        made = locate(str(cfg.phantom.get("_target_")))
    except (ImportError, AttributeError, ValueError):  # refused where it is made
        return False
    return isinstance(made, type) and issubclass(made, BrainParameters)
