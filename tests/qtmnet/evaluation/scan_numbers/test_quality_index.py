"""The quality evaluation index of maps whose pieces are known in closed form."""

import numpy as np
import pytest

from qtmnet.evaluation.scan_numbers.quality_index import quality_index
from qtmnet.scans.tissue.shares import TissueShares

VOXEL_MM = (40.0, 40.0, 40.0)
"""So large that smoothing over 5 mm changes nothing: a neighbour has exp(−(40 / 2.12)² / 2) of the weight, 1e-78."""

SHAPE = (6, 5, 4)


def layers() -> TissueShares:
    """Two layers of grey matter, two of white, two of fluid."""
    kind = np.broadcast_to(np.arange(6)[:, None, None] // 2, SHAPE)
    return TissueShares(*(np.asarray(kind == k, np.float32) for k in range(3)))


def alternating(amount: float) -> np.ndarray:
    """Plus and minus an amount, as often within each layer."""
    return amount * (1 - 2 * (np.indices(SHAPE)[2] % 2))


def test_perfusion_as_tissue_has_it_is_perfect() -> None:
    tissue = layers()
    cbf = 24.0 * (2.5 * tissue.grey + tissue.white)
    found = quality_index(cbf, np.ones(SHAPE, bool), tissue, VOXEL_MM)
    assert found.similarity == pytest.approx(1, abs=1e-6)  # single precision
    assert found.dispersion == pytest.approx(0, abs=1e-9)
    assert found.negative_grey == 0
    # Not 1: a correlation of 1 leaves exp(−3.0126) of the first factor.
    assert found.value == pytest.approx(np.cbrt(1 - np.exp(-3.0126)), rel=1e-6)


def test_noise_of_known_size_disperses() -> None:
    tissue, amount = layers(), 10.0
    cbf = 24.0 * (2.5 * tissue.grey + tissue.white) + alternating(amount)
    found = quality_index(cbf, np.ones(SHAPE, bool), tissue, VOXEL_MM)
    n = 40  # voxels of a tissue: sum of squares n a² in each, over 3 n − 3
    assert found.dispersion == pytest.approx(3 * n * amount**2 / (3 * n - 3) / 60.0)
    between = np.var([60.0, 24.0, 0.0])  # of the layers; noise is independent of them
    assert found.similarity == pytest.approx(np.sqrt(between / (between + amount**2)), rel=1e-6)
    expected = np.cbrt((1 - np.exp(-3.0126 * found.similarity**2.4419)) * np.exp(-0.054 * found.dispersion**0.9272))
    assert found.value == pytest.approx(expected)


def test_negative_grey_matter_costs() -> None:
    tissue = layers()
    cbf = 24.0 * (2.5 * tissue.grey + tissue.white)
    cbf[0, 0, 0] = cbf[1, 1, 1] = -60.0
    found = quality_index(cbf, np.ones(SHAPE, bool), tissue, VOXEL_MM)
    assert found.negative_grey == 2 / 40
    assert found.value < np.cbrt(np.exp(-2.8478 * 0.05**0.5196))  # the other factors are below 1


def test_upside_down_is_useless() -> None:
    tissue = layers()
    found = quality_index(50.0 - 24.0 * (2.5 * tissue.grey + tissue.white), np.ones(SHAPE, bool), tissue, VOXEL_MM)
    assert (found.similarity, found.value) == (0, 0)


def test_what_lies_outside_of_the_brain_does_not_count() -> None:
    tissue, inside = layers(), np.ones(SHAPE, bool)
    inside[:, 0] = False
    cbf = 24.0 * (2.5 * tissue.grey + tissue.white) + alternating(5.0)
    other = np.where(inside, cbf, np.nan)
    assert quality_index(cbf, inside, tissue, VOXEL_MM) == quality_index(other, inside, tissue, VOXEL_MM)


def test_smoothing_is_over_5_mm() -> None:
    """A plane of label in a brain of nothing: its peak falls by the middle weight of a Gaussian of that width."""
    shape = (41, 9, 9)
    grey = np.zeros(shape, np.float32)
    grey[20] = 1
    tissue = TissueShares(grey, np.float32(1) - grey, np.zeros(shape, np.float32))
    cbf = 60.0 * grey
    found = quality_index(cbf, np.ones(shape, bool), tissue, (1.0, 1e3, 1e3))
    sd = 5 / np.sqrt(8 * np.log(2))
    weights = np.exp(-0.5 * (np.arange(-20, 21) / sd) ** 2)
    line = 60 * weights / weights.sum()  # of the smoothed map, across the plane
    white = np.delete(line, 20)
    dispersion = white.var() * 40 * 81 / (40 * 81 - 1 + 80) / line[20]
    assert found.dispersion == pytest.approx(dispersion, rel=1e-3)  # the filter ends at four standard deviations


def test_too_little_tissue_is_not_told() -> None:
    nothing = np.zeros(SHAPE, np.float32)
    found = quality_index(np.full(SHAPE, 50.0), np.ones(SHAPE, bool), TissueShares(*[nothing] * 3), VOXEL_MM)
    assert np.isnan(found.value)
