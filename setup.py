"""What of the metadata pyproject.toml cannot say: all packages there are, and the README for pages away from `docs`."""

import re
import tomllib
from pathlib import Path

from setuptools import find_namespace_packages, find_packages, setup

ROOT = Path(__file__).parent


def readme() -> str:
    """README.md with its links and pictures taken from the project's home."""
    home = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Home"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^\]]*\]\()(?!\w+:|#)", rf"\1{home}/raw/main/", text)
    return re.sub(r"(?<!!)(\[[^\]]*\]\()(?!\w+:|#)", rf"\1{home}/blob/main/", text)


def packages() -> list[str]:
    """Every folder with code, and the configuration, which lies at the top of the clone."""
    plugins = find_namespace_packages(str(ROOT), include=["hydra_plugins.*"])
    return [*find_packages(str(ROOT), include=["qtmnet*", "simulators*"]), "qtmnet.conf", *plugins]


setup(packages=packages(), long_description=readme(), long_description_content_type="text/markdown")
