"""Forests of several pieces of tissue laid out for kernels: nodes, voxels and pieces of vessel are counted through the
whole batch, so that to a kernel a batch is one large forest."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from simulators.machine.compiling import njit
from simulators.transport.cuda.devices import Array, Device
from simulators.transport.pieces import Pieces, cut_at_voxel_faces
from simulators.vessels.forest import Forest


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
        start, order = sorted_by(generation, int(generation.max(initial=-1)) + 1)
        return cls(order, tuple(start.tolist()))

    def spans(self) -> list[tuple[int, int]]:
        """First and number of nodes of each generation."""
        return list(zip(self.start[:-1], np.diff(self.start).tolist(), strict=True))


@dataclass(frozen=True)
class TreeLayout:
    """What a forest brings to the topology of a batch, counted from its own first node and voxel. Indices are int32.

    Attributes:
        parent: node before each node, −1 at inlets, (N,).
        length: mm of the segment that ends in each node, (N,).
        voxel: voxel that each node supplies, −1 for none, (N,).
        terminal: node that supplies each voxel, −1 for none, (S,).
        depth: number of segments below the inlet of each node, (N,).
        height: longest number of segments above each node to a leaf, (N,).
        daughter_start: first daughter of each node and the end of the last, (N + 1,).
        daughter: nodes by parent, (N − inlets,).
        inlet: nodes without a parent, (I,).
        piece_start: first piece of vessel in each voxel and the end of the last, (S + 1,).
        piece_node: node that ends the piece's segment, (P,).
        piece_share: shares of the segment's length at which the piece begins and ends, (P, 2).
    """

    parent: np.ndarray
    length: np.ndarray
    voxel: np.ndarray
    terminal: np.ndarray
    depth: np.ndarray
    height: np.ndarray
    daughter_start: np.ndarray
    daughter: np.ndarray
    inlet: np.ndarray
    piece_start: np.ndarray
    piece_node: np.ndarray
    piece_share: np.ndarray

    @classmethod
    def of(cls, forest: Forest, pieces: Pieces | None = None) -> "TreeLayout":
        """Of a forest; `pieces`: what `cut_at_voxel_faces` made of it, where that is known."""
        pieces = cut_at_voxel_faces(forest) if pieces is None else pieces
        parent, terminal = (values.ravel().astype(np.int32) for values in (forest.parent, forest.terminal))
        voxel = np.full(len(parent), -1, np.int32)
        served = np.flatnonzero(terminal >= 0)
        voxel[terminal[served]] = served
        depth, height = _generations(parent)
        daughter_start, daughter = sorted_by(parent, len(parent))
        piece_start, order = sorted_by(pieces.voxel, terminal.size)  # pieces outside the domain are left out
        piece_node, piece_share = _pieces_in_order(pieces.start, pieces.end, order)
        return cls(
            parent=parent,
            length=forest.length,
            voxel=voxel,
            terminal=terminal,
            depth=depth,
            height=height,
            daughter_start=daughter_start,
            daughter=daughter,
            inlet=forest.inlets.astype(np.int32),
            piece_start=piece_start,
            piece_node=piece_node,
            piece_share=piece_share,
        )


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
    def of(cls, trees: Sequence[TreeLayout]) -> "ForestTopology":
        """Of forests in domains of one shape."""
        nodes, voxels, daughters, inlets, pieces = (
            _firsts([getattr(tree, name) for tree in trees])
            for name in ("parent", "terminal", "daughter", "inlet", "piece_node")
        )

        def joined(name: str, first: np.ndarray) -> np.ndarray:
            return _joined([getattr(tree, name) for tree in trees], first)

        def starts(name: str, first: np.ndarray) -> np.ndarray:
            own = _joined([getattr(tree, name)[:-1] for tree in trees], first)
            return np.append(own, np.int32(first[-1]))

        def together(name: str) -> np.ndarray:
            return np.concatenate([getattr(tree, name) for tree in trees])

        return cls(
            parent=joined("parent", nodes),
            forest=np.repeat(np.arange(len(trees), dtype=np.int32), np.diff(nodes)),
            length=together("length"),
            voxel=joined("voxel", voxels),
            terminal=joined("terminal", nodes),
            depth=Generations.of(together("depth")),
            height=Generations.of(together("height")),
            daughter_start=starts("daughter_start", daughters),
            daughter=joined("daughter", nodes),
            inlet=joined("inlet", nodes),
            inlet_start=inlets.astype(np.int32),
            piece_start=starts("piece_start", pieces),
            piece_node=joined("piece_node", nodes),
            piece_share=together("piece_share"),
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


def _firsts(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Where each of several arrays begins in all of them together, and their end, (B + 1,)."""
    return np.cumsum([0] + [len(part) for part in parts])


def _joined(indices: Sequence[np.ndarray], first: np.ndarray) -> np.ndarray:
    """Indices of several forests one after another, −1 kept, where forest b's are counted from first[b], int32."""
    begin = _firsts(indices)
    together = np.empty(int(begin[-1]), np.int32)
    for k, own in enumerate(indices):
        _shift(own, first[k], together[begin[k] : begin[k + 1]])
    return together


@njit()
def _shift(indices, offset, shifted):  # type: ignore[no-untyped-def]
    """Add an offset to indices, −1 kept."""
    for i in range(indices.size):
        shifted[i] = indices[i] + offset if indices[i] >= 0 else -1


@njit()
def sorted_by(owner, n_owners):  # type: ignore[no-untyped-def]
    """Entries by their owner, those of one in their order and those of owner −1 left out: the first entry of each owner
    and the end of the last, (n_owners + 1,), and the entries, int32."""
    start = np.zeros(n_owners + 1, np.int32)
    for i in range(owner.size):
        if owner[i] >= 0:
            start[owner[i] + 1] += 1
    for k in range(n_owners):
        start[k + 1] += start[k]
    following, entry = start[:-1].copy(), np.empty(start[-1], np.int32)
    for i in range(owner.size):
        if owner[i] >= 0:
            entry[following[owner[i]]] = i
            following[owner[i]] += 1
    return start, entry


@njit()
def _pieces_in_order(start, end, order):  # type: ignore[no-untyped-def]
    """Node of each piece, (P,), and shares at which it begins and ends, (P, 2), in an order."""
    owner = np.empty(end.size, np.int32)
    for end_node in range(start.size - 1):
        owner[start[end_node] : start[end_node + 1]] = end_node
    node, share = np.empty(order.size, np.int32), np.empty((order.size, 2))
    for i in range(order.size):
        piece = order[i]
        node[i] = owner[piece]
        share[i, 0] = end[piece - 1] if piece > start[owner[piece]] else 0.0
        share[i, 1] = end[piece]
    return node, share


@njit()
def _generations(parent):  # type: ignore[no-untyped-def]
    """Depth and height of each node."""
    depth, height = np.zeros(parent.size, np.int32), np.zeros(parent.size, np.int32)
    for node in range(parent.size):
        if parent[node] >= 0:
            depth[node] = depth[parent[node]] + 1
    for node in range(parent.size - 1, -1, -1):
        if parent[node] >= 0:
            height[parent[node]] = max(height[parent[node]], height[node] + 1)
    return depth, height
