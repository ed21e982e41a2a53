"""A brain averaged over acquired voxels, kept: what every protocol of that voxel size is read from.

The step response of a brain is large, that on the acquired voxels is not: with arteries and beds apart it gives the
frames of any labeling, delays, slice times and crushing of all arterial label in milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain import BrainStages
from simulators.phantoms.brain_scan import BrainScan, averaged_response, look_at_brain
from simulators.phantoms.cube_scan import acquire
from simulators.phantoms.stages import Arrays
from simulators.tissue.label import LabelKinetics
from simulators.transport.numba import NumbaSimulator
from simulators.transport.step_response import Simulator, StepResponse

FORMAT = 2
"""Of what is kept; raised when a truth is defined otherwise. In 1 ATT was the time of plug flow."""

TIMES_AT_ONCE = 24
"""Of a brain of 1 mm, that 6 GB have room for."""

Edges = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class AveragedBrain:
    """A brain on acquired voxels of one size.

    Attributes:
        seen: what a scan of it has but for the frames, (0, x, y, z) in their place.
        response: step response on the acquired voxels, arterial label apart.
        label: kinetics that the label followed.
    """

    seen: BrainScan
    response: StepResponse
    label: LabelKinetics

    def scan(self, acquisition: Acquisition) -> BrainScan:
        """Image it.

        Args:
            acquisition: protocol, of these voxels, with all arterial label or none.

        Raises:
            InputError: for voxels of another size, crushing of a part of the arterial label, another number of slices
                than slice times, or a readout later than the step response was simulated for.
        """
        return replace(self.seen, concentration=acquire(self.response, acquisition, t1_blood=self.label.t1_blood))


class AveragedBrains:
    """One brain on voxels of several sizes; its step response is simulated once, and only if some size is not kept.

    Args:
        stages: of the brain; what is averaged is kept in their folder.
        time: s since labeling began, (T,), increasing, above 0. Frames are interpolated between them: with steps of
            0.125 s those of delays from 0.5 s on are right to 0.3 %, earlier ones to 4 to 8 % only, unless steps in
            the first second are of 0.05 s, when they are right to 0.2 % (L2 norm over a brain).
        sizes: edges of the acquired voxels, mm, whether or not the simulated ones nest in them.
        simulator: of the label's transport, see `simulate_brain`.
        at_once: times of which the whole brain's step response is held in memory together.
    """

    def __init__(
        self,
        stages: BrainStages,
        time: Sequence[float],
        sizes: Sequence[Edges],
        simulator: Simulator | None = None,
        *,
        at_once: int = TIMES_AT_ONCE,
    ) -> None:
        self.stages, self.time, self.sizes = stages, tuple(time), tuple(dict.fromkeys(sizes))
        self.simulator, self.at_once = simulator or NumbaSimulator(), at_once

    @cached_property
    def _made(self) -> dict[Edges, Arrays]:
        """What is kept of each size, of the step response a part of the times after the other."""
        made: dict[Edges, Arrays] = {}
        parts: dict[Edges, list[StepResponse]] = {size: [] for size in self.sizes}
        for first in range(0, len(self.time), self.at_once):
            brain = self.stages.brain(self.time[first : first + self.at_once], self.simulator)
            for size in self.sizes:
                parts[size].append(averaged_response(brain, size))
                if size not in made:
                    seen = look_at_brain(brain, size)
                    made[size] = {field.name: getattr(seen, field.name) for field in fields(seen)}
            del brain  # before the next is made
        for size, responses in parts.items():
            made[size] |= {
                name: np.concatenate([getattr(part, name) for part in responses]) for name in ("arterial", "bed")
            }
        return made

    def on(self, voxel_size_mm: Edges) -> AveragedBrain:
        """The brain on acquired voxels of one of the sizes."""
        settings = {
            "format": FORMAT,
            "label": self.stages.label_settings(self.time, self.simulator),
            "voxel_size_mm": voxel_size_mm,
        }
        arrays = dict(self.stages.stages.run("averaged", settings, lambda: self._made[voxel_size_mm]).arrays)
        arterial, bed = arrays.pop("arterial"), arrays.pop("bed")
        response = StepResponse(np.asarray(self.time), arterial, bed, voxel_size_mm)
        return AveragedBrain(BrainScan(**arrays), response, self.stages.parameters.label)
