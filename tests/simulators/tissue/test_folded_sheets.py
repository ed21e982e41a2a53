"""Folded sheets of grey matter, held to what their settings say."""

import numpy as np
import pytest
from scipy import ndimage

from simulators.errors import InputError
from simulators.tissue.folded_sheets import FoldedSheets, folded_sheets
from simulators.tissue.smooth_noise import smooth_noise

STEADY = {"modulation": 0.0, "fluctuation": 0.0}
"""Grey matter has one perfusion then, and white matter another."""


def test_perfusion_of_the_tissues_and_share_of_fluid():
    settings = FoldedSheets(
        grey_perfusion=80.0, white_to_grey=0.25, fluid_share=0.2, grey_thickness_mm=3.0, fold_size_mm=4.0, **STEADY
    )
    perfusion = folded_sheets((24, 24, 24), (1.0, 1.0, 1.0), settings, seed=3)
    assert (perfusion == 0).sum() == int(0.2 * perfusion.size)
    tissue = perfusion[perfusion > 0]
    assert tissue.max() == pytest.approx(80)
    assert tissue.min() == pytest.approx(20)
    pure = np.isclose(tissue, 80) | np.isclose(tissue, 20)
    assert 0.5 < pure.mean() < 1  # the border between them passes the others


@pytest.mark.parametrize("voxel", [1.0, 2.0])
@pytest.mark.parametrize("thickness", [2.0, 4.5])
def test_grey_matter_is_as_thick_as_the_settings_say(voxel, thickness):
    """Grey volume over the fluid's surface, where folds are so large that the surface is nearly flat.

    By Crofton's formula the surface is 2/3 of the faces between voxels of fluid and of tissue, if all directions are
    alike. Both are counted in 12 blocks, whose borders cut them by chance: 5 %.
    """
    settings = FoldedSheets(
        grey_perfusion=100.0,
        white_to_grey=0.0,
        fluid_share=0.45,
        grey_thickness_mm=thickness,
        fold_size_mm=20.0,
        **STEADY,
    )
    grey = surface = 0.0
    for seed in range(12):
        perfusion = folded_sheets((32, 32, 32), (voxel,) * 3, settings, seed=seed)
        fluid = perfusion == 0
        grey += (perfusion[perfusion > 0] - 0.1).sum() / 100 * voxel**3
        faces = sum(np.diff(fluid.astype(int), axis=axis).astype(bool).sum() for axis in range(3))
        surface += faces * voxel**2 * 2 / 3
    assert grey / surface == pytest.approx(thickness, rel=0.05)


def test_modulation_and_fluctuation():
    """White matter as bright as grey and no fluid: what is left is 1 + modulation, times 1 + fluctuation."""
    flat = {"grey_perfusion": 50.0, "white_to_grey": 1.0, "fluid_share": 0.0}
    noisy = folded_sheets((24,) * 3, (1.0,) * 3, FoldedSheets(**flat, modulation=0.0, fluctuation=0.1), seed=1)
    assert noisy.std() / 50 == pytest.approx(0.1, abs=4 * 0.1 / np.sqrt(2 * noisy.size))  # four standard errors
    smooth = [
        folded_sheets((24,) * 3, (1.0,) * 3, FoldedSheets(**flat, modulation=0.15, fluctuation=0.0), seed=seed)
        for seed in range(100)
    ]
    assert np.std(np.stack(smooth)) / 50 == pytest.approx(0.15, rel=0.15)  # a block has one or two independent values
    step = np.abs(np.diff(smooth[0], axis=0)).max()
    assert 0 < step < 50 * 0.15 / 15 * 5  # of noise with this length, gradients have sd 1/(√2 length) a mm


def test_fluid_is_as_frequent_at_the_edges_as_inside():
    settings = FoldedSheets(fluid_share=0.2, fold_size_mm=3.0)
    fluid = np.mean([folded_sheets((16,) * 3, (2.0,) * 3, settings, seed=seed) == 0 for seed in range(150)], axis=0)
    edge = np.ones(fluid.shape, bool)
    edge[2:-2, 2:-2, 2:-2] = False
    assert fluid[edge].mean() == pytest.approx(fluid[~edge].mean(), abs=0.02)


def test_depth_counts_fluid_beyond_the_edge():
    """In the first layer as much is grey as in the middle one: 150 blocks of it, each with a few folds."""
    settings = FoldedSheets(fluid_share=0.1, fold_size_mm=3.0, grey_thickness_mm=3.0, white_to_grey=0.0, **STEADY)
    grey = np.mean([folded_sheets((16,) * 3, (2.0,) * 3, settings, seed=seed) > 1 for seed in range(150)], axis=0)
    assert grey[0].mean() == pytest.approx(grey[8].mean(), abs=0.03)


@pytest.mark.parametrize("length", [0.5, 1.0, 2.5, 7.0])
def test_smooth_noise_is_alike_everywhere(length):
    """Variance 1 in the middle and at the edges, correlation e^(−d²/4 length²) along every axis."""
    rng = np.random.default_rng(2)
    fields = np.stack([smooth_noise((14, 12, 10), (1.0, 1.0, 2.0), length, rng) for _ in range(1000)])
    variance = (fields**2).mean(axis=0)
    np.testing.assert_allclose(variance, 1, atol=6 * np.sqrt(2 / 1000))  # of 1680 voxels none is 6 standard errors off
    for axis, size in ((1, 1.0), (2, 1.0), (3, 2.0)):
        ahead, behind = np.take(fields, range(3, 10), axis), np.take(fields, range(7), axis)
        if length >= size:  # finer than a voxel it is white
            expected = np.exp(-((3 * size / (2 * length)) ** 2))
            assert (ahead * behind).mean() == pytest.approx(expected, abs=0.05)


def test_seeds():
    one, same, other = (folded_sheets((8,) * 3, (1.0,) * 3, FoldedSheets(), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_sheets_are_folded():
    """Fluid of a large block is in a few connected pieces, each of many voxels, not in specks."""
    perfusion = folded_sheets((48,) * 3, (1.0,) * 3, FoldedSheets(fold_size_mm=3.0, fluid_share=0.2), seed=1)
    sizes = np.bincount(ndimage.label(perfusion == 0)[0].ravel())[1:]
    assert np.median(sizes) > 27  # a sphere of one fold size has 113 voxels


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grey_perfusion", (110.0, 25.0)),
        ("grey_thickness_mm", 0.0),
        ("white_to_grey", -0.1),
        ("fluid_share", 1.0),
        ("fold_size_mm", (0.0, 3.0)),
        ("fluctuation", 2.0),
    ],
)
def test_settings_that_no_tissue_has(name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give"):
        FoldedSheets(**{name: value})


def test_a_shape_that_is_none():
    with pytest.raises(InputError, match=r"^shape: found \(4, 4\); give three"):
        folded_sheets((4, 4), (1.0, 1.0), FoldedSheets(), seed=1)
