"""Paths on a command line, taken as they are: Hydra's grammar has uses of its own for `,`, `[`, `=`, `~` and more.

A value of a setting that is a path is put in quotes before Hydra sees it, so that it means a file of that name,
whatever is in it. `null` stays none, what is in quotes already stays as it is, and `${seed}` stays the value of `seed`.
Several values of a sweep are left to Hydra.
"""

import re
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString

PATHS = {
    *("input", "output_dir", "ckpt", "mask", "m0", "t1_tissue", "resume", "dir", "weights"),
    *("grey_matter", "white_matter", "csf", "atlas", "atlas_labels", "phase_contrast"),
    *("data.dir", "data.pool", "acquisition.from_bids", "cluster.folder", "cluster.address"),
    *("anatomy.grey", "anatomy.white", "anatomy.csf"),
    *("angiography.swc", "angiography.tof", "angiography.transform", "angiography.veins_swc"),
    *("hydra.run.dir", "hydra.sweep.dir"),
}
"""Settings that are paths, or URLs of folders."""

OR_NUMBERS = {"m0", "t1_tissue", "phase_contrast"}
"""Those of them that may also be a number; a file called 1.3 is `./1.3`."""

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_SEVERAL = re.compile(r",|^\s*(?:choice|range|interval|glob|shuffle|sort|tag|extend_list)\(")


def literal(text: str) -> str:
    """A text as Hydra's grammar and OmegaConf's read it back: in quotes, without interpolation."""
    text = "./???" if text == "???" else text  # which is how OmegaConf writes that nothing was given
    return _in_quotes(re.sub(r"(\\*)\$\{", r"\1\1\\${", text))


def with_path_in_quotes(override: str, *, sweep: bool) -> str:
    """An override, its value in quotes if it is a path.

    Args:
        override: as it was typed, such as `ckpt=runs/a,b/best.ckpt`.
        sweep: whether a comma is between values, or in a path.
    """
    key, _, value = override.partition("=")
    name = key.lstrip("+")
    if name not in PATHS or value in ("", "null") or _QUOTED.fullmatch(value) or (sweep and _SEVERAL.search(value)):
        return override
    return override if name in OR_NUMBERS and _is_number(value) else f"{key}={_in_quotes(at_home(value))}"


def at_home(path: str) -> str:
    """A path whose `~` is the user's folder, which a shell leaves to us in `input=~/scan`.

    A folder here that is called `~` goes before it.
    """
    first = Path(path).parts[:1]
    if not path.startswith("~") or Path(*first).exists():
        return path
    try:
        return str(Path(path).expanduser())
    except RuntimeError:  # nobody of that name
        return path


def _in_quotes(text: str) -> str:
    return QuotedString(text, Quote.single).with_quotes()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
