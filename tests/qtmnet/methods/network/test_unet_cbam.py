"""The network: sizes, attention, and what the paper leaves out."""

import pytest
import torch
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


def test_attention_scales_channels_and_voxels_between_0_and_1() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 32, 4, 4, 4) + 0.1
    by_channel = ChannelAttention(32)(x) / x
    assert (by_channel.amax((2, 3, 4)) - by_channel.amin((2, 3, 4))).max() < 1e-5
    by_voxel = SpatialAttention()(x) / x
    assert (by_voxel.amax(1) - by_voxel.amin(1)).max() < 1e-5
    for share in (by_channel, by_voxel):
        assert share.min() > 0
        assert share.max() < 1


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    network = UNetCBAM(in_channels=2, base_channels=4)
    network(torch.randn(2, 2, 8, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_refuses_a_network_of_no_channels() -> None:
    with pytest.raises(InputError, match="base_channels: found 0"):
        UNetCBAM(in_channels=4, base_channels=0)
