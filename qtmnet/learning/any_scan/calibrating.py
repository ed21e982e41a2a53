"""Putting a trained network's intervals right, on cubes that neither training nor choosing has seen."""

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import torch

from qtmnet.learning.any_scan.source import AnyScanCubes
from qtmnet.methods.network.any_scan.calibration import Voxels, calibrate
from qtmnet.methods.network.any_scan.estimator import AnyScanEstimator
from qtmnet.quantities import BOUNDS, QUANTITIES

VOXELS_OF_A_SAMPLE = 256
"""That count: neighbours say much the same."""

MET_BUT_FOR = 1e-3
"""Share of the voxels that a limit of the trained range leaves outside."""


def calibrated(estimator: AnyScanEstimator, source: AnyScanCubes) -> AnyScanEstimator:
    """The estimator with intervals that hold what they say on held-back samples, and the range that it is for.

    Args:
        estimator: trained.
        source: of its samples; the held-back ones are simulated where they are missing.
    """
    samples = source.held_back()
    rng = np.random.default_rng(source.seed)
    found: dict[str, list[tuple[int, Voxels]]] = {}
    chi_squared: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    keys = [key for key in estimator.description.outputs if f"{key}_low" in estimator.description.outputs]
    for first in range(0, len(samples), source.batch_size):
        batch = samples.batch([(0, first + k) for k in range(min(source.batch_size, len(samples) - first))])
        for sample, maps in zip(batch, _estimated(estimator, batch), strict=True):
            n_frames, crushed = int(sample["n_frames"].flat[0]), bool(sample["crushed"].flat[0])
            chosen = rng.permutation(sample["chi_squared"].size)[:VOXELS_OF_A_SAMPLE]
            chi_squared[crushed].append(sample["chi_squared"].ravel()[chosen])
            for key in keys:
                parts = [maps[name].ravel()[chosen] for name in (key, *(f"{key}_{end}" for end in BOUNDS))]
                truth = sample[key].ravel()[chosen]
                known = np.isfinite(truth)
                low, middle, high = parts[1][known], parts[0][known], parts[2][known]
                found.setdefault(key, []).append((n_frames, (middle, low, high, truth[known])))
    limits = [float(np.quantile(np.concatenate(part), 1 - MET_BUT_FOR)) for part in chi_squared]
    description = replace(
        estimator.description,
        calibration={key: asdict(calibrate(voxels)) for key, voxels in found.items()},
        range={**source.range(), "chi_squared": limits},
    )
    estimator.description = description
    return estimator


@torch.inference_mode()
def _estimated(estimator: AnyScanEstimator, batch: list[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
    """Outputs by key, (x, y, z) each, in their units, of each sample."""
    joined = {name: torch.from_numpy(np.stack([sample[name] for sample in batch])) for name in batch[0]}
    estimator.eval()
    for one in estimator(joined).float().numpy():
        yield {
            key: QUANTITIES[key].scale * image for key, image in zip(estimator.description.outputs, one, strict=True)
        }
