"""Where the configuration files are: `qtmnet/conf` in an installed package, `conf` beside the package in a checkout."""

from pathlib import Path


def _found() -> Path:
    installed = Path(__file__).parents[1] / "conf"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "conf"


CONF = _found()
