"""Cubes without end, simulated in batches on the device of `CupySimulator`, in the process that trains.

Perfusion is drawn and trees are turned, cut and laid out on the processor, in threads; capillaries are drawn on the
device. The step responses stay there: torch takes them by DLPack, without a copy, and averages them over the acquired
voxels.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from qtmnet.datasets.acquired_cubes import AcquiredCube
from qtmnet.datasets.record import truth_maps
from qtmnet.learning.cube_stream import CubeStream
from qtmnet.learning.samples import Key
from simulators.imaging.voxel_grid import VoxelGrid
from simulators.machine.cores import n_cores
from simulators.phantoms.cube import borrow_vessels
from simulators.tissue.label import LabelKinetics
from simulators.transport.cuda.topology import TreeLayout
from simulators.transport.cupy import CupySimulator
from simulators.transport.pieces import cut_at_voxel_faces
from simulators.vessels.vasculature import Vasculature


@dataclass(frozen=True)
class Drawn:
    """A cube before label enters it.

    Attributes:
        vessels: with the flows that its perfusion needs.
        layouts: of its arteries and veins.
        label: its kinetics.
        grid: of the acquired voxels.
        maps: truth by name, on the acquired voxels, (x, y, z) each, float32.
    """

    vessels: Vasculature
    layouts: tuple[TreeLayout, TreeLayout]
    label: LabelKinetics
    grid: VoxelGrid
    maps: dict[str, np.ndarray]


class DeviceCubeStream(CubeStream):
    """The same cubes as those of `CubeStream` with this simulator, whole batches at a time."""

    def batch(self, keys: Sequence[Key]) -> list[AcquiredCube]:
        """Several cubes on the acquired voxels."""
        simulator = self.recipe.simulator
        assert isinstance(simulator, CupySimulator)
        with ThreadPoolExecutor(min(len(keys), n_cores())) as pool:
            cubes = list(pool.map(self.draw, keys))
        batch = simulator.batch([cube.vessels for cube in cubes], [cube.layouts for cube in cubes])
        crushing = self.imaging.vascular_crushing
        response = simulator.step_responses(
            batch,
            np.asarray(self.recipe.time),
            [cube.label for cube in cubes],
            slower_than=np.inf if crushing is None else crushing,
        )
        visible = torch.from_dlpack(response.bed)
        if crushing != 0:
            visible = visible + torch.from_dlpack(response.arterial)
        return [_acquired(*each) for each in zip(cubes, visible, strict=True)]

    def draw(self, key: Key) -> Drawn:
        """The cube of (epoch, index) before label enters it."""
        seed, phantom = self.seed(key), self.recipe.phantom
        drawn = phantom.draw(seed)
        perfusion, vessels = borrow_vessels(seed, phantom, drawn, self.trees(key))
        label = phantom.label(drawn)
        grid = self.imaging.grid(self.recipe, seed)
        pieces = cut_at_voxel_faces(vessels.arteries), cut_at_voxel_faces(vessels.veins)
        layouts = TreeLayout.of(vessels.arteries, pieces[0]), TreeLayout.of(vessels.veins, pieces[1])
        truth = truth_maps(perfusion, vessels, pieces)
        maps = {name: grid.average_known(map).astype(np.float32) for name, map in truth.items()}
        return Drawn(vessels, layouts, label, grid, maps)


def _acquired(cube: Drawn, step_response: torch.Tensor) -> AcquiredCube:
    """A cube on the acquired voxels, from its step response (T, X, Y, Z) on the device."""
    shares = [torch.from_numpy(cube.grid.shares(axis)).to(step_response) for axis in range(3)]
    averaged = torch.einsum("tabc,xa,yb,zc->txyz", step_response, *shares)
    increments = torch.diff(averaged, dim=0, prepend=torch.zeros_like(averaged[:1]))
    return AcquiredCube(cube.maps, increments.cpu().numpy())
