"""A network with all that it takes to read a scan: inputs, scales of outputs, and what it was trained for."""

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from qtmnet.methods.base import Frames, Maps
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.inputs import Images
from qtmnet.methods.network.linear_start import decorrelation, least_squares
from qtmnet.quantities import QUANTITIES
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.settings.requests import number

CONCENTRATION_SCALE = 100.0
"""Calibrated concentrations, about 0.01 in grey matter, are multiplied by this."""

MOST_PARAMETERS = 300_000_000
"""Of a network: 1.2 GB, of which training keeps four; the largest of the paper's kind has 6 million."""

MIRRORED_ALONG = tuple(axes for n in range(4) for axes in combinations((2, 3, 4), n))
"""Axes of (N, C, X, Y, Z) that the eight mirror images of an image are mirrored along."""

LEAST_SPREAD = 1e-3
"""Of an output that is a spread, in units of its scale: below the noise of any estimate, and no logarithm of 0."""


class Estimator(nn.Module):
    """Maps from the frames of a scan.

    Args:
        description: the network, its inputs and outputs, and the scans that it reads.

    With a linear start the frames are decorrelated first (they differ by little, and what tells perfusion is how), and
    the network only learns what a linear estimate from each voxel's frames misses.

    Raises:
        InputError: for a network that is too large, or whose outputs are not the maps to estimate.
    """

    decorrelation: torch.Tensor

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.description = description
        self.inputs = description.built_inputs
        self.spreads = [bool(QUANTITIES[key].spread_of) for key in description.outputs]
        _check_size(description)
        self.network = description.build_network()
        _check_outputs(self.network, description)
        self._add_reading()

    def _add_reading(self) -> None:
        """Add what frames are read with before the network sees them."""
        description = self.description
        n_frames = description.acquisition.n_frames
        self.register_buffer("decorrelation", torch.eye(n_frames))
        if description.linear_start:
            n_features = n_frames * (1 + bool(description.acquisition.slice_timing))
            self.linear = nn.Conv3d(n_features, len(description.outputs), 1, bias=False)

    def sample_channels(self) -> dict[str, int]:
        """Images of a sample that `forward` reads, by name, and how many channels each has."""
        return {"concentration": self.description.acquisition.n_frames, "slice_time": 1}

    def accepts(self, acquisition: Acquisition) -> list[str]:
        """What keeps scans of a protocol from being read, a phrase for each field; empty for nothing."""
        return self.description.accepts.differences(acquisition)

    def forward(self, sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Maps in units of their quantities' scales.

        Args:
            sample: images by name, (N, C, X, Y, Z) each: `concentration`, mL of labeled blood per mL of tissue, of K
                frames; `slice_time`, s after the first slice; and what other inputs read.

        Returns:
            (N, n_outputs, X, Y, Z), float32.
        """
        # What tells perfusion are small differences between frames; bfloat16 would round them away.
        with torch.autocast(next(iter(sample.values())).device.type, enabled=False):
            linear, channels = self._read(sample)
        return self._bounded(linear + self.network(channels).float(), sample)

    def _read(self, sample: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor | float, torch.Tensor]:
        """The linear estimate of the outputs, and the network's channels, (N, C, X, Y, Z) each."""
        frames = self._decorrelated(self._scaled(sample["concentration"]))
        linear = self.linear(self._features(frames, sample)) if self.description.linear_start else 0.0
        return linear, self._channels(frames, sample)

    def _channels(self, frames: torch.Tensor, sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What the inputs make of the images of samples, (N, C, X, Y, Z)."""
        acquisition = self.description.acquisition
        images = Images(frames, sample, acquisition)
        channels = [made.channels(images) for made in self.inputs.values() if made.n_channels(acquisition)]
        return torch.cat(channels, 1) if len(channels) > 1 else channels[0]

    def _scaled(self, concentration: torch.Tensor) -> torch.Tensor:
        if self.description.normalization == "calibrated":
            return concentration * CONCENTRATION_SCALE
        return concentration / concentration.amax((1, 2, 3, 4), keepdim=True).clamp(min=1e-12)

    def _decorrelated(self, frames: torch.Tensor) -> torch.Tensor:
        return self._compressed(torch.einsum("jk,nkxyz->njxyz", self.decorrelation, frames))

    def _compressed(self, frames: torch.Tensor) -> torch.Tensor:
        """The frames with c (1 + ln(|x| / c)) in place of sizes |x| above the limit c."""
        limit = self.description.compress_beyond
        if limit is None:
            return frames
        size = frames.abs()
        return torch.where(size > limit, frames.sign() * limit * (1 + (size.clamp(min=limit) / limit).log()), frames)

    def _features(self, frames: torch.Tensor, sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What the linear estimate weighs: the frames and, where slices have times, their products with these."""
        if not self.description.acquisition.slice_timing:
            return frames
        return torch.cat([frames, frames * sample["slice_time"]], 1)

    def _bounded(self, estimate: torch.Tensor, sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The estimate with all spreads above 0."""
        if not any(self.spreads):
            return estimate
        parts = [
            F.softplus(part) + LEAST_SPREAD if spread else part
            for part, spread in zip(estimate.split(1, 1), self.spreads, strict=True)
        ]
        return torch.cat(parts, 1)

    @torch.no_grad()
    def start_from(self, samples: Iterable[Mapping[str, torch.Tensor]]) -> None:
        """Decorrelate the frames and set the linear estimates by least squares over the samples, voxel by voxel.

        A spread is told by no linear estimate: it starts from the same everywhere; a bound starts from its map.

        Args:
            samples: images by name, (C, X, Y, Z) each, with the truth of each output under its key, in its unit,
                but for spreads and bounds.
        """
        batches = [{name: image[None] for name, image in sample.items()} for sample in samples]
        scaled = [self._scaled(batch["concentration"]) for batch in batches]
        self.decorrelation.copy_(decorrelation(scaled))
        features = [
            self._features(self._decorrelated(frames), batch) for frames, batch in zip(scaled, batches, strict=True)
        ]
        for row, key in enumerate(self.description.outputs):
            weights = self.linear.weight[row]
            if self.spreads[row]:
                weights.zero_()
            else:
                truths = [batch[QUANTITIES[key].truth_key] / QUANTITIES[key].scale for batch in batches]
                weights.copy_(least_squares(features, truths)[:, None, None, None])

    @torch.inference_mode()
    def maps(self, frames: Frames) -> Maps:
        """Maps of all outputs by key, (X, Y, Z) each, float32, in their quantities' units, 0 outside of the mask."""
        device = next(self.parameters()).device
        given = self._images(frames)
        was_training = self.training
        self.eval()
        estimate = self._estimate({name: torch.as_tensor(image, device=device)[None] for name, image in given.items()})
        self.train(was_training)
        by_key = zip(self.description.outputs, estimate[0].float().cpu().numpy(), strict=True)
        found = self._finished({key: self.description.scale(key) * image for key, image in by_key}, given, frames)
        return {key: np.where(frames.inside, image, np.float32(0)) for key, image in found.items()}

    def _estimate(self, sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """What `forward` makes of a sample, or the mean over what it makes of its mirror images."""
        if not self.description.average_mirrored:
            return self(sample)
        of_each = (
            self({name: image.flip(axes) for name, image in sample.items()}).flip(axes) for axes in MIRRORED_ALONG
        )
        return sum(of_each, start=torch.zeros(())) / len(MIRRORED_ALONG)

    def _finished(
        self, found: dict[str, np.ndarray], given: Mapping[str, np.ndarray], frames: Frames
    ) -> dict[str, np.ndarray]:
        """All maps by key, (X, Y, Z) each, of the outputs, in their quantities' units."""
        return found

    def _images(self, frames: Frames) -> dict[str, np.ndarray]:
        """What `forward` takes, of a scan, (C, X, Y, Z) each."""
        concentration = np.ascontiguousarray(frames.concentration, np.float32)
        timing = frames.acquisition.slice_timing
        times = np.asarray(timing) if timing else np.zeros(concentration.shape[-1])
        times = np.ascontiguousarray(np.broadcast_to(times, (1, *concentration.shape[1:])), np.float32)
        return {"concentration": concentration, "slice_time": times}


def _check_size(description: Description) -> None:
    """Count a network's parameters before memory is taken for them, on torch's device that has none.

    Raises:
        InputError: for more than `MOST_PARAMETERS`.
    """
    with torch.device("meta"):
        n = sum(parameter.numel() for parameter in description.build_network().parameters())
    if n > MOST_PARAMETERS:
        raise InputError(
            f"model: found {number(n)} parameters; give fewer channels or levels, at most {number(MOST_PARAMETERS)}"
        )


@torch.no_grad()
def _check_outputs(network: nn.Module, description: Description) -> None:
    """Refuse a network whose outputs are not the maps to estimate: they would be broadcast onto these.

    Raises:
        InputError: for another number of outputs.
    """
    if any(parameter.is_meta for parameter in network.parameters()):
        return
    n_maps, wanted = network.eval()(torch.zeros(1, description.in_channels, 8, 8, 8)).shape[1], description.outputs
    network.train()
    if n_maps != len(wanted):
        raise InputError(f"model: found a network of {n_maps} outputs; give one of {len(wanted)}: {', '.join(wanted)}")
