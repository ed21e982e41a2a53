"""What a network sees of a scan: named inputs that are joined into its channels, in the order of the configuration.

An input is a class with the two methods of `Input` and an option of `conf/inputs` that names it. Its settings are those
of a frozen dataclass: a checkpoint keeps them as plain data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch

from simulators.imaging.acquisition import Acquisition


@dataclass(frozen=True, eq=False)
class Images:
    """What inputs are made from.

    Attributes:
        frames: scaled and decorrelated as the network's normalization and linear start have it, (N, K, X, Y, Z).
        given: all images of the samples by name, (N, C, X, Y, Z) each: `concentration` in mL/mL, `slice_time` in s
            after the first slice, and whatever else a data module or a scan adds.
        acquisition: how the frames were made.
    """

    frames: torch.Tensor
    given: Mapping[str, torch.Tensor]
    acquisition: Acquisition


class Input(Protocol):
    """Some channels of a network's input."""

    def n_channels(self, acquisition: Acquisition) -> int:
        """How many for scans of a protocol; 0 if they would tell nothing."""
        ...

    def channels(self, images: Images) -> torch.Tensor:
        """The channels, (N, C, X, Y, Z), numbers of the order of 1."""
        ...


@dataclass(frozen=True)
class FramesInput:
    """The frames of a scan."""

    def n_channels(self, acquisition: Acquisition) -> int:
        """One for each frame."""
        return acquisition.n_frames

    def channels(self, images: Images) -> torch.Tensor:
        """The frames, (N, K, X, Y, Z)."""
        return images.frames


@dataclass(frozen=True)
class SliceTimeInput:
    """When each slice is read, s after the first; nothing for a 3D readout, which reads all at once."""

    def n_channels(self, acquisition: Acquisition) -> int:
        """One if slices have times of their own."""
        return int(bool(acquisition.slice_timing))

    def channels(self, images: Images) -> torch.Tensor:
        """The time of each voxel's slice, (N, 1, X, Y, Z)."""
        return images.given["slice_time"]
