"""Checkpoints: weights and the recipe they belong to, never code."""

import pickle
from pathlib import Path

import torch

from qtmnet.estimator import Estimator, Recipe
from qtmnet.module import CHECKPOINT_KEY
from simulators.errors import InputError

PREFIX = "estimator."


def load_estimator(path: str | Path) -> Estimator:
    """Read a trained estimator, on the CPU, ready to estimate.

    Raises:
        InputError: if the file is missing, damaged, or no checkpoint of this project.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: ckpt: no such file; give a checkpoint of a training, such as best.ckpt")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: ckpt: unreadable, cut short or not plain data ({reason}); train it anew") from None
    if not isinstance(content, dict) or CHECKPOINT_KEY not in content or "state_dict" not in content:
        raise InputError(f"{path}: ckpt: not a checkpoint of qtmnet; give one of a training, such as best.ckpt")
    try:
        estimator = Estimator(Recipe.from_plain(content[CHECKPOINT_KEY]["recipe"]))
        weights = {
            name.removeprefix(PREFIX): value for name, value in content["state_dict"].items() if name.startswith(PREFIX)
        }
        estimator.load_state_dict(weights)
    except InputError as error:
        raise InputError(f"{path}: ckpt: {error}") from None
    except (TypeError, KeyError, AttributeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: ckpt: weights and recipe do not fit this version ({reason}); train it anew"
        ) from None
    return estimator.eval()


def epochs_done(path: str | Path) -> int:
    """Epochs of training behind a checkpoint that `load_estimator` reads."""
    return int(torch.load(path, map_location="cpu", weights_only=True)["epoch"]) + 1
