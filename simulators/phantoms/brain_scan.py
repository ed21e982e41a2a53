"""What a scanner sees of a whole brain: frames, truth and anatomy, all on the acquired voxels.

A brain is too large to be held several times over: each point in time is padded and averaged on its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import average_voxels, block_size, read_out
from simulators.phantoms.simulated_brain import NO_TERRITORY, Brain
from simulators.tissue.anatomy import GREY, WHITE
from simulators.transport.numba import NumbaSimulator
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.vessels.forest import Forest

Block = tuple[int, int, int]


@dataclass(frozen=True)
class BrainScan:
    """A brain on the acquired voxels; those at the high ends may reach beyond the domain, into nothing.

    Attributes:
        concentration: mL of labeled blood per mL of tissue, (K, x, y, z), float32.
        perfusion: truth, the mean over the acquired voxel, mL/100g/min, (x, y, z).
        grey, white: share of the acquired voxel that is grey or white matter, (x, y, z).
        territory: the most frequent one among those of the voxel, `NO_TERRITORY` where there is none, (x, y, z).
        att: arterial transit time, mean over what is served, s, NaN where nothing is, (x, y, z).
        great_vessel_distance: mm to the nearest great artery, mean over the voxel, (x, y, z).
        arterial_blood, venous_blood: mL of blood in arteries and in veins per mL, (x, y, z).
        affine: acquired voxel index (voxel centre) to mm, (4, 4).
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


def scan_brain(brain: Brain, acquisition: Acquisition) -> BrainScan:
    """Image a brain; see `BrainScan`.

    Raises:
        InputError: if voxels do not nest, slices and slice times differ in number, or the label was not simulated for
            long enough.
    """
    block = block_size(brain.response.voxel_size_mm, acquisition)
    tissue, att = brain.anatomy.tissue, brain.att
    return BrainScan(
        concentration=acquire_brain(brain, acquisition),
        perfusion=_coarse(brain.perfusion, block),
        grey=_coarse(tissue == GREY, block),
        white=_coarse(tissue == WHITE, block),
        territory=_most_frequent(brain.territory, block),
        att=_mean_where(np.isfinite(att), att, block),
        great_vessel_distance=_mean_where(np.ones(tissue.shape, bool), brain.great_vessel_distance, block),
        arterial_blood=_blood_share(brain.vessels.arteries, block),
        venous_blood=_blood_share(brain.vessels.veins, block),
        affine=acquired_affine(brain.anatomy.affine, block),
    )


def acquire_brain(brain: Brain, acquisition: Acquisition) -> np.ndarray:
    """The frames alone, (K, x, y, z) in float32; the domain ends in whole acquired voxels, padded with nothing.

    Raises:
        InputError: as `scan_brain`.
    """
    block = block_size(brain.response.voxel_size_mm, acquisition)
    averaged = np.stack([_coarse(image, block) for image in _label_seen(brain, acquisition.vascular_crushing)])
    return read_out(averaged, brain.response.time, acquisition, t1_blood=brain.label.t1_blood)


def laid_over(acquisition: Acquisition, brain: Brain) -> Acquisition:
    """The protocol with a time for each slice of this brain, whatever number of slices it was made for.

    The protocol's slices are centred on the brain's; those beyond them take the times of the outermost ones.
    """
    times = acquisition.slice_timing
    n_slices = -(-brain.perfusion.shape[-1] // block_size(brain.response.voxel_size_mm, acquisition)[-1])
    if not times or len(times) == n_slices:
        return acquisition
    rows = np.clip(np.arange(n_slices) + (len(times) - n_slices) // 2, 0, len(times) - 1)
    return replace(acquisition, slice_timing=tuple(times[row] for row in rows))


def acquired_affine(affine: np.ndarray, block: Block) -> np.ndarray:
    """Affine (4, 4) of voxels that are blocks of those of `affine`: index to the mean of the members' centres."""
    to_simulated = np.diag([*map(float, block), 1.0])
    to_simulated[:3, 3] = (np.asarray(block) - 1) / 2
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


def _coarse(image: np.ndarray, block: Block) -> np.ndarray:
    """Mean over acquired voxels, (X, Y, Z) to (x, y, z) in float32, with nothing in what is beyond the domain."""
    missing = [(0, -size % edge) for size, edge in zip(image.shape, block, strict=True)]
    return average_voxels(np.pad(image.astype(np.float32, copy=False), missing), block)


def _blood_share(forest: Forest, block: Block) -> np.ndarray:
    """mL of blood in a forest's vessels per mL of acquired voxel, (x, y, z)."""
    volume = blood_volume(forest, cut_at_voxel_faces(forest))
    return _coarse(volume / np.prod(forest.voxel_size_mm), block)


def _mean_where(counts: np.ndarray, image: np.ndarray, block: Block) -> np.ndarray:
    """Mean over those members of each acquired voxel that count, NaN where none does, (x, y, z)."""
    share, total = _coarse(counts, block), _coarse(np.where(counts, image, 0), block)
    return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0)


def _most_frequent(territory: np.ndarray, block: Block) -> np.ndarray:
    """The territory with most members in each acquired voxel; of equals the first."""
    shape = [-(-size // edge) for size, edge in zip(territory.shape, block, strict=True)]
    winner, most = np.full(shape, NO_TERRITORY, np.uint8), np.zeros(shape, np.float32)
    for index in np.unique(territory[territory != NO_TERRITORY]):
        share = _coarse(territory == index, block)
        winner[share > most] = index
        most = np.maximum(most, share)
    return winner
