"""All vessels of a piece of tissue, from the labeling plane to the venous outlets."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simulators.tissue.capillaries import CapillaryBeds, CapillaryPlan
from simulators.vessels.forest import Forest

LAMINAR = 0.0
"""Bluntness of a parabolic velocity profile."""


def half_arrival(bluntness: float) -> float:
    """Time by which half of the label that comes with the flow has come, relative to the plug-flow time τ.

    With b the bluntness, the flow that is faster than v ū is ((2 − b)² − v²) / (4(1 − b)) of all, half of it for
    v² = 1 + (1 − b)². Its label has come by τ/v: 0.71 τ in laminar flow, τ in plug flow.
    """
    return 1 / math.hypot(1, 1 - bluntness)


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
        bluntness: b of the velocity profile u(ρ) = ū (b + 2(1 − b)(1 − ρ²)) in arteries and veins, 0 ≤ b < 1: 0 is
            laminar flow, towards 1 it is plug flow, without dispersion.
    """

    arteries: Forest
    capillaries: CapillaryBeds | CapillaryPlan
    veins: Forest
    inlet_delay: np.ndarray
    detour: np.ndarray | None = None
    bluntness: float = LAMINAR

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
    def plug_flow_time(self) -> np.ndarray:
        """Plug-flow time (s) from the labeling plane to each voxel, NaN where no vessel ends, (X, Y, Z)."""
        terminal = self.arteries.terminal
        return np.where(terminal >= 0, self.arterial_transit_time[terminal], np.nan)

    @property
    def capillary_volume_fraction(self) -> np.ndarray:
        """mL of capillary blood per mL of tissue, 0 where no vessel ends, (X, Y, Z)."""
        return np.where(self.arteries.terminal >= 0, self.capillaries.volume_fraction, 0.0)

    @property
    def att(self) -> np.ndarray:
        """Arterial transit time (s) of each voxel, NaN where no vessel ends, (X, Y, Z).

        The time by which half of the arriving label has arrived, decay aside, see `half_arrival`. It is what a kinetic
        model, which lets all label arrive at once, comes near: the plug-flow time is later than most of the label.
        """
        return half_arrival(self.bluntness) * self.plug_flow_time
