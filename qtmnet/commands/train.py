"""`train`: simulate what is missing, train, evaluate."""

import logging
import math
import shlex
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from qtmnet.commands.building import build_estimator, build_loss
from qtmnet.commands.evaluate import evaluate_on_cubes, first_of
from qtmnet.commands.methods import compared_methods, readable
from qtmnet.commands.sources import build_source
from qtmnet.costs.afford import afford
from qtmnet.costs.any_scan import any_scan_costs
from qtmnet.costs.cost import Cost
from qtmnet.costs.training import training_costs
from qtmnet.datasets.cubes import Cubes
from qtmnet.evaluation.metrics import Scores
from qtmnet.learning.any_scan.calibrating import calibrated
from qtmnet.learning.any_scan.source import AnyScanCubes
from qtmnet.learning.callbacks.finite import NotFinite
from qtmnet.learning.callbacks.pace import Pace
from qtmnet.learning.callbacks.step_rate import threads
from qtmnet.learning.loading import SampleLoading
from qtmnet.learning.loggers import build_loggers, closed_at_end, log_settings
from qtmnet.learning.module import QTMModule
from qtmnet.learning.precision import automatic_precision
from qtmnet.learning.resuming import check_same
from qtmnet.learning.source import Source
from qtmnet.learning.stored import StoredCubes
from qtmnet.learning.trainer import build_trainer, check_processes, check_validates
from qtmnet.learning.training_state import check_state
from qtmnet.methods.network.any_scan.estimator import AnyScanEstimator
from qtmnet.methods.network.checkpoint import epochs_done, load_estimator, trained_settings
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.weights import save_weights
from qtmnet.process import invocation, ranks
from qtmnet.process.provenance import provenance
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
    with threads():
        return _train(cfg)


def _train(cfg: DictConfig) -> TrainingResult:
    _quiet()
    _refuse_one_run_of_a_sweep()
    L.seed_everything(cfg.seed, verbose=False)
    # Whatever can be refused is refused before anything is simulated.
    source = build_source(cfg)
    if source.n_fit < 1 and isinstance(source, StoredCubes):
        raise InputError(
            f"data.n_cubes: found {source.cubes['train'].n_cubes}; give at least 2, to train on and to validate with"
        )
    afford(_costs(cfg, source), tell=ranks.is_first())
    module, data = build_module(cfg, source), SampleLoading(source)
    if cfg.evaluate and not isinstance(source, StoredCubes):
        raise InputError(
            "evaluate: found true, but a network for any scan is evaluated on brains; give evaluate=false, and then: "
            f"{invocation.command('evaluate')} phantom=brain ckpt=…"
        )
    if cfg.evaluate:
        compared_methods(cfg, module.estimator)  # refused now, not after hours
    checkpoints = Path(cfg.run_dir) / "checkpoints"
    if cfg.resume is None:
        _refuse_used(checkpoints)
    else:
        check_same(
            cfg,
            module.estimator.description,
            load_estimator(cfg.resume, "resume", module.estimator.description.trusted).description,
            trained_settings(cfg.resume),
        )
        checkpoints = Path(cfg.resume).parent  # so that the best of both parts is kept
        data.first_epoch = epochs_done(cfg.resume)
        if data.first_epoch >= (cfg.trainer.get("max_epochs") or math.inf):
            raise InputError(
                f"{cfg.resume}: resume: all of its {data.first_epoch} epochs are done; give its best.ckpt to "
                f"{invocation.command('evaluate')}, or train anew for more (the learning rate's course is for so many)"
            )
    keeper, latest = _keepers(checkpoints)
    loggers = build_loggers(cfg.logger)
    pace = Pace(cfg.threads, cfg.memory_layout)
    trainer = build_trainer(
        cfg, [keeper, latest, pace, *_pruning(cfg)], loggers, lambda: _precision(module.estimator, source)
    )
    check_processes(trainer, cfg, module.estimator)
    check_validates(trainer)
    if cfg.resume is not None:
        check_state(cfg.resume, trainer, module)
    source.truths = module.estimator.description.truths
    data.check_shares(trainer.num_nodes * trainer.num_devices)
    data.prepare_data()
    data.setup("fit")
    pace.begin(trainer, module, data)
    if cfg.resume is None:
        _start(cfg, module.estimator, data)
    with closed_at_end(loggers, Path(cfg.run_dir)):
        if trainer.is_global_zero:
            log_settings(loggers, module.config)
        _fit(trainer, module, data, resume=cfg.resume, last=checkpoints / "last.ckpt")
    if keeper.best_model_score is None:
        raise InputError(
            "trainer: no epoch was validated, so there is no best.ckpt; leave trainer.limit_val_batches and "
            f"trainer.check_val_every_n_epoch out ({checkpoints / 'last.ckpt'} is the last epoch's)"
        )
    best, nrmse = Path(keeper.best_model_path), float(keeper.best_model_score)
    scores = {}
    if trainer.is_global_zero:
        estimator = load_estimator(best, trusted=module.estimator.description.trusted)
        if isinstance(source, AnyScanCubes) and isinstance(estimator, AnyScanEstimator):
            estimator = calibrated(estimator, source)
        measured = {"nrmse": nrmse} if math.isfinite(nrmse) else {}
        weights = save_weights(best, estimator, provenance=provenance().plain(), validation=measured)
        if cfg.evaluate and isinstance(source, StoredCubes):
            scores = _evaluated(cfg, best, estimator, source.cubes["test"])
        print(f"checkpoint: {best}\nweights: {weights}")
    return TrainingResult(best=best, last=checkpoints / "last.ckpt", nrmse=nrmse, scores=scores)


def _evaluated(cfg: DictConfig, best: Path, estimator: Estimator, cubes: Cubes) -> dict[str, Scores]:
    """Scores on the test cubes, which are printed.

    Raises:
        KeyboardInterrupt: that tells how to go on, which is not by training again.
    """
    try:
        methods = readable(compared_methods(cfg, estimator, str(best)), cubes.acquisition)
        return first_of(evaluate_on_cubes(estimator, methods, cubes, Path(cfg.run_dir)))
    except KeyboardInterrupt:
        evaluation = f"{invocation.command('evaluate')} ckpt={shlex.quote(str(best))}"
        raise KeyboardInterrupt(f"interrupted; the training is done, evaluate it by: {evaluation}") from None


def _pruning(cfg: DictConfig) -> list[L.Callback]:
    """What ends a run that a search gives up; nothing outside of a search."""
    if cfg.trial is None:
        return []
    from qtmnet.commands.sweeps.pruning import Pruning

    hydra = HydraConfig.get()
    return [Pruning(Path(hydra.sweep.dir), cfg.trial, instantiate(hydra.sweeper.pruner))]


def _start(cfg: DictConfig, estimator: Estimator, data: SampleLoading) -> None:
    """Give an estimator what it is not to learn: its front end, or the best linear estimate."""
    if isinstance(estimator, AnyScanEstimator) and isinstance(data.source, AnyScanCubes):
        estimator.set_front_end(data.source.front_end)
    elif cfg.linear_start:
        estimator.start_from(data.first_samples())


def _precision(estimator: Estimator, source: Source) -> str:
    """The precision for a network and the samples that it will be trained on."""
    return automatic_precision(estimator.network, (estimator.description.in_channels, *source.sample_shape))


def build_module(cfg: DictConfig, source: Source) -> QTMModule:
    """The module of a configuration; it keeps the configuration, and which code it is."""
    settings = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(settings, dict)
    return QTMModule(
        build_estimator(cfg, source),
        build_loss(cfg),
        instantiate(cfg.optimizer),
        final_learning_rate=cfg.final_learning_rate,
        warmup_steps=cfg.warmup_steps,
        config={**{str(name): value for name, value in settings.items()}, "provenance": provenance().plain()},
    )


def _costs(cfg: DictConfig, source: Source) -> Iterator[Cost]:
    epochs = cfg.trainer.get("max_epochs")
    if isinstance(source, AnyScanCubes):
        build_estimator(cfg, source)  # refuses what cannot be built
        yield from any_scan_costs(source, epochs if isinstance(epochs, int) else 1)
        return
    assert isinstance(source, StoredCubes)
    yield from training_costs(
        lambda: build_estimator(cfg, source),
        source,
        epochs=epochs if isinstance(epochs, int) else 1,  # anything else the trainer refuses
        accelerator=str(cfg.trainer.get("accelerator", "auto")),
        linear_start=cfg.linear_start and cfg.resume is None,
        evaluate=cfg.evaluate,
        run_dir=cfg.run_dir,
    )


def _refuse_one_run_of_a_sweep() -> None:
    """Refuse a sweep's settings for one training, which would have none of its values.

    Raises:
        InputError: if `sweep=…` is given without --multirun.
    """
    if HydraConfig.initialized() and HydraConfig.get().mode != RunMode.MULTIRUN:
        chosen = HydraConfig.get().runtime.choices.get("sweep")
        if chosen not in (None, "null"):
            raise InputError(
                f"sweep: found {chosen}, which is for many trainings; give --multirun, too, or leave it out"
            )


def _refuse_used(checkpoints: Path) -> None:
    """Refuse the folder of another training, whose checkpoints would be replaced. A sweep knows its own runs.

    Raises:
        InputError: if there is one in it.
    """
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    if not in_sweep and ranks.is_first() and (kept := checkpoints / "last.ckpt").exists():
        raise InputError(f"run_dir: {checkpoints.parent} holds a training; give resume={kept}, or another folder")


def _keepers(folder: Path) -> tuple[ModelCheckpoint, ModelCheckpoint]:
    """What keeps the best and the last checkpoint."""
    common: dict[str, Any] = {"dirpath": folder, "enable_version_counter": False}
    return (
        ModelCheckpoint(filename="best", monitor="val/nrmse", mode="min", **common),
        ModelCheckpoint(filename="last", save_on_train_epoch_end=True, **common),
    )


def _fit(trainer: L.Trainer, module: QTMModule, data: SampleLoading, *, resume: str | None, last: Path) -> None:
    try:
        trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    except NotFinite:  # which all processes meet, so that one tells
        raise
    except InputError as error:
        raise ranks.OwnError(str(error)) from None
    except SystemExit:  # how Lightning ends an interrupted training
        again = invocation.line(f"resume={last}", without="resume=")
        raise KeyboardInterrupt(f"interrupted; go on with: {again}") from None
    finally:
        if torch.distributed.is_initialized():  # whoever trains next in this process opens a connection of its own
            torch.distributed.destroy_process_group()


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
