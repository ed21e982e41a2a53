"""Hydra's flags on Python 3.14, whose `argparse` looks into every help text as soon as it is given.

Hydra 1.3.8 gives one that is no text but makes it when it is shown, and dies at its start:
https://github.com/facebookresearch/hydra/issues/3121
"""

import argparse
from types import SimpleNamespace
from typing import Any

from hydra._internal import utils


class _LateText(str):
    """A text to look into at once, and another to show, which is made when it is asked for."""

    def __new__(cls, shown: object) -> "_LateText":
        text = super().__new__(cls, type(shown).__name__)
        text._shown = shown
        return text

    _shown: object

    def __str__(self) -> str:
        return str(self._shown)


class _Parser(argparse.ArgumentParser):
    def add_argument(self, *names: Any, **how: Any) -> argparse.Action:
        if not isinstance(how.get("help", ""), str):
            how["help"] = _LateText(how["help"])
        return super().add_argument(*names, **how)


def mend_hydra_flags() -> None:
    """Let Hydra declare its flags; call before Hydra's main."""
    utils.argparse = SimpleNamespace(**{**vars(argparse), "ArgumentParser": _Parser})  # type: ignore[assignment]
