"""What the scanner does: label for a while, wait, read an image, several times over.

Label transport is linear and label decays with its own age, so one step response S(t), the label
present t seconds after labeling was switched on for good, gives every acquisition:

    C(LD, PLD) = S(LD + PLD) − S(PLD)

for a bolus of length LD that is read PLD after its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError


@dataclass(frozen=True)
class Acquisition:
    """A multi-delay (pseudo-)continuous ASL protocol.

    Attributes:
        labeling_duration: s, one for all delays or one for each.
        post_labeling_delays: s, from the end of labeling to the readout of the first slice, (K,).
        voxel_size_mm: edge lengths of the acquired voxel, (3,).
        vascular_crushing: mean velocity (mm/s) above which label in arteries is not seen; 0 hides
            all arterial label, None (no crushing) shows all of it.
        slice_timing: s after the first slice at which each slice along the last axis is read,
            (Z,); empty for a 3D readout, which reads all slices at once.

    Raises:
        InputError: for values that no scanner could play out, or that look like milliseconds.
    """

    labeling_duration: float | tuple[float, ...] = 1.45
    post_labeling_delays: tuple[float, ...] = (1.025, 1.525, 2.025, 2.525)
    voxel_size_mm: tuple[float, float, float] = (2.0, 2.0, 4.0)
    vascular_crushing: float | None = None
    slice_timing: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.labeling_duration, Sequence):
            object.__setattr__(self, "labeling_duration", _seconds("labeling_duration", self.labeling_duration))
        for name in ("post_labeling_delays", "slice_timing"):
            object.__setattr__(self, name, _seconds(name, getattr(self, name)))
        size = tuple(float(edge) for edge in np.broadcast_to(self.voxel_size_mm, 3))
        object.__setattr__(self, "voxel_size_mm", size)
        if isinstance(self.vascular_crushing, bool):
            object.__setattr__(self, "vascular_crushing", 0.0 if self.vascular_crushing else None)
        self._check()

    def _check(self) -> None:
        if not self.post_labeling_delays:
            raise InputError("post_labeling_delays: found none; give at least one delay in s")
        if min(self.post_labeling_delays) < 0 or max(self.post_labeling_delays) > 20:
            raise InputError(
                f"post_labeling_delays: found {list(self.post_labeling_delays)}; give seconds from 0 to 20, not ms"
            )
        if len(self.labeling_durations) not in (1, self.n_delays):
            raise InputError(
                f"labeling_duration: found {len(self.labeling_durations)} values for {self.n_delays} delays; "
                "give one, or one for each delay"
            )
        if min(self.labeling_durations) <= 0 or max(self.labeling_durations) > 20:
            raise InputError(
                f"labeling_duration: found {self.labeling_duration}; give seconds above 0, at most 20, not ms"
            )
        if min(self.voxel_size_mm) <= 0:
            raise InputError(f"voxel_size_mm: found {list(self.voxel_size_mm)}; give three lengths in mm above 0")
        if self.vascular_crushing is not None and not self.vascular_crushing >= 0:
            raise InputError(
                f"vascular_crushing: found {self.vascular_crushing}; give a velocity in mm/s, 0 or more, or null"
            )
        if self.slice_timing and (min(self.slice_timing) < 0 or max(self.slice_timing) > 20):
            raise InputError(f"slice_timing: found {list(self.slice_timing)}; give seconds from 0 to 20, not ms")

    @property
    def n_delays(self) -> int:
        """Number of frames K."""
        return len(self.post_labeling_delays)

    @property
    def labeling_durations(self) -> tuple[float, ...]:
        """Labeling durations in s, (1,) or (K,)."""
        duration = self.labeling_duration
        return duration if isinstance(duration, tuple) else (float(duration),)

    def readout_delays(self, n_slices: int | None = None) -> np.ndarray:
        """Delay (s) from the end of labeling to each frame's readout, broadcast to (K, X, Y, Z).

        Args:
            n_slices: slices of the image, to check `slice_timing` against.

        Returns:
            (K, 1, 1, 1) for a 3D readout, (K, 1, 1, Z) with slice timing.

        Raises:
            InputError: if there is not one slice time for each slice.
        """
        delays = np.asarray(self.post_labeling_delays)[:, None, None, None]
        if not self.slice_timing:
            return delays
        if n_slices is not None and n_slices != len(self.slice_timing):
            raise InputError(
                f"slice_timing: found {len(self.slice_timing)} times for {n_slices} slices; give one for each"
            )
        return delays + np.asarray(self.slice_timing)

    @property
    def last_readout(self) -> float:
        """Time (s) from the start of labeling to the last readout of any slice: how long S must be known."""
        durations = np.broadcast_to(self.labeling_durations, self.n_delays)
        return float(max(durations + self.post_labeling_delays) + max(self.slice_timing, default=0.0))


def _seconds(name: str, values: object) -> tuple[float, ...]:
    try:
        seconds = tuple(float(value) for value in np.atleast_1d(np.asarray(values, dtype=float)))
    except (TypeError, ValueError):
        raise InputError(f"{name}: found {values!r}; give numbers in s") from None
    if not np.isfinite(seconds).all():
        raise InputError(f"{name}: found {list(seconds)}; give finite numbers in s")
    return seconds
