"""Weights that come with the package: where they are, by name."""

import os
from importlib.resources import files
from pathlib import Path

from simulators.errors import InputError

FOLDER = "weights"


def shipped_weights(name: str) -> Path:
    """Path of the JSON file of weights that come with the package.

    Args:
        name: of them, such as `any_scan`.

    Raises:
        InputError: if there are none of that name.
    """
    folder = Path(str(files("qtmnet.methods.shipped"))) / FOLDER
    there = sorted(path.stem for path in folder.glob("*.json"))
    if name not in there:
        known = ", ".join(there) or "none"
        raise InputError(f"weights: found {name!r}, but with the package come: {known}; give one of these, or a path")
    return folder / f"{name}.json"


def weights_file(weights: str | os.PathLike[str]) -> Path:
    """The file that weights are read from: of a name that is no path, that which comes with the package.

    Args:
        weights: name, or path of a checkpoint or of weights.

    Raises:
        InputError: for a name that there is not.
    """
    is_path = isinstance(weights, os.PathLike) or Path(weights).suffix != "" or Path(weights).exists()
    return Path(weights) if is_path else shipped_weights(str(weights))
