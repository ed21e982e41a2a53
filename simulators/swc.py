"""Forests as SWC, the text format of traced trees: a line `id type x y z radius parent` for each node.

A file of our own starts with `SIGNATURE` and says in comments what seven columns cannot: the voxels, and how flows
follow from radii. It gives back positions, parents, radii and terminals bit for bit, and flows to rounding: those
of the leaves are read, every other is the sum over what it supplies, so that flow is conserved. Blood leaves a
forest through its leaves alone.

In a file of another program coordinates and radii are taken as mm and are not moved. The voxels are of 1 mm and
reach from the origin to the farthest node; a leaf at a negative coordinate lies in none of them, and a voxel with
several leaves has no terminal. Flows follow from the radii of the leaves by Murray's law; the radii stay as they are.
"""

import contextlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulators.errors import InputError
from simulators.forest import ARTERIAL_MURRAY_K, Forest, depth_first_order, flow_from_terminals, murray_radius

SIGNATURE = "# qtmnet vessel forest"

TERMINAL, OTHER = 6, 0
"""SWC's types: end point, and undefined."""

MOST_VOXELS = 2**27
"""512³: more than any head has."""


def write_swc(path: str | os.PathLike[str], forest: Forest) -> None:
    """Write a forest so that `read_swc` gives it back; whole or not at all.

    Args:
        path: file to write; one that is there is replaced.
        forest: in which each terminal is a leaf and lies in its voxel.

    Raises:
        InputError: if blood is lost before the leaves, or the file cannot be written.
    """
    target = Path(str(path))
    kind = np.full(forest.n_nodes, OTHER)
    kind[forest.terminal[forest.terminal >= 0]] = TERMINAL
    parent = np.where(forest.parent >= 0, forest.parent + 1, -1)
    rows = zip(kind.tolist(), *forest.position.T.tolist(), forest.radius.tolist(), parent.tolist(), strict=True)
    # repr writes the digits that read back to the same bits.
    nodes = [f"{number} {' '.join(map(repr, row))}" for number, row in enumerate(rows, 1)]
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text("\n".join([*_header(target, forest), *nodes, ""]), encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise InputError(f"{target}: cannot be written ({error.strerror}); name a file in a folder of yours") from None


def read_swc(path: str | os.PathLike[str], *, murray_k: float | None = None) -> Forest:
    """Read a forest from SWC, our own or another program's.

    Args:
        path: file to read.
        murray_k: of r = k F^(1/3), mm (mm³/s)^(−1/3), to take flows from radii; by default what the file says, or
            that of arteries.

    Returns:
        The forest, its nodes in the file's order if that is depth-first.

    Raises:
        InputError: for a file that is no forest; names the line to mend.
    """
    rows = _read_rows(Path(str(path)))
    parent = _parents(rows)
    if not _is_depth_first(parent):
        order = depth_first_order(parent)
        place = np.append(np.argsort(order), -1)
        parent = place[parent[order]]
        rows = rows.in_order(order)
    leaf = _leaves(parent)
    _check_radii(rows, lone=leaf & (parent < 0))
    size, shape = _voxels(rows)
    ends = leaf & (rows.column("type") == TERMINAL) if rows.is_ours else leaf
    return Forest(
        position=rows.position,
        parent=parent.astype(np.int32),
        flow=flow_from_terminals(parent, _leaf_flow(rows, leaf, murray_k)),
        radius=rows.column("radius"),
        terminal=_terminals(rows.position, np.flatnonzero(ends), size, shape),
        voxel_size_mm=size,
    )


COLUMNS = ("id", "type", "x", "y", "z", "radius", "parent")


@dataclass(frozen=True)
class _Rows:
    """A file as it stands: its numbers (N, 7), their lines (N,), and the values of comments `# key: value`."""

    path: Path
    number: np.ndarray
    line: np.ndarray
    comments: dict[str, list[str]]
    is_ours: bool

    def column(self, name: str) -> np.ndarray:
        return self.number[:, COLUMNS.index(name)].copy()

    @property
    def position(self) -> np.ndarray:
        return self.number[:, 2:5].copy()

    def in_order(self, order: np.ndarray) -> "_Rows":
        return _Rows(self.path, self.number[order], self.line[order], self.comments, self.is_ours)

    def error(self, row: int | np.integer, what: str) -> InputError:
        return InputError(f"{self.path}, line {self.line[row]}: {what}")

    def header(self, key: str, n_values: int) -> list[float]:
        """The numbers above 0 of a comment `# key: values` in a file of our own."""
        found = self.comments.get(key, [""])[0]
        with contextlib.suppress(ValueError):
            values = [float(value) for value in found.split()]
            if len(values) == n_values and all(0 < value < np.inf for value in values):
                return values
        raise InputError(f"{self.path}: comment {key}: found {found[:40]!r}; give {n_values} numbers above 0")


def _header(target: Path, forest: Forest) -> list[str]:
    """Comments before the nodes: what `read_swc` needs beside them."""
    leaf = _leaves(forest.parent)
    flow = np.where(leaf, forest.flow, 0.0)
    if not np.allclose(flow_from_terminals(forest.parent, flow), forest.flow, rtol=1e-9, atol=0):
        raise InputError(
            f"{target}: flow of the forest: found nodes that lose some; give one conserved up to its leaves"
        )
    size = " ".join(repr(float(edge)) for edge in forest.voxel_size_mm)
    shape = " ".join(str(int(count)) for count in forest.terminal.shape)
    lines = [SIGNATURE, "# lengths in mm, flows in mm3/s", f"# voxel_size_mm: {size}", f"# shape: {shape}"]
    murray_k = _murray_k_of(flow[leaf], forest.radius[leaf])
    if murray_k is not None:
        lines += ["# flow of a leaf = (radius / murray_k)^3; of others the sum over their children"]
        lines += [f"# murray_k: {murray_k!r}"]
    else:
        lines += ["# leaf_flow: id and flow of a leaf; of others the sum over their children"]
        lines += [f"# leaf_flow: {node + 1} {float(flow[node])!r}" for node in np.flatnonzero(leaf)]
    return [*lines, "# id type x y z radius parent (type 6 ends in the voxel that it supplies)"]


def _leaves(parent: np.ndarray) -> np.ndarray:
    """Which nodes have no child, (N,)."""
    return np.bincount(parent[parent >= 0], minlength=len(parent)) == 0


def _murray_k_of(flow: np.ndarray, radius: np.ndarray) -> float | None:
    """The k of r = k F^(1/3), rounded to what was meant; None if there is no such k."""
    fed = flow > 0
    if not fed.any():
        return None
    murray_k = float(f"{np.median(radius[fed] / np.cbrt(flow[fed])):.14g}")
    return murray_k if np.allclose(murray_radius(flow, murray_k), radius, rtol=1e-13, atol=0) else None


def _read_rows(path: Path) -> _Rows:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an SWC file") from None
    number: list[list[float]] = []
    line: list[int] = []
    comments = defaultdict(list)
    for k, content in enumerate(text.split("\n"), 1):
        data, _, comment = content.partition("#")
        key, colon, value = comment.partition(":")
        if colon:
            comments[key.strip()].append(value.strip())
        fields = data.split()
        if fields:
            number.append(_numbers(path, k, fields))
            line.append(k)
    if not number:
        raise InputError(f"{path}: found no node; give lines of {' '.join(COLUMNS)}")
    return _Rows(path, np.array(number), np.array(line), dict(comments), text.startswith(SIGNATURE))


def _numbers(path: Path, line: int, fields: list[str]) -> list[float]:
    """The seven numbers of a node; what stands behind them is left."""
    if len(fields) < len(COLUMNS):
        raise InputError(f"{path}, line {line}: found {len(fields)} columns; give {' '.join(COLUMNS)}")
    values = []
    for name, text in zip(COLUMNS, fields, strict=False):
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not abs(value) < 2**53 or (name in ("id", "type", "parent") and not value.is_integer()):
            kind = "a whole number" if name in ("id", "type", "parent") else "a number"
            raise InputError(f"{path}, line {line}: {name}: found {text[:40]!r}; give {kind}")
        values.append(value)
    return values


def _parents(rows: _Rows) -> np.ndarray:
    """Row of each row's parent, −1 at inlets, (N,)."""
    identity, parent_identity = rows.column("id"), rows.column("parent")
    order = np.argsort(identity, kind="stable")
    ordered = identity[order]
    for again in order[1:][ordered[1:] == ordered[:-1]]:
        raise rows.error(again, f"id: found {identity[again]:.0f} a second time; number each node once")
    for taken in np.flatnonzero(identity == -1):
        raise rows.error(taken, "id: found -1, which as a parent means none; give the node another number")
    place = np.minimum(np.searchsorted(ordered, parent_identity), len(order) - 1)
    parent = np.where(parent_identity == -1, -1, order[place])
    for orphan in np.flatnonzero((parent >= 0) & (ordered[place] != parent_identity)):
        raise rows.error(
            orphan,
            f"parent: found {parent_identity[orphan]:.0f}, which no node is; give a node's id, or -1 at an inlet",
        )
    above = parent
    for _ in range(len(parent).bit_length()):  # 1, 2, 4, … steps upstream: more than there are nodes
        above = np.where(above >= 0, above[above], -1)
    for circling in above[above >= 0]:
        raise rows.error(circling, f"parent: found node {identity[circling]:.0f} upstream of itself; give a tree")
    return parent


def _is_depth_first(parent: np.ndarray) -> bool:
    """Whether parents come first and each subtree is a run: its nodes fill the run that their number asks for."""
    node = np.arange(len(parent))
    if not (parent < node).all():
        return False
    end = node + flow_from_terminals(parent, np.ones(len(parent)))
    return bool((end <= np.where(parent >= 0, end[parent], len(parent))).all())


def _check_radii(rows: _Rows, lone: np.ndarray) -> None:
    """Radii are above 0; only an inlet that feeds nothing may have none."""
    radius = rows.column("radius")
    for row in np.flatnonzero((radius < 0) | ((radius == 0) & ~lone)):
        raise rows.error(row, f"radius: found {radius[row]:g}; give mm above 0")


def _leaf_flow(rows: _Rows, leaf: np.ndarray, murray_k: float | None) -> np.ndarray:
    """Flow (mm³/s) that each node hands on to tissue, 0 but at leaves, (N,)."""
    stated = {}
    if rows.is_ours and murray_k is None:
        for text in rows.comments.get("leaf_flow", [])[1:]:
            with contextlib.suppress(ValueError):
                identity, value = text.split()
                stated[float(identity)] = float(value)
        if not stated:
            (murray_k,) = rows.header("murray_k", 1)
    if not stated:
        murray_k = ARTERIAL_MURRAY_K if murray_k is None else murray_k
        if not 0 < murray_k < np.inf:
            raise InputError(f"murray_k: found {murray_k}; give a factor above 0 in mm (mm³/s)^(−1/3), such as 0.115")
        return np.where(leaf, (rows.column("radius") / murray_k) ** 3, 0.0)
    flow = np.zeros(len(leaf))
    for row in np.flatnonzero(leaf):
        flow[row] = stated.get(rows.number[row, 0], np.nan)
        if not 0 <= flow[row] < np.inf:
            raise rows.error(row, "leaf_flow: found none of 0 or more in the comments; give it, or pass murray_k")
    return flow


def _voxels(rows: _Rows) -> tuple[tuple[float, float, float], tuple[int, int, int]]:
    """Edge lengths (mm) of a voxel, and voxels along each axis."""
    size, shape = np.ones(3), np.maximum(np.floor(rows.position.max(axis=0)) + 1, 1)
    if rows.is_ours:
        size, shape = np.array(rows.header("voxel_size_mm", 3)), np.floor(rows.header("shape", 3))
    if not 1 <= np.prod(shape) <= MOST_VOXELS:
        counts = " × ".join(f"{count:.0f}" for count in shape)
        raise InputError(f"{rows.path}: found a domain of {counts} voxels; give coordinates in mm, not µm")
    x, y, z = size.tolist()
    nx, ny, nz = shape.astype(int).tolist()
    return (x, y, z), (nx, ny, nz)


def _terminals(
    position: np.ndarray, ends: np.ndarray, size: tuple[float, float, float], shape: tuple[int, int, int]
) -> np.ndarray:
    """Node that ends in each voxel, −1 where none does or several do, of the given shape."""
    terminal = np.full(int(np.prod(shape)), -1, np.int32)
    index = np.floor(position[ends] / np.array(size)).astype(int)
    inside = ((index >= 0) & (index < shape)).all(axis=1)
    voxel = np.ravel_multi_index(tuple(index[inside].T), shape)
    only = np.bincount(voxel, minlength=len(terminal))[voxel] == 1
    terminal[voxel[only]] = ends[inside][only]
    return terminal.reshape(shape)
