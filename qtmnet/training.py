"""`train.py`: simulate what is missing, train, evaluate."""

import logging
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.utils import instantiate
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from qtmnet.building import build_data, build_estimator
from qtmnet.checkpoint import load_estimator
from qtmnet.estimator import Recipe
from qtmnet.evaluation import evaluate_on_cubes, print_table
from qtmnet.metrics import Scores
from qtmnet.module import QTMModule
from simulators.errors import InputError

SAMPLES_TO_START_FROM = 200
"""Cubes for the linear estimate: a few coefficients from hundreds of thousands of voxels."""


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


def train(cfg: DictConfig) -> TrainingResult:
    """Train a network as configured; see `conf/train.yaml`."""
    _quiet()
    L.seed_everything(cfg.seed, verbose=False)
    run_dir = Path(cfg.run_dir)
    # Whatever can be refused is refused before anything is simulated.
    data = build_data(cfg)
    if data.n_cubes["train"] < 2:
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
    common: dict[str, Any] = {"dirpath": checkpoints, "enable_version_counter": False}
    keeper = ModelCheckpoint(filename="best", monitor="val/nrmse", mode="min", **common)
    latest = ModelCheckpoint(filename="last", save_on_train_epoch_end=True, **common)
    trainer = build_trainer(cfg, [keeper, latest])
    data.prepare_data()
    if cfg.linear_start and cfg.resume is None:
        data.setup("fit")
        fitting = data.datasets["fit"]
        module.estimator.start_from(fitting[0, index] for index in range(min(len(fitting), SAMPLES_TO_START_FROM)))
    try:
        trainer.fit(module, data, ckpt_path=cfg.resume, weights_only=True)
    except SystemExit:  # how Lightning ends an interrupted training
        raise KeyboardInterrupt(f"interrupted; go on with resume={checkpoints / 'last.ckpt'}") from None
    best = Path(keeper.best_model_path)
    scores = {}
    if cfg.evaluate:
        scores = evaluate_on_cubes(load_estimator(best), data, run_dir)
        print_table(scores, f"{data.n_cubes['test']} unseen cubes")
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
    if not sys.stderr.isatty():
        settings["enable_progress_bar"] = False
        callbacks = [*callbacks, EpochLines()]
    callbacks = [*callbacks, LearningRateMonitor("epoch")]
    try:
        return instantiate(settings, callbacks=callbacks, logger=instantiate(cfg.logger), default_root_dir=cfg.run_dir)
    except (TypeError, ValueError, L.fabric.utilities.exceptions.MisconfigurationException) as error:
        raise InputError(f"trainer: {error}") from None


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
        print(
            f"epoch {epoch}/{last}: train/loss {metrics.get('train/loss', float('nan')):.4f}, "
            f"val/nrmse {metrics.get('val/nrmse', float('nan')):.4f}",
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
