"""A network with all that it takes to read a scan: scaling in, scaling out, and what it was trained for."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from qtmnet.limits import Normalization, SignalToNoise
from qtmnet.methods.network.unet_cbam import UNetCBAM
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.cube import CubeParameters
from simulators.settings.checking import annotations, check_fields, checked, from_plain, shown
from simulators.settings.limits import Drawn, SeedNumber
from simulators.settings.requests import number

CONCENTRATION_SCALE = 100.0
"""Calibrated concentrations, about 0.01 in grey matter, are multiplied by this."""

PERFUSION_SCALE = 60.0
"""mL/100g/min; the network's output is in units of it."""

N_MAPS = 1
"""Perfusion."""

MOST_PARAMETERS = 300_000_000
"""Of a network: 1.2 GB, of which training keeps four; the largest of the paper's kind has 6 million."""

NETWORKS: dict[str, type[nn.Module]] = {"qtmnet.methods.network.unet_cbam.UNetCBAM": UNetCBAM}
"""What a checkpoint may build; a target that is not listed here is refused."""


def _products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sums over samples and voxels of all products of channels, (C_a, C_b), of (N, C, X, Y, Z)."""
    return torch.einsum("njxyz,nkxyz->jk", a.double(), b.double())


@dataclass(frozen=True)
class Recipe:
    """What a network is and what it was trained for; plain data inside a checkpoint.

    Attributes:
        network: arguments of the network, `_target_` naming its class.
        normalization: `calibrated` keeps the absolute scale of the concentration, `global_max` divides each image by
            its maximum, as the paper does.
        acquisition: protocol of its input.
        phantom: what its training cubes were drawn from.
        simulator: name of the simulator of these cubes.
        seed: of the training.
        snr: signal-to-noise ratio of the training frames.
        linear_start: whether training starts from the best linear estimate; see `Estimator.start_from`.
    """

    network: Mapping[str, Any]
    normalization: Normalization
    acquisition: Acquisition
    phantom: CubeParameters
    simulator: Mapping[str, Any]
    seed: SeedNumber
    snr: Drawn[SignalToNoise] | None
    linear_start: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        target = self.network.get("_target_")
        if not isinstance(target, str) or target not in NETWORKS:
            raise InputError(f"network._target_: found {shown(target)}; give one of {', '.join(NETWORKS)}")
        if "in_channels" in self.network:
            raise InputError("network.in_channels: the protocol says how many there are; leave it out")
        takes = annotations(NETWORKS[target])
        for name, value in self.network_settings.items():
            if name not in takes:
                raise InputError(f"network.{name}: {target.rpartition('.')[2]} has no such setting; leave it out")
            checked(f"network.{name}", value, takes[name])

    @property
    def network_settings(self) -> dict[str, Any]:
        """Arguments of the network, but for the channels that the protocol sets."""
        return {name: value for name, value in self.network.items() if not name.startswith("_")}

    @property
    def in_channels(self) -> int:
        """Channels of the network's input: the frames, and the slice time if slices have times of their own."""
        return self.acquisition.n_frames + bool(self.acquisition.slice_timing)

    def plain(self) -> dict[str, object]:
        """Containers and numbers only."""
        return asdict(self) | {"acquisition": self.acquisition.plain()}

    @classmethod
    def from_plain(cls, plain: object) -> "Recipe":
        """The recipe that `plain` was made from; fields that an older version had not take their defaults.

        Raises:
            InputError: for what is no recipe, with the dotted name of the field.
        """
        return from_plain(cls, plain)


def _network(recipe: Recipe) -> nn.Module:
    return NETWORKS[recipe.network["_target_"]](in_channels=recipe.in_channels, **recipe.network_settings)


def _check_size(recipe: Recipe) -> None:
    """Count a network's parameters before memory is taken for them, on torch's device that has none.

    Raises:
        InputError: for more than `MOST_PARAMETERS`.
    """
    with torch.device("meta"):
        n = sum(parameter.numel() for parameter in _network(recipe).parameters())
    if n > MOST_PARAMETERS:
        raise InputError(
            f"model: found {number(n)} parameters; give fewer channels or levels, at most {number(MOST_PARAMETERS)}"
        )


@torch.no_grad()
def _check_outputs(network: nn.Module, n_channels: int) -> None:
    """Refuse a network whose outputs are not the maps to estimate: they would be broadcast onto these.

    Raises:
        InputError: for another number of outputs.
    """
    if any(parameter.is_meta for parameter in network.parameters()):
        return
    n_maps = network.eval()(torch.zeros(1, n_channels, 8, 8, 8)).shape[1]
    network.train()
    if n_maps != N_MAPS:
        raise InputError(f"model: found a network of {n_maps} outputs; give one of {N_MAPS}, which is perfusion")


class Estimator(nn.Module):
    """Perfusion from the frames of one protocol.

    Args:
        recipe: the network and its protocol.

    The network sees the frames as channels and, for a 2D readout, the slice time as one more. With a linear start the
    frames are decorrelated first (they differ by little, and what tells perfusion is how), and the network only learns
    what a linear estimate from each voxel's frames misses.
    """

    decorrelation: torch.Tensor

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        _check_size(recipe)
        self.network = _network(recipe)
        _check_outputs(self.network, recipe.in_channels)
        n_frames = recipe.acquisition.n_frames
        self.register_buffer("decorrelation", torch.eye(n_frames))
        if recipe.linear_start:
            self.linear = nn.Conv3d(n_frames * (1 + bool(recipe.acquisition.slice_timing)), 1, 1, bias=False)

    def forward(self, concentration: torch.Tensor, slice_time: torch.Tensor) -> torch.Tensor:
        """Perfusion in units of `PERFUSION_SCALE`.

        Args:
            concentration: mL of labeled blood per mL of tissue, (N, K, X, Y, Z).
            slice_time: s after the first slice, (N, 1, X, Y, Z).

        Returns:
            (N, 1, X, Y, Z).
        """
        timed = bool(self.recipe.acquisition.slice_timing)
        # What tells perfusion are small differences between frames; bfloat16 would round them away.
        with torch.autocast(concentration.device.type, enabled=False):
            frames = self._decorrelated(self._scaled(concentration))
            linear = self.linear(self._linear_features(frames, slice_time)) if self.recipe.linear_start else 0.0
        return linear + self.network(torch.cat([frames, slice_time], 1) if timed else frames).float()

    def _scaled(self, concentration: torch.Tensor) -> torch.Tensor:
        if self.recipe.normalization == "calibrated":
            return concentration * CONCENTRATION_SCALE
        return concentration / concentration.amax((1, 2, 3, 4), keepdim=True).clamp(min=1e-12)

    def _decorrelated(self, frames: torch.Tensor) -> torch.Tensor:
        return torch.einsum("jk,nkxyz->njxyz", self.decorrelation, frames)

    def _linear_features(self, frames: torch.Tensor, slice_time: torch.Tensor) -> torch.Tensor:
        if not self.recipe.acquisition.slice_timing:
            return frames
        return torch.cat([frames, frames * slice_time], 1)

    @torch.no_grad()
    def start_from(self, samples: Iterable[dict[str, torch.Tensor]]) -> None:
        """Decorrelate the frames and set the linear estimate by least squares over the samples, voxel by voxel.

        Args:
            samples: of `qtmnet.learning.loading.TensorSamples`.
        """
        samples = list(samples)
        scaled = [self._scaled(sample["concentration"][None]) for sample in samples]
        moment = torch.stack([_products(frames, frames) for frames in scaled]).sum(0)
        strength, axes = torch.linalg.eigh(moment / sum(sample["cbf"].numel() for sample in samples))
        # Directions of hardly any signal are not blown up beyond a thousandth of the strongest.
        self.decorrelation.copy_((axes / (strength + 1e-6 * strength[-1]).sqrt()).T)
        features = [
            self._linear_features(
                torch.einsum("jk,nkxyz->njxyz", self.decorrelation, frames), sample["slice_time"][None]
            )
            for frames, sample in zip(scaled, samples, strict=True)
        ]
        truths = [sample["cbf"][None] / PERFUSION_SCALE for sample in samples]
        gram = torch.stack([_products(feature, feature) for feature in features]).sum(0)
        target = torch.stack([_products(f, truth) for f, truth in zip(features, truths, strict=True)]).sum(0)
        ridge = 1e-6 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
        self.linear.weight.copy_(torch.linalg.solve(gram + ridge, target)[:, 0][None, :, None, None, None])

    @torch.inference_mode()
    def perfusion(self, concentration: np.ndarray, slice_time: np.ndarray | None = None) -> np.ndarray:
        """Perfusion map of one scan.

        Args:
            concentration: (K, X, Y, Z).
            slice_time: s after the first slice, (Z,); zeros by default.

        Returns:
            mL/100g/min, (X, Y, Z), float32.
        """
        device = next(self.parameters()).device
        frames = torch.as_tensor(np.ascontiguousarray(concentration, np.float32), device=device)[None]
        times = np.zeros(concentration.shape[-1]) if slice_time is None else slice_time
        times = np.ascontiguousarray(np.broadcast_to(times, (1, 1, *concentration.shape[1:])), np.float32)
        was_training = self.training
        self.eval()
        estimate = self(frames, torch.as_tensor(times, device=device))
        self.train(was_training)
        return PERFUSION_SCALE * estimate[0, 0].float().cpu().numpy()
