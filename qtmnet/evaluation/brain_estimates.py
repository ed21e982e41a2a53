"""Perfusion of a scanned brain by every method, and how far each is from the truth in every region."""

from dataclasses import dataclass, replace

import numpy as np

from qtmnet.evaluation.brain_regions import BRAIN_SHARE, Regions, brain_voxels
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.evaluation.metrics import Scores, score_parts
from qtmnet.methods.base import Frames
from qtmnet.methods.baselines import KINETIC_METHODS, fit_baselines
from qtmnet.methods.network.estimator import Estimator
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_scan import BrainScan
from simulators.seeding import Stage, generator, stage_seed
from simulators.tissue.label import LabelKinetics

RegionScores = dict[str, dict[str, dict[str, Scores]]]
"""Kind of region → region → method → scores."""


@dataclass(frozen=True)
class BrainEstimates:
    """Maps of one brain, (x, y, z), 0 where `inside` is False.

    Attributes:
        inside: voxels that count as brain.
        truth: mL/100g/min.
        by_method: mL/100g/min, estimate of each method.
        att: s, the multi-delay model's.
        true_att: s, mean over the voxel.
        affine: voxel index to mm, (4, 4).
    """

    inside: np.ndarray
    truth: np.ndarray
    by_method: dict[str, np.ndarray]
    att: np.ndarray
    true_att: np.ndarray
    affine: np.ndarray


def with_noise(scan: BrainScan, snr: float | None, seed: int) -> BrainScan:
    """The scan with Gaussian noise, independent in each voxel and frame.

    Its standard deviation is that of the training: mean signal of the frame with most of it, over `snr`. Tissue fills
    the cubes of the training; so here the mean is over the brain.
    """
    if snr is None:
        return scan
    frames = scan.concentration
    deviation = frames[:, brain_voxels(scan)].mean(axis=1).max() / snr
    noise = generator(stage_seed(seed, Stage.NOISE)).standard_normal(frames.shape)
    return replace(scan, concentration=(frames + deviation * noise).astype(np.float32))


def estimate_brain(
    scan: BrainScan, acquisition: Acquisition, label: LabelKinetics, estimator: Estimator | None
) -> BrainEstimates:
    """Estimate a brain's perfusion with the network, if there is one, and both kinetic models from the same frames.

    Raises:
        InputError: if no voxel counts as brain, or for a map that is not finite there.
    """
    inside = brain_voxels(scan)
    if not inside.any():
        raise InputError(
            f"voxel_size_mm: found {list(acquisition.voxel_size_mm)}, of which no voxel is brain by {BRAIN_SHARE:.0%} "
            "or more; give smaller ones"
        )
    maps = {}
    if estimator is not None:
        maps["qtmnet"] = estimator.maps(Frames(scan.concentration, acquisition, inside))["cbf"]
    fitted = fit_baselines(scan.concentration, acquisition, label, inside)
    maps |= {method: fitted[method].cbf for method in KINETIC_METHODS}
    att = fitted["multi_delay"].att
    assert att is not None
    truth = np.where(inside, scan.perfusion, 0)
    check_maps({"truth": truth, **maps, "multi_delay_att": att}, inside, "brain, ")
    return BrainEstimates(
        inside=inside,
        truth=truth,
        by_method=maps,
        att=att,
        true_att=np.where(inside & np.isfinite(scan.att), scan.att, 0),
        affine=scan.affine,
    )


def score_regions(estimates: BrainEstimates, regions: Regions) -> RegionScores:
    """Score every method in every region; structural similarity is the whole brain's map, averaged over the region."""
    parts = {f"{kind}/{name}": region for kind, named in regions.items() for name, region in named.items()}
    by_method = {
        method: score_parts(estimate, estimates.truth, estimates.inside, parts)
        for method, estimate in estimates.by_method.items()
    }
    return {
        kind: {name: {method: scores[f"{kind}/{name}"] for method, scores in by_method.items()} for name in named}
        for kind, named in regions.items()
    }
