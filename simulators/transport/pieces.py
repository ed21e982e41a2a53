"""Vessel segments cut at voxel faces."""

from dataclasses import dataclass

import numpy as np

from simulators.arrays import Float, Float32, Int
from simulators.machine.compiling import njit
from simulators.vessels.forest import Forest


@dataclass(frozen=True)
class Pieces:
    """Pieces of each segment, from its parent to its node.

    Attributes:
        start: first piece of each node's segment and the end of the last, (N + 1,).
        voxel: voxel that each piece lies in, in C order, −1 outside the domain, (P,).
        end: share of the segment's length at which the piece ends, (P,); the last of a segment is 1.
    """

    start: Int[np.ndarray, " nodes"]
    voxel: Int[np.ndarray, " P"]
    end: Float[np.ndarray, " P"]


def cut_at_voxel_faces(forest: Forest) -> Pieces:
    """Cut every segment of a forest where it crosses from one voxel into the next."""
    start, voxel, end = _cut(
        forest.position, forest.parent, np.asarray(forest.voxel_size_mm), np.asarray(forest.terminal.shape)
    )
    return Pieces(start, voxel, end)


@dataclass(frozen=True)
class Sites:
    """The voxels that hold something, numbered: the arrays of a transport have a row for each of them alone.

    Attributes:
        voxel: in C order, (S,).
        place: row of each voxel, −1 where there is none; a last entry of −1 for what lies outside, (X·Y·Z + 1,).
    """

    voxel: Int[np.ndarray, " S"]
    place: Int[np.ndarray, " places"]

    @classmethod
    def of(cls, n_voxels: int, *voxels: Int[np.ndarray, "..."]) -> "Sites":
        """Sites of all the voxels given, −1 among them for none."""
        place = np.full(n_voxels + 1, -1, np.int32)
        for some in voxels:
            place[some] = 0
        place[-1] = -1
        voxel = np.flatnonzero(place == 0)
        place[voxel] = np.arange(len(voxel))
        return cls(voxel, place)

    def images(
        self, amount: Float[np.ndarray, "S T"], shape: tuple[int, int, int], voxel_volume: float
    ) -> Float32[np.ndarray, "T X Y Z"]:
        """Concentrations, float32, (T, X, Y, Z), of amounts in mm³ of label, (S, T)."""
        images = np.zeros((amount.shape[1], int(np.prod(shape))), np.float32)
        for image, column in zip(images, amount.T, strict=True):
            image[self.voxel] = column / voxel_volume
        return images.reshape(-1, *shape)


def blood_volume(forest: Forest, pieces: Pieces) -> Float[np.ndarray, "X Y Z"]:
    """Volume of the forest's vessels in each voxel, mm³, (X, Y, Z)."""
    share = pieces.end.copy()
    share[1:] -= np.where(np.diff(np.repeat(np.arange(forest.n_nodes), np.diff(pieces.start))) == 0, pieces.end[:-1], 0)
    volume = np.repeat(forest.flow * forest.residence_time, np.diff(pieces.start)) * share
    inside = pieces.voxel >= 0
    total = np.bincount(pieces.voxel[inside], volume[inside], forest.terminal.size)
    return total.reshape(forest.terminal.shape)


@njit()
def _cut(position, parent, size, shape):  # type: ignore[no-untyped-def]
    n = parent.size
    start = np.zeros(n + 1, np.int64)
    low, high = np.empty(3), np.empty(3)
    for node in range(n):
        pieces = 0
        if parent[node] >= 0:
            pieces = 1
            for axis in range(3):
                low[axis] = position[parent[node], axis] / size[axis]
                high[axis] = position[node, axis] / size[axis]
                pieces += int(abs(np.floor(high[axis]) - np.floor(low[axis])))
        start[node + 1] = start[node] + pieces
    voxel = np.empty(start[n], np.int64)
    end = np.ones(start[n])
    for node in range(n):
        first, last = start[node], start[node + 1]
        if first == last:
            continue
        for axis in range(3):
            low[axis] = position[parent[node], axis] / size[axis]
            high[axis] = position[node, axis] / size[axis]
        if last - first > 1:
            _face_crossings(low, high, end[first : last - 1])
        before = 0.0
        for piece in range(first, last):
            middle = 0.5 * (before + end[piece])
            index = 0
            for axis in range(3):
                k = int(np.floor(low[axis] + middle * (high[axis] - low[axis])))
                index = index * shape[axis] + k if 0 <= k < shape[axis] and index >= 0 else -1
            voxel[piece] = index
            before = end[piece]
    return start, voxel, end


@njit()
def _face_crossings(a, b, crossing):  # type: ignore[no-untyped-def]
    """Fill in the shares of the way from a to b, in voxel units, at which a face is crossed, in order."""
    k = 0
    for axis in range(3):
        low, high = min(a[axis], b[axis]), max(a[axis], b[axis])
        for face in range(int(np.floor(low)) + 1, int(np.floor(high)) + 1):
            share = (face - a[axis]) / (b[axis] - a[axis])
            place = k
            while place > 0 and crossing[place - 1] > share:
                crossing[place] = crossing[place - 1]
                place -= 1
            crossing[place] = share
            k += 1
