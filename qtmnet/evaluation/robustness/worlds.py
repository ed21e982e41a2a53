"""A world in which label is followed once, and all scans that are read from it: what a readout alone changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from qtmnet.evaluation.protocols.settings import ARTERIAL_LABEL
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.averaged_brain import AveragedBrain
from simulators.phantoms.brain_scan import acquire_moved, averaged_response, laid_over, look_at_brain
from simulators.phantoms.simulated_brain import Brain
from simulators.seeding import Stage, generator, stage_seed

Edges = tuple[float, float, float]

MOST_TIMES = 40
"""Of a step response that is kept at the very times of readout; for more it is kept in steps and interpolated."""

STEP, EARLY_STEP, EARLY = 0.125, 0.05, 1.0
"""s: between times from `EARLY` on, and before, see `qtmnet.evaluation.protocols.settings.ProtocolTable`."""


@dataclass(frozen=True, eq=False)
class World:
    """What scans of one world are read from.

    Attributes:
        by_size: the brain on voxels of each size that is read.
        protocol: with the times of this brain's slices, by size.
        moved: frames of the head that moves, (K, x, y, z), by arterial label and voxels that it moves.
    """

    by_size: Mapping[Edges, AveragedBrain]
    protocol: Mapping[Edges, Acquisition]
    moved: Mapping[tuple[str, float], np.ndarray]

    @classmethod
    def of(
        cls,
        brain: Brain,
        acquisition: Acquisition,
        sizes: tuple[Edges, ...],
        *,
        labels: tuple[str, ...] = (),
        movements: tuple[float, ...] = (),
        seed: int = 0,
    ) -> "World":
        """Average a brain, which is not needed any more afterwards.

        Args:
            brain: simulated at `times_of` the protocol.
            acquisition: protocol.
            sizes: of the voxels that it is read on.
            labels: keys of `ARTERIAL_LABEL`, under which it moves.
            movements: voxels that it moves by.
            seed: of the directions.
        """
        protocols = {size: laid_over(replace(acquisition, voxel_size_mm=size), brain) for size in sizes}
        own = protocols.get(acquisition.voxel_size_mm, acquisition)
        moved = {
            (name, by): acquire_moved(
                brain,
                replace(own, vascular_crushing=ARTERIAL_LABEL[name]),
                displacements(own.n_frames, by, own.voxel_size_mm, seed),
            )
            for name in labels
            for by in movements
        }
        by_size = {
            size: AveragedBrain(look_at_brain(brain, size), averaged_response(brain, size), brain.label)
            for size in sizes
        }
        return cls(by_size, protocols, moved)


def displacements(n_frames: int, voxels: float, voxel_size_mm: Edges, seed: int) -> np.ndarray:
    """Where a head lies in each frame: in the first where truth and anatomy show it, else so many voxels away.

    Args:
        n_frames: K.
        voxels: length of the displacement, in units of the voxel's edges.
        voxel_size_mm: of these.
        seed: of the directions, which are uniform on a sphere, the same for each length.

    Returns:
        mm, (K, 3).
    """
    drawn = generator(stage_seed(seed, Stage.LAYOUT)).standard_normal((n_frames, 3))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn[0] = 0
    return drawn * voxels * voxel_size_mm  # type: ignore[no-any-return]


def later(brain: AveragedBrain, delay: float) -> AveragedBrain:
    """The same brain whose label comes later to all inlets, and decays meanwhile; see `StepResponse.delayed`."""
    seen = replace(brain.seen, att=brain.seen.att + np.float32(delay))
    return AveragedBrain(seen, brain.response.delayed(delay, brain.label.t1_blood), brain.label)


def times_of(acquisition: Acquisition, delays: tuple[float, ...] = ()) -> tuple[float, ...]:
    """Times (s since labeling began) at which the step response has to be known.

    The times that frames are differences of, less each added delay, if these are few: nothing is interpolated then.

    Args:
        acquisition: protocol.
        delays: s, that are added to the way of the label.
    """
    blocks = [block for frame in acquisition.frames for block in frame]
    if not any(block.waits for block in blocks) and not acquisition.slice_timing:
        wanted: set[float] = set()
        for block in blocks:
            first, duration = (float(part[0]) for part in block.passed(np.zeros(1)))
            wanted |= {round(end - delay, 9) for end in (first, first + duration) for delay in (0.0, *delays)}
        times = tuple(sorted(time for time in wanted if time > 0))
        if len(times) <= MOST_TIMES:
            return times
    n_late = int(np.ceil((max(acquisition.last_readout, EARLY) - EARLY) / STEP - 1e-6))
    early = np.arange(1, round(EARLY / EARLY_STEP) + 1) * EARLY_STEP
    return (*early.tolist(), *(EARLY + STEP * k for k in range(1, n_late + 1)))
