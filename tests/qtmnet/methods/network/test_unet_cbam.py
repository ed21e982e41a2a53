"""The network: sizes, attention, and what the paper leaves out."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torch import nn

from qtmnet.limits import AttentionKind, NormKind
from qtmnet.methods.network.layers.normalization import NORMALIZATIONS
from qtmnet.methods.network.unet_cbam import ChannelAttention, SpatialAttention, UNetCBAM, _two_convolutions
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


@pytest.mark.parametrize(
    ("attention", "of_channels", "of_voxels"), [("both", 2, 2), ("channel", 2, 0), ("spatial", 0, 2), ("none", 0, 0)]
)
def test_has_the_attention_that_is_asked_for(attention: AttentionKind, of_channels: int, of_voxels: int) -> None:
    network = UNetCBAM(in_channels=4, base_channels=4, attention=attention)
    assert sum(isinstance(m, ChannelAttention) for m in network.modules()) == of_channels
    assert sum(isinstance(m, SpatialAttention) for m in network.modules()) == of_voxels
    assert network(torch.zeros(1, 4, 8, 8, 8)).shape == (1, 1, 8, 8, 8)


def test_weights_have_the_names_that_checkpoints_of_earlier_versions_have() -> None:
    names = {*UNetCBAM(in_channels=4).state_dict()}
    assert {"down.0.0.0.weight", "down.2.1.0.bias", "widen.0.weight", "up.2.1.0.weight", "head.bias"} <= names
    assert {"bottleneck.0.2.weigh.0.weight", "bottleneck.1.2.weigh.2.bias", "bottleneck.1.3.weigh.weight"} <= names
    assert len(names) == 48


@pytest.mark.parametrize(("norm", "kind"), [("batch", nn.BatchNorm3d), ("group", nn.GroupNorm)])
def test_normalises_behind_each_convolution_but_for_the_last(norm: NormKind, kind: type[nn.Module]) -> None:
    network = UNetCBAM(in_channels=4, base_channels=4, norm=norm)
    pairs = [*network.down, network.bottleneck, *network.up]
    behind = [type(layer) for pair in pairs for block in pair for layer in [*block][1:2]]
    assert len(behind) == 14
    assert all(issubclass(found, kind) for found in behind)
    assert sum(isinstance(m, kind) for m in network.modules()) == 14


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_normalised_features_have_mean_0_and_variance_1(norm: NormKind) -> None:
    torch.manual_seed(0)
    layer = NORMALIZATIONS[norm](16)
    x = 3 + 5 * torch.randn(4, 16, 5, 6, 7) * torch.arange(1, 17)[:, None, None, None]
    images = x.double()
    parts = images.transpose(0, 1) if norm == "batch" else images.reshape(4 * 8, 2, 5, 6, 7)
    parts = parts.flatten(1)
    expected = (parts - parts.mean(1, keepdim=True)) / parts.std(1, correction=0, keepdim=True)
    expected = expected.reshape(16, 4, 5, 6, 7).transpose(0, 1) if norm == "batch" else expected.reshape(x.shape)
    torch.testing.assert_close(layer(x).double(), expected, rtol=1e-4, atol=1e-5)  # beside ε = 1e-5 of variances


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_normalises_in_float32_whatever_the_precision(norm: NormKind, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    layer = NORMALIZATIONS[norm](8)
    x = (100 + torch.randn(2, 8, 4, 4, 4)).bfloat16().to(memory_format=layout)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.bfloat16
    expected = layer(x.float())
    torch.testing.assert_close(found, expected.bfloat16(), rtol=0, atol=0)  # rounded once, at the end


@pytest.mark.parametrize("base_channels", [1, 2, 3, 12, 16])
def test_any_number_of_channels_has_groups(base_channels: int) -> None:
    network = UNetCBAM(in_channels=4, base_channels=base_channels, levels=1, norm="group")
    assert network(torch.randn(1, 4, 4, 4, 4)).isfinite().all()


def test_a_batch_of_one_voxel_is_not_normalised() -> None:
    network = UNetCBAM(in_channels=4, base_channels=2, norm="batch")
    with pytest.raises(InputError, match=r"model.norm: found batch, but a batch has one voxel at the bottleneck"):
        network(torch.randn(1, 4, 8, 8, 8))
    assert network(torch.randn(2, 4, 8, 8, 8)).isfinite().all()
    assert network.eval()(torch.randn(1, 4, 8, 8, 8)).isfinite().all()


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


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize("attention", ["both", "channel", "spatial", "none"])
def test_every_parameter_learns(attention: AttentionKind, norm: NormKind) -> None:
    torch.manual_seed(0)
    network = UNetCBAM(in_channels=2, base_channels=4, attention=attention, norm=norm)
    network(torch.randn(2, 2, 16, 16, 16)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("slope", [0.05, 0.3])
def test_with_a_slope_signals_keep_their_size_and_no_unit_stops_learning(slope: float) -> None:
    """He 2015 keeps the mean square of what a rectifier is given: after twelve layers noise still has size 1."""
    torch.manual_seed(0)
    layers = [_two_convolutions(32, 32, slope) for _ in range(6)]
    x = torch.randn(1, 32, 12, 12, 12)
    for layer in layers:
        x = layer(x)
    given = (x**2).mean() * 2 / (1 + slope**2)  # of which the rectifier leaves half, and slope² of the other half
    assert 0.2 < given < 2  # 1 but for zeros about the image, which a fifth of its voxels see, twelve times
    unit = layers[0][0][1]
    below = torch.full((1,), -3.0, requires_grad=True)
    unit(below * 1).backward()
    assert below.grad is not None
    assert below.grad.item() == pytest.approx(slope)


@pytest.mark.parametrize("setting", ["attention", "norm"])
def test_refuses_a_kind_that_there_is_not(setting: str) -> None:
    with pytest.raises(InputError, match=f"{setting}: found 'layer'"):
        UNetCBAM(in_channels=4, **{setting: "layer"})


def test_refuses_a_network_of_no_channels() -> None:
    with pytest.raises(InputError, match="base_channels: found 0"):
        UNetCBAM(in_channels=4, base_channels=0)
