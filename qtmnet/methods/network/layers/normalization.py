"""Normalisation of what convolutions find, in float32 whatever the precision around it.

The paper's network has none: dividing by a variance takes the scale from features, and the scale is what perfusion is
read from. `UNetCBAM` can have either kind, so that this can be measured.
"""

import math

import torch
from torch import nn

from simulators.errors import InputError

GROUPS = 8
"""Of the channels of a layer; where they cannot be shared evenly, the largest divisor of both."""


class BatchNormalization(nn.BatchNorm3d):
    """Mean 0 and variance 1 of each channel over a batch, (N, C, X, Y, Z) to the same, then a learned scale and shift.

    An image that is estimated later takes the running mean and variance of training.

    Source: Ioffe and Szegedy 2015.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise.

        Raises:
            InputError: for a batch of one voxel, which has no variance.
        """
        if self.training and x.numel() == x.shape[1]:
            raise InputError(
                "model.norm: found batch, but a batch has one voxel at the bottleneck, whose variance is 0; give "
                "larger batches, fewer model.levels, or model.norm=group"
            )
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float()).to(x.dtype)


class GroupNormalization(nn.GroupNorm):
    """Mean 0 and variance 1 of each group of channels of each image, (N, C, X, Y, Z) to the same, then scale and shift.

    Source: Wu and He 2018.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(math.gcd(channels, GROUPS), channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float()).to(x.dtype)


NORMALIZATIONS: dict[str, type[BatchNormalization | GroupNormalization]] = {
    "batch": BatchNormalization,
    "group": GroupNormalization,
}
"""By their name in `model.norm`."""
