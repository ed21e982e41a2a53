"""From frames to coefficients: posterior mean and spread in each voxel, and how well the frames fit.

Frames y = offset + A z + noise of a known standard deviation, with z ~ N(mean, L Lᵀ): with z = mean + L u the posterior
of u is N(P⁻¹ b, P⁻¹), P = 1 + (A L)ᵀ Σ⁻¹ (A L), b = (A L)ᵀ Σ⁻¹ (y − offset − A mean). Where S lies in the basis, mean
and P are all that the frames say of it, however many there are, and in whatever order.

The noise is taken as a factor for each frame times a factor for each voxel: one eigendecomposition for each slice then
serves all of its voxels.
"""

from dataclasses import dataclass

import numpy as np

from qtmnet.coefficients.prior import Prior

LEAST_NOISE = 2e-5
"""mL/mL, a thousandth of the label in grey matter: what the basis leaves of a step response is of this size."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """What frames say of the coefficients.

    Attributes:
        mean: of z, (R, X, Y, Z), float32.
        spread: standard deviation of z, (R, X, Y, Z), float32.
        chi_squared: of the frames before they were seen, over their number: 1 on average over what the prior holds,
            much more where the frames are unlike all that it knows, (X, Y, Z), float32.
        linear: linear estimate of each quantity by key, in its unit, (X, Y, Z), float32.
        linear_spread: standard deviation of each linear estimate's error, in its unit, (X, Y, Z), float32.
    """

    mean: np.ndarray
    spread: np.ndarray
    chi_squared: np.ndarray
    linear: dict[str, np.ndarray]
    linear_spread: dict[str, np.ndarray]


def posterior(
    frames: np.ndarray, offsets: np.ndarray, rows: np.ndarray, noise: np.ndarray | float, prior: Prior
) -> Posterior:
    """Posterior of the coefficients in each voxel.

    Args:
        frames: mL/mL, (K, X, Y, Z).
        offsets, rows: of each frame and slice, (K, Z) and (K, Z, R), see `Basis.rows`.
        noise: standard deviation of each frame, mL/mL, broadcastable to (K, X, Y, Z).
        prior: of the coefficients.
    """
    n_frames, *shape = frames.shape
    n_slices = shape[-1]
    of_frame, of_voxel = separated(noise, frames.shape)
    known = offsets + rows @ prior.mean  # (K, Z)
    # Slices first: (Z, K, V) for the V voxels of a slice. In 64 bits: next to no noise weighs differences of frames
    # by ten thousands, and in 32 bits their order would matter.
    away = np.moveaxis(frames - known[:, None, None], -1, 0)
    away = (away / of_frame[:, None, None]).reshape(n_slices, n_frames, -1)
    design = np.moveaxis(rows @ prior.factor, 1, 0) / of_frame[:, None]  # (Z, K, R)
    values, vectors = np.linalg.eigh(np.swapaxes(design, 1, 2) @ design)
    values = np.maximum(values, 0)[..., None]  # (Z, R, 1)
    voxel_variance = np.moveaxis(np.broadcast_to(of_voxel**2, shape), -1, 0).reshape(n_slices, 1, -1)
    to_eigen = np.swapaxes(vectors, 1, 2) @ np.swapaxes(design, 1, 2)  # (Z, R, K)
    weighed = to_eigen @ away  # Uᵀ Aᵀ Σ⁻¹ r, but for the voxel's variance
    total = voxel_variance + values
    back = prior.factor @ vectors  # (Z, R, R)
    mean = back @ (weighed / total) + prior.mean[:, None]
    shrunk = voxel_variance / total  # variance of each eigencoordinate
    spread = np.sqrt(back**2 @ shrunk)
    fit = ((away**2).sum(axis=1) - (weighed**2 / total).sum(axis=1)) / voxel_variance[:, 0]
    linear, linear_spread = {}, {}
    for key, weights in prior.linear.items():
        constant, slopes = float(weights[0]), weights[1:]
        linear[key] = _image(slopes @ mean + constant, shape)
        variance = (slopes @ back)[:, None] ** 2 @ shrunk
        linear_spread[key] = _image(np.sqrt(variance[:, 0] + prior.spread[key] ** 2), shape)
    return Posterior(
        mean=_images(mean, shape),
        spread=_images(spread, shape),
        chi_squared=_image(fit / n_frames, shape),
        linear=linear,
        linear_spread=linear_spread,
    )


def separated(noise: np.ndarray | float, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Noise as a factor for each frame (K,), mL/mL, times one for each voxel (X, Y, Z), the nearest in logarithms.

    Args:
        noise: standard deviations, mL/mL, broadcastable to the shape.
        shape: (K, X, Y, Z).
    """
    image = np.asarray(noise, float)
    image = np.maximum(image.reshape((1,) * (4 - image.ndim) + image.shape), LEAST_NOISE)
    logarithm = np.log(image)
    of_frame = np.exp(logarithm.mean(axis=(1, 2, 3)))
    of_voxel = np.exp(logarithm.mean(axis=0) - logarithm.mean())
    return np.broadcast_to(of_frame, shape[0]), np.broadcast_to(of_voxel, shape[1:])


def _images(slices: np.ndarray, shape: list[int]) -> np.ndarray:
    """(Z, R, V) as (R, X, Y, Z)."""
    return np.ascontiguousarray(np.moveaxis(slices.reshape(shape[2], -1, shape[0], shape[1]), 0, -1), np.float32)


def _image(slices: np.ndarray, shape: list[int]) -> np.ndarray:
    """(Z, V) as (X, Y, Z)."""
    return np.ascontiguousarray(np.moveaxis(slices.reshape(shape[2], shape[0], shape[1]), 0, -1), np.float32)
