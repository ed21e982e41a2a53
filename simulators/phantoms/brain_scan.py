"""What a scanner sees of a whole brain: frames, truth and anatomy, all on the acquired voxels.

A brain is too large to be held several times over: each point in time is padded and averaged on its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from simulators.arrays import Float, Float32
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import frame_weights, read_out
from simulators.imaging.voxel_grid import VoxelGrid
from simulators.phantoms.simulated_brain import NO_TERRITORY, Brain
from simulators.tissue.anatomy import GREY, WHITE
from simulators.transport.numba import NumbaSimulator
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.transport.step_response import StepResponse
from simulators.vessels.forest import Forest


@dataclass(frozen=True)
class BrainScan:
    """A brain on the acquired voxels; those at the high ends may reach beyond the domain, into nothing.

    Attributes:
        concentration: mL of labeled blood per mL of tissue, (K, x, y, z), float32.
        perfusion: truth, the mean over the acquired voxel, mL/100g/min, (x, y, z).
        grey, white: share of the acquired voxel that is grey or white matter, (x, y, z).
        territory: the most frequent one among those of the voxel, `NO_TERRITORY` where there is none, (x, y, z).
        att: arterial transit time, see `Vasculature.att`, mean over what is served, s, NaN where nothing is, (x, y, z).
        great_vessel_distance: mm to the nearest great artery, mean over the voxel, (x, y, z).
        arterial_blood, venous_blood: mL of blood in arteries and in veins per mL, (x, y, z).
        affine: acquired voxel index (voxel centre) to mm, (4, 4).
        noise: standard deviation of what was added to the concentration, mL/mL, ().
    """

    concentration: np.ndarray
    perfusion: np.ndarray
    grey: np.ndarray
    white: np.ndarray
    territory: np.ndarray
    att: np.ndarray
    great_vessel_distance: np.ndarray
    arterial_blood: np.ndarray
    venous_blood: np.ndarray
    affine: np.ndarray
    noise: np.ndarray = field(default_factory=lambda: np.zeros((), np.float32))


def scan_brain(brain: Brain, acquisition: Acquisition) -> BrainScan:
    """Image a brain; see `BrainScan`.

    Raises:
        InputError: if slices and slice times differ in number, or the label was not simulated for long enough.
    """
    return replace(look_at_brain(brain, acquisition.voxel_size_mm), concentration=acquire_brain(brain, acquisition))


def look_at_brain(brain: Brain, voxel_size_mm: tuple[float, float, float]) -> BrainScan:
    """What there is to know of a brain on acquired voxels of a size, whatever the protocol: a scan without frames."""
    grid = grid_over(brain, voxel_size_mm)
    tissue, att = brain.anatomy.tissue, brain.att
    return BrainScan(
        concentration=np.zeros((0, *grid.shape), np.float32),
        perfusion=_coarse(brain.perfusion, grid),
        grey=_coarse(tissue == GREY, grid),
        white=_coarse(tissue == WHITE, grid),
        territory=_most_frequent(brain.territory, grid),
        att=_mean_where(np.isfinite(att), att, grid),
        great_vessel_distance=_mean_where(np.ones(tissue.shape, bool), brain.great_vessel_distance, grid),
        arterial_blood=_blood_share(brain.vessels.arteries, grid),
        venous_blood=_blood_share(brain.vessels.veins, grid),
        affine=acquired_affine(brain.anatomy.affine, grid),
    )


def acquire_brain(brain: Brain, acquisition: Acquisition) -> np.ndarray:
    """The frames alone, (K, x, y, z) in float32; the domain ends in whole acquired voxels, padded with nothing.

    Raises:
        InputError: as `scan_brain`.
    """
    grid = grid_over(brain, acquisition.voxel_size_mm)
    averaged = np.stack([_coarse(image, grid) for image in _label_seen(brain, acquisition.vascular_crushing)])
    return read_out(averaged, brain.response.time, acquisition, t1_blood=brain.label.t1_blood)


def acquire_moved(
    brain: Brain, acquisition: Acquisition, moved_mm: Float[np.ndarray, "K 3"]
) -> Float32[np.ndarray, "K x y z"]:
    """The frames of a head that lies elsewhere in each of them, on the voxels that it lay still in.

    Means over the acquired voxels are exact; what lies beyond the domain counts as what is at its edge.

    Args:
        brain: read with all arterial label, or none.
        acquisition: protocol.
        moved_mm: by how far the head has moved along each axis in each frame, less than a voxel.

    Raises:
        InputError: as `scan_brain`.
    """
    still, response = grid_over(brain, acquisition.voxel_size_mm), brain.response
    weights = frame_weights(response.time, acquisition, still.shape[-1], t1_blood=brain.label.t1_blood)
    frames = np.zeros((len(weights), *still.shape))
    for k, (x, y, z) in enumerate(-np.asarray(moved_mm, float)):
        grid = replace(still, offset_mm=(x, y, z))
        for t in np.flatnonzero(weights[k].any(0)):
            seen = response.bed[t] if acquisition.vascular_crushing == 0 else response.bed[t] + response.arterial[t]
            frames[k] += weights[k, :, t] * _coarse(seen, grid)
    return frames.astype(np.float32)


def averaged_response(brain: Brain, voxel_size_mm: tuple[float, float, float]) -> StepResponse:
    """The step response on acquired voxels of a size, padded with nothing to whole ones."""
    grid, response = grid_over(brain, voxel_size_mm), brain.response
    arterial, bed = (
        np.stack([_coarse(image, grid) for image in images]) for images in (response.arterial, response.bed)
    )
    return StepResponse(response.time, arterial, bed, voxel_size_mm, slower_than=response.slower_than)


def laid_over(acquisition: Acquisition, brain: Brain) -> Acquisition:
    """The protocol with a time for each slice of this brain, whatever number of slices it was made for.

    The protocol's slices are centred on the brain's; those beyond them take the times of the outermost ones.
    """
    times = acquisition.slice_timing
    n_slices = grid_over(brain, acquisition.voxel_size_mm).shape[-1]
    if not times or len(times) == n_slices:
        return acquisition
    rows = np.clip(np.arange(n_slices) + (len(times) - n_slices) // 2, 0, len(times) - 1)
    return replace(acquisition, slice_timing=tuple(times[row] for row in rows))


def grid_over(brain: Brain, voxel_size_mm: tuple[float, float, float]) -> VoxelGrid:
    """Acquired voxels over all of a brain."""
    return VoxelGrid.covering(brain.perfusion.shape, brain.response.voxel_size_mm, voxel_size_mm)


def acquired_affine(affine: np.ndarray, grid: VoxelGrid) -> np.ndarray:
    """Affine (4, 4) of acquired voxels over those of `affine`: index to the centre."""
    ratio = np.asarray(grid.acquired_mm) / grid.simulated_mm
    to_simulated = np.diag([*ratio, 1.0])
    to_simulated[:3, 3] = (ratio - 1) / 2
    return affine @ to_simulated


def _label_seen(brain: Brain, crushing: float | None) -> Iterator[np.ndarray]:
    """S at one point in time after the other, (X, Y, Z), less the arterial label that is crushed."""
    response = brain.response
    if crushing == 0:
        yield from response.bed
        return
    limit = np.inf if crushing is None else crushing
    arterial = response.arterial
    if response.slower_than != limit:
        arterial = NumbaSimulator().arterial_step_response(brain.vessels, response.time, brain.label, slower_than=limit)
    for in_bed, in_arteries in zip(response.bed, arterial, strict=True):
        yield in_bed + in_arteries


def _coarse(image: np.ndarray, grid: VoxelGrid) -> np.ndarray:
    """Mean over acquired voxels, (X, Y, Z) to (x, y, z) in float32, with nothing in what is beyond the domain."""
    return grid.average(grid.filled(image.astype(np.float32, copy=False)))


def _blood_share(forest: Forest, grid: VoxelGrid) -> np.ndarray:
    """mL of blood in a forest's vessels per mL of acquired voxel, (x, y, z)."""
    volume = blood_volume(forest, cut_at_voxel_faces(forest))
    return _coarse(volume / np.prod(forest.voxel_size_mm), grid)


def _mean_where(counts: np.ndarray, image: np.ndarray, grid: VoxelGrid) -> np.ndarray:
    """Mean over those members of each acquired voxel that count, NaN where none does, (x, y, z)."""
    share, total = _coarse(counts, grid), _coarse(np.where(counts, image, 0), grid)
    return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)


def _most_frequent(territory: np.ndarray, grid: VoxelGrid) -> np.ndarray:
    """The territory with most members in each acquired voxel; of equals the first."""
    winner, most = np.full(grid.shape, NO_TERRITORY, np.uint8), np.zeros(grid.shape, np.float32)
    for index in np.unique(territory[territory != NO_TERRITORY]):
        share = _coarse(territory == index, grid)
        winner[share > most] = index
        most = np.maximum(most, share)
    return winner
