"""Capillary beds: the many parallel capillaries between a voxel's arteriole and its venule."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulators.compiling import njit
from simulators.errors import InputError
from simulators.seeding import Seed, generator, stage_seed

ELEMENTS_PER_CAPILLARY = 10
"""Well-mixed elements along a capillary (eq. A3 of the QTMnet paper)."""


@dataclass(frozen=True)
class CapillaryBlock:
    """Capillaries of some voxels.

    Attributes:
        voxel: in C order, those without capillaries left out, (V,).
        start: first capillary of each voxel and the end of the last, (V + 1,).
        flow: mm³/s through each capillary, (M,).
        volume: mm³ of blood in each capillary, (M,).
    """

    voxel: np.ndarray
    start: np.ndarray
    flow: np.ndarray
    volume: np.ndarray


@dataclass(frozen=True)
class CapillaryBeds:
    """Capillaries of all voxels, one voxel's after another's, in C order of the voxels.

    Attributes:
        start: first capillary of each voxel and the end of the last, (X·Y·Z + 1,).
        flow: mm³/s through each capillary, (M,); a voxel's add up to its perfusion.
        volume: mm³ of blood in each capillary, (M,).
        volume_fraction: mL of capillary blood per mL of tissue, (X, Y, Z).
    """

    start: np.ndarray
    flow: np.ndarray
    volume: np.ndarray
    volume_fraction: np.ndarray

    @property
    def transit_time(self) -> np.ndarray:
        """Plug-flow transit time V/F of each capillary, s, (M,)."""
        return self.volume / self.flow

    @property
    def count(self) -> np.ndarray:
        """Number of capillaries in each voxel, (X, Y, Z)."""
        return np.diff(self.start).reshape(self.volume_fraction.shape)

    def blocks(self) -> Iterator[CapillaryBlock]:
        """All capillaries at once."""
        voxel = np.flatnonzero(np.diff(self.start))
        yield CapillaryBlock(voxel, np.append(self.start[voxel], self.start[-1]), self.flow, self.volume)


@dataclass(frozen=True)
class CapillaryPlan:
    """Capillary beds that are drawn when they are asked for, a block of voxels at a time: a brain's fill gigabytes.

    Attributes:
        voxel_flow: mm³/s into each voxel, (X, Y, Z).
        volume_fraction: mL of capillary blood per mL of tissue, (X, Y, Z).
        seed: of the random draws; each block has draws of its own.
        voxel_volume_mm3: volume of a voxel.
    """

    voxel_flow: np.ndarray
    volume_fraction: np.ndarray
    seed: Seed
    voxel_volume_mm3: float

    def blocks(self) -> Iterator[CapillaryBlock]:
        """The capillaries, `VOXELS_PER_BLOCK` voxels at a time; the same ones whenever it is asked."""
        served = np.flatnonzero(self.voxel_flow)
        for number, first in enumerate(range(0, len(served), VOXELS_PER_BLOCK)):
            voxel = served[first : first + VOXELS_PER_BLOCK]
            beds = draw_capillaries(
                self.voxel_flow.ravel()[voxel],
                self.volume_fraction.ravel()[voxel],
                seed=stage_seed(self.seed, number),
                voxel_volume_mm3=self.voxel_volume_mm3,
            )
            yield CapillaryBlock(voxel, beds.start, beds.flow, beds.volume)


VOXELS_PER_BLOCK = 2**15
"""About 3.3 million capillaries, 50 MB."""


def draw_capillaries(
    flow: np.ndarray,
    volume_fraction: float | np.ndarray,
    *,
    seed: Seed,
    voxel_volume_mm3: float = 1.0,
    count_range: tuple[int, int] = (50, 150),
    spread: tuple[float, float] = (0.5, 1.5),
) -> CapillaryBeds:
    """Draw the capillaries of each voxel that has flow.

    Radius, length and flow of each are drawn uniformly from `spread` and then scaled, so that the flows of a
    voxel add up to its flow and the volumes to its capillary blood volume.

    Args:
        flow: mm³/s into each voxel, of any shape.
        volume_fraction: mL of capillary blood per mL of tissue, one for all voxels or one for each.
        seed: of the random draws.
        voxel_volume_mm3: volume of a voxel.
        count_range: fewest and most capillaries in a voxel.
        spread: lowest and highest relative radius, length and flow.

    Raises:
        InputError: for a fraction outside (0, 1) or a range that is not one.

    Source: the QTMnet paper's capillary model.
    """
    fraction = np.broadcast_to(np.asarray(volume_fraction, float), flow.shape)
    if not ((fraction > 0) & (fraction < 1)).all():
        raise InputError(
            f"volume_fraction: found {np.min(fraction)} to {np.max(fraction)}; give more than 0, less than 1"
        )
    if not 1 <= count_range[0] <= count_range[1] or not 0 < spread[0] <= spread[1]:
        raise InputError(f"count_range, spread: found {count_range}, {spread}; give low ≤ high, at least 1 and above 0")
    rng = generator(seed)
    count = np.where(flow > 0, rng.integers(count_range[0], count_range[1] + 1, flow.shape), 0).ravel()
    start = np.concatenate([[0], np.cumsum(count)])
    volume = fraction.ravel() * voxel_volume_mm3
    capillary_flow, capillary_volume = _draw(start, flow.ravel(), volume, spread[0], spread[1], rng)
    return CapillaryBeds(start=start, flow=capillary_flow, volume=capillary_volume, volume_fraction=fraction)


@njit()
def _draw(start, flow, volume, low, high, rng):  # type: ignore[no-untyped-def]
    """Flow and volume of every capillary, scaled to their voxel's."""
    capillary_flow = np.empty(start[-1])
    capillary_volume = np.empty(start[-1])
    span = high - low
    for voxel in range(flow.size):
        total_flow = total_volume = 0.0
        for k in range(start[voxel], start[voxel + 1]):
            radius, length = low + span * rng.random(), low + span * rng.random()
            capillary_flow[k] = low + span * rng.random()
            capillary_volume[k] = radius * radius * length
            total_flow += capillary_flow[k]
            total_volume += capillary_volume[k]
        for k in range(start[voxel], start[voxel + 1]):
            capillary_flow[k] *= flow[voxel] / total_flow
            capillary_volume[k] *= volume[voxel] / total_volume
    return capillary_flow, capillary_volume
