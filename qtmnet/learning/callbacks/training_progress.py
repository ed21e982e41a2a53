"""How far a training is, in lines, where a progress bar would only fill a log."""

import sys
import time
from collections import defaultdict
from typing import Any

import lightning as L

from qtmnet.learning.loading import n_samples
from qtmnet.quantities import number_text

SECONDS_BETWEEN_LINES = 15.0
SECONDS_BETWEEN_EPOCH_LINES = 60.0


class TrainingLines(L.Callback):
    """What is trained on; then a line for every tenth of the epochs or every minute, and within long epochs."""

    def __init__(self) -> None:
        self._start = self._latest = 0.0
        self._first_step = self._samples = 0

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Tell how much there is to do, and on what."""
        self._start = self._latest = time.monotonic()
        self._first_step = trainer.global_step
        weights = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
        steps, several = trainer.num_training_batches, f"{trainer.world_size} × " if trainer.world_size > 1 else ""
        self._tell(
            trainer,
            f"training {weights:,} weights for {trainer.max_epochs} epochs of {steps:g} steps on "
            f"{several}{module.device.type}, {trainer.precision}",
        )

    def on_train_epoch_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Begin to count the samples of an epoch."""
        self._samples, self._epoch_start = 0, time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, _module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell how far a long epoch is."""
        self._samples += n_samples(batch) * trainer.world_size
        now, steps = time.monotonic(), trainer.num_training_batches
        if now - self._latest < SECONDS_BETWEEN_LINES or batch_idx + 1 == steps:
            return
        self._latest = now
        done, all_steps = trainer.global_step - self._first_step, trainer.estimated_stepping_batches
        left = (all_steps - trainer.global_step) * (now - self._start) / max(done, 1)
        rate = self._samples / (now - self._epoch_start)
        self._tell(
            trainer,
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: step {batch_idx + 1}/{steps:g}, "
            f"loss {float(outputs['loss']):.4f}, {rate:.3g} samples/s, {duration(left)} left",
        )

    def on_train_epoch_end(self, trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Tell loss and error of the epoch."""
        epoch, last = trainer.current_epoch + 1, trainer.max_epochs or 1
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}  # on all processes: a sum
        now = time.monotonic()
        if epoch % max(last // 10, 1) and epoch != last and now - self._latest < SECONDS_BETWEEN_EPOCH_LINES:
            return
        self._latest = now
        told = defaultdict(lambda: float("nan"), metrics)  # an epoch may go without validation
        self._tell(
            trainer,
            f"epoch {epoch}/{last}: train/loss {number_text(told['train/loss'], '.4f')}, "
            f"val/nrmse {number_text(told['val/nrmse'], '.4f')}, "
            f"{number_text(told['train/samples_per_s'], '.3g')} samples/s, "
            f"{number_text(told['train/data_wait'], '.1%')} of it waiting for data",
        )

    def _tell(self, trainer: L.Trainer, line: str) -> None:
        if trainer.is_global_zero:
            print(line, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Hours and minutes, minutes, or seconds."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if seconds >= 60 else f"{seconds:.0f} s"
