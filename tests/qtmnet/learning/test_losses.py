"""The loss against NumPy."""

import numpy as np
import pytest
import torch

from qtmnet.learning.losses import L1GradientLoss, mean_absolute_gradient
from simulators.errors import InputError


def test_gradient_is_the_mean_step_between_neighbours_along_each_axis() -> None:
    image = np.random.default_rng(0).standard_normal((2, 1, 4, 5, 3)).astype(np.float32)
    expected = sum(np.abs(np.diff(image, axis=axis)).mean() for axis in (2, 3, 4))
    np.testing.assert_allclose(mean_absolute_gradient(torch.from_numpy(image)).item(), expected, rtol=1e-5)


def test_gradient_of_a_single_voxel_is_zero() -> None:
    assert mean_absolute_gradient(torch.ones(1, 1, 1, 1, 1)).item() == 0


def test_loss_is_l1_plus_weighted_gradient_of_the_estimate() -> None:
    truth, estimate = torch.zeros(1, 1, 2, 1, 1), torch.tensor([1.0, 4.0]).reshape(1, 1, 2, 1, 1)
    assert L1GradientLoss(gradient_weight=0.0)(estimate, truth).item() == 2.5
    assert L1GradientLoss(gradient_weight=0.5)(estimate, truth).item() == 2.5 + 0.5 * 3


def test_maps_of_other_shapes_are_not_broadcast() -> None:
    with pytest.raises(InputError, match=r"found estimates \(1, 2, 2, 1, 1\) for maps \(1, 1, 2, 1, 1\)"):
        L1GradientLoss()(torch.zeros(1, 2, 2, 1, 1), torch.zeros(1, 1, 2, 1, 1))
