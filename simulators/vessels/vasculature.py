"""All vessels of a piece of tissue, from the labeling plane to the venous outlets."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simulators.tissue.capillaries import CapillaryBeds, CapillaryPlan
from simulators.vessels.forest import Forest


@dataclass(frozen=True)
class Vasculature:
    """Arteries, capillary beds and veins that serve the same voxels.

    Attributes:
        arteries: forest that feeds each voxel's capillaries.
        capillaries: the beds between an arterial and a venous terminal.
        veins: forest that drains them.
        inlet_delay: plug-flow time (s) from the labeling plane to each arterial inlet, (n_inlets,).
        detour: plug-flow time (s) that blood loses before it enters each arterial node's segment, 0 but where it
            comes by vessels that are not among these, as behind a stenosis, (N,); None for 0 everywhere.
    """

    arteries: Forest
    capillaries: CapillaryBeds | CapillaryPlan
    veins: Forest
    inlet_delay: np.ndarray
    detour: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each axis."""
        x, y, z = self.arteries.terminal.shape
        return x, y, z

    @property
    def voxel_volume(self) -> float:
        """mm³."""
        return float(np.prod(self.arteries.voxel_size_mm))

    @cached_property
    def arterial_transit_time(self) -> np.ndarray:
        """Plug-flow time (s) from the labeling plane to every arterial node, (N,)."""
        return self.arteries.transit_time(self.inlet_delay, self.detour)

    @property
    def att(self) -> np.ndarray:
        """Arterial transit time (s) of each voxel, NaN where no vessel ends, (X, Y, Z)."""
        terminal = self.arteries.terminal
        return np.where(terminal >= 0, self.arterial_transit_time[terminal], np.nan)
