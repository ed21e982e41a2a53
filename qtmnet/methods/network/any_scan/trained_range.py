"""What lies outside of the range that the network was trained for: of a protocol, and of single voxels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import check_fields
from simulators.settings.limits import Span, VoxelEdge, Within

TOLERANCE = 0.05
"""By which a number may lie outside of a range and still count as in it, relatively."""

TOLD_AT_MOST = 2.0
"""Times the strongest noise of the training that it was told to be: what is told is off by exp(0.3 N(0, 1)) there."""

Seconds = Annotated[float, Within(0, 40, "s")]

Deviation = Annotated[float, Within(0, 10, "mL/mL")]


@dataclass(frozen=True)
class TrainedRange:
    """Ranges of the training samples.

    Attributes:
        in_plane_mm, slice_mm: edges of a voxel along x and y, and along z.
        frames: number of them.
        duration: s, of boluses.
        delay: s, from the end of a bolus to the readout.
        t1_blood: s.
        noise: standard deviation of a frame, mL/mL.
        chi_squared: largest that was met but for one voxel in a thousand, with label in arteries and without.
    """

    in_plane_mm: Span[VoxelEdge]
    slice_mm: Span[VoxelEdge]
    frames: Span[Annotated[int, Within(1, 1000)]]
    duration: Span[Seconds]
    delay: Span[Seconds]
    t1_blood: Span[Seconds]
    noise: Span[Deviation]
    chi_squared: tuple[float, float] = (1e30, 1e30)

    def __post_init__(self) -> None:
        check_fields(self)

    def of_scan(self, acquisition: Acquisition, t1_blood: float, noise: np.ndarray | None) -> Iterator[str]:
        """What of a scan lies outside, a phrase for each."""
        x, y, z = acquisition.voxel_size_mm
        blocks = [block for frame in acquisition.frames for block in frame]
        latest = max(acquisition.slice_timing, default=0.0)
        values: dict[str, tuple[list[float], tuple[float, float], str]] = {
            "voxels in plane": ([x, y], self.in_plane_mm, "mm"),
            "slices": ([z], self.slice_mm, "mm"),
            "number of frames": ([acquisition.n_frames], self.frames, ""),
            "bolus durations": ([block.duration for block in blocks], self.duration, "s"),
            "delays": ([max(block.delay, 0) for block in blocks] + [b.delay + latest for b in blocks], self.delay, "s"),
            "T1 of blood": ([t1_blood], self.t1_blood, "s"),
        }
        if noise is not None and np.any(noise > 0):
            values["noise"] = ([float(np.median(noise[noise > 0]))], (0.0, self.noise[1]), "mL/mL")
        for name, (found, (low, high), unit) in values.items():
            least, most = min(found), max(found)
            if least < low * (1 - TOLERANCE) or most > high * (1 + TOLERANCE):
                there = f"{least:.3g}" if least == most else f"{least:.3g} to {most:.3g}"
                yield f"{name}: {there} {unit}, trained {low:.3g} to {high:.3g}".replace("  ", " ")

    def of_voxels(self, chi_squared: np.ndarray, noise: np.ndarray, *, crushed: bool) -> np.ndarray:
        """Voxels whose frames are unlike all that was met in training, or noisier than any of it, (X, Y, Z) bool.

        Args:
            chi_squared: of each voxel, (X, Y, Z).
            noise: standard deviation of each frame, mL/mL, (K, X, Y, Z).
            crushed: whether label in arteries is hidden.
        """
        unlike = chi_squared > self.chi_squared[int(crushed)]
        return np.asarray(unlike | (noise.min(axis=0) > TOLD_AT_MOST * self.noise[1]))
