"""What the scanner does: label for a while, wait, read an image, several times over.

Label transport is linear and label decays with its own age, so one step response S(t), the label
present t seconds after labeling was switched on for good, gives every acquisition:

    C(LD, PLD) = S(LD + PLD) − S(PLD)

for a bolus of length LD that is read PLD after its end.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Len
from pydantic import BeforeValidator

from simulators.errors import InputError
from simulators.settings.checking import check_fields
from simulators.settings.limits import VoxelSize, Within, one_as_list

LabelingDuration = Annotated[float, Within(0, 20, "s", why="not ms", above=True)]

Delay = Annotated[float, Within(0, 20, "s", why="not ms")]

Delays = Annotated[tuple[Delay, ...], Len(1, 128), BeforeValidator(one_as_list)]

Crushing = Annotated[float, Within(0, 2000, "mm/s", why="blood in the carotids reaches 1000")] | bool | None

SliceTiming = Annotated[tuple[Delay, ...], Len(0, 512), BeforeValidator(one_as_list)]


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

    labeling_duration: LabelingDuration | Annotated[tuple[LabelingDuration, ...], Len(1, 128)] = 1.45
    post_labeling_delays: Delays = (1.025, 1.525, 2.025, 2.525)
    voxel_size_mm: VoxelSize = (2.0, 2.0, 4.0)
    vascular_crushing: Crushing = None
    slice_timing: SliceTiming = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if isinstance(self.vascular_crushing, bool):
            object.__setattr__(self, "vascular_crushing", 0.0 if self.vascular_crushing else None)
        if len(self.labeling_durations) not in (1, self.n_delays):
            raise InputError(
                f"labeling_duration: found {len(self.labeling_durations)} values for {self.n_delays} delays; "
                "give one, or one for each delay"
            )

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
