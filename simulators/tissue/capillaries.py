"""Capillary beds: the many parallel capillaries between a voxel's arteriole and its venule."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulators.arrays import Float, Int, Shaped
from simulators.errors import InputError
from simulators.machine.compiling import njit
from simulators.seeding import Seed, seed_bits

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

    voxel: Int[np.ndarray, " V"]
    start: Int[np.ndarray, " V+1"]
    flow: Float[np.ndarray, " M"]
    volume: Float[np.ndarray, " M"]


@dataclass(frozen=True)
class CapillaryBeds:
    """Capillaries of all voxels, one voxel's after another's, in C order of the voxels.

    Attributes:
        start: first capillary of each voxel and the end of the last, (X·Y·Z + 1,).
        flow: mm³/s through each capillary, (M,); a voxel's add up to its perfusion.
        volume: mm³ of blood in each capillary, (M,).
        volume_fraction: mL of capillary blood per mL of tissue, (X, Y, Z).
    """

    start: Int[np.ndarray, " N"]
    flow: Float[np.ndarray, " M"]
    volume: Float[np.ndarray, " M"]
    volume_fraction: Float[np.ndarray, "*shape"]

    @property
    def transit_time(self) -> Float[np.ndarray, " M"]:
        """Plug-flow transit time V/F of each capillary, s, (M,)."""
        return self.volume / self.flow

    @property
    def count(self) -> Int[np.ndarray, "*shape"]:
        """Number of capillaries in each voxel, (X, Y, Z)."""
        return np.diff(self.start).reshape(self.volume_fraction.shape)

    def blocks(self) -> Iterator[CapillaryBlock]:
        """All capillaries at once."""
        voxel = np.flatnonzero(np.diff(self.start))
        yield CapillaryBlock(voxel, np.append(self.start[voxel], self.start[-1]), self.flow, self.volume)


@dataclass(frozen=True)
class PlannedVoxels:
    """What the capillaries of some voxels are drawn from.

    Attributes:
        voxel: in C order, those without flow left out, (V,).
        key: 64 bits from which all draws of a voxel follow, see `draw_capillaries`, (V,).
        flow: mm³/s into each voxel, (V,).
        volume: mm³ of capillary blood in each voxel, (V,).
    """

    voxel: Int[np.ndarray, " V"]
    key: Shaped[np.ndarray, " V"]
    flow: Float[np.ndarray, " V"]
    volume: Float[np.ndarray, " V"]


@dataclass(frozen=True)
class CapillaryPlan:
    """Capillary beds that are drawn when they are asked for, a block of voxels at a time: a brain's fill gigabytes.

    They are those that `draw_capillaries` draws at once, whatever the blocks.

    Attributes:
        voxel_flow: mm³/s into each voxel, (X, Y, Z).
        volume_fraction: mL of capillary blood per mL of tissue, (X, Y, Z).
        seed: of the random draws.
        voxel_volume_mm3: volume of a voxel.

    Raises:
        InputError: for a fraction outside (0, 1).
    """

    voxel_flow: Float[np.ndarray, "X Y Z"]
    volume_fraction: Float[np.ndarray, "X Y Z"]
    seed: Seed
    voxel_volume_mm3: float

    def __post_init__(self) -> None:
        _check_fraction(self.volume_fraction)

    def voxels(self) -> Iterator[PlannedVoxels]:
        """All voxels that have flow, `VOXELS_PER_BLOCK` at a time."""
        flow, fraction = self.voxel_flow.ravel(), self.volume_fraction.ravel()
        served, seed = np.flatnonzero(flow > 0), seed_bits(self.seed)
        for first in range(0, len(served), VOXELS_PER_BLOCK):
            voxel = served[first : first + VOXELS_PER_BLOCK]
            key = _keys(seed, first, len(voxel))
            yield PlannedVoxels(voxel, key, flow[voxel], fraction[voxel] * self.voxel_volume_mm3)

    def blocks(self) -> Iterator[CapillaryBlock]:
        """The capillaries, `VOXELS_PER_BLOCK` voxels at a time; the same ones whenever it is asked."""
        for planned in self.voxels():
            yield CapillaryBlock(planned.voxel, *_draw_all(planned, COUNT_RANGE, SPREAD))


VOXELS_PER_BLOCK = 2**15
"""About 3.3 million capillaries, 50 MB."""

COUNT_RANGE = (50, 150)
"""Fewest and most capillaries in a voxel."""

SPREAD = (0.5, 1.5)
"""Lowest and highest relative radius, length and flow of a capillary."""


def draw_capillaries(
    flow: Float[np.ndarray, "*shape"],
    volume_fraction: float | Float[np.ndarray, "..."],
    *,
    seed: Seed,
    voxel_volume_mm3: float = 1.0,
    count_range: tuple[int, int] = COUNT_RANGE,
    spread: tuple[float, float] = SPREAD,
) -> CapillaryBeds:
    """Draw the capillaries of each voxel that has flow.

    Radius, length and flow of each are drawn uniformly from `spread` and then scaled, so that the flows of a
    voxel add up to its flow and the volumes to its capillary blood volume.

    Draws are numbers of SplitMix64. The seed's sequence gives a key to each voxel with flow, in C order; of the key's
    own sequence the first number decides how many capillaries there are, each further one what one of them is like.
    So a capillary can be drawn anywhere, without those before it.

    Args:
        flow: mm³/s into each voxel, of any shape.
        volume_fraction: mL of capillary blood per mL of tissue, one for all voxels or one for each.
        seed: of the random draws.
        voxel_volume_mm3: volume of a voxel.
        count_range: fewest and most capillaries in a voxel.
        spread: lowest and highest relative radius, length and flow.

    Raises:
        InputError: for a fraction outside (0, 1) or a range that is not one.

    Source: the QTMnet paper's capillary model. Random numbers: Steele, Lea and Flood, Fast splittable pseudorandom
    number generators, OOPSLA 2014.
    """
    fraction = np.broadcast_to(np.asarray(volume_fraction, float), flow.shape)
    _check_fraction(fraction)
    if not 1 <= count_range[0] <= count_range[1] or not 0 < spread[0] <= spread[1]:
        raise InputError(f"count_range, spread: found {count_range}, {spread}; give low ≤ high, at least 1 and above 0")
    voxel = np.flatnonzero(flow > 0)
    volume = fraction.ravel()[voxel] * voxel_volume_mm3
    planned = PlannedVoxels(voxel, _keys(seed_bits(seed), 0, len(voxel)), flow.ravel()[voxel], volume)
    start, capillary_flow, capillary_volume = _draw_all(planned, count_range, spread)
    count = np.zeros(flow.size, np.int64)
    count[voxel] = np.diff(start)
    start = np.concatenate([[0], np.cumsum(count)])
    return CapillaryBeds(start=start, flow=capillary_flow, volume=capillary_volume, volume_fraction=fraction)


def _check_fraction(fraction: Float[np.ndarray, "..."]) -> None:
    if not ((fraction > 0) & (fraction < 1)).all():
        raise InputError(
            f"volume_fraction: found {np.min(fraction)} to {np.max(fraction)}; give more than 0, less than 1"
        )


def _draw_all(
    planned: PlannedVoxels, count_range: tuple[int, int], spread: tuple[float, float]
) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """First capillary of each voxel and the end of the last, (V + 1,); flow and volume of each capillary, (M,)."""
    start = _starts(planned.key, count_range[0], count_range[1])
    return start, *_draw(planned.key, start, planned.flow, planned.volume, float(spread[0]), float(spread[1]))


# From here on as in beds.cu, where capillaries of a plan are drawn on a GPU.

GAMMA = np.uint64(0x9E3779B97F4A7C15)
"""From one state of SplitMix64 to the next."""

FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

DRAWS = 2**21
"""Values of a uniform draw; three of them are in a 64-bit number, with a bit left over."""


@njit()
def _number(key, k):  # type: ignore[no-untyped-def]
    """Number k of the SplitMix64 sequence of a key."""
    bits = key + np.uint64(k + 1) * GAMMA
    bits = (bits ^ (bits >> np.uint64(30))) * FIRST_FACTOR
    bits = (bits ^ (bits >> np.uint64(27))) * SECOND_FACTOR
    return bits ^ (bits >> np.uint64(31))


@njit()
def _keys(seed, first, n):  # type: ignore[no-untyped-def]
    """Keys of n voxels from one on, of those that have flow, (n,)."""
    key = np.empty(n, np.uint64)
    for i in range(n):
        key[i] = _number(seed, first + i)
    return key


@njit()
def _starts(key, least, most):  # type: ignore[no-untyped-def]
    """First capillary of each voxel and the end of the last, (V + 1,)."""
    start = np.zeros(key.size + 1, np.int64)
    for voxel in range(key.size):
        share = (_number(key[voxel], 0) >> np.uint64(32)) * np.uint64(most - least + 1)
        start[voxel + 1] = start[voxel] + least + np.int64(share >> np.uint64(32))
    return start


@njit()
def _draw(key, start, flow, volume, low, high):  # type: ignore[no-untyped-def]
    """Flow and volume of every capillary, scaled to their voxel's."""
    capillary_flow, capillary_volume = np.empty(start[-1]), np.empty(start[-1])
    step = (high - low) / DRAWS
    for voxel in range(flow.size):
        first, count = start[voxel], start[voxel + 1] - start[voxel]
        own_flow, own_volume = capillary_flow[first : first + count], capillary_volume[first : first + count]
        for k in range(count):
            bits = np.int64(_number(key[voxel], k + 1) >> np.uint64(1))
            radius = low + step * ((bits >> 42) + 0.5)
            length = low + step * (((bits >> 21) & (DRAWS - 1)) + 0.5)
            own_flow[k] = low + step * ((bits & (DRAWS - 1)) + 0.5)
            own_volume[k] = radius * radius * length
        total_flow = total_volume = 0.0
        for k in range(count):
            total_flow += own_flow[k]
            total_volume += own_volume[k]
        flow_scale, volume_scale = flow[voxel] / total_flow, volume[voxel] / total_volume
        for k in range(count):
            own_flow[k] *= flow_scale
            own_volume[k] *= volume_scale
    return capillary_flow, capillary_volume
