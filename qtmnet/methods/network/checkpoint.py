"""Checkpoints: weights and the recipe they belong to, never code."""

import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
from torch import nn

from qtmnet.methods.network.estimator import Estimator, Recipe
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

REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types of numbers that weights are kept in, by the precision of the training."""


def load_estimator(path: str | Path, setting: str = "ckpt") -> Estimator:
    """Read a trained estimator, on the CPU, ready to estimate.

    Args:
        path: of a checkpoint.
        setting: that names it.

    Raises:
        InputError: if the file is missing, damaged, or no checkpoint of this project, or if a weight is not finite.
    """
    path, such = Path(path), "last.ckpt" if setting == "resume" else "best.ckpt"
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
    if not isinstance(content, dict) or CHECKPOINT_KEY not in content or "state_dict" not in content:
        raise InputError(f"{path}: {setting}: not a checkpoint of qtmnet; give one of a training, such as {such}")
    try:
        recipe = Recipe.from_plain(content[CHECKPOINT_KEY]["recipe"])
        weights = {
            name.removeprefix(PREFIX): value for name, value in content["state_dict"].items() if name.startswith(PREFIX)
        }
        with torch.device("meta"):  # no memory is taken for what the file does not hold
            expected = Estimator(recipe)
        check_weights(weights, expected)
        estimator = Estimator(recipe)
        estimator.load_state_dict(weights)
    except InputError as error:
        raise InputError(f"{path}: {setting}: {error}") from None
    except (TypeError, KeyError, AttributeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: {setting}: weights and recipe do not fit this version ({reason}); train it anew"
        ) from None
    return estimator.eval()


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


def check_weights(found: Mapping[str, object], network: nn.Module) -> None:
    """Whether weights and buffers are those of a network: real numbers, all finite, in its shapes.

    Raises:
        InputError: on the first that is not.
    """
    wanted = network.state_dict()
    if different := [*wanted.keys() - found.keys(), *found.keys() - wanted.keys()]:
        name = min(different)
        where = "not in the file" if name in wanted else "not in the network of its recipe"
        raise InputError(f"{name}: {where}; train it anew, or take the file as training wrote it")
    for name, weights in wanted.items():
        if fault := _fault(found[name], weights):
            raise InputError(f"{name}: {fault}; train it anew, or take the file as training wrote it")


def _fault(found: object, wanted: torch.Tensor) -> str:
    """What keeps a value from being the wanted weights; empty for nothing."""
    if not isinstance(found, torch.Tensor) or found.layout != torch.strided or found.device.type != "cpu":
        return f"found {type(found).__name__}, not plain numbers"
    if found.dtype not in REAL:
        return f"found {str(found.dtype).removeprefix('torch.')}, not {str(wanted.dtype).removeprefix('torch.')}"
    if found.shape != wanted.shape:
        return f"found shape {[*found.shape]}, not {[*wanted.shape]}"
    n_bad = int((~found.to(wanted.dtype).isfinite()).sum())
    return f"{n_bad} of {found.numel()} numbers are not finite" if n_bad else ""


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
