"""Settings that were given, told from defaults, and those that are of no effect beside others."""

from collections.abc import Sequence

from omegaconf import DictConfig


def given_settings(overrides: Sequence[str]) -> tuple[str, ...]:
    """Dotted names of the settings and groups that a run was asked for."""
    return tuple(word.split("=")[0].lstrip("+~").partition("@")[0] for word in overrides)


def refuse_without_effect(cfg: DictConfig, command: str, given: Sequence[str]) -> None:
    """Refuse what was asked for and would not be done."""
