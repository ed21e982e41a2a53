"""The QTMnet network: a 3D U-Net with channel and spatial attention at its bottleneck.

Sources: Ronneberger 2015 (U-Net); Woo 2018 (CBAM, convolutional block attention module); the QTMnet paper (attention
appended to the two convolutions of the bottleneck, no batch normalisation).
"""

import torch
from torch import nn
from torch.nn import functional as F

from qtmnet.limits import AttentionKind, BaseChannels, Channels, Levels, NormKind, Slope
from qtmnet.methods.network.layers.convolution import Convolution, MapConvolution, Widening
from qtmnet.methods.network.layers.normalization import NORMALIZATIONS
from simulators.settings.checking import checks_arguments


class ChannelAttention(nn.Module):
    """Weigh channels by what is in them, (N, C, X, Y, Z) to the same: CBAM's first half."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.weigh = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel by one number from its mean and its maximum."""
        weight = torch.sigmoid(self.weigh(x.mean((2, 3, 4))) + self.weigh(x.amax((2, 3, 4))))
        return x * weight[:, :, None, None, None]


class SpatialAttention(nn.Module):
    """Weigh voxels by what is in their channels, (N, C, X, Y, Z) to the same: CBAM's second half."""

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        self.weigh = MapConvolution(2, kernel_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each voxel by one number from the mean and maximum over channels around it."""
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.weigh(summary)).to(x.dtype)


def _convolution(n_in: int, n_out: int, slope: float, attention: AttentionKind, norm: NormKind) -> nn.Sequential:
    convolution = Convolution(n_in, n_out)
    if slope:
        nn.init.kaiming_normal_(convolution.weight, slope, nonlinearity="leaky_relu")
    layers: list[nn.Module] = [convolution]
    if norm != "none":
        layers.append(NORMALIZATIONS[norm](n_out))
    layers.append(nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True))
    if attention in ("both", "channel"):
        layers.append(ChannelAttention(n_out))
    if attention in ("both", "spatial"):
        layers.append(SpatialAttention())
    return nn.Sequential(*layers)


def _two_convolutions(
    n_in: int, n_out: int, slope: float, *, attention: AttentionKind = "none", norm: NormKind = "none"
) -> nn.Sequential:
    return nn.Sequential(
        _convolution(n_in, n_out, slope, attention, norm), _convolution(n_out, n_out, slope, attention, norm)
    )


class UNetCBAM(nn.Module):
    """3D U-Net with CBAM at the bottleneck, for images of any size.

    Args:
        in_channels: frames of a scan, and whatever else is given for each voxel.
        out_channels: maps to estimate.
        base_channels: channels at full resolution; they double with each level.
        levels: times the resolution is halved.
        slope: of the rectifiers below 0. Without one (the paper) units whose input stays negative learn nothing more;
            with one they do, and weights begin with the variance that keeps signals their size (He 2015).
        attention: at the bottleneck: of channels, then of voxels (the paper), of either alone, or none.
        norm: between each convolution and its rectifier: none (the paper), of batches, or of groups of channels.

    Raises:
        InputError: for a count out of range, or a kind that there is not.
    """

    @checks_arguments
    def __init__(
        self,
        in_channels: Channels,
        out_channels: Channels = 1,
        base_channels: BaseChannels = 16,
        levels: Levels = 3,
        slope: Slope = 0.0,
        attention: AttentionKind = "both",
        norm: NormKind = "none",
    ) -> None:
        super().__init__()
        self.levels = levels
        width = [base_channels * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(
            _two_convolutions(n_in, n_out, slope, norm=norm)
            for n_in, n_out in zip([in_channels, *width], width[:-1], strict=False)
        )
        self.bottleneck = _two_convolutions(width[-2], width[-1], slope, attention=attention, norm=norm)
        self.widen = nn.ModuleList(Widening(width[level + 1], width[level]) for level in reversed(range(levels)))
        self.up = nn.ModuleList(
            _two_convolutions(2 * width[level], width[level], slope, norm=norm) for level in reversed(range(levels))
        )
        self.head = nn.Conv3d(base_channels, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in_channels, X, Y, Z) to (N, out_channels, X, Y, Z)."""
        shape = x.shape[2:]
        x = self._padded(x)
        skipped = []
        for convolve in self.down:
            x = convolve(x)
            skipped.append(x)
            x = F.max_pool3d(x, 2)
        x = self.bottleneck(x)
        for widen, convolve in zip(self.widen, self.up, strict=True):
            x = convolve(torch.cat([widen(x), skipped.pop()], 1))
        return self.head(x)[:, :, : shape[0], : shape[1], : shape[2]]

    def _padded(self, x: torch.Tensor) -> torch.Tensor:
        """Zeros behind the image, up to a size that can be halved `levels` times."""
        unit = 2**self.levels
        missing = [-size % unit for size in x.shape[2:]]
        return F.pad(x, [0, missing[2], 0, missing[1], 0, missing[0]]) if any(missing) else x
