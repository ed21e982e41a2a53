"""Vessels of several pieces of tissue on a device, and their capillaries as rows for the kernels."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simulators.errors import InputError
from simulators.machine.cores import n_cores
from simulators.tissue.capillaries import COUNT_RANGE, DRAWS, SPREAD, CapillaryBlock, CapillaryPlan, PlannedVoxels
from simulators.tissue.label import LabelKinetics
from simulators.transport.cuda.devices import Array, Device
from simulators.transport.cuda.flows import BloodFlow
from simulators.transport.cuda.topology import ForestTopology, TreeLayout
from simulators.vessels.forest import Forest
from simulators.vessels.vasculature import Vasculature

ROWS_AT_ONCE = 2**19
"""Voxels whose beds are computed together: 16 cubes of 32³, 1.9 GB, or 2.7 GB where their capillaries are listed."""

Layouts = tuple[TreeLayout, TreeLayout]
"""Of the arteries and the veins of a piece of tissue."""

TILE = 32
"""Rows in a tile, as in common.h: the time courses of rows are arrays of (tiles, steps, TILE)."""


class VesselBatch:
    """Vessels of several pieces of tissue of one shape, on a device.

    What depends on perfusion is apart: `as_grown` gives the flows that the vessels came with, `perfused` those of a new
    perfusion map in the same trees.

    Attributes:
        device: where the arrays are.
        vessels: of each piece of tissue.
        arteries, veins: forests of all pieces of tissue, on the device.
        bluntness: of the velocity profile in each piece of tissue, (B,), on the host.
        served: voxels where an artery ends, counted through the batch, (R,), on the host.

    Raises:
        InputError: for pieces of different shape or voxel size, or none.
    """

    def __init__(
        self, device: Device, vessels: Sequence[Vasculature], layouts: Sequence[Layouts] | None = None
    ) -> None:
        if len({(v.shape, v.arteries.voxel_size_mm) for v in vessels}) != 1:
            raise InputError(
                f"vessels: found shapes {sorted({v.shape for v in vessels})}; give cubes of one shape and voxel size"
            )
        self.device = device
        self.vessels = tuple(vessels)
        self.bluntness = np.array([v.bluntness for v in vessels], float)
        arteries, veins = map(ForestTopology.of, zip(*(layouts or _laid_out(vessels)), strict=True))
        self.served = np.flatnonzero(arteries.terminal >= 0)
        self._terminal = arteries.terminal
        self.row_of_voxel = np.full(arteries.terminal.size, -1, np.int32)
        self.row_of_voxel[self.served] = np.arange(len(self.served))
        self.row_of_venule = device.put(np.where(veins.voxel >= 0, self.row_of_voxel[veins.voxel], -1).astype(np.int32))
        self.arteries, self.veins = arteries.on(device), veins.on(device)
        self._delays = device.put(np.concatenate([_own_delays(v) for v in vessels])), device.zeros((veins.n_nodes,))

    def __len__(self) -> int:
        return len(self.vessels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels of a piece of tissue along each axis."""
        return self.vessels[0].shape

    @property
    def n_voxels(self) -> int:
        """Voxels of a piece of tissue."""
        return int(np.prod(self.shape))

    @property
    def voxel_volume(self) -> float:
        """mm³."""
        return self.vessels[0].voxel_volume

    def _forests(self) -> tuple[list[Forest], list[Forest]]:
        return [v.arteries for v in self.vessels], [v.veins for v in self.vessels]

    @cached_property
    def as_grown(self) -> tuple[BloodFlow, BloodFlow]:
        """Flow in arteries and in veins as the forests have it."""
        flows = []
        for topology, forests, delay in zip((self.arteries, self.veins), self._forests(), self._delays, strict=True):
            flow, radius = (
                self.device.put(np.concatenate([getattr(f, a) for f in forests])) for a in ("flow", "radius")
            )
            flows.append(BloodFlow.through(self.device, topology, flow, radius, delay))
        return flows[0], flows[1]

    def perfused(
        self, voxel_flow: Array, arterial_k: float | np.ndarray, venous_k: float | np.ndarray
    ) -> tuple[BloodFlow, BloodFlow]:
        """Flow in arteries and in veins for a new perfusion map in the same trees.

        Capillaries keep their volumes, and their flows go with their voxel's; voxels that had no flow have none.

        Args:
            voxel_flow: mm³/s into each voxel, (B, X, Y, Z), float64, on the device or the host.
            arterial_k, venous_k: of r = k F^(1/3), mm (mm³/s)^(−1/3), one for all or one for each, (B,).
        """
        into = self.device.put(voxel_flow).reshape(-1)
        if into.dtype != np.float64 or into.size != len(self) * self.n_voxels:
            raise InputError(f"voxel_flow: found {into.dtype} of {into.size}; give float64, (B, X, Y, Z) as the batch")
        arteries, veins = (
            BloodFlow.into_tissue(self.device, topology, into, np.asarray(k, float), delay)
            for topology, k, delay in zip(
                (self.arteries, self.veins), (arterial_k, venous_k), self._delays, strict=True
            )
        )
        return arteries, veins

    def capillaries(self, labels: Sequence[LabelKinetics]) -> tuple[list[tuple[LabelKinetics, float]], np.ndarray]:
        """The sets of kinetics and blood volume fraction of the batch, and the number of each row's, (R,)."""
        sets: dict[tuple[LabelKinetics, float], int] = {}
        number = np.empty(len(self.served), np.int32)
        for k, (vessels, label) in enumerate(zip(self.vessels, labels, strict=True)):
            rows = np.flatnonzero(self.served // self.n_voxels == k)
            fraction = vessels.capillaries.volume_fraction.ravel()[self.served[rows] - k * self.n_voxels]
            values, inverse = np.unique(fraction, return_inverse=True)
            numbers = [sets.setdefault((label, float(value)), len(sets)) for value in values]
            number[rows] = np.array(numbers, np.int32)[inverse]
        return list(sets), number

    def rows(self, set_of_row: np.ndarray) -> Iterator["BedRows"]:
        """All capillaries, in groups of `ROWS_AT_ONCE` or so; those of a plan apart from those that are listed."""
        for planned in (True, False):
            group: list[tuple[int, Any]] = []
            for k, vessels in enumerate(self.vessels):
                beds = vessels.capillaries
                if isinstance(beds, CapillaryPlan) != planned:
                    continue
                for part in beds.voxels() if isinstance(beds, CapillaryPlan) else beds.blocks():
                    if group and sum(len(p.voxel) for _, p in group) + len(part.voxel) > ROWS_AT_ONCE:
                        yield self._rows(group, set_of_row)
                        group = []
                    group.append((k * self.n_voxels, part))
            if group:
                yield self._rows(group, set_of_row)

    def _rows(self, group: Sequence[tuple[int, Any]], set_of_row: np.ndarray) -> "BedRows":
        voxel = np.concatenate([first + part.voxel for first, part in group])
        row, put = self.row_of_voxel[voxel], self.device.put
        parts = [part for _, part in group]
        return BedRows(
            n=len(voxel),
            voxel=put(voxel.astype(np.int32)),
            place=put(row),
            node=put(self._terminal[voxel]),
            set=put(set_of_row[row]),
            capillaries=(PlannedCapillaries if isinstance(parts[0], PlannedVoxels) else ListedCapillaries).of(
                self.device, parts
            ),
        )


@dataclass(frozen=True)
class ListedCapillaries:
    """Capillaries of some rows, each with its flow and volume, on the device.

    Attributes:
        start: first capillary of each row and the end of the last, (n + 1,).
        flow: mm³/s in each capillary, (M,).
        volume: mm³ of each capillary, (M,).
    """

    start: Array
    flow: Array
    volume: Array

    @classmethod
    def of(cls, device: Device, blocks: Sequence[CapillaryBlock]) -> "ListedCapillaries":
        """Of blocks one after another."""
        count = np.concatenate([np.diff(block.start) for block in blocks])
        return cls(
            device.put(np.concatenate([[0], np.cumsum(count)]).astype(np.int32)),
            *(device.put(np.concatenate([getattr(block, name) for block in blocks])) for name in ("flow", "volume")),
        )

    def share_out(self, device: Device, n: int, *others: Array | int | float) -> None:
        """Launch the kernel of their spectrum; `others`: what it takes behind the capillaries."""
        device.launch("capillary_spectrum", n, self.start, self.flow, self.volume, *others)


@dataclass(frozen=True)
class PlannedCapillaries:
    """What the capillaries of some rows are drawn from, on the device.

    Attributes:
        key: of each row's draws, (n,).
        flow: mm³/s into each row, (n,).
        volume: mm³ of all capillaries of each row, (n,).
    """

    key: Array
    flow: Array
    volume: Array

    @classmethod
    def of(cls, device: Device, planned: Sequence[PlannedVoxels]) -> "PlannedCapillaries":
        """Of voxels one after another."""
        names = ("key", "flow", "volume")
        return cls(*(device.put(np.concatenate([getattr(part, name) for part in planned])) for name in names))

    def share_out(self, device: Device, n: int, *others: Array | int | float) -> None:
        """Launch the kernel that draws them and makes their spectrum; `others`: what it takes behind the draws."""
        (least, most), (low, high) = COUNT_RANGE, SPREAD
        draws = (least, most - least + 1, low, (high - low) / DRAWS)
        device.launch("planned_spectrum", n, self.key, self.flow, self.volume, *draws, *others)


@dataclass(frozen=True)
class BedRows:
    """Voxels with capillaries, on the device.

    Attributes:
        n: number of rows.
        voxel: of each row, counted through the batch, (n,).
        place: number of that voxel among all served ones, (n,).
        node: arterial node that feeds it, (n,).
        set: its kinetics and blood volume fraction, (n,).
        capillaries: of all rows, listed or planned.
    """

    n: int
    voxel: Array
    place: Array
    node: Array
    set: Array
    capillaries: ListedCapillaries | PlannedCapillaries

    @property
    def n_tiles(self) -> int:
        """Number of tiles that hold the rows."""
        return -(-self.n // TILE)


def _laid_out(vessels: Sequence[Vasculature]) -> list[Layouts]:
    """The layouts of all forests, made in threads."""
    with ThreadPoolExecutor(min(len(vessels), n_cores())) as pool:
        return list(pool.map(lambda v: (TreeLayout.of(v.arteries), TreeLayout.of(v.veins)), vessels))


def _own_delays(vessels: Vasculature) -> np.ndarray:
    """s lost at each arterial inlet and before each other node's segment, (N,)."""
    delay = np.zeros(vessels.arteries.n_nodes) if vessels.detour is None else vessels.detour.astype(float)
    delay[vessels.arteries.inlets] = vessels.inlet_delay
    return delay
