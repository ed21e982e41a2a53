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
from pathlib import Path

import numpy as np

from simulators.errors import InputError
from simulators.files.writing import writing
from simulators.vessels.forest import ARTERIAL_MURRAY_K, Forest, murray_radius
from simulators.vessels.swc_rows import SwcRows, parents_of, read_rows
from simulators.vessels.tree_order import depth_first_order, flow_from_terminals, is_depth_first

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
    text = "\n".join([*_header(target, forest), *nodes, ""])
    with writing(target) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


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
    rows = read_rows(Path(str(path)))
    parent = parents_of(rows)
    if not is_depth_first(parent):
        order = depth_first_order(parent)
        place = np.append(np.argsort(order), -1)
        parent = place[parent[order]]
        rows = rows.in_order(order)
    leaf = _leaves(parent)
    _check_radii(rows, lone=leaf & (parent < 0))
    size, shape = _voxels(rows)
    ends = leaf & (rows.column("type") == TERMINAL) if _is_ours(rows) else leaf
    return Forest(
        position=rows.position,
        parent=parent.astype(np.int32),
        flow=flow_from_terminals(parent, _leaf_flow(rows, leaf, murray_k)),
        radius=rows.column("radius"),
        terminal=_terminals(rows.position, np.flatnonzero(ends), size, shape),
        voxel_size_mm=size,
    )


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


def _is_ours(rows: SwcRows) -> bool:
    return rows.first_line.startswith(SIGNATURE)


def _stated(rows: SwcRows, key: str, n_values: int) -> list[float]:
    """The numbers above 0 of a comment `# key: values` in a file of our own."""
    found = rows.comments.get(key, [""])[0]
    with contextlib.suppress(ValueError):
        values = [float(value) for value in found.split()]
        if len(values) == n_values and all(0 < value < np.inf for value in values):
            return values
    raise InputError(f"{rows.path}: comment {key}: found {found[:40]!r}; give {n_values} numbers above 0")


def _check_radii(rows: SwcRows, lone: np.ndarray) -> None:
    """Radii are above 0; only an inlet that feeds nothing may have none."""
    radius = rows.column("radius")
    for row in np.flatnonzero((radius < 0) | ((radius == 0) & ~lone)):
        raise rows.error(row, f"radius: found {radius[row]:g}; give mm above 0")


def _leaf_flow(rows: SwcRows, leaf: np.ndarray, murray_k: float | None) -> np.ndarray:
    """Flow (mm³/s) that each node hands on to tissue, 0 but at leaves, (N,)."""
    stated = {}
    if _is_ours(rows) and murray_k is None:
        for text in rows.comments.get("leaf_flow", [])[1:]:
            with contextlib.suppress(ValueError):
                identity, value = text.split()
                stated[float(identity)] = float(value)
        if not stated:
            (murray_k,) = _stated(rows, "murray_k", 1)
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


def _voxels(rows: SwcRows) -> tuple[tuple[float, float, float], tuple[int, int, int]]:
    """Edge lengths (mm) of a voxel, and voxels along each axis."""
    size, shape = np.ones(3), np.maximum(np.floor(rows.position.max(axis=0)) + 1, 1)
    if _is_ours(rows):
        size, shape = np.array(_stated(rows, "voxel_size_mm", 3)), np.floor(_stated(rows, "shape", 3))
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
