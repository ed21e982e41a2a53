"""How much of the training time goes by waiting for data."""

from time import perf_counter
from typing import Any

import lightning as L

from qtmnet.learning.loading import n_samples


class DataWait(L.Callback):
    """Logs `train/data_wait`, a share of the training time, and `train/samples_per_s` of each epoch.

    Training time is what goes by from one batch to the next over all batches of an epoch, without validation and
    checkpoints. From it, waiting is what lies between the end of a step and the start of the next: the loader, the
    copy to the device, and Lightning's own work.

    On a GPU, this is what the host sees. Steps are launched and not awaited, so the device may still compute while the
    host waits: `train/data_wait` is then an upper limit of the time that the device has nothing to do. The rate is
    right to within the few steps that can be launched ahead.
    """

    def __init__(self) -> None:
        self._mark = self._waiting = self._stepping = 0.0
        self._n_samples = 0

    def on_train_epoch_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Begin to count."""
        self._waiting = self._stepping = 0.0
        self._n_samples = 0
        self._mark = perf_counter()

    def on_train_batch_start(self, _trainer: L.Trainer, _module: L.LightningModule, _batch: Any, _index: int) -> None:
        """A batch is there."""
        self._waiting += self._since_mark()

    def on_train_batch_end(
        self, _trainer: L.Trainer, _module: L.LightningModule, _outputs: Any, batch: Any, _index: int
    ) -> None:
        """Its step has ended."""
        self._stepping += self._since_mark()
        self._n_samples += n_samples(batch)

    def on_train_epoch_end(self, _trainer: L.Trainer, module: L.LightningModule) -> None:
        """Log both; waiting as the mean over processes, the rate as their sum."""
        whole = self._waiting + self._stepping
        if whole > 0:
            module.log("train/data_wait", self._waiting / whole, sync_dist=True)
            module.log("train/samples_per_s", self._n_samples / whole, sync_dist=True, reduce_fx="sum")

    def _since_mark(self) -> float:
        before, self._mark = self._mark, perf_counter()
        return self._mark - before
