"""The Lightning trainer of a configuration: devices, precision, callbacks."""

import sys
from collections.abc import Callable, Sequence

import lightning as L
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from qtmnet.learning.callbacks.finite import FiniteTraining
from qtmnet.learning.callbacks.training_progress import TrainingLines
from qtmnet.learning.checkpoint_files import WholeFiles
from qtmnet.process import ranks
from simulators.errors import InputError

HALF = ("16-mixed", "16", 16)
"""Names of the precision that scales gradients, lest they vanish."""


def build_trainer(
    cfg: DictConfig, callbacks: Sequence[L.Callback], loggers: list[Logger], automatic: Callable[[], str]
) -> L.Trainer:
    """A Lightning trainer.

    Args:
        cfg: of the training.
        callbacks: beside those that every training has.
        loggers: of its curves.
        automatic: what `precision: auto` is; see `automatic_precision`.

    Raises:
        InputError: for settings that Lightning does not take.
    """
    settings = OmegaConf.to_container(cfg.trainer, resolve=True)
    assert isinstance(settings, dict)
    if settings.get("precision") == "auto":
        settings["precision"] = automatic()
    if settings["precision"] in HALF and settings.get("gradient_clip_val") and cfg.optimizer.get("fused"):
        raise InputError(
            "optimizer.fused: with trainer.precision=16-mixed it scales gradients itself, too late to clip them; give "
            "optimizer.fused=false"
        )
    settings["use_distributed_sampler"] = False  # the data module shares the batches
    if settings.get("devices") == "auto":
        settings |= ranks.layout()
    settings["enable_progress_bar"] &= sys.stderr.isatty()
    shown = RichProgressBar(console_kwargs={"stderr": True}) if settings["enable_progress_bar"] else TrainingLines()
    # First of all, so that no other takes a number that is not finite for a result.
    callbacks = [FiniteTraining(), *callbacks, *build_callbacks(cfg.get("callbacks")), shown]
    places = {"logger": loggers, "plugins": [WholeFiles()], "default_root_dir": cfg.run_dir}
    try:
        trainer = instantiate(settings, callbacks=callbacks, **places)
    except InstantiationException as failure:
        error = failure.__cause__ or failure
        chosen = settings.get("accelerator") not in ("auto", "cpu")
        advice = "; give trainer.accelerator=auto for what there is" if chosen else ""
        raise InputError(f"trainer: {str(error).rstrip('.!')}{advice}") from None
    if not isinstance(trainer, L.Trainer):
        raise InputError(
            f"trainer._target_: found {settings.get('_target_')}; give lightning.Trainer or one of its kind"
        )
    return trainer


def build_callbacks(configured: DictConfig | None) -> list[L.Callback]:
    """All callbacks of the configuration's group `callbacks`, beside those that no training goes without.

    Raises:
        InputError: for one that is no callback.
    """
    callbacks = []
    for name, settings in (configured or {}).items():
        callback = instantiate(settings)
        if not isinstance(callback, L.Callback):
            raise InputError(f"callbacks.{name!s}._target_: found {settings['_target_']}; give a Lightning callback")
        callbacks.append(callback)
    return callbacks


def check_processes(trainer: L.Trainer, cfg: DictConfig, network: nn.Module) -> None:
    """Whether the processes that were started are those that the trainer is for.

    Raises:
        InputError: if not, if they would not share the work, if each of them would run a whole sweep, or if their
            networks would come apart, as each keeps running means of its own batches.
    """
    n, started = trainer.num_nodes * trainer.num_devices, ranks.n_processes()
    if started not in (1, n):
        raise InputError(
            f"trainer: {started} processes were started, this trainer takes {n}, so each would train alone; give "
            "trainer=ddp and leave out trainer.devices, or start one"
        )
    if n > 1 and not isinstance(cfg.trainer.get("strategy"), DictConfig):
        raise InputError(f"trainer: found {n} devices; give trainer=ddp, which shares the work among them")
    if n > 1 and any(isinstance(layer, _BatchNorm) for layer in network.modules()):
        raise InputError(
            f"model.norm: found batch for {n} devices, each of which would normalise by batches of its own; give "
            "model.norm=group, or one device"
        )
    if n > 1 and HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise InputError(f"trainer: found {n} devices; {ranks.NO_MULTIRUN}")


def check_validates(trainer: L.Trainer) -> None:
    """Whether some epoch is trained, validated and kept: else there would be no best.ckpt in the end.

    Raises:
        InputError: that names the setting that is in the way.
    """
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if getattr(trainer, "fast_dev_run", False):
        raise InputError("trainer.fast_dev_run: keeps no checkpoint; leave it out, and give trainer.max_epochs=1")
    for name in ("limit_train_batches", "limit_val_batches", "max_steps"):
        if getattr(trainer, name) == 0:
            raise InputError(f"trainer.{name}: found 0, so there would be no best.ckpt; leave it out")
    if every is not None and epochs is not None and every > epochs:
        raise InputError(
            f"trainer.check_val_every_n_epoch: found {every} for {epochs} epochs, so there would be no best.ckpt; give "
            f"at most {epochs}"
        )
