"""Where an angiogram shows vessels: even out its background, look for bright tubes of several widths, threshold.

Tubes are told from sheets and edges by the Hessian, as in Sato et al. (Med Image Anal 1998), and thresholded with
hysteresis: a faint stretch counts where it touches a clear one.
"""

import numpy as np
from scipy import ndimage

BACKGROUND_BLOCK_MM = 6.0
"""Wider than an artery, so that the median of a block is tissue; narrower than coil shading."""

SHADING_MM = 10.0
"""σ of the Gaussian over blocks: coils and slabs shade an image over centimetres."""

SMALLEST_VOLUME_MM3 = 6.0
"""15 mm of an artery of 0.35 mm; smaller islands are noise or lead nowhere."""

LOW_TO_HIGH = 0.35
"""Tubeness at which a vessel goes on, relative to that at which it is one."""

SMALLEST_VOXELS = 40
"""The same in coarse voxels, where noise makes islands of a few."""

FINEST_SIGMA = 0.7
"""Voxels; a narrower Gaussian is not one any more once it is sampled."""

SCALES_MM = (0.4, 0.7, 1.2, 1.9)
"""σ of the Gaussians; a tube answers most at a σ of about its radius."""


def evened(image: np.ndarray, edge_mm: float) -> np.ndarray:
    """The image over its background, so that tissue is about 1 wherever the coil and the slab are bright or dark.

    Args:
        image: (X, Y, Z), isotropic voxels; below 0 counts as 0.
        edge_mm: edge of a voxel.

    Returns:
        (X, Y, Z) float32; bone and air stay dark.
    """
    from skimage.measure import block_reduce

    image = np.maximum(image, 0)
    block = max(1, round(BACKGROUND_BLOCK_MM / edge_mm))
    padding = [(0, -count % block) for count in image.shape]
    coarse = block_reduce(np.pad(image, padding, mode="symmetric"), block, np.median).astype(np.float32)
    usual = max(float(np.percentile(coarse, 75)), 0.1 * float(image.max()), 1e-6)
    tissue = (coarse > 0.5 * usual).astype(np.float32)
    sigma = SHADING_MM / (block * edge_mm)
    # Bone and air take the level of the tissue around them, else their noise would be blown up.
    weight = ndimage.gaussian_filter(tissue, sigma, mode="nearest") + 1e-3
    level = ndimage.gaussian_filter(coarse * tissue, sigma, mode="nearest") + 1e-3 * usual
    coarse = level / weight
    background = ndimage.zoom(coarse, block, order=1, mode="nearest", grid_mode=True)
    nx, ny, nz = image.shape
    return np.asarray(image / background[:nx, :ny, :nz], np.float32)


def tubeness(even: np.ndarray, edge_mm: float, *, scales_mm: tuple[float, ...] = SCALES_MM) -> np.ndarray:
    """How much each voxel looks like the inside of a bright tube: the largest of σ²·min(−λ₁, −λ₂) over the scales.

    λ₁ ≤ λ₂ are the lowest two eigenvalues of the Hessian at scale σ: a sheet has one of them near 0. Eigenvalues are
    taken only where the image is bright; `skimage.filters.sato`, which takes them everywhere, needs 8 GB and minutes
    for a head.

    Args:
        even: (X, Y, Z), from `evened`.
        edge_mm: edge of a voxel.
        scales_mm: σ of the Gaussians.

    Returns:
        (X, Y, Z) float32, in units of the image, 0 where there is no tube.
    """
    bright = _bright(even)
    answer = np.zeros(np.count_nonzero(bright), np.float32)
    for scale in scales_mm:
        sigma = max(scale / edge_mm, FINEST_SIGMA)
        hessian = np.empty((len(answer), 3, 3), np.float32)
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)):
            order = np.bincount((i, j), minlength=3)
            hessian[:, i, j] = hessian[:, j, i] = ndimage.gaussian_filter(even, sigma, order=order, truncate=3)[bright]
        second_lowest = np.linalg.eigvalsh(hessian)[:, 1]
        np.maximum(answer, -(sigma**2) * second_lowest, out=answer)
    response = np.zeros(even.shape, np.float32)
    response[bright] = answer
    return response


def segment(even: np.ndarray, edge_mm: float, *, smallest_volume_mm3: float = SMALLEST_VOLUME_MM3) -> np.ndarray:
    """Voxels of vessels.

    The higher threshold is Otsu's between what is noise and what is not, but never less than what noise can reach; the
    lower one is a fixed part of it, within the same bound.

    Args:
        even: (X, Y, Z), from `evened`.
        edge_mm: edge of a voxel.
        smallest_volume_mm3: of a connected piece that is kept.

    Returns:
        (X, Y, Z) bool, without cavities; all False if nothing stands out.
    """
    from skimage.filters import apply_hysteresis_threshold, threshold_otsu

    response = tubeness(even, edge_mm)
    noise = noise_reach(even, max(SCALES_MM[0] / edge_mm, FINEST_SIGMA))
    clear = response[response > noise]
    if not clear.size or clear.min() == clear.max():
        return np.zeros(even.shape, bool)
    high = max(float(threshold_otsu(clear)), 1.5 * noise)
    mask = apply_hysteresis_threshold(response, max(LOW_TO_HIGH * high, noise), high)
    label, n_pieces = ndimage.label(mask, np.ones((3, 3, 3)))
    n_voxels = np.bincount(label.ravel(), minlength=n_pieces + 1)
    n_voxels[0] = 0
    least = max(smallest_volume_mm3 / edge_mm**3, SMALLEST_VOXELS)
    # A cavity would make the skeleton of a tube a shell.
    return np.asarray(ndimage.binary_fill_holes((n_voxels >= least)[label]))


def noise_reach(even: np.ndarray, sigma: float) -> float:
    """Tubeness that white noise of the image's strength hardly ever reaches, at a scale of σ voxels.

    A second derivative of white noise of strength s behind a Gaussian has the standard deviation
    s·√(3 / (4·8·π^1.5)) σ^−3.5; the reach is three of them.
    """
    inside = even[even > 0.5]  # air has its own, weaker noise
    if inside.size < 2:
        return 0.0
    difference = np.diff(even, axis=0)[(even[1:] > 0.5) & (even[:-1] > 0.5)]
    strength = 1.4826 * float(np.median(np.abs(difference))) / np.sqrt(2) if difference.size else 0.0
    return float(3 * strength * np.sqrt(3 / (32 * np.pi**1.5)) * sigma**-1.5)


def _bright(even: np.ndarray) -> np.ndarray:
    """Voxels that stand out from the tissue around them, a few in a hundred, (X, Y, Z)."""
    smooth = ndimage.gaussian_filter(even, 0.7)
    tissue = smooth[smooth > 0.5]
    if not tissue.size:
        return smooth > 0
    middle = np.median(tissue)
    return smooth > middle + 1.5 * 1.4826 * np.median(np.abs(tissue - middle))
