"""Annotations are held against every call while tests run: classes by beartype, shapes of arrays by jaxtyping.

This is done to the modules that take words for shapes from `simulators.arrays`, as they are imported.
"""

import re
from pathlib import Path

import jaxtyping
from beartype import BeartypeConf, beartype

ROOT = Path(__file__).parents[1]
PACKAGES = ("simulators", "qtmnet")

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""An int will do for a float."""


def modules_with_shapes() -> list[str]:
    """Names of the modules whose annotations have shapes."""
    files = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    word = re.compile(r"^from simulators\.arrays import", re.MULTILINE)
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in files
        if word.search(file.read_text(encoding="utf-8"))
    ]


def check_shapes() -> None:
    """To be called before any of the modules is imported."""
    jaxtyping.install_import_hook(modules_with_shapes(), "tests.shapes.checked")
