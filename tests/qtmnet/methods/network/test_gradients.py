"""Gradients in bfloat16 against those in float32, of every network in `conf/model`, for images of any size.

oneDNN chooses kernels by instruction set. Those that this machine has beside its best are tried in a process each, with
`ONEDNN_MAX_CPU_ISA`; where there is none that multiplies bfloat16, the products are emulated and hold as well.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from qtmnet.learning.precision import LARGEST_ERROR, automatic_precision, gradient_errors
from qtmnet.methods.network import unet_cbam
from qtmnet.methods.network.layers import convolution

NETWORKS = sorted((Path(__file__).parents[4] / "conf" / "model").glob("*.yaml"))

AT_THE_BOTTLENECK = [(1, 2, 3), (2, 3, 1), (3, 1, 2), (4, 1, 5), (5, 4, 1), (1, 5, 4), (8, 1, 2), (2, 8, 1), (1, 2, 8)]
"""Voxels along each axis where the image is coarsest: on each axis 1, 2, 3, 4, 5 and 8, and so 2 to 64 above."""

CHANNELS_LAST = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last_3d}

_ABILITIES = torch.cpu.get_capabilities()
LESSER_SETS = [
    name
    for name, ability in (("AVX512_CORE_BF16", "avx512_bf16"), ("AVX512_CORE_FP16", "avx512_fp16"))
    if _ABILITIES.get(ability) and _ABILITIES.get("amx_bf16")
]
"""Instruction sets below this machine's best: a CPU with AMX is tried as one without."""


def _network(file: Path) -> nn.Module:
    torch.manual_seed(0)
    # Without AVX-512 the emulation is slow: a narrow network then has to do.
    narrow = {} if _ABILITIES.get("avx512_f") else {"base_channels": 4}
    return instantiate(OmegaConf.load(file), in_channels=4, **narrow)


def _wrong(network: nn.Module, layout: torch.memory_format) -> dict[tuple[str, tuple[int, ...]], float]:
    network = network.to(memory_format=layout)
    errors = {}
    for size in AT_THE_BOTTLENECK:
        images = torch.randn(1, 4, *(8 * n for n in size), generator=torch.Generator().manual_seed(2))
        found = gradient_errors(network, images.to(memory_format=layout))
        errors |= {(layer, size): error for layer, error in found.items() if not error <= LARGEST_ERROR}
    return errors


@pytest.mark.parametrize("layout", CHANNELS_LAST)
@pytest.mark.parametrize("file", NETWORKS, ids=lambda file: file.stem)
def test_gradients_in_bf16_are_those_in_fp32(file: Path, layout: str) -> None:
    assert not _wrong(_network(file), CHANNELS_LAST[layout])


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_gradients_are_right_between_normalisations(norm: str) -> None:
    torch.manual_seed(0)
    network = unet_cbam.UNetCBAM(4, levels=2, norm=norm)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    errors = gradient_errors(network, torch.randn(1, 4, 16, 8, 8))
    assert "down.0.0.0" in errors
    assert "down.0.0.1" not in errors  # which runs in float32
    assert max(errors.values()) <= LARGEST_ERROR
    for name, value in network.state_dict().items():  # running means, too
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("instructions", LESSER_SETS)
def test_gradients_are_right_on_lesser_processors(instructions: str) -> None:
    wanted = f"{__file__}::{test_gradients_in_bf16_are_those_in_fp32.__name__}"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
        wanted,
    ]
    done = subprocess.run(
        [*command, "--import-mode=importlib"],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": instructions},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_wrong_gradient_is_noticed_and_then_fp32_is_chosen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class FaultyConvolution(nn.Conv3d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            weight = self.weight * (1.9 if torch.is_autocast_enabled("cpu") else 1.0)
            return self._conv_forward(x, weight, self.bias)

    monkeypatch.setattr("qtmnet.learning.precision.has_native_bf16", lambda: True)
    network = unet_cbam.UNetCBAM(4, base_channels=4, levels=1)
    assert automatic_precision(network, (4, 8, 8, 4)) == "bf16-mixed"
    network.up[0][0][0] = FaultyConvolution(8, 4, 3, padding=1)
    assert automatic_precision(network, (4, 8, 8, 4)) == "32-true"
    assert "up.0.0.0" in capsys.readouterr().err


@pytest.mark.parametrize("faulty", [False, True])
def test_convolutions_are_those_of_torch(monkeypatch: pytest.MonkeyPatch, faulty: bool) -> None:
    monkeypatch.setattr(convolution, "_in_faulty_bf16", lambda x: faulty)
    ours, plain = convolution.Convolution(3, 5), nn.Conv3d(3, 5, 3, padding=1)
    plain.load_state_dict(ours.state_dict())
    for size in ((2, 3, 4), (1, 2, 2), (3, 2, 1)):
        x = torch.randn(2, 3, *size)
        torch.testing.assert_close(ours(x), plain(x))
    attention, plain = convolution.MapConvolution(2, 7), nn.Conv3d(2, 1, 7, padding=3)
    plain.load_state_dict(attention.state_dict())
    x = torch.randn(2, 2, 2, 3, 4)
    torch.testing.assert_close(attention(x), plain(x))
