"""What a checkpoint keeps of a training besides weights: where loops, optimizer and learning rate stand.

Lightning takes it as it is, so it is held before against what a training like this one would write.
"""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch

from qtmnet.learning.callbacks.weight_averaging import AveragedWeights
from qtmnet.learning.module import QTMModule
from simulators.errors import InputError
from simulators.settings.checking import shown

LOOPS = ("fit_loop", "validate_loop", "test_loop", "predict_loop")

LAST_STEP = "current_model_state"
"""Under which Lightning keeps the weights of the last step, where averages are what a checkpoint is of."""

MOST = 10**12
"""Steps, batches and epochs that can have been done."""


def check_state(path: str | Path, trainer: L.Trainer, module: QTMModule) -> None:
    """Look at the state in a checkpoint that `load_estimator` reads, before a training goes on with it.

    Args:
        path: of the checkpoint.
        trainer, module: that are to go on, as they are before the first step.

    Raises:
        InputError: with the name of the first part that a training like this one does not write.
    """
    content = torch.load(path, map_location="cpu", weights_only=True)
    optimizer, schedule = _stepped(module)
    wanted = {
        "global_step": 0,
        "pytorch-lightning_version": "2",
        "loops": {name: getattr(trainer, name).state_dict() for name in LOOPS},
        "optimizer_states": [optimizer],
        "lr_schedulers": [schedule],
    }
    try:
        _check_form(content, wanted, "")
        _check_averages(path, content, trainer, module)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            kept = content.get("callbacks", {})
            if not isinstance(kept, Mapping):
                raise _Other("callbacks", kept)
            if callback.state_key in kept:
                _check_form(kept[callback.state_key], callback.state_dict(), "callbacks")
    except _Other as error:
        raise InputError(f"{path}: resume: {error}; take last.ckpt as the training wrote it, or train anew") from None


class _Other(Exception):
    """A part that is other than it should be."""

    def __init__(self, name: str, *found: object) -> None:
        what = f"found {shown(found[0])}" if found else "found nothing"
        super().__init__(f"{name}: {what}, which no training like this one leaves")


def _check_averages(path: str | Path, content: Mapping[str, Any], trainer: L.Trainer, module: QTMModule) -> None:
    """Whether a checkpoint has the weights of the last step beside averages, if the training averages, and else not.

    Raises:
        InputError: if a training would go on from averages, or without those it has.
        _Other: for the first part that no averaging leaves.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    averages = any(isinstance(callback, AveragedWeights) for callback in callbacks)
    if averages != (LAST_STEP in content):
        found, advice = ("no average", "leave out") if averages else ("an average", "give")
        kept = f"its training kept {found} of the weights"
        raise InputError(f"{path}: resume: {kept}; {advice} callbacks=weight_averaging")
    if not averages:
        return
    weights = module.state_dict()
    _check_form(content, {LAST_STEP: weights, "averaging_state": {"n_averaged": torch.tensor(0)}}, "")
    for name in content[LAST_STEP].keys() - weights.keys():
        raise _Other(f"{LAST_STEP}.{shown(name, quoted=False)}", content[LAST_STEP][name])
    if int(n_averaged := content["averaging_state"]["n_averaged"]) != content["global_step"]:
        raise _Other("averaging_state.n_averaged", n_averaged)


def _stepped(module: QTMModule) -> tuple[dict[str, Any], dict[str, Any]]:
    """State of the optimizer and of the learning rate after a first step, which the weights do not take."""
    weights = [copy.deepcopy(weight).requires_grad_() for weight in module.estimator.parameters()]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    optimizer = module.make_optimizer(weights)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1)
    optimizer.step()
    return optimizer.state_dict(), schedule.state_dict()


def _check_form(found: Any, wanted: Any, name: str) -> None:
    """Whether plain data has the names, types and shapes of other plain data.

    Raises:
        _Other: for the first part that has not.
    """
    if isinstance(wanted, Mapping):
        _check_mapping(found, wanted, name)
    elif isinstance(wanted, list | tuple):
        if not isinstance(found, list | tuple) or len(found) != len(wanted):
            raise _Other(name, found)
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            _check_form(one, other, f"{name}.{index}")
    elif not _is_like(found, wanted):
        raise _Other(name, found)


def _check_mapping(found: Any, wanted: Mapping[Any, Any], name: str) -> None:
    if not isinstance(found, Mapping):
        raise _Other(name, found)
    of_group = "params" in wanted  # of an optimizer, whose settings are this training's where it has none
    for key, value in wanted.items():
        where = f"{name}.{key}" if name else str(key)
        if key in found:
            _check_form(found[key], value, where)
        elif not of_group or key == "params":
            raise _Other(where)
    if not wanted:  # of whatever names, such as those of the best checkpoints
        for key, value in found.items():
            _check_form(value, None, f"{name}.{shown(key, quoted=False)}")


def _is_like(found: Any, wanted: Any) -> bool:
    """Whether a value may stand where another one stands; null, for what is not known yet."""
    if isinstance(wanted, torch.Tensor):
        plain = isinstance(found, torch.Tensor) and found.layout == torch.strided and found.device.type == "cpu"
        if not plain or found.shape != wanted.shape or found.is_complex():
            return False
        return bool(found.isfinite().all() if found.ndim else not found.isnan())
    if wanted is None:
        scalar = isinstance(found, torch.Tensor) and not found.ndim and not found.is_complex()
        return found is None or scalar or isinstance(found, str | int | float)
    if isinstance(wanted, bool | str):
        return isinstance(found, type(wanted))
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return math.isfinite(found) if isinstance(wanted, float) else isinstance(found, int) and 0 <= found <= MOST
