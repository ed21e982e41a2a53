"""The quality evaluation index of a perfusion map (QEI), from 0, useless, to 1.

Source: Dolui et al. 2024, J Magn Reson Imaging, 10.1002/jmri.29308, first shown as Dolui et al. 2017, Proc ISMRM 25,
"Automated quality evaluation index for 2D ASL CBF maps"; the constants are those that ASLPrep has from the authors.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from qtmnet.scans.tissue.shares import TissueShares

SMOOTHING_MM = 5.0
"""Full width at half maximum of the Gaussian that perfusion is smoothed by first."""

GREY_TO_WHITE = 2.5
"""Perfusion of grey over white matter in the map that tissue alone would make."""

_FWHM_PER_SD = np.sqrt(8 * np.log(2))


@dataclass(frozen=True)
class QualityIndex:
    """The index and the three things that it is made of; NaN where tissue has too few voxels to tell.

    Attributes:
        value: cube root of the product of three factors, one for each of the following, 0 to 1.
        similarity: correlation with the map that tissue alone would make, at least 0.
        dispersion: variance within tissues over mean perfusion of grey matter, mL/100g/min.
        negative_grey: share of grey matter's voxels below 0.
    """

    value: float
    similarity: float
    dispersion: float
    negative_grey: float


UNKNOWN = QualityIndex(*[float("nan")] * 4)


def quality_index(
    cbf: np.ndarray, inside: np.ndarray, tissue: TissueShares, voxel_mm: tuple[float, float, float]
) -> QualityIndex:
    """The index of a map.

    Correlation is taken inside of the brain alone: the black surroundings, which ASLPrep counts as far as smoothing
    reaches, are alike in every map.

    Args:
        cbf: mL/100g/min, (X, Y, Z); what is outside counts as 0.
        inside: the brain, (X, Y, Z) bool.
        tissue: shares of grey matter, white matter and fluid on that grid.
        voxel_mm: edges of a voxel.
    """
    smooth = gaussian_filter(
        np.where(inside, cbf, 0.0).astype(float),
        [SMOOTHING_MM / _FWHM_PER_SD / edge for edge in voxel_mm],
        mode="constant",
    )
    classes = [smooth[inside & region] for region in (tissue.is_grey, tissue.is_white, tissue.is_fluid)]
    grey, others = classes[0], [values for values in classes[1:] if values.size]
    if grey.size < 2 or not others:
        return UNKNOWN
    expected = (GREY_TO_WHITE * tissue.grey + tissue.white)[inside]
    similarity = max(0.0, _correlation(smooth[inside], expected))
    pooled = sum(((values - values.mean()) ** 2).sum() for values in (grey, *others))
    variance = pooled / (grey.size + sum(values.size - 1 for values in others) - 1)
    level = abs(grey.mean())
    dispersion = float(variance / level) if level > 0 else float("inf")
    negative = float((grey < 0).mean())
    factors = (
        1 - np.exp(-3.0126 * similarity**2.4419),
        np.exp(-0.054 * dispersion**0.9272),
        np.exp(-2.8478 * negative**0.5196),
    )
    return QualityIndex(float(np.cbrt(np.prod(factors))), similarity, dispersion, negative)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's; 0 where one of them does not vary."""
    one, other = one - one.mean(), other - other.mean()
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / size) if size > 0 else 0.0
