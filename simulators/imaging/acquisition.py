"""What the scanner does: label, wait, read an image, several times over.

Label transport is linear and label decays with its own age, so one step response S(t), the label present t seconds
after labeling was switched on for good, gives every frame of every labeling; see `simulators.imaging.labeling`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Len
from pydantic import BeforeValidator

from simulators.errors import InputError
from simulators.imaging.labeling.base import Delay, Delays, Durations, Frame, Labeling
from simulators.imaging.labeling.continuous import PCASL
from simulators.imaging.labeling.plain import labeling_from_plain, labeling_to_plain
from simulators.settings.checking import check_fields, from_plain, shown
from simulators.settings.limits import VoxelSize, Within, one_as_list

Crushing = Annotated[float, Within(0, 2000, "mm/s", why="blood in the carotids reaches 1000")] | bool | None

SliceTiming = Annotated[tuple[Delay, ...], Len(0, 512), BeforeValidator(one_as_list)]


@dataclass(frozen=True, init=False)
class Acquisition:
    """A protocol: a labeling, and when and on which voxels it is read.

    Attributes:
        labeling: what is labeled, and how.
        post_labeling_delays: s, from the end of labeling (for pulsed labeling: from the pulse, inversion times) to the
            readout of the first slice.
        voxel_size_mm: edge lengths of the acquired voxel, (3,).
        vascular_crushing: mean velocity (mm/s) above which label in arteries is not seen; 0 hides
            all arterial label, None (no crushing) shows all of it.
        slice_timing: s after the first slice at which each slice along the last axis is read,
            (Z,); empty for a 3D readout, which reads all slices at once.
        labeling_duration: s, short for the `duration` of the labeling; no field of its own.

    Raises:
        InputError: for values that no scanner could play out, or that look like milliseconds.
    """

    labeling: Labeling
    post_labeling_delays: Delays
    voxel_size_mm: VoxelSize
    vascular_crushing: Crushing
    slice_timing: SliceTiming

    def __init__(
        self,
        labeling: Labeling = PCASL(),  # noqa: B008, which is frozen
        post_labeling_delays: Delays = (1.025, 1.525, 2.025, 2.525),
        voxel_size_mm: VoxelSize = (2.0, 2.0, 4.0),
        vascular_crushing: Crushing = None,
        slice_timing: SliceTiming = (),
        *,
        labeling_duration: Durations | None = None,
    ) -> None:
        given = (labeling, post_labeling_delays, voxel_size_mm, vascular_crushing, slice_timing)
        for field, value in zip(fields(self), given, strict=True):
            object.__setattr__(self, field.name, value)
        check_fields(self)
        if isinstance(self.vascular_crushing, bool):
            object.__setattr__(self, "vascular_crushing", 0.0 if self.vascular_crushing else None)
        if labeling_duration is not None:
            object.__setattr__(self, "labeling", lasting(self.labeling, labeling_duration))
        object.__setattr__(self, "_frames", self.labeling.frames(self.post_labeling_delays))

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The boluses that each frame shows, (K,)."""
        return self._frames  # type: ignore[attr-defined, no-any-return]

    @property
    def n_frames(self) -> int:
        """Number of frames K: one for each delay, unless the labeling makes several."""
        return len(self.frames)

    @property
    def labeling_duration(self) -> float | tuple[float, ...]:
        """The labeling's duration in s; AttributeError for one that has none."""
        return self.labeling.duration  # type: ignore[attr-defined, no-any-return]

    @property
    def effective_delays(self) -> tuple[float, ...]:
        """Delays (s) from the end of each bolus to the readout of the first slice, each once, from the shortest on."""
        return tuple(sorted({max(block.delay, 0.0) for frame in self.frames for block in frame}))

    def check_shows_arrival(self) -> None:
        """Refuse frames that are no function of when blood arrives, for what is to tell that.

        Raises:
            InputError: for a labeling with such frames.
        """
        if any(block.until_readout for frame in self.frames for block in frame):
            raise InputError(
                f"labeling: found {type(self.labeling).__name__}, whose frames do not show when blood arrives; take "
                "the single-delay model, which assumes that all has arrived"
            )

    def slice_times(self, n_slices: int | None = None) -> np.ndarray:
        """When each slice is read, s after the first one, (Z,); (1,) for a 3D readout.

        Args:
            n_slices: slices of the image, to check `slice_timing` against.

        Raises:
            InputError: if there is not one slice time for each slice.
        """
        if self.slice_timing and n_slices is not None and n_slices != len(self.slice_timing):
            raise InputError(
                f"slice_timing: found {len(self.slice_timing)} times for {n_slices} slices; give one for each"
            )
        return np.asarray(self.slice_timing or (0.0,))

    def delay_image(self, shape: tuple[int, int, int]) -> np.ndarray:
        """Delay of each frame in each voxel, s, (X, Y, Z, K) float32: to the readout of the voxel's own slice.

        It is from the end of labeling, of each frame's last bolus where a labeling makes several frames of a delay, and
        for pulsed labeling from the pulse.

        Args:
            shape: of the image, (X, Y, Z), slices along its last axis.

        Raises:
            InputError: if there is not one slice time for each slice.
        """
        if self.n_frames == len(self.post_labeling_delays):
            delays = np.array(self.post_labeling_delays)
        else:
            delays = np.array([min(block.delay for block in frame) for frame in self.frames])
        times = np.broadcast_to(self.slice_times(shape[2]), shape[2])
        return np.broadcast_to(np.add.outer(times, delays), (*shape, len(delays))).astype(np.float32)

    @property
    def last_readout(self) -> float:
        """Time (s) from the start of labeling to the last readout of any slice: how long S must be known."""
        oldest = max(block.duration + block.delay for frame in self.frames for block in frame)
        return float(oldest + max(self.slice_timing, default=0.0))

    def plain(self) -> dict[str, Any]:
        """Containers and numbers only; see `from_plain`."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {"labeling": labeling_to_plain(self.labeling, self.post_labeling_delays)}

    @classmethod
    def from_plain(cls, plain: object, name: str = "acquisition") -> "Acquisition":
        """The protocol that `plain` was made from, by this version or by 0.2.0, which knew PCASL alone.

        Args:
            plain: found in a file.
            name: of the content, as refusals are to begin.

        Raises:
            InputError: for what is no protocol, with the dotted name of the field.
        """
        if not isinstance(plain, Mapping):
            raise InputError(f"{name}: found {shown(plain)}; give an Acquisition, field by field")
        settings = dict(plain)
        if "labeling" in settings:
            settings["labeling"] = labeling_from_plain(settings["labeling"], f"{name}.labeling")
        elif "labeling_duration" in settings:
            duration = {"duration": settings.pop("labeling_duration")}
            try:
                settings["labeling"] = from_plain(PCASL, duration)
            except InputError as error:
                raise InputError(f"{name}.labeling_{error}") from None
        return from_plain(cls, settings, name)


def lasting(labeling: Labeling, duration: Any) -> Labeling:
    """The labeling with another duration (s).

    Raises:
        InputError: for a labeling that has none, or a duration that is out of range.
    """
    if "duration" not in {field.name for field in fields(labeling)}:  # type: ignore[arg-type]
        raise InputError(
            f"labeling_duration: found {shown(duration)}, but {type(labeling).__name__} has no such setting; leave it "
            "out"
        )
    try:
        return replace(labeling, duration=duration)  # type: ignore[type-var]
    except InputError as error:
        raise InputError(f"labeling_{error}") from None
