"""Protocols to draw from: what scanners are asked to do, from one delay to twelve."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.base import Delay, Duration, Labeling
from simulators.imaging.labeling.continuous import PCASL
from simulators.imaging.labeling.pulsed import PASL
from simulators.settings.checking import check_fields
from simulators.settings.limits import Span, VoxelEdge, Within

Part = Annotated[float, Within(0, 1)]

FrameCount = Annotated[int, Within(1, 128)]


@dataclass(frozen=True)
class ProtocolRanges:
    """Ranges and shares that protocols are drawn from.

    Attributes:
        single_share: of protocols of one frame.
        most_frames: of a protocol; the number is drawn evenly from 2 on.
        labeling_duration: s, of continuous labeling.
        varying_share: of protocols of several frames whose labeling durations differ.
        delay: s, post-labeling delays and inversion times; a protocol's first lies in the lower half of them.
        even_share: of protocols whose delays are evenly spaced.
        pulsed_share: of pulsed labeling with a bolus that is cut off.
        bolus_duration: s, of pulsed labeling.
        hadamard_share: of time-encoded labeling, decoded.
        block_duration: s, of a block of time-encoded labeling.
        slices_share: of 2D readouts, whose slices have times of their own.
        slice_interval: s, from one slice to the next.
        first_slice: s, from the scan's first slice to the first of those that are drawn.
        in_plane_mm: edge of a voxel within a slice.
        slice_mm: edge along the third axis.
        crushed_share: of protocols that hide label in arteries.

    Raises:
        InputError: for values that no scanner could play out.
    """

    single_share: Part = 0.25
    most_frames: FrameCount = 12
    labeling_duration: Span[Duration] = (0.8, 2.5)
    varying_share: Part = 0.2
    delay: Span[Delay] = (0.1, 3.5)
    even_share: Part = 0.5
    pulsed_share: Part = 0.15
    bolus_duration: Span[Duration] = (0.5, 1.2)
    hadamard_share: Part = 0.1
    block_duration: Span[Duration] = (0.25, 0.6)
    slices_share: Part = 0.5
    slice_interval: Span[Delay] = (0.02, 0.06)
    first_slice: Span[Delay] = (0.0, 0.5)
    in_plane_mm: Span[VoxelEdge] = (2.0, 4.0)
    slice_mm: Span[VoxelEdge] = (2.0, 8.0)
    crushed_share: Part = 0.5

    def __post_init__(self) -> None:
        check_fields(self)
        if self.pulsed_share + self.hadamard_share > 1:
            raise InputError(
                f"pulsed_share, hadamard_share: found {self.pulsed_share} and {self.hadamard_share}; give shares that "
                "add up to 1 at most"
            )

    @property
    def last_readout(self) -> float:
        """s from the start of labeling to the latest readout that can be drawn, of samples of 16 slices."""
        return self.labeling_duration[1] + self.delay[1] + self.first_slice[1] + 16 * self.slice_interval[1]

    def draw_voxel(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """Edges of a voxel, mm; in plane they are equal more often than not."""
        x = rng.uniform(*self.in_plane_mm)
        y = x if rng.random() < 0.8 else rng.uniform(*self.in_plane_mm)
        return float(x), float(y), float(rng.uniform(*self.slice_mm))

    def draw(
        self, rng: np.random.Generator, voxel_size_mm: tuple[float, float, float], n_slices: int, last_readout: float
    ) -> Acquisition:
        """A protocol for images of so many slices, no readout of it later than `last_readout` (s)."""
        timing = self._slice_timing(rng, n_slices)
        latest = last_readout - (max(timing) if timing else 0.0)
        n_frames = 1 if rng.random() < self.single_share else int(rng.integers(2, self.most_frames + 1))
        labeling, delays = self._labeling(rng, n_frames, latest)
        return Acquisition(
            labeling,
            post_labeling_delays=delays,
            voxel_size_mm=voxel_size_mm,
            vascular_crushing=0.0 if rng.random() < self.crushed_share else None,
            slice_timing=timing,
        )

    def _labeling(self, rng: np.random.Generator, n_frames: int, latest: float) -> tuple[Labeling, tuple[float, ...]]:
        kind = rng.random()
        if kind < self.pulsed_share:
            bolus = float(rng.uniform(*self.bolus_duration))
            return PASL(bolus), self._delays(rng, n_frames, latest)
        if kind < self.pulsed_share + self.hadamard_share and n_frames > 1:
            block = float(rng.uniform(*self.block_duration))
            n_blocks = max(min(n_frames, int((latest - self.delay[0]) / block)), 1)
            first = self._delays(rng, 1, latest - n_blocks * block)[0]
            return PCASL(block), tuple(first + block * k for k in range(n_blocks))
        durations = rng.uniform(*self.labeling_duration, n_frames)
        if rng.random() >= self.varying_share:
            durations[:] = durations[0]
        return PCASL(tuple(durations.tolist())), self._delays(rng, n_frames, latest - float(durations.max()))

    def _delays(self, rng: np.random.Generator, n: int, latest: float) -> tuple[float, ...]:
        """Delays in rising order, s, none beyond `latest`."""
        low, high = self.delay
        high = max(min(high, latest), low)
        if n == 1:
            return (float(rng.uniform(low + (high - low) / 6, high)),)
        first, last = np.sort([rng.uniform(low, (low + high) / 2), rng.uniform((low + high) / 2, high)])
        if rng.random() < self.even_share:
            return tuple(np.linspace(first, last, n).tolist())
        return tuple(np.sort(rng.uniform(first, last, n)).tolist())

    def _slice_timing(self, rng: np.random.Generator, n: int) -> tuple[float, ...]:
        """s after the scan's first slice, (n,); empty for a 3D readout."""
        if rng.random() >= self.slices_share:
            return ()
        order = np.arange(n)
        kind = int(rng.integers(3))
        if kind == 1:
            order = order[::-1]
        elif kind == 2:  # even slices first, then the odd ones
            order = np.argsort(np.concatenate([np.arange(0, n, 2), np.arange(1, n, 2)]))
        times = rng.uniform(*self.first_slice) + rng.uniform(*self.slice_interval) * order
        return tuple(times.tolist())
