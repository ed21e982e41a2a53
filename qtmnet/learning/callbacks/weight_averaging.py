"""Averages of the weights over training, which are what is validated and kept."""

from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging

from qtmnet.limits import AveragingDecay
from simulators.settings.checking import checks_arguments


class AveragedWeights(WeightAveraging):
    """Validates and keeps an exponential average of the weights instead of the weights of the last step.

    Single steps scatter about where training leads; an average over many of them scatters less. Step n, counted from 0,
    leaves a share min(`decay`, n / (n + 9)) of the average: it goes over the last tenth of the steps so far, until that
    is more than the last 1 / (1 - `decay`). Short trainings are so not held back by where they started. Buffers are
    averaged, too.

    `best.ckpt` and `last.ckpt` hold the average as their weights, and beside it the weights of the last step, which
    `resume` goes on from. Lightning's callback does the work; here the average is kept on the device of the training.

    Source: Polyak and Juditsky 1992; the rise of the decay as in TensorFlow's `ExponentialMovingAverage`.

    Args:
        decay: the largest share of the average that a step leaves; 0.999 averages over some 1000 steps.

    Raises:
        InputError: for a decay that is no share.
    """

    @checks_arguments
    def __init__(self, decay: AveragingDecay = 0.999) -> None:
        super().__init__(multi_avg_fn=_rising(decay))

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Copy the weights to where they will be trained, which they are moved to only later."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)


def _rising(decay: float) -> Any:
    """A function that moves averages towards values, in place, for torch's `AveragedModel`."""

    @torch.no_grad()
    def average(averages: Sequence[torch.Tensor], values: Sequence[torch.Tensor], n_averaged: torch.Tensor) -> None:
        n = int(n_averaged)
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(values), 1 - min(decay, n / (n + 9)))
        else:  # a count has no average
            torch._foreach_copy_(list(averages), list(values))

    return average
