"""The network: sizes, attention, and what the paper leaves out."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torch import nn

from qtmnet.methods.network.unet_cbam import ChannelAttention, SpatialAttention, UNetCBAM
from simulators import InputError


@pytest.mark.parametrize("shape", [(16, 16, 8), (11, 11, 6), (1, 1, 1), (64, 5, 3)])
def test_keeps_any_spatial_size(shape: tuple[int, int, int]) -> None:
    network = UNetCBAM(in_channels=4, base_channels=2)
    assert network(torch.zeros(2, 4, *shape)).shape == (2, 1, *shape)


def test_padding_does_not_reach_into_an_image_that_needs_none() -> None:
    torch.manual_seed(0)
    network = UNetCBAM(in_channels=3, base_channels=2).eval()
    image = torch.randn(1, 3, 8, 8, 7)
    padded = torch.cat([image, torch.zeros(1, 3, 8, 8, 1)], -1)
    torch.testing.assert_close(network(image), network(padded)[..., :7])


def test_has_the_size_of_the_papers_network_and_no_normalisation() -> None:
    network = UNetCBAM(in_channels=4, base_channels=16)
    assert 1.3e6 < sum(p.numel() for p in network.parameters()) < 1.5e6  # 1.4 M in the project's notes
    assert not [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._NormBase | nn.GroupNorm)]


def test_attention_stands_behind_both_convolutions_of_the_bottleneck_only() -> None:
    network = UNetCBAM(in_channels=4)
    assert sum(isinstance(m, ChannelAttention) for m in network.bottleneck.modules()) == 2
    assert sum(isinstance(m, ChannelAttention) for m in network.modules()) == 2
    assert sum(isinstance(m, SpatialAttention) for m in network.modules()) == 2


ROUNDING = 1e-5
"""Relative; sums of some hundred float32 numbers, each rounded to 6e-8 of itself, go through a sigmoid of slope 1/4."""


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_channels_are_weighed_by_their_mean_and_maximum() -> None:
    """σ(W₂ ReLU(W₁ mean) + W₂ ReLU(W₁ max)), Woo 2018, eq. 2, in NumPy: one number for each channel of an image."""
    torch.manual_seed(0)
    x, attention = torch.rand(2, 32, 4, 4, 4) + 0.1, ChannelAttention(32)
    images = x.numpy().astype(float)
    first, first_bias, last, last_bias = (p.detach().numpy().astype(float) for p in attention.parameters())

    def weighed(summary: np.ndarray) -> np.ndarray:
        return np.maximum(summary @ first.T + first_bias, 0) @ last.T + last_bias

    weight = sigmoid(weighed(images.mean((2, 3, 4))) + weighed(images.max((2, 3, 4))))
    np.testing.assert_allclose(attention(x).detach().numpy(), images * weight[:, :, None, None, None], rtol=ROUNDING)


def test_voxels_are_weighed_by_the_mean_and_maximum_over_channels_around_them() -> None:
    """σ(f * [mean; max]), Woo 2018, eq. 3, by SciPy: one number for each voxel of an image."""
    torch.manual_seed(0)
    x, attention = torch.rand(2, 8, 4, 5, 6) + 0.1, SpatialAttention()
    images = x.numpy().astype(float)
    ((of_mean, of_max),), (bias,) = (p.detach().numpy().astype(float) for p in attention.parameters())
    for image, found in zip(images, attention(x).detach().numpy(), strict=True):
        parts = ((image.mean(0), of_mean), (image.max(0), of_max))
        weight = sigmoid(sum(correlate(summary, kernel, mode="constant") for summary, kernel in parts) + bias)
        np.testing.assert_allclose(found, image * weight, rtol=ROUNDING)


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network = UNetCBAM(in_channels=2, base_channels=4)
    network(torch.randn(2, 2, 8, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_refuses_a_network_of_no_channels() -> None:
    with pytest.raises(InputError, match="base_channels: found 0"):
        UNetCBAM(in_channels=4, base_channels=0)
