"""Random fields that vary smoothly, of which folds, slow variations and clusters of vessels are made."""

import numpy as np

from simulators.arrays import Bool, Float

REACH = 4.0
"""Standard deviations of the Gaussian, beyond which it is left out: 3e-4 of its height."""


def smooth_noise(
    shape: tuple[int, ...], voxel_size_mm: tuple[float, ...], length_mm: float, rng: np.random.Generator
) -> Float[np.ndarray, "X Y Z"]:
    """White noise smoothed by a Gaussian: normal, of mean 0 and variance 1, alike in every voxel, edges included.

    The white noise lies on a grid of its own, with steps as long as the Gaussian is wide, that reaches beyond the
    block: what is smoothed further need not be drawn finer (aliasing changes correlations by e^(−π²), 5e-5).

    Args:
        shape: voxels along each axis.
        voxel_size_mm: edge lengths of a voxel.
        length_mm: standard deviation of the Gaussian; values a distance d apart correlate by e^(−(d / 2 length)²).
        rng: of the noise.
    """
    x, y, z = (_smoothing(n, length_mm / size) for n, size in zip(shape, voxel_size_mm, strict=True))
    noise = rng.standard_normal((x.shape[1], y.shape[1], z.shape[1]))
    # Sums of einsum, unlike those of BLAS, are rounded alike for any number of threads.
    noise = np.einsum("xi,ijk->xjk", x, noise)
    noise = np.einsum("yj,xjk->xyk", y, noise)
    return np.einsum("zk,xyk->xyz", z, noise)


def _smoothing(n: int, sigma: float) -> np.ndarray:
    """Weights of the noise along an axis in each of its n voxels, for a Gaussian of `sigma` voxels, (n, M)."""
    step = max(sigma, 1.0)
    beyond = int(np.ceil(REACH * max(sigma, 1.0) / step))
    grid = step * np.arange(-beyond, np.ceil(n / step) + beyond)
    distance = np.arange(n)[:, None] - grid
    near = np.abs(distance) <= REACH * sigma + 1e-9
    weights = np.where(near, np.exp(-0.5 * (distance / max(sigma, 1e-3)) ** 2), 0.0)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def highest(field: Float[np.ndarray, "*shape"], share: float) -> Bool[np.ndarray, "*shape"]:
    """The voxels of the highest values, as many as a share of all comes to, rounded down."""
    n = int(share * field.size)
    if n == 0:
        return np.zeros(field.shape, bool)
    return field >= np.partition(field, field.size - n, axis=None)[field.size - n]
