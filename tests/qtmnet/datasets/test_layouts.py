"""Datasets and pools of trees of cubes whose perfusion does not lie in regions alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qtmnet.datasets.acquired_cubes import ImagingSettings
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.filling import fill
from qtmnet.datasets.record import cube_as_kept
from qtmnet.datasets.vessel_pool import VesselPool, growth_settings
from simulators import CubeParameters, FoldedSheets, InputError, NumbaSimulator, PerfusionLayout, simulate_cube
from simulators.imaging.voxel_grid import VoxelGrid

FOLDED = PerfusionLayout(sheets_share=1.0, sheets=FoldedSheets(fluid_share=0.25))
PHANTOM = CubeParameters(shape=(8, 8, 8), layout=FOLDED)


def recipe(phantom: CubeParameters) -> CubeRecipe:
    return CubeRecipe(phantom=phantom, simulator=NumbaSimulator(), seed=0, time=(0.5, 1.0, 2.0))


def test_a_layout_is_part_of_what_tells_datasets_apart() -> None:
    """And is not named where cubes have regions alone, as in datasets from before there were layouts."""
    plain = replace(PHANTOM, layout=PerfusionLayout())
    unused = replace(PHANTOM, layout=PerfusionLayout(sheets=FoldedSheets(grey_perfusion=50.0)))  # sheets of no cube
    assert "layout" not in recipe(plain).settings()["phantom"]
    assert "layout" not in growth_settings(plain, 0)["trees"]
    assert recipe(unused).fingerprint() == recipe(plain).fingerprint()
    assert recipe(PHANTOM).fingerprint() != recipe(plain).fingerprint()
    assert growth_settings(PHANTOM, 0) != growth_settings(plain, 0)
    other = replace(PHANTOM, layout=replace(FOLDED, sheets=FoldedSheets(fluid_share=0.2)))
    assert recipe(PHANTOM).fingerprint() != recipe(other).fingerprint()


def test_trees_of_a_pool_serve_any_cube(tmp_path: Path) -> None:
    pool = VesselPool(tmp_path, PHANTOM, 3)
    fill(pool, 2, LocalCluster(1), "Growing")
    with pytest.raises(InputError, match=r"trees: found \{'layout': .*; choose another folder"):
        VesselPool(tmp_path, replace(PHANTOM, layout=PerfusionLayout()), 3)
    for index in range(2):
        trees = pool[index]
        assert trees.arteries.terminal.min() >= 0
        cube = simulate_cube((4, index), parameters=PHANTOM, time=(1.0, 3.0), trees=trees)
        empty = cube.perfusion == 0
        assert empty.any()
        np.testing.assert_array_equal(np.isnan(cube.att), empty)
        assert np.isfinite(cube.step_response).all()
        assert cube.response.bed[-1][~empty].min() > 0


def test_the_att_of_an_acquired_voxel_is_the_mean_of_those_that_have_one() -> None:
    made_from = recipe(PHANTOM)
    kept = cube_as_kept(simulate_cube(2, parameters=PHANTOM, time=made_from.time), made_from)
    grid = VoxelGrid(PHANTOM.shape, PHANTOM.voxel_size_mm, (2.0, 2.0, 2.0), (4, 4, 4), (0.0, 0.0, 0.0))
    acquired = ImagingSettings((2.0, 2.0, 2.0), None).acquired(kept, grid)
    fine = kept.maps["att"].reshape(4, 2, 4, 2, 4, 2).transpose(0, 2, 4, 1, 3, 5).reshape(4, 4, 4, 8)
    some = np.isfinite(fine).any(axis=-1)
    assert some.any()
    assert (~np.isfinite(fine)).any()
    np.testing.assert_allclose(acquired.maps["att"][some], np.nanmean(fine[some], axis=-1), rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(acquired.maps["att"]), ~some)
    assert np.isfinite(acquired.maps["perfusion"]).all()
    assert np.isfinite(acquired.increments).all()
