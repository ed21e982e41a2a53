"""Lesions and voids, held to what their settings say."""

import numpy as np
import pytest
from scipy import ndimage

from simulators.errors import InputError
from simulators.tissue.lesions import Lesions, Voids, draw_lesion, draw_voids

SHAPE, VOXEL = (40, 40, 40), (1.0, 1.0, 1.0)


def test_a_sharp_lesion():
    lesions = Lesions(probability=1.0, perfusion_factor=(0.3, 0.3), extra_delay=1.2, edge_mm=0.0)
    factor, delay = draw_lesion(SHAPE, VOXEL, lesions, seed=4)
    inside = factor < 1
    np.testing.assert_allclose(np.unique(factor), [0.3, 1])
    np.testing.assert_array_equal(delay, np.where(inside, 1.2, 0))
    assert ndimage.label(inside)[1] == 1


@pytest.mark.parametrize("voxel", [1.0, 0.8])
def test_lesions_are_as_large_as_the_settings_say(voxel):
    """Of a sphere that lies within the block, the volume; blocks whose edges cut it are left out."""
    radius = 8.0
    lesions = Lesions(probability=1.0, perfusion_factor=(0.5, 0.5), radius_mm=(radius, radius), edge_mm=0.0)
    volumes = []
    for seed in range(60):
        inside = draw_lesion(SHAPE, (voxel,) * 3, lesions, seed=seed)[0] < 1
        edge = np.ones(SHAPE, bool)
        edge[1:-1, 1:-1, 1:-1] = False
        if not (inside & edge).any():
            volumes.append(inside.sum() * voxel**3)
    assert len(volumes) > 5
    assert np.mean(volumes) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)  # counted in whole voxels


def test_a_soft_edge_is_as_wide_as_the_settings_say():
    """Along a line from the middle of a sphere, the factor falls linearly over 4 mm about the radius."""
    lesions = Lesions(
        probability=1.0, perfusion_factor=(0.5, 0.5), extra_delay=1.0, radius_mm=(12.0, 12.0), edge_mm=4.0
    )
    factor, delay = draw_lesion((60, 60, 60), VOXEL, lesions, seed=14)
    np.testing.assert_allclose(1 - factor, delay / 2)
    middle = np.asarray(ndimage.center_of_mass(delay == 1))
    distance = np.linalg.norm(np.stack(np.indices(delay.shape), axis=-1) - middle, axis=-1)
    assert min(middle.min(), (59 - middle).min()) > 14  # it lies within the block, so that its middle is known
    np.testing.assert_allclose(delay, np.clip(0.5 - (distance - 12) / 4, 0, 1), atol=0.02)


def test_how_often_and_how_strong():
    """Of 400 blocks a quarter has one; factors are uniform in their logarithm, delays in themselves."""
    lesions = Lesions(probability=0.25, perfusion_factor=(0.1, 2.0), extra_delay=(0.5, 2.0))
    drawn = [draw_lesion((6, 6, 6), (4.0, 4.0, 4.0), lesions, seed=seed) for seed in range(400)]
    hit = [(factor, delay) for factor, delay in drawn if delay.max() > 0]
    assert len(hit) / 400 == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 400))
    for factor, delay in hit:
        assert 0.1 <= factor.min() <= factor.max() <= 2
        assert delay.max() <= 2
    whole = Lesions(probability=1.0, radius_mm=(90.0, 90.0), edge_mm=0.0)
    values = [draw_lesion((2, 2, 2), (2.0, 2.0, 2.0), whole, seed=seed) for seed in range(400)]
    logarithm = np.log([factor[0, 0, 0] for factor, _ in values])
    assert logarithm.mean() == pytest.approx(np.log(0.1 * 2.0) / 2, abs=4 * np.log(20) / np.sqrt(12 * 400))
    assert np.mean([delay[0, 0, 0] for _, delay in values]) == pytest.approx(1.25, abs=4 * 1.5 / np.sqrt(12 * 400))


def test_voids():
    """They are there as often as the settings say, and never take more than they may."""
    voids = Voids(probability=0.4, count=(2, 2), radius_mm=(4.0, 12.0), largest_share=0.3)
    shares = np.array([draw_voids((16,) * 3, VOXEL, voids, seed=seed).mean() for seed in range(400)])
    assert shares.max() <= 0.3
    assert 0.3 < (shares > 0).mean() < 0.4 + 4 * np.sqrt(0.24 / 400)  # some of them are too large, and left out
    small = Voids(probability=1.0, count=(3, 3), radius_mm=(3.0, 3.0), largest_share=0.9)
    pieces = [ndimage.label(draw_voids(SHAPE, VOXEL, small, seed=seed))[1] for seed in range(20)]
    assert max(pieces) == 3


def test_seeds():
    always = Lesions(probability=1.0)
    for one, same, other in zip(*(draw_lesion((9,) * 3, VOXEL, always, seed=seed) for seed in (1, 1, 2)), strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (Lesions, "probability", 1.5),
        (Lesions, "perfusion_factor", (0.0, 1.0)),
        (Lesions, "extra_delay", 500.0),
        (Lesions, "radius_mm", (5.0, 4.0)),
        (Lesions, "edge_mm", -1.0),
        (Voids, "count", (0, 2)),
        (Voids, "largest_share", 1.0),
    ],
)
def test_settings_that_make_none(kind, name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give"):
        kind(**{name: value})
