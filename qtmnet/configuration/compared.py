"""Which methods are shown beside another, by the setting `compare`; what they are stands in `conf/method`."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from qtmnet.configuration.conf_folder import CONF

AUTO = "auto"
"""A network is compared with the first of `KINETIC` that reads the scan, a kinetic model with none."""

KINETIC = ("multi_delay_arteries", "multi_delay", "single_delay")
"""Options of the group `method`, the model that knows most of the scan first."""


def compared_names(compare: object, learned: bool) -> tuple[str, ...]:
    """Options of the group `method` that maps are compared with.

    Args:
        compare: the setting: `auto`, the name of an option, several, or None.
        learned: whether the method that is compared comes from a checkpoint.
    """
    if compare == AUTO:
        return KINETIC if learned else ()
    if compare is None:
        return ()
    return (compare,) if isinstance(compare, str) else tuple(OmegaConf.to_object(compare))  # type: ignore[arg-type]


def method_option(name: str) -> DictConfig | None:
    """What an option of the group `method` holds, also one in `--config-dir`; None if there is no such option."""
    folders = [CONF]
    if HydraConfig.initialized():
        sources = HydraConfig.get().runtime.config_sources
        folders = [Path(source.path) for source in sources if source.schema == "file"] or folders
    for folder in folders:
        file = folder / "method" / f"{name}.yaml"
        if file.is_file():
            loaded = OmegaConf.load(file)
            assert isinstance(loaded, DictConfig)
            return loaded
    return None
