"""Training of an estimator, as a LightningModule."""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import nn

from qtmnet.learning.loading import Tensors, n_samples
from qtmnet.learning.losses import ValidationSums
from qtmnet.limits import FinalLearningRate, StepCount
from qtmnet.methods.network.checkpoint import CHECKPOINT_KEY, described
from qtmnet.methods.network.estimator import Estimator
from simulators.errors import InputError
from simulators.settings.checking import checks_arguments


class QTMModule(L.LightningModule):
    """An estimator, its loss, its optimizer and a cosine schedule.

    Args:
        estimator: what is trained.
        loss: of all outputs, see `OutputsLoss`.
        optimizer: makes an optimizer of parameters.
        final_learning_rate: that the cosine ends at, from the optimizer's own.
        warmup_steps: over which the learning rate rises to the optimizer's own before the cosine begins; without them a
            network without normalisation can lose its units to the first, largest steps.
        channels_last: keep images with channels last in memory, which convolutions are faster with.
        config: the resolved configuration, as plain data, for the record.

    Raises:
        InputError: for settings that no optimizer takes.
    """

    @checks_arguments
    def __init__(
        self,
        estimator: Estimator,
        loss: nn.Module,
        optimizer: Callable[[Any], torch.optim.Optimizer],
        *,
        final_learning_rate: FinalLearningRate = 1e-6,
        warmup_steps: StepCount = 0,
        channels_last: bool = True,
        config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        try:
            optimizer(estimator.parameters())
        except (TypeError, ValueError) as error:
            raise InputError(f"optimizer: {error}") from None
        self.estimator = estimator
        self.loss = loss
        self.make_optimizer = optimizer
        self.final_learning_rate, self.warmup_steps = final_learning_rate, warmup_steps
        self.config = config or {}
        if channels_last:
            self.estimator.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._sums = ValidationSums(estimator.description.outputs)
        self.gradient_norm: torch.Tensor | None = None
        """Of all gradients of a step, if `FiniteTraining` has looked."""

    def forward(self, sample: Tensors) -> torch.Tensor:
        """All outputs (N, n_outputs, X, Y, Z) in units of their scales."""
        return self.estimator(sample)

    def training_step(self, sample: Tensors, _batch: int) -> torch.Tensor:
        """Loss of a batch."""
        loss = self.loss(self(sample), sample)
        n = n_samples(sample)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=n, sync_dist=True)
        return loss

    def on_fit_start(self) -> None:
        """Take the first process's buffers, as DDP takes its weights: a linear start may round otherwise elsewhere."""
        if self.trainer.world_size > 1:
            for buffer in self.buffers():
                torch.distributed.broadcast(buffer, 0)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """What Lightning does, but with the norm that is known, and leaving alone what is below the limit."""
        if self.gradient_norm is None or not gradient_clip_val or gradient_clip_algorithm not in (None, "norm"):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif self.gradient_norm > gradient_clip_val:
            nn.utils.clip_grads_with_norm_(self.parameters(), gradient_clip_val, self.gradient_norm)

    def on_validation_epoch_start(self) -> None:
        """Sums over voxels start anew."""
        self._sums.start(self.device)

    def validation_step(self, sample: Tensors, _batch: int) -> None:
        """Add a batch to the sums."""
        self._sums.add(self(sample), sample)

    def on_validation_epoch_end(self) -> None:
        """Relative error and bias over all validation voxels, of all processes."""
        strategy = self.trainer.strategy
        for name, value in self._sums.measures(lambda sums: strategy.reduce(sums, reduce_op="sum")).items():
            self.log(f"val/{name}", value, prog_bar=name == "nrmse", sync_dist=True)

    def configure_optimizers(self) -> Any:
        """The optimizer with its learning rate on a cosine over all steps."""
        optimizer = self.make_optimizer(self.estimator.parameters())
        n_steps, n_warm = max(int(self.trainer.estimated_stepping_batches), 1), self.warmup_steps
        schedule: torch.optim.lr_scheduler.LRScheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=max(n_steps - n_warm, 1), eta_min=self.final_learning_rate
        )
        if n_warm:
            rise = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1 / n_warm, total_iters=n_warm)
            schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, schedule], milestones=[n_warm])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the description and the configuration beside the weights, as plain data."""
        checkpoint[CHECKPOINT_KEY] = described(self.estimator.description, self.config)
