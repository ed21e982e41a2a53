"""What flows through a batch's forests and how long it takes, on the device: the part that changes with perfusion."""

from dataclasses import dataclass

import numpy as np

from simulators.transport.cuda.devices import Array, Device
from simulators.transport.cuda.topology import ForestTopology


@dataclass(frozen=True)
class BloodFlow:
    """Flow through the arteries, or the veins, of a batch; all (N,), on the device.

    Attributes:
        flow: mm³/s through the segment that ends in each node.
        radius: mm.
        residence: plug-flow time in the segment, s.
        transit: plug-flow time to each node from the labeling plane, or from a vein's outlet, s.
    """

    flow: Array
    radius: Array
    residence: Array
    transit: Array

    @classmethod
    def through(cls, device: Device, forests: ForestTopology, flow: Array, radius: Array, delay: Array) -> "BloodFlow":
        """For known flows and radii, (N,); `delay`: s lost in each inlet or before each segment, (N,)."""
        n = forests.n_nodes
        residence, transit = device.empty((n,)), device.empty((n,))
        device.launch("residence_time", n, forests.length, flow, radius, residence)
        device.launch("own_delay", n, forests.parent, residence, delay, transit)
        for first, size in forests.depth.spans()[1:]:
            device.launch("add_from_parent", size, forests.depth.order, first, forests.parent, transit)
        return cls(flow, radius, residence, transit)

    @classmethod
    def into_tissue(
        cls, device: Device, forests: ForestTopology, voxel_flow: Array, murray_k: np.ndarray, delay: Array
    ) -> "BloodFlow":
        """For new flows into the voxels, mm³/s, (S,), float64; radii by Murray's law, k of each forest, (B,)."""
        n = forests.n_nodes
        flow, radius = device.empty((n,)), device.empty((n,))
        device.launch("flow_into_tissue", n, forests.voxel, voxel_flow, flow)
        for first, size in forests.height.spans()[1:]:
            daughters = (forests.daughter_start, forests.daughter)
            device.launch("add_from_daughters", size, forests.height.order, first, *daughters, flow)
        factors = device.put(np.broadcast_to(np.asarray(murray_k, float), forests.n_forests))
        device.launch("murray_radius", n, forests.forest, factors, flow, radius)
        return cls.through(device, forests, flow, radius, delay)
