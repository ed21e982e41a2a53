"""What is known of the coefficients, and of the maps given the coefficients, before a scan is seen."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BRIGHT_SHARE, BRIGHT_WEIGHT = 0.07, 0.03
"""Voxels of the largest coefficients, those that an artery runs through, and what each counts beside one without.

Label of arteries is ten times that of tissue: with equal weights all that is known of tissue would be drowned.
"""

BRIGHTEST = 10.0
"""Times the square of what is bright, from which a voxel counts the less the larger it is: a great vessel has a hundred
times the label of tissue, and ten thousand times its square."""


@dataclass(frozen=True, eq=False)
class Prior:
    """Mean and covariance of coefficients, and the best linear estimates from them.

    Attributes:
        mean: of the coefficients, (R,).
        factor: L with covariance L Lᵀ, (R, R).
        linear: (constant, coefficients of z) of the linear estimate of each quantity by key, (1 + R,), in its unit.
        spread: standard deviation (in its unit) of what the linear estimate leaves, by key.
    """

    mean: np.ndarray
    factor: np.ndarray
    linear: Mapping[str, np.ndarray]
    spread: Mapping[str, float]


def fit_prior(coefficients: np.ndarray, truths: Mapping[str, np.ndarray]) -> Prior:
    """The prior that voxels of simulated cubes tell.

    Args:
        coefficients: (R, V).
        truths: of quantities by key, (V,), NaN where undefined.
    """
    weights = trimmed(coefficients)
    mean = coefficients @ weights
    away = coefficients - mean[:, None]
    covariance = (away * weights) @ away.T
    factor = np.linalg.cholesky(covariance + 1e-6 * np.diag(np.diag(covariance)))
    linear, spread = {}, {}
    for key, truth in truths.items():
        known = np.isfinite(truth)
        design = np.concatenate([np.ones((1, known.sum())), coefficients[:, known]])
        weighed = design * weights[known]
        solution = np.linalg.lstsq(weighed @ design.T, weighed @ truth[known], rcond=1e-10)[0]
        left = truth[known] - solution @ design
        linear[key] = solution
        spread[key] = float(np.sqrt((weights[known] * left**2).sum() / weights[known].sum()))
    return Prior(mean, factor, linear, spread)


def trimmed(responses: np.ndarray) -> np.ndarray:
    """Weights of voxels (N,), with a sum of 1, by the size of their responses or coefficients (R, N)."""
    size = (responses**2).sum(axis=0)
    bright = np.quantile(size, 1 - BRIGHT_SHARE)
    weights = np.where(size > bright, BRIGHT_WEIGHT, 1.0)
    np.divide(weights * BRIGHTEST * bright, size, out=weights, where=size > BRIGHTEST * bright)
    return np.asarray(weights / weights.sum())
