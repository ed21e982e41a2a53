"""Perfusion maps of cubes."""

import numpy as np
import pytest
from scipy import ndimage

from simulators.errors import InputError
from simulators.tissue.perfusion import LEAST_PERFUSION, flow_from_perfusion, grow_regions, regional_perfusion


@pytest.mark.parametrize(("shape", "n"), [((16, 16, 16), 40), ((8, 1, 5), 3), ((3, 3, 3), 27), ((4, 5, 6), 1)])
def test_regions(shape, n):
    region = grow_regions(shape, n, np.random.default_rng(3))
    assert region.shape == shape
    np.testing.assert_array_equal(np.unique(region), np.arange(n))  # no voxel without one, no region without any
    for number in range(n):
        assert ndimage.label(region == number)[1] == 1  # neighbours share a face


def test_means_and_fluctuation():
    """16³ voxels in 8 regions: their means lie in the range, voxels scatter by 10 % about them."""
    shape, seed = (16, 16, 16), 11
    steady = regional_perfusion(shape, seed=seed, n_regions=8, perfusion_range=(30.0, 60.0), fluctuation=0.0)
    means = np.unique(steady)
    assert len(means) == 8
    assert means.min() >= 30
    assert means.max() <= 60
    noisy = regional_perfusion(shape, seed=seed, n_regions=8, perfusion_range=(30.0, 60.0), fluctuation=0.1)
    relative = noisy / steady - 1
    assert relative.mean() == pytest.approx(0, abs=4 * 0.1 / np.sqrt(relative.size))  # four standard errors
    assert relative.std() == pytest.approx(0.1, abs=4 * 0.1 / np.sqrt(2 * relative.size))


def test_means_are_uniform():
    draws = [np.unique(regional_perfusion((4, 4, 4), seed=s, n_regions=4, fluctuation=0.0)) for s in range(200)]
    means = np.concatenate(draws)
    assert means.mean() == pytest.approx(40, abs=4 * 80 / np.sqrt(12 * means.size))
    assert means.max() > 75
    assert means.min() < 5


def test_positive_everywhere():
    perfusion = regional_perfusion((8, 8, 8), seed=1, perfusion_range=(0.0, 5.0), fluctuation=2.0)
    assert perfusion.min() == LEAST_PERFUSION


def test_flow():
    """60 mL/100g/min are 0.0105 mm³/s in 1 mm³."""
    np.testing.assert_allclose(flow_from_perfusion(np.array([60.0]), np.array([1.0, 1.0, 1.0])), 0.0105)
    np.testing.assert_allclose(flow_from_perfusion(np.array([30.0]), np.array([2.0, 2.0, 4.0])), 0.0105 * 8)


def test_seeds():
    one, same, other = (regional_perfusion((8, 8, 8), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("shape", {"shape": (0, 4, 4)}),
        ("shape", {"shape": (4, 4)}),
        ("n_regions", {"n_regions": 0}),
        ("n_regions", {"n_regions": 65}),
        ("perfusion_range", {"perfusion_range": (50.0, 40.0)}),
        ("perfusion_range", {"perfusion_range": (-1.0, 40.0)}),
        ("perfusion_range", {"perfusion_range": (0.0, 0.0)}),
        ("perfusion_range", {"fluctuation": -0.1}),
    ],
)
def test_maps_that_are_none(name, options):
    with pytest.raises(InputError, match=rf"^{name}.*: found .*; give"):
        regional_perfusion(options.pop("shape", (4, 4, 4)), seed=1, **{"n_regions": 4, **options})
