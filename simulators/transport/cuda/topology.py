"""Forests of several pieces of tissue laid out for kernels: nodes, voxels and pieces of vessel are counted through the
whole batch, so that to a kernel a batch is one large forest."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from simulators.compiling import njit
from simulators.forest import Forest
from simulators.transport.cuda.devices import Array, Device
from simulators.transport.pieces import Pieces, cut_at_voxel_faces


@dataclass(frozen=True)
class Generations:
    """Nodes of which none is above another, one generation after another.

    Attributes:
        order: all nodes by generation, (N,).
        start: first of each generation in `order` and the end of the last.
    """

    order: Array
    start: tuple[int, ...]

    @classmethod
    def of(cls, generation: np.ndarray) -> "Generations":
        """From the generation of each node, 0, 1, …, (N,)."""
        order = np.argsort(generation, kind="stable").astype(np.int32)
        return cls(order, (0, *np.cumsum(np.bincount(generation)).tolist()))

    def spans(self) -> list[tuple[int, int]]:
        """First and number of nodes of each generation."""
        return list(zip(self.start[:-1], np.diff(self.start).tolist(), strict=True))


@dataclass(frozen=True)
class ForestTopology:
    """What of a batch's arteries, or veins, does not depend on perfusion. Indices are int32.

    Attributes:
        parent: node before each node, −1 at inlets, (N,).
        forest: piece of tissue that each node is in, (N,).
        length: mm of the segment that ends in each node, (N,).
        voxel: voxel that each node supplies, −1 for none, (N,).
        terminal: node that supplies each voxel, −1 for none, (S,).
        depth: generations by the number of segments below the inlet.
        height: generations by the longest number of segments above a leaf.
        daughter_start: first daughter of each node and the end of the last, (N + 1,).
        daughter: nodes by parent, (N − inlets,).
        inlet: nodes without a parent, (I,).
        inlet_start: first inlet of each forest and the end of the last, (B + 1,).
        piece_start: first piece of vessel in each voxel and the end of the last, (S + 1,).
        piece_node: node that ends the piece's segment, (P,).
        piece_share: shares of the segment's length at which the piece begins and ends, (P, 2).
    """

    parent: Array
    forest: Array
    length: Array
    voxel: Array
    terminal: Array
    depth: Generations
    height: Generations
    daughter_start: Array
    daughter: Array
    inlet: Array
    inlet_start: Array
    piece_start: Array
    piece_node: Array
    piece_share: Array

    @property
    def n_nodes(self) -> int:
        """Number of nodes N."""
        return len(self.parent)

    @property
    def n_forests(self) -> int:
        """Number of forests B."""
        return len(self.inlet_start) - 1

    @classmethod
    def of(cls, forests: Sequence[Forest]) -> "ForestTopology":
        """Of forests in domains of one shape."""
        first = np.cumsum([0] + [forest.n_nodes for forest in forests])
        parent = joined([forest.parent for forest in forests], first)
        terminal = joined([forest.terminal.ravel() for forest in forests], first)
        voxel = np.full(len(parent), -1, np.int32)
        served = np.flatnonzero(terminal >= 0)
        voxel[terminal[served]] = served
        daughter = np.argsort(parent, kind="stable")[np.count_nonzero(parent < 0) :]
        depth, height = _generations(parent)
        piece_start, piece_node, piece_share = _pieces_by_voxel(forests, first)
        return cls(
            parent=parent,
            forest=np.repeat(np.arange(len(forests), dtype=np.int32), np.diff(first)),
            length=np.concatenate([forest.length for forest in forests]),
            voxel=voxel,
            terminal=terminal,
            depth=Generations.of(depth),
            height=Generations.of(height),
            daughter_start=_starts(parent[parent >= 0], len(parent)),
            daughter=daughter.astype(np.int32),
            inlet=np.flatnonzero(parent < 0).astype(np.int32),
            inlet_start=_starts(np.repeat(np.arange(len(forests)), [len(f.inlets) for f in forests]), len(forests)),
            piece_start=piece_start,
            piece_node=piece_node,
            piece_share=piece_share,
        )

    def on(self, device: Device) -> "ForestTopology":
        """The same with its arrays on a device."""
        moved = {}
        for field in fields(self):
            value = getattr(self, field.name)
            moved[field.name] = (
                replace(value, order=device.put(value.order)) if isinstance(value, Generations) else device.put(value)
            )
        return ForestTopology(**moved)


def joined(indices: Sequence[np.ndarray], first: np.ndarray) -> np.ndarray:
    """Indices of several forests one after another, −1 kept, where forest b's are counted from first[b], int32."""
    return np.concatenate([np.where(i >= 0, i + offset, -1) for i, offset in zip(indices, first, strict=False)]).astype(
        np.int32
    )


def _starts(owner: np.ndarray, n_owners: int) -> np.ndarray:
    """First entry of each owner and the end of the last, for entries sorted by owner, (n_owners + 1,)."""
    return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=n_owners))]).astype(np.int32)


def _pieces_by_voxel(forests: Sequence[Forest], first: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`piece_start`, `piece_node` and `piece_share` of a batch; pieces outside the domain are left out."""
    n_voxels = forests[0].terminal.size
    parts = [_shares(cut_at_voxel_faces(forest)) for forest in forests]
    voxel = joined([part[0] for part in parts], n_voxels * np.arange(len(parts)))
    node = joined([part[1] for part in parts], first)
    share = np.concatenate([part[2] for part in parts])
    inside = np.flatnonzero(voxel >= 0)
    order = inside[np.argsort(voxel[inside], kind="stable")]
    return _starts(voxel[order], n_voxels * len(forests)), node[order], share[order]


def _shares(pieces: Pieces) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxel and node of each piece, (P,), and shares at which it begins and ends, (P, 2)."""
    node = np.repeat(np.arange(len(pieces.start) - 1), np.diff(pieces.start))
    begin = np.zeros(len(node))
    begin[1:] = np.where(np.diff(node) == 0, pieces.end[:-1], 0)
    return pieces.voxel, node, np.stack([begin, pieces.end], axis=1)


@njit()
def _generations(parent):  # type: ignore[no-untyped-def]
    """Depth and height of each node."""
    depth, height = np.zeros(parent.size, np.int64), np.zeros(parent.size, np.int64)
    for node in range(parent.size):
        if parent[node] >= 0:
            depth[node] = depth[parent[node]] + 1
    for node in range(parent.size - 1, -1, -1):
        if parent[node] >= 0:
            height[parent[node]] = max(height[parent[node]], height[node] + 1)
    return depth, height
