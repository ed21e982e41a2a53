"""Training of an estimator, as a LightningModule."""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import nn

from qtmnet.learning.loading import Tensors
from qtmnet.limits import FinalLearningRate
from qtmnet.methods.network.checkpoint import CHECKPOINT_KEY
from qtmnet.methods.network.estimator import PERFUSION_SCALE, Estimator
from simulators.errors import InputError
from simulators.settings.checking import checks_arguments


class QTMModule(L.LightningModule):
    """An estimator, its loss, its optimizer and a cosine schedule.

    Args:
        estimator: what is trained.
        loss: of (estimate, truth), both in units of `PERFUSION_SCALE`.
        optimizer: makes an optimizer of parameters.
        final_learning_rate: that the cosine ends at, from the optimizer's own.
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
        self.final_learning_rate = final_learning_rate
        self.config = config or {}
        if channels_last:
            self.estimator.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._errors = torch.zeros(4)
        self.gradient_norm: torch.Tensor | None = None
        """Of all gradients of a step, if `FiniteTraining` has looked."""

    def forward(self, sample: Tensors) -> torch.Tensor:
        """Perfusion (N, 1, X, Y, Z) in units of `PERFUSION_SCALE`."""
        return self.estimator(sample["concentration"], sample["slice_time"])

    def training_step(self, sample: Tensors, _batch: int) -> torch.Tensor:
        """Loss of a batch."""
        loss = self.loss(self(sample), sample["cbf"] / PERFUSION_SCALE)
        n = len(sample["cbf"])
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
        """Sums over voxels start anew: squared error, squared truth, error, voxels."""
        self._errors = torch.zeros(4, device=self.device)

    def validation_step(self, sample: Tensors, _batch: int) -> None:
        """Add a batch to the sums."""
        estimate = self(sample).float()
        assert estimate.shape == sample["cbf"].shape, "a difference would be broadcast"
        error = PERFUSION_SCALE * estimate - sample["cbf"]
        self._errors += torch.stack(
            [error.square().sum(), sample["cbf"].square().sum(), error.sum(), error.new_tensor(error.numel())]
        )

    def on_validation_epoch_end(self) -> None:
        """Relative error and bias over all validation voxels, of all processes."""
        squared, truth, error, voxels = self.trainer.strategy.reduce(self._errors, reduce_op="sum")
        if truth == 0:
            raise InputError(
                "val/nrmse: perfusion is 0 in all cubes to validate with, so there is no relative error; give others, "
                "by data.seed or phantom"
            )
        self.log("val/nrmse", (squared / truth).sqrt(), prog_bar=True, sync_dist=True)
        self.log("val/bias_ml_100g_min", error / voxels, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """The optimizer with its learning rate on a cosine over all steps."""
        optimizer = self.make_optimizer(self.estimator.parameters())
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=max(int(self.trainer.estimated_stepping_batches), 1), eta_min=self.final_learning_rate
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the recipe and the configuration beside the weights, as plain data."""
        checkpoint[CHECKPOINT_KEY] = {"recipe": self.estimator.recipe.plain(), "config": self.config}
