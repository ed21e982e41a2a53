"""How perfusion lies in cubes: which have sheets, lesions and voids."""

from functools import partial

import numpy as np
import pytest

from simulators import FoldedSheets, InputError, Lesions, PerfusionLayout, Voids
from simulators.tissue.perfusion import regional_perfusion

SHAPE, VOXEL = (10, 10, 10), (1.0, 1.0, 1.0)
NO_FLUID = FoldedSheets(fluid_share=0.0)


def regions(seed: int, shape: tuple[int, int, int] = SHAPE) -> partial:
    return partial(regional_perfusion, shape, seed=seed, n_regions=1)


def test_by_default_there_are_regions_alone():
    layout = PerfusionLayout()
    assert layout.is_regions_alone
    for seed in range(5):
        perfusion = layout.perfusion(SHAPE, VOXEL, regions(seed), seed=seed)
        np.testing.assert_array_equal(perfusion, regions(seed)())
        assert layout.extra_delay(SHAPE, VOXEL, seed=seed) is None


@pytest.mark.parametrize(
    "changes",
    [{"sheets_share": 0.1}, {"lesions": Lesions(probability=0.1)}, {"voids": Voids(probability=0.1)}],
)
def test_other_layouts_are_told_apart(changes):
    assert not PerfusionLayout(**changes).is_regions_alone


def test_a_share_of_the_cubes_is_folded():
    """Fluid tells them; the others are what they would be without."""
    layout, n = PerfusionLayout(sheets_share=0.3), 300
    made = [layout.perfusion(SHAPE, VOXEL, regions(seed), seed=seed) for seed in range(n)]
    folded = np.array([(perfusion == 0).any() for perfusion in made])
    assert folded.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / n))
    for seed in np.flatnonzero(~folded)[:5].tolist():
        np.testing.assert_array_equal(made[seed], regions(seed)())


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_lesions_and_voids_in_cubes_of_either_kind(share):
    plain = PerfusionLayout(sheets_share=share, sheets=NO_FLUID)
    lesions = Lesions(probability=1.0, perfusion_factor=0.5, extra_delay=1.0, edge_mm=0.0)
    layout = PerfusionLayout(
        sheets_share=share, sheets=NO_FLUID, lesions=lesions, voids=Voids(probability=1.0, radius_mm=(2.0, 3.0))
    )
    before, after = (each.perfusion(SHAPE, VOXEL, regions(1), seed=1) for each in (plain, layout))
    delay = layout.extra_delay(SHAPE, VOXEL, seed=1)
    void = after == 0
    assert 0 < void.sum() <= 0.4 * void.size
    assert set(np.unique(delay)) == {0.0, 1.0}
    np.testing.assert_allclose(after[~void], (before * np.where(delay > 0, 0.5, 1))[~void])


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1), (3, 2, 1)])
def test_some_voxel_has_perfusion(shape):
    """However small the cube, and however much of it may be without."""
    voids = Voids(probability=1.0, radius_mm=(0.2, 8.0), largest_share=0.9)
    layout = PerfusionLayout(sheets_share=0.5, sheets=FoldedSheets(fluid_share=0.9), voids=voids)
    made = [layout.perfusion(shape, VOXEL, regions(seed, shape), seed=seed) for seed in range(100)]
    assert all(perfusion.max() > 0 for perfusion in made)
    assert any(perfusion.min() == 0 for perfusion in made) or shape == (1, 1, 1)


@pytest.mark.parametrize(("name", "value"), [("sheets_share", 1.5), ("sheets_share", -0.1)])
def test_settings_that_no_cube_has(name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give"):
        PerfusionLayout(**{name: value})
