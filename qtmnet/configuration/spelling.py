"""Settings that do not exist, and the nearest ones that do."""

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig

from qtmnet.configuration.conf_folder import CONF
from qtmnet.process import invocation

UNKNOWN = (
    r"Could not override '([^'@]+)",
    r"Could not delete from config. '([^']+)' does not exist",
    r"Key '[^']+' .*full_key: (\S+)",
)
"""What Hydra and OmegaConf say of a setting that does not exist."""

ALIASES = {"learning_rate": "lr", "learningrate": "lr", "epochs": "max_epochs", "batchsize": "batch_size"}
"""Last parts of names that are settings elsewhere, and what they are here, in the same group."""

CLOSE_ENOUGH = 0.6
"""Names less alike than this are not offered."""

FEW = 12
"""Names that are all told where none is close."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known dotted name that is most like a name; None if none is.

    The last part counts by itself too: `model.lrr` is meant to be `optimizer.lr`.
    """

    def likeness(other: str) -> float:
        whole = difflib.SequenceMatcher(None, name, other).ratio()
        last = difflib.SequenceMatcher(None, name.rpartition(".")[2], other.rpartition(".")[2]).ratio()
        return max(whole, 0.9 * last + 0.1 * whole)

    meant = ALIASES.get(name.rpartition(".")[2])
    if meant is not None and f"{name.rpartition('.')[0]}.{meant}" in (known := list(known)):
        return f"{name.rpartition('.')[0]}.{meant}"
    best = max((other for other in known if not name.startswith(f"{other}.")), key=likeness, default=None)
    return best if best is not None and likeness(best) >= CLOSE_ENOUGH else None


def offer(name: str, known: Iterable[str]) -> str:
    """The end of a message: the nearest name, or all of them, or how to see these where they are many."""
    if found := nearest(name, known := list(known)):
        return f"did you mean {found}?"
    if len(known) <= FEW:
        return f"there are {', '.join(known)}"
    return f"{invocation.this()} --cfg job shows what there is"


def configuration_line(error: Exception) -> str:
    """What Hydra or OmegaConf say over many lines, in one, with the nearest name that exists."""
    text = str(error) or str(error.__cause__ or "")
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        if not group:
            return f"--config-name {option}: no such configuration"
        options = error.options or options_of(group)
        told = f"{_offer_option(group, option, options)} (there are {', '.join(options)})"
        return f"{group}={option}: no such option; {told}"
    if missing := re.search(r"Missing mandatory value: (\S+)", text):
        return f"{missing[1]}: not given; give {missing[1]}=…, {invocation.this()} --help shows examples"
    for pattern in UNKNOWN:
        if unknown := re.search(pattern, text, re.S):
            known = _known_settings(unknown[1])
            if unknown[1] in known:
                return f"{unknown[1]}: can be set, but neither left out nor put elsewhere"
            return f"{unknown[1]}: no such setting; {offer(unknown[1], known)}"
    if merged := re.search(r"Error merging override [~+]*([^=\s]+)=(.*)", text):
        return f"{merged[1]}: found {merged[2]} in place of settings that have names; give them as {merged[1]}.NAME=…"
    if refused := re.search(r"Error in call to target '([^']+)':\s*\w+\((.*)\)", text, re.S):
        return f"{refused[1].rpartition('.')[2]}: {refused[2].strip(chr(34) + chr(39))}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [
        line for line in lines if not line.startswith(("To append", "Available", "object_type", "set ", "full_key"))
    ]
    where = getattr(error, "full_key", None) or "configuration"
    return f"{where}: {' '.join(telling[:4]) or type(error).__name__}"


def options_of(group: str) -> list[str]:
    """Options of a group in `conf`."""
    folder = CONF / group
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir()) if folder.is_dir() else []


def _offer_option(group: str, option: str, options: Sequence[str]) -> str:
    found = nearest(option, options)
    return f"did you mean {group}={found}?" if found else "give another"


def _known_settings(wrong: str) -> list[str]:
    """Settings and groups of this command as it was called, but for the overrides that name a wrong one."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    words = [word for word in sys.argv[1:] if "=" in word and not word.startswith(("-", "hydra."))]
    right = [word for word in words if word.split("=")[0].lstrip("+~") != wrong and "," not in word.split("=")[1]]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for overrides in (right, []):
            try:
                cfg = compose(invocation.current().name, overrides=overrides, return_hydra_config=True)
            except HydraException:
                continue
            if wrong.startswith("hydra."):
                return [f"hydra.{name}" for name in dotted(cfg.hydra)]
            groups = [str(group) for group in cfg.hydra.runtime.choices]
            return [*dict.fromkeys([*dotted(cfg), *groups])]
    return []


def dotted(cfg: DictConfig) -> Iterator[str]:
    """The dotted names of all settings, Hydra's own left out."""
    for key in map(str, cfg):
        if key in ("hydra", "_target_", "_partial_", "_recursive_", "_convert_"):
            continue
        yield key
        value = cfg._get_node(key)
        if isinstance(value, DictConfig) and not value._is_none() and not value._is_interpolation():
            yield from (f"{key}.{name}" for name in dotted(value))
