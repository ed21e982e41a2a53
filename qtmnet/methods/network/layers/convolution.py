"""Which convolution runs how, and why: the one place that knows of faults in the libraries below.

oneDNN 3.12 (in torch 2.13), on CPUs that multiply bfloat16 by AVX512-BF16 or AVX512-FP16 and have no AMX, returns
garbage or NaN for the gradient of the weights of

- a 3×3×3 convolution with padding 1 whose input has length 2 along its first axis: any other length is right, so
  `Convolution` adds a plane of zeros there, which the padding stands for anyway, and takes it off the result;
- a convolution of two channels to one: `MapConvolution` runs in float32, which for so few channels costs nothing.

On CPUs that have AMX it returns garbage for the gradient of the images of a transposed convolution whose input has
length 1 along its last axis: `Widening` runs it in float32, which for so few voxels costs nothing.

All other gradients, and 1×1×1 convolutions, are right.
`tests/qtmnet/methods/test_gradients.py` holds every layer of every network against float32, on each instruction set
that the machine has.
"""

import os
from functools import cache

import torch
from torch import nn
from torch.nn import functional as F


class Convolution(nn.Conv3d):
    """3×3×3, keeping the size, (N, C, X, Y, Z) to (N, C', X, Y, Z)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve."""
        if x.shape[2] != 2 or not _in_faulty_bf16(x):
            return super().forward(x)
        return super().forward(F.pad(x, (0, 0, 0, 0, 0, 1)))[:, :, :2]


class Widening(nn.ConvTranspose3d):
    """2×2×2 with stride 2, (N, C, X, Y, Z) to (N, C', 2X, 2Y, 2Z)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 2, stride=2)

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Convolve."""
        if x.device.type != "cpu" or x.shape[4] != 1:
            return super().forward(x, output_size)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float(), output_size)


def _in_faulty_bf16(x: torch.Tensor) -> bool:
    """Whether a convolution of these images is done in bfloat16 by kernels that are not known to be right."""
    in_bf16 = x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    return x.device.type == "cpu" and in_bf16 and not _has_right_kernels()


@cache
def _has_right_kernels() -> bool:
    """Whether oneDNN has AMX to multiply bfloat16 by, and may use it."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16")) and "ONEDNN_MAX_CPU_ISA" not in os.environ


class MapConvolution(nn.Conv3d):
    """A few maps to one, keeping the size, in float32 whatever the precision around it.

    Args:
        n_in: maps.
        kernel_size: voxels along each axis, odd.
    """

    def __init__(self, n_in: int, kernel_size: int) -> None:
        super().__init__(n_in, 1, kernel_size, padding=kernel_size // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, n_in, X, Y, Z) to (N, 1, X, Y, Z), float32."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
