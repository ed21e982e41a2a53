"""What kept results depend on, so that a run that goes on takes no results of other settings for its own."""

from collections.abc import Iterable, Mapping

from omegaconf import DictConfig, OmegaConf

import qtmnet


def asked(cfg: DictConfig, groups: Iterable[str], left_out: Mapping[str, Iterable[str]], **others: object) -> str:
    """All that results depend on, as text: settings, the version, and what else there is.

    Args:
        cfg: of the command.
        groups: of its settings, those that count.
        left_out: settings of a group that do not, by group.
        others: what else counts, plain data, such as `Methods.origins`: two files of weights may have had one name.
    """
    text: dict[str, object] = {}
    for group in groups:
        settings = OmegaConf.to_container(cfg[group], resolve=True) if group in cfg else {}
        assert isinstance(settings, dict)
        text[group] = {name: value for name, value in settings.items() if name not in {*left_out.get(group, ())}}
    text |= {"seed": cfg.seed, "version": qtmnet.__version__, **others}
    return OmegaConf.to_yaml(OmegaConf.create(text), sort_keys=True)
