"""Where the curves of a training go: CSV files, TensorBoard, Weights & Biases, or several of them."""

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from hydra.utils import instantiate
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from omegaconf import DictConfig

from qtmnet.process.console import shown
from simulators.errors import InputError

NEEDS = {"tensorboard": "tensorboard", "wandb": "wandb"}
"""Loggers with a package of their own, which is also the name of the extra that brings it."""


def build_loggers(configured: DictConfig) -> list[Logger]:
    """All loggers of the configuration's group `logger`.

    Raises:
        InputError: for one whose package is not installed, or which cannot do what it is asked for.
    """
    for name, package in NEEDS.items():
        if name in configured and importlib.util.find_spec(package) is None:
            raise InputError(
                f"logger={name}: {package} is not installed; pip install -c constraints.txt -e '.[{package}]'"
            )
    if "wandb" in configured:
        if configured.wandb.get("offline") and configured.wandb.get("log_model"):
            raise InputError(
                "logger.wandb.log_model: checkpoints cannot be sent offline; leave it out, or give "
                "logger.wandb.offline=false"
            )
        os.environ.setdefault("WANDB_SILENT", "true")  # we tell where the files are
    loggers = [instantiate(settings) for settings in configured.values()]
    for logger in loggers:
        if isinstance(logger, WandbLogger):  # Lightning passes on a setting that W&B now warns of
            logger._wandb_init.pop("anonymous", None)
    return loggers


@contextmanager
def closed_at_end(loggers: Sequence[Logger], run_dir: Path) -> Iterator[None]:
    """Write out what the loggers have, also when training ends with an error; the next training begins anew."""
    status = "failed"
    try:
        yield
        status = "success"
    finally:
        for logger in loggers:
            logger.finalize(status)
            if isinstance(logger, WandbLogger) and logger._experiment is not None:
                _finish(logger, 0 if status == "success" else 1)


def _finish(logger: WandbLogger, exit_code: int) -> None:
    run = logger.experiment
    folder = Path(run.dir).parent
    run.finish(exit_code=exit_code)
    if logger._offline:
        print(f"wandb: {shown(folder)}; send it with: wandb sync {shown(folder)}", file=sys.stderr)
    else:
        print(f"wandb: {run.url}", file=sys.stderr)


def log_settings(loggers: Sequence[Logger], settings: Mapping[str, object]) -> None:
    """Log the resolved configuration, and what code it was run with.

    Args:
        loggers: all that there are.
        settings: plain data.
    """
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):  # its table of hyperparameters flattens and cuts
            text = yaml.safe_dump(dict(settings), sort_keys=False)
            logger.experiment.add_text("settings", "\n".join(f"    {line}" for line in text.splitlines()))
        else:
            logger.log_hyperparams(dict(settings))
