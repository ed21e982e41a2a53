"""Cubes without end, simulated in batches on the device of `CupySimulator`, in the process that trains.

Trees, perfusion and capillaries are drawn on the processor, in threads. The step responses stay on the device: torch
takes them by DLPack, without a copy, and averages them over the acquired voxels there.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from qtmnet.samples import Key
from qtmnet.store.record import truth_maps
from qtmnet.store.view import SeenCube
from qtmnet.stream import CubeStream
from simulators.cube import borrow_vessels
from simulators.label import LabelKinetics
from simulators.transport.cupy import CupySimulator
from simulators.vasculature import Vasculature
from simulators.voxel_grid import VoxelGrid


@dataclass(frozen=True)
class Drawn:
    """A cube before label enters it, with perfusion in mL/100g/min, (X, Y, Z)."""

    perfusion: np.ndarray
    vessels: Vasculature
    label: LabelKinetics


class DeviceCubeStream(CubeStream):
    """The same cubes as those of `CubeStream` with this simulator, whole batches at a time."""

    def batch(self, keys: Sequence[Key]) -> list[SeenCube]:
        """Several cubes as they are seen."""
        simulator = self.recipe.simulator
        assert isinstance(simulator, CupySimulator)
        with ThreadPoolExecutor(min(len(keys), os.cpu_count() or 1)) as pool:
            cubes = list(pool.map(self._draw, keys))
        batch = simulator.batch([cube.vessels for cube in cubes])
        crushing = self.look.vascular_crushing
        response = simulator.step_responses(
            batch,
            np.asarray(self.recipe.time),
            [cube.label for cube in cubes],
            slower_than=np.inf if crushing is None else crushing,
        )
        seen = torch.from_dlpack(response.bed)
        if crushing != 0:
            seen = seen + torch.from_dlpack(response.arterial)
        grids = [self.look.grid(self.recipe, self.seed(key)) for key in keys]
        return [_seen(*each) for each in zip(cubes, seen, grids, strict=True)]

    def _draw(self, key: Key) -> Drawn:
        seed, phantom = self.seed(key), self.recipe.phantom
        drawn = phantom.draw(seed)
        perfusion, vessels = borrow_vessels(seed, phantom, drawn, self.trees(key))
        return Drawn(perfusion, vessels, phantom.label(drawn["permeability_surface_ml_100g_min"]))


def _seen(cube: Drawn, step_response: torch.Tensor, grid: VoxelGrid) -> SeenCube:
    """A cube on the acquired voxels, from its step response (T, X, Y, Z) on the device."""
    shares = [torch.from_numpy(grid.shares(axis)).to(step_response) for axis in range(3)]
    averaged = torch.einsum("tabc,xa,yb,zc->txyz", step_response, *shares)
    increments = torch.diff(averaged, dim=0, prepend=torch.zeros_like(averaged[:1]))
    maps = {
        name: grid.average(map).astype(np.float32) for name, map in truth_maps(cube.perfusion, cube.vessels).items()
    }
    return SeenCube(maps, increments.cpu().numpy())
