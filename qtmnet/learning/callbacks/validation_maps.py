"""What the network makes of one validation sample, as training goes on."""

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from qtmnet.figures.comparison import pixels, validation_panel
from qtmnet.figures.files import save_figure
from qtmnet.limits import PictureInterval
from qtmnet.methods.network.estimator import PERFUSION_SCALE
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import PathText

NAME = "validation/maps"


class ValidationMaps(L.Callback):
    """Pictures of truth, estimate and error of the first validation sample, on one scale.

    They are written into a folder, and logged where a logger takes images.

    Args:
        every: epochs from one picture to the next, the last epoch besides; 0 for none.
        folder: for the PNG files.
    """

    @checks_arguments
    def __init__(self, every: PictureInterval, folder: PathText) -> None:
        self._every = every
        self._folder = Path(folder)

    @torch.no_grad()
    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Draw the first sample of the first batch, if it is time to."""
        if batch_idx or trainer.sanity_checking or not trainer.is_global_zero or not self._is_due(trainer):
            return
        sample = {name: value[:1] for name, value in batch.items()}
        estimate = PERFUSION_SCALE * pl_module.estimator(sample["concentration"], sample["slice_time"])  # type: ignore
        truth, estimate = (maps[0, 0].float().cpu().numpy() for maps in (sample["cbf"], estimate))
        if np.isfinite(estimate).all():  # if it is not, the training is about to end
            self._show(trainer, truth, estimate)

    def _is_due(self, trainer: L.Trainer) -> bool:
        epoch = trainer.current_epoch + 1
        return self._every > 0 and (epoch % self._every == 0 or epoch == trainer.max_epochs)

    def _show(self, trainer: L.Trainer, truth: np.ndarray, estimate: np.ndarray) -> None:
        epoch = trainer.current_epoch + 1
        figure = validation_panel(truth, estimate, f"epoch {epoch}")
        save_figure(figure, self._folder / f"epoch-{epoch:03d}.png")
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(NAME, pixels(figure), trainer.global_step, dataformats="HWC")
            elif isinstance(logger, WandbLogger):
                logger.log_image(NAME, [pixels(figure)])
