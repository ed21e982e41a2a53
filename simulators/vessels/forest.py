"""A forest of vessels: nodes, who feeds whom, and what flows where."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from simulators.errors import InputError
from simulators.vessels.tree_order import accumulate_from_inlets

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
        accumulate_from_inlets(self.parent, time)
        return time

    def of_terminals(self, values: np.ndarray) -> np.ndarray:
        """A value for each node, (N,): of a terminal that of the voxel that it supplies, (X, Y, Z), 0 of others."""
        of_nodes = np.zeros(self.n_nodes)
        served = self.terminal >= 0
        of_nodes[self.terminal[served]] = values[served]
        return of_nodes

    def with_murray_radii(self, murray_k: float) -> "Forest":
        """The same forest with r = k F^(1/3), k in mm (mm³/s)^(−1/3)."""
        return replace(self, radius=murray_radius(self.flow, murray_k))


def murray_radius(flow: np.ndarray, murray_k: float) -> np.ndarray:
    """Radius (mm) by Murray's law r = k F^(1/3) for flows in mm³/s; r³ is additive at a bifurcation."""
    if not murray_k > 0:
        raise InputError(f"murray_k: found {murray_k}; give a factor above 0 in mm (mm³/s)^(−1/3), such as 0.115")
    return murray_k * np.cbrt(flow)
