"""`train.py`: simulate what is missing, train, evaluate."""

import logging
import sys
import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from qtmnet import ranks
from qtmnet.building import build_data, build_estimator
from qtmnet.checkpoint import epochs_done, load_estimator
from qtmnet.checkpoint_files import WholeFiles
from qtmnet.data_wait import DataWait
from qtmnet.estimator import Recipe
from qtmnet.evaluation import evaluate_on_cubes, print_table
from qtmnet.metrics import Scores
from qtmnet.module import QTMModule
from simulators.errors import InputError


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind.

    Attributes:
        best: checkpoint of the epoch with the lowest validation error.
        last: checkpoint of the last epoch, to resume from.
        nrmse: lowest relative error on the validation cubes.
        scores: on cubes never seen, by method, if evaluation was asked for.
    """

    best: Path
    last: Path
    nrmse: float
    scores: dict[str, Scores]

    def measures(self) -> dict[str, float]:
        """What a sweep compares: first the error on the validation cubes, then those on the test cubes."""
        return {"val/nrmse": self.nrmse} | {f"test {method}": score.nrmse for method, score in self.scores.items()}


def train(cfg: DictConfig) -> TrainingResult:
    """Train a network as configured; see `conf/train.yaml`.

    Of processes that train together, the first one simulates, evaluates and prints; the others return without scores.
    """
    _quiet()
    L.seed_everything(cfg.seed, verbose=False)
    run_dir = Path(cfg.run_dir)
    # Whatever can be refused is refused before anything is simulated.
    data = build_data(cfg)
    if data.n_fit < 1:
        raise InputError(
            f"data.n_cubes: found {data.n_cubes['train']}; give at least 2, to train on and to validate with"
        )
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    module = QTMModule(
        build_estimator(cfg, data),
        instantiate(cfg.loss),
        instantiate(cfg.optimizer),
        final_learning_rate=cfg.final_learning_rate,
        config={str(name): value for name, value in config.items()},
    )
    checkpoints = run_dir / "checkpoints"
    if cfg.resume is not None:
        _check_same(load_estimator(cfg.resume).recipe, module.estimator.recipe)
        checkpoints = Path(cfg.resume).parent  # so that the best of both parts is kept
        data.first_epoch = epochs_done(cfg.resume)
    common: dict[str, Any] = {"dirpath": checkpoints, "enable_version_counter": False}
    keeper = ModelCheckpoint(filename="best", monitor="val/nrmse", mode="min", **common)
    latest = ModelCheckpoint(filename="last", save_on_train_epoch_end=True, **common)
    trainer = build_trainer(cfg, [keeper, latest])
    check_processes(trainer, cfg)
    data.check_shares(trainer.num_nodes * trainer.num_devices)
    data.prepare_data()
    if cfg.linear_start and cfg.resume is None:
        data.setup("fit")
        module.estimator.start_from(data.first_samples())
    try:
        trainer.fit(module, data, ckpt_path=cfg.resume, weights_only=True)
    except InputError as error:
        raise ranks.OwnError(str(error)) from None
    except SystemExit:  # how Lightning ends an interrupted training
        raise KeyboardInterrupt(f"interrupted; go on with resume={checkpoints / 'last.ckpt'}") from None
    if torch.distributed.is_initialized():  # whoever trains next in this process opens a connection of its own
        torch.distributed.destroy_process_group()
    best = Path(keeper.best_model_path)
    scores = {}
    if cfg.evaluate and trainer.is_global_zero:
        scores = evaluate_on_cubes(load_estimator(best), data, run_dir)
        print_table(scores, f"{data.n_cubes['test']} unseen cubes")
    if trainer.is_global_zero:
        print(f"checkpoint: {best}")
    nrmse = float(keeper.best_model_score) if keeper.best_model_score is not None else float("nan")
    return TrainingResult(best=best, last=checkpoints / "last.ckpt", nrmse=nrmse, scores=scores)


def _check_same(kept: Recipe, asked: Recipe) -> None:
    """Refuse to go on with other settings than a checkpoint was made with."""
    ours, theirs = kept.plain(), asked.plain()
    different = [name for name in ours if ours[name] != theirs[name]]
    if different:
        name = different[0]
        raise InputError(
            f"resume: trained with other settings ({name}: {ours[name]}, now {theirs[name]}); repeat those of its run"
        )


def build_trainer(cfg: DictConfig, callbacks: list[L.Callback]) -> L.Trainer:
    """A Lightning trainer; `precision: auto` is bf16 where the hardware multiplies it natively, else fp32."""
    settings = OmegaConf.to_container(cfg.trainer, resolve=True)
    assert isinstance(settings, dict)
    epochs = settings.get("max_epochs")
    if not isinstance(epochs, int) or epochs < 1:
        raise InputError(f"trainer.max_epochs: found {epochs!r}; give a whole number, at least 1")
    if settings.get("precision") == "auto":
        settings["precision"] = "bf16-mixed" if has_native_bf16() else "32-true"
    settings["use_distributed_sampler"] = False  # the data module shares the batches
    if settings.get("devices") == "auto":
        settings |= ranks.layout()
    callbacks = [*callbacks, DataWait(), *pruning(cfg)]
    if not sys.stderr.isatty():
        settings["enable_progress_bar"] = False
        callbacks = [*callbacks, EpochLines()]
    callbacks = [*callbacks, LearningRateMonitor("epoch")]
    logger, plugins = instantiate(cfg.logger), [WholeFiles()]
    try:
        return instantiate(settings, callbacks=callbacks, logger=logger, plugins=plugins, default_root_dir=cfg.run_dir)
    except (TypeError, ValueError, RuntimeError, L.fabric.utilities.exceptions.MisconfigurationException) as error:
        raise InputError(f"trainer: {error}") from None


def pruning(cfg: DictConfig) -> list[L.Callback]:
    """What ends a run that a search gives up; nothing outside of a search."""
    if cfg.trial is None:
        return []
    from qtmnet.sweeps.pruning import Pruning

    hydra = HydraConfig.get()
    return [Pruning(Path(hydra.sweep.dir), cfg.trial, instantiate(hydra.sweeper.pruner))]


def check_processes(trainer: L.Trainer, cfg: DictConfig) -> None:
    """Whether the processes that were started are those that the trainer is for.

    Raises:
        InputError: if not, if they would not share the work, or if each of them would run a whole sweep.
    """
    n, started = trainer.num_nodes * trainer.num_devices, ranks.n_processes()
    if started not in (1, n):
        raise InputError(
            f"trainer: {started} processes were started, this trainer takes {n}, so each would train alone; give "
            "trainer=ddp and leave out trainer.devices, or start one"
        )
    if n > 1 and not isinstance(cfg.trainer.get("strategy"), DictConfig):
        raise InputError(f"trainer: found {n} devices; give trainer=ddp, which shares the work among them")
    if n > 1 and HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        raise InputError(f"trainer: found {n} devices; {ranks.NO_MULTIRUN}")


def has_native_bf16() -> bool:
    """Whether the GPU, else the CPU, has instructions that multiply bfloat16."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


class EpochLines(L.Callback):
    """A line for every tenth of the epochs, where a progress bar would only fill a log."""

    def on_train_epoch_end(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Print loss and error of the epoch."""
        epoch, last = trainer.current_epoch + 1, trainer.max_epochs or 1
        if epoch % max(last // 10, 1) and epoch != last:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if not trainer.is_global_zero:  # only now: metrics are summed over the processes as they are asked for
            return
        told = defaultdict(lambda: float("nan"), metrics)
        print(
            f"epoch {epoch}/{last}: train/loss {told['train/loss']:.4f}, val/nrmse {told['val/nrmse']:.4f}, "
            f"{told['train/samples_per_s']:.3g} samples/s, {told['train/data_wait']:.1%} of it waiting for data",
            file=sys.stderr,
            flush=True,
        )


def _quiet() -> None:
    """Leave out what Lightning tells about itself."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*The number of training batches.*")
    warnings.filterwarnings("ignore", ".*exists and is not empty.*")
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", ".*`broadcast_buffers` is deprecated.*")  # its successor came with torch 2.13
    warnings.filterwarnings("ignore", ".*Grad strides do not match.*")  # of 1 x 1 x 1 kernels only
