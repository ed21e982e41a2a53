"""A forest of vessels: nodes, who feeds whom, and what flows where."""

import os
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from simulators.errors import InputError
from simulators.machine.compiling import njit

ARTERIAL_MURRAY_K = 0.115
"""mm (mm³/s)^(−1/3): a carotid of 4200 mm³/s gets 1.9 mm."""

VENOUS_MURRAY_K = 0.15
"""mm (mm³/s)^(−1/3)."""


@dataclass(frozen=True)
class Forest:
    """Vessel trees as nodes in depth-first order; each node ends the segment that comes from its parent.

    In an artery blood runs from the parent to the node, in a vein from the node to the parent; an
    inlet of a venous tree is its outlet. Every node stands behind its parent (parent[i] < i), and a
    subtree is a run of consecutive nodes.

    Attributes:
        position: mm from the corner of the domain, (N, 3).
        parent: node before each node, −1 at inlets, (N,).
        flow: mm³/s through the segment that ends in the node; of an inlet: through its tree, (N,).
        radius: mm of that segment, (N,).
        terminal: node that supplies each voxel, −1 where none does, (X, Y, Z).
        voxel_size_mm: edge lengths of a voxel, (3,).
    """

    position: np.ndarray
    parent: np.ndarray
    flow: np.ndarray
    radius: np.ndarray
    terminal: np.ndarray
    voxel_size_mm: tuple[float, float, float]

    @property
    def n_nodes(self) -> int:
        """Number of nodes N."""
        return len(self.parent)

    @cached_property
    def inlets(self) -> np.ndarray:
        """Nodes without a parent, (n_inlets,)."""
        return np.flatnonzero(self.parent < 0)

    @cached_property
    def length(self) -> np.ndarray:
        """Length (mm) of the segment that ends in each node, 0 at inlets, (N,)."""
        start = np.where(self.parent < 0, np.arange(self.n_nodes), self.parent)
        return np.linalg.norm(self.position - self.position[start], axis=1)

    @property
    def velocity(self) -> np.ndarray:
        """Mean velocity (mm/s) in the segment that ends in each node, (N,)."""
        area = np.pi * self.radius**2
        return np.divide(self.flow, area, out=np.zeros(self.n_nodes), where=area > 0)

    @cached_property
    def residence_time(self) -> np.ndarray:
        """Plug-flow time (s) from each node's parent to the node, volume / flow, 0 at inlets, (N,)."""
        volume = np.pi * self.radius**2 * self.length
        return np.divide(volume, self.flow, out=np.zeros(self.n_nodes), where=self.flow > 0)

    def transit_time(self, inlet_delay: float | np.ndarray = 0.0, detour: np.ndarray | None = None) -> np.ndarray:
        """Plug-flow time between the inlets and each node, Σ l/ū.

        Args:
            inlet_delay: s already gone at the inlet, one for all trees or one for each, (n_inlets,).
            detour: s lost before each node's segment, (N,); none by default.

        Returns:
            s, (N,).
        """
        time = self.residence_time.copy()
        if detour is not None:
            time += detour
        time[self.inlets] = inlet_delay
        _accumulate_from_inlets(self.parent, time)
        return time

    def with_murray_radii(self, murray_k: float) -> "Forest":
        """The same forest with r = k F^(1/3), k in mm (mm³/s)^(−1/3)."""
        return replace(self, radius=murray_radius(self.flow, murray_k))

    def to_swc(self, path: "str | os.PathLike[str]") -> None:
        """Write the forest as SWC; see `simulators.vessels.swc`."""
        from simulators.vessels.swc import write_swc

        write_swc(path, self)

    @classmethod
    def from_swc(cls, path: "str | os.PathLike[str]", *, murray_k: float | None = None) -> "Forest":
        """Read a forest from SWC; see `simulators.vessels.swc`."""
        from simulators.vessels.swc import read_swc

        return read_swc(path, murray_k=murray_k)


def murray_radius(flow: np.ndarray, murray_k: float) -> np.ndarray:
    """Radius (mm) by Murray's law r = k F^(1/3) for flows in mm³/s; r³ is additive at a bifurcation."""
    if not murray_k > 0:
        raise InputError(f"murray_k: found {murray_k}; give a factor above 0 in mm (mm³/s)^(−1/3), such as 0.115")
    return murray_k * np.cbrt(flow)


def flow_from_terminals(parent: np.ndarray, terminal_flow: np.ndarray) -> np.ndarray:
    """Flow of every segment: the sum over what it supplies.

    Args:
        parent: (N,), with parent[i] < i.
        terminal_flow: mm³/s that each node itself hands to tissue, (N,).

    Returns:
        mm³/s, (N,).
    """
    flow = terminal_flow.astype(float)
    _accumulate_to_inlets(parent, flow)
    return flow


def depth_first_order(parent: np.ndarray) -> np.ndarray:
    """An order of the nodes in which parents come first and each subtree is a run, (N,).

    Raises:
        InputError: if some node does not reach an inlet (a cycle).
    """
    order = _depth_first_order(np.ascontiguousarray(parent, np.int64))
    if len(order) < len(parent):
        raise InputError(f"parent: {len(parent) - len(order)} of {len(parent)} nodes reach no inlet; mend the cycle")
    return order


@njit()
def _accumulate_from_inlets(parent, value):  # type: ignore[no-untyped-def]
    for node in range(parent.size):
        if parent[node] >= 0:
            value[node] += value[parent[node]]


@njit()
def _accumulate_to_inlets(parent, value):  # type: ignore[no-untyped-def]
    for node in range(parent.size - 1, -1, -1):
        if parent[node] >= 0:
            value[parent[node]] += value[node]


@njit()
def _depth_first_order(parent):  # type: ignore[no-untyped-def]
    n = parent.size
    first_child = np.full(n, -1, np.int64)
    sibling = np.full(n, -1, np.int64)
    stack = np.empty(n, np.int64)
    n_stack = 0
    for node in range(n - 1, -1, -1):
        if parent[node] >= 0:
            sibling[node] = first_child[parent[node]]
            first_child[parent[node]] = node
        else:
            stack[n_stack] = node
            n_stack += 1
    order = np.empty(n, np.int64)
    n_order = 0
    while n_stack > 0:
        n_stack -= 1
        node = stack[n_stack]
        order[n_order] = node
        n_order += 1
        child = first_child[node]
        while child >= 0:
            stack[n_stack] = child
            n_stack += 1
            child = sibling[child]
    return order[:n_order]
