"""What training minimises."""

import torch
from torch import nn
from torch.nn import functional as F

from qtmnet.limits import GradientWeight
from simulators.errors import InputError
from simulators.settings.checking import checks_arguments


class L1GradientLoss(nn.Module):
    """‖Ψ(C) − Q‖₁ + λ ‖∇Ψ(C)‖₁, means over voxels: closeness, and few steps in the estimated map.

    Args:
        gradient_weight: λ, weight of the mean absolute difference between neighbouring voxels of the estimate.

    Raises:
        InputError: for a weight out of range.

    Source: the QTMnet paper.
    """

    @checks_arguments
    def __init__(self, gradient_weight: GradientWeight = 0.01) -> None:
        super().__init__()
        self.gradient_weight = gradient_weight

    def forward(self, estimate: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Loss of (N, 1, X, Y, Z) against the same, a scalar.

        Raises:
            InputError: for shapes that differ, which would be broadcast.
        """
        if estimate.shape != truth.shape:
            found = f"{tuple(estimate.shape)} for maps {tuple(truth.shape)}"
            raise InputError(f"loss: found estimates {found}; give a network with one output for each map")
        return F.l1_loss(estimate, truth) + self.gradient_weight * mean_absolute_gradient(estimate)


def mean_absolute_gradient(image: torch.Tensor) -> torch.Tensor:
    """Sum over the three axes of the mean absolute difference between neighbours, of (N, C, X, Y, Z); a scalar."""
    steps = [image.diff(dim=axis) for axis in (2, 3, 4)]
    return sum((step.abs().mean() for step in steps if step.numel()), image.new_zeros(()))
