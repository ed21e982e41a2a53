"""The folder of cubes: whole files or none, the same bytes whoever writes them."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qtmnet.cubes import CubeFolder, CubeRecipe, block_of, fitted, recipe_for
from simulators import Acquisition, CubeParameters, InputError, NumbaSimulator, acquire, simulate_cube
from simulators.acquire import average_voxels, frame_weights

PHANTOM = CubeParameters(shape=(8, 8, 8))
RECIPE = CubeRecipe(phantom=PHANTOM, simulator=NumbaSimulator(), seed=3)


def test_frames_from_a_stored_cube_agree_with_the_simulated_ones(tmp_path: Path) -> None:
    acquisition = Acquisition()
    folder = CubeFolder(tmp_path, RECIPE)
    folder.simulate(4)
    stored = folder.read(4)
    seen = average_voxels(np.cumsum(stored.increments, axis=0), block_of(RECIPE, acquisition))
    weights = frame_weights(np.asarray(RECIPE.time), acquisition, seen.shape[-1])
    frames = np.einsum("kzt,txyz->kxyz", weights, seen)
    cube = simulate_cube((3, 0, 4), parameters=PHANTOM)
    # float16 rounds each increment by at most 2^-11; interpolation weights amplify that by less than two
    np.testing.assert_allclose(frames, acquire(cube, acquisition), rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(stored.perfusion, cube.perfusion.astype(np.float32))


def test_only_what_is_missing_is_simulated(tmp_path: Path) -> None:
    folder = CubeFolder(tmp_path, RECIPE)
    folder.simulate(1)
    written = os.stat(folder.file(1)).st_mtime_ns
    assert folder.missing(3) == [0, 2]
    assert sorted(folder.simulate_missing(3, n_workers=1)) == [0, 2]
    assert os.stat(folder.file(1)).st_mtime_ns == written
    assert folder.missing(3) == []


def test_two_processes_write_the_bytes_that_one_writes(tmp_path: Path) -> None:
    one, two = CubeFolder(tmp_path / "one", RECIPE), CubeFolder(tmp_path / "two", RECIPE)
    list(one.simulate_missing(3, n_workers=1))
    list(two.simulate_missing(3, n_workers=2))
    for index in range(3):
        with np.load(one.file(index)) as first, np.load(two.file(index)) as second:
            for name in first.files:
                np.testing.assert_array_equal(first[name], second[name])


def test_test_cubes_are_no_training_cubes(tmp_path: Path) -> None:
    train, test = CubeFolder(tmp_path / "a", RECIPE), CubeFolder(tmp_path / "b", replace(RECIPE, split="test"))
    train.simulate(0)
    test.simulate(0)
    assert not np.array_equal(train.read(0).perfusion, test.read(0).perfusion)


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    CubeFolder(tmp_path, RECIPE)
    with pytest.raises(InputError, match=r"dataset\.json: phantom\.reach_mm: found 5\.0, asked for 4\.0"):
        CubeFolder(tmp_path, replace(RECIPE, phantom=replace(PHANTOM, reach_mm=4.0)))


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b[:-2000], lambda b: b"x" * len(b)])
def test_a_damaged_cube_is_named(tmp_path: Path, damage) -> None:
    folder = CubeFolder(tmp_path, RECIPE)
    folder.simulate(0)
    folder.file(0).write_bytes(damage(folder.file(0).read_bytes()))
    with pytest.raises(InputError, match=r"cube_000000\.npz: .*delete it and run again$"):
        folder.read(0)


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = CubeFolder(tmp_path, RECIPE)
    folder.simulate(0)
    before = folder.file(0).read_bytes()

    def run_out_of_space(stream, **_arrays) -> None:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", run_out_of_space)
    with pytest.raises(InputError, match=r"cube_000001\.npz: cannot be written \(no space left on the disk\)"):
        folder.simulate(1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cube_000000.npz", "dataset.json"]
    assert folder.file(0).read_bytes() == before


@pytest.mark.parametrize("voxel", [(2.0, 2.0, 4.0), (3.4375, 3.4375, 4.95), (1.0, 1.0, 1.0), (0.8, 0.8, 0.8)])
def test_a_phantom_fitted_to_any_voxel_nests_in_it(voxel: tuple[float, float, float]) -> None:
    acquisition = Acquisition(voxel_size_mm=voxel)
    phantom = fitted(CubeParameters(), acquisition)
    block = block_of(replace(RECIPE, phantom=phantom), acquisition)
    assert all(n % b == 0 for n, b in zip(phantom.shape, block, strict=True))
    assert np.abs(np.asarray(phantom.voxel_size_mm) - 1).max() <= 0.25
    assert np.abs(np.asarray(phantom.shape) * phantom.voxel_size_mm - 32).max() < 7


def test_time_reaches_the_last_slice_of_the_last_delay() -> None:
    late = Acquisition(labeling_duration=1.8, post_labeling_delays=(3.6,), slice_timing=(0.0, 1.07))
    recipe = recipe_for(late, phantom=PHANTOM, simulator=NumbaSimulator(), seed=0)
    assert recipe.time[-1] >= late.last_readout
    assert recipe.time[:20] == RECIPE.time


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    folder = CubeFolder(tmp_path, RECIPE)
    fresh, old = tmp_path / ".cube_000000.npz.1.tmp", tmp_path / ".cube_000001.npz.2.tmp"
    fresh.write_bytes(b"half")
    old.write_bytes(b"half")
    os.utime(old, (0, 0))
    list(folder.simulate_missing(0, n_workers=1))
    assert fresh.exists()
    assert not old.exists()
