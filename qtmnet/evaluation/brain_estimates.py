"""Maps of a scanned brain by every method, and how far each is from the truth in every region."""

from dataclasses import dataclass, replace

import numpy as np

from qtmnet.evaluation.brain_regions import BRAIN_SHARE, Regions, brain_voxels
from qtmnet.evaluation.estimates import Estimates, told
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.evaluation.metrics import Scores, score_parts
from qtmnet.methods.base import Frames, Methods
from qtmnet.quantities import ABV, ATT, CBF, in_order
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.noise import noise_deviation
from simulators.phantoms.brain_scan import BrainScan
from simulators.seeding import Stage, generator, stage_seed
from simulators.tissue.label import LabelKinetics

RegionScores = dict[str, dict[str, dict[str, Scores]]]
"""Kind of region → region → method → scores of a quantity."""


@dataclass(frozen=True, eq=False)
class BrainEstimates(Estimates):
    """Maps of one brain, (x, y, z), 0 where `inside` is False.

    Attributes:
        frames: that they were made of; their mask is what counts as brain.
        affine: voxel index to mm, (4, 4).
    """

    frames: Frames
    affine: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Voxels that count as brain."""
        return self.frames.inside


def with_noise(scan: BrainScan, snr: float | None, seed: int) -> BrainScan:
    """The scan with Gaussian noise, independent in each voxel and frame.

    Its standard deviation is that of the training, see `noise_deviation`. Tissue fills the cubes of the training; so
    here the mean signal is that of the brain.
    """
    if snr is None:
        return scan
    frames = scan.concentration
    deviation = noise_deviation(frames[:, brain_voxels(scan)], snr)
    noise = generator(stage_seed(seed, Stage.NOISE)).standard_normal(frames.shape)
    noisy = (frames + deviation * noise).astype(np.float32)
    return replace(scan, concentration=noisy, noise=np.asarray(deviation, np.float32))


def estimate_brain(scan: BrainScan, acquisition: Acquisition, label: LabelKinetics, methods: Methods) -> BrainEstimates:
    """Maps of a brain by every method, from the same frames.

    Raises:
        InputError: if no voxel counts as brain, or for a map that is not finite there.
    """
    inside = brain_voxels(scan)
    if not inside.any():
        raise InputError(
            f"voxel_size_mm: found {list(acquisition.voxel_size_mm)}, of which no voxel is brain by {BRAIN_SHARE:.0%} "
            "or more; give smaller ones"
        )
    frames = Frames(scan.concentration, acquisition, inside, tissue=label, affine=scan.affine, noise=scan.noise)
    maps = {name: method.maps(frames) for name, method in methods.all.items()}
    known = {CBF.key: scan.perfusion, ATT.key: scan.att, ABV.key: scan.arterial_blood}
    made = in_order(key for found in maps.values() for key in found)
    truth, undefined = told({key: known[key] for key in made if key in known}, inside)
    estimates = BrainEstimates(truth, maps, undefined, frames, scan.affine)
    check_maps(estimates, methods, inside, "brain, ")
    return estimates


def score_regions(estimates: BrainEstimates, regions: Regions, quantity: str) -> RegionScores:
    """Scores of every method in every region; structural similarity is the whole brain's map, averaged over the region.

    Voxels where the truth is not defined are in no region.
    """
    counts = estimates.inside & estimates.defined(quantity)
    parts = {f"{kind}/{name}": region & counts for kind, named in regions.items() for name, region in named.items()}
    by_method = {
        method: score_parts(estimate, estimates.truth[quantity], counts, parts)
        for method, estimate in estimates.of(quantity).items()
    }
    return {
        kind: {name: {method: scores[f"{kind}/{name}"] for method, scores in by_method.items()} for name in named}
        for kind, named in regions.items()
    }
