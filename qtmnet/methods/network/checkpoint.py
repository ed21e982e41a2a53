"""Checkpoints of a training: weights, the description that they belong to, and its state to go on from; never code."""

import pickle
import struct
import warnings
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import torch

from qtmnet.methods.network.checked_weights import description_of, estimator_of
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.migration import FORMAT, current
from qtmnet.methods.network.weights import JSON, NUMBERS, load_weights
from simulators.errors import InputError, printable
from simulators.files.reading import CHECKPOINT_FILE, check_file
from simulators.settings.checking import checked
from simulators.settings.limits import Within

CHECKPOINT_KEY = "qtmnet"
"""Under which a checkpoint of Lightning holds what is ours."""

PREFIX = "estimator."

_UNREADABLE = (
    *(RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError, LookupError, ValueError),
    *(TypeError, AttributeError, AssertionError, MemoryError, OverflowError, struct.error),
)
"""What damaged files make of torch's reader, which builds what they say step by step."""

NOT_OF_DESCRIPTION = ("config",)
"""What is kept under `CHECKPOINT_KEY` beside the description."""


def described(description: Description, config: object) -> dict[str, object]:
    """What a checkpoint holds under `CHECKPOINT_KEY`: plain data."""
    return {"format": FORMAT, **description.plain(), "config": config}


def load_estimator(path: str | Path, setting: str = "ckpt", trusted: Collection[str] = ()) -> Estimator:
    """Read a trained estimator, on the CPU, ready to estimate.

    Args:
        path: of a checkpoint, or of weights that a training has written beside one (`qtmnet.methods.network.weights`).
        setting: that names it.
        trusted: dotted names of classes that it may build though no list has them, see `allowed`.

    Raises:
        InputError: if the file is missing, damaged, or no checkpoint of this project, or if a weight is not finite.
    """
    path, such = Path(path), "last.ckpt" if setting == "resume" else "best.ckpt"
    if path.suffix in (JSON, NUMBERS):
        if setting == "resume":
            raise InputError(f"{path}: resume: weights alone do not say how to go on; give {such} of the training")
        return load_weights(path, trusted, setting)
    check_file(path, CHECKPOINT_FILE, setting=setting, advice=f"give a checkpoint of a training, such as {such}")
    try:
        _check_archive(path)
        with warnings.catch_warnings(action="ignore"):  # of torch's, on files that are refused here
            content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except _UNREADABLE:  # in words of torch's, pickle's or zip's that say nothing of the file
        raise InputError(
            f"{path}: {setting}: no checkpoint, or one that is damaged or cut short; give one as a training wrote it, "
            f"such as {such}"
        ) from None
    if not _is_ours(content):
        raise InputError(f"{path}: {setting}: not a checkpoint of qtmnet; give one of a training, such as {such}")
    try:
        kept = {name: value for name, value in content[CHECKPOINT_KEY].items() if name not in NOT_OF_DESCRIPTION}
        return estimator_of(description_of(current(kept), trusted), _weights(content["state_dict"]))
    except InputError as error:
        raise InputError(f"{path}: {setting}: {error}") from None


def _is_ours(content: object) -> bool:
    """Whether a file holds what is ours, and weights."""
    parts = (CHECKPOINT_KEY, "state_dict")
    return isinstance(content, dict) and all(isinstance(content.get(part), Mapping) for part in parts)


def _weights(state: Mapping[Any, Any]) -> dict[str, object]:
    """The estimator's part of a module's state."""
    named = ((name, value) for name, value in state.items() if isinstance(name, str))
    return {name.removeprefix(PREFIX): value for name, value in named if name.startswith(PREFIX)}


def _check_archive(path: Path) -> None:
    """Whether what is in a file is as it was written and takes no more memory than the file is long.

    torch packs nothing and, when it reads, does not look at the checksums: weights with a wrong byte pass for others.

    Raises:
        InputError: for parts that unpack to more, or are damaged.
    """
    if not zipfile.is_zipfile(path):
        return  # which torch complains of, or reads as it is
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > path.stat().st_size:
            found = f"found {unpacked} bytes in a file of {path.stat().st_size}"
            raise InputError(f"{path}: ckpt: {found}; give one of a training, as it was written")
        if damaged := archive.testzip():
            raise InputError(f"{path}: ckpt: {printable(damaged)} in it is damaged; copy it again, or train it anew")


def epochs_done(path: str | Path) -> int:
    """Epochs of training behind a checkpoint that `load_estimator` reads.

    Raises:
        InputError: if it does not say.
    """
    epoch = torch.load(path, map_location="cpu", weights_only=True).get("epoch")
    return checked(f"{path}: ckpt: epoch", epoch, Annotated[int, Within(0, 10**9)]) + 1


def trained_settings(path: str | Path) -> object:
    """The configuration that a checkpoint which `load_estimator` reads was trained with, if it is there."""
    return torch.load(path, map_location="cpu", weights_only=True)[CHECKPOINT_KEY].get("config")
