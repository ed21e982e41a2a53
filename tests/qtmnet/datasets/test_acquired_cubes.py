"""What a protocol sees of a store: any voxel size, any delays, without simulating again."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qtmnet.datasets.acquired_cubes import AcquiredCube, AcquiredCubes, ImagingSettings
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.filling import fill
from qtmnet.datasets.record import ENCODING_ERROR
from simulators import Acquisition, InputError, acquire, simulate_cube
from simulators.imaging.readout import average_voxels, frame_weights, read_out

PAPER = Acquisition()
LONG = Acquisition(labeling_duration=1.8, post_labeling_delays=(0.2, 1.8, 3.0), voxel_size_mm=(4.0, 4.0, 4.0))
SLICES = Acquisition(voxel_size_mm=(2.0, 2.0, 2.0), slice_timing=(0.0, 0.04, 0.08, 0.12))


def acquired_as(store: CubeStore, acquisition: Acquisition, folder: Path, n_cubes: int = 6) -> AcquiredCubes:
    view = AcquiredCubes(store, ImagingSettings.of(acquisition), folder)
    fill(view, n_cubes, LocalCluster(1), "Reading")
    return view


def frames(seen: AcquiredCube, time: tuple[float, ...], acquisition: Acquisition) -> np.ndarray:
    return read_out(np.cumsum(seen.increments, axis=0), np.asarray(time), acquisition)


@pytest.mark.parametrize("crushing", [None, 0.0, 8.0])
@pytest.mark.parametrize("protocol", [PAPER, LONG, SLICES])
def test_frames_are_those_of_the_simulation(
    kept: CubeStore, tmp_path: Path, protocol: Acquisition, crushing: float | None
) -> None:
    acquisition = replace(protocol, vascular_crushing=crushing)
    time = kept.recipe.time
    seen = acquired_as(kept, acquisition, tmp_path)[4]
    cube = simulate_cube(kept.recipe.cube_seed(4), parameters=kept.recipe.phantom)
    expected = acquire(cube, acquisition)
    # A frame is a weighted sum of increments, each off by at most ENCODING_ERROR of itself. Beside that S, up to 0.1
    # mL/mL, is summed and subtracted in float32.
    weights = np.cumsum(frame_weights(np.asarray(time), acquisition, seen.increments.shape[-1])[..., ::-1], axis=-1)
    bound = ENCODING_ERROR * np.einsum("kzt,txyz->kxyz", np.abs(weights[..., ::-1]), np.abs(seen.increments)) + 1e-7
    difference = np.abs(frames(seen, time, acquisition) - expected)
    assert (difference <= 1.001 * bound).all()
    assert np.linalg.norm(difference) < ENCODING_ERROR * np.linalg.norm(expected)


def test_protocols_share_a_store(kept: CubeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other voxels, delays and crushing: nothing is simulated again, and one view serves all delays of a voxel size."""

    def refuse(*_: object) -> None:
        raise AssertionError("simulated again")

    monkeypatch.setattr(CubeStore, "arrays", refuse)
    folders = set()
    for acquisition in (
        PAPER,
        LONG,
        SLICES,
        replace(PAPER, vascular_crushing=8.0),
        Acquisition(voxel_size_mm=(3, 3, 3)),
    ):
        view = acquired_as(kept, acquisition, tmp_path)
        folders.add(view.records.storage.path(""))
        assert np.isfinite(view[5].increments).all()
    assert len(folders) == 5
    assert (
        AcquiredCubes(kept, ImagingSettings.of(replace(PAPER, post_labeling_delays=(0.5,))), tmp_path).missing(6) == []
    )


def test_the_truth_is_averaged_over_the_acquired_voxel(kept: CubeStore, tmp_path: Path) -> None:
    seen = acquired_as(kept, PAPER, tmp_path)[2]
    assert seen.maps["perfusion"].shape == (4, 4, 2)
    for name, image in seen.maps.items():
        np.testing.assert_allclose(image, average_voxels(kept[2].maps[name].astype(float), (2, 2, 4)), rtol=1e-6)


def test_voxels_that_do_not_nest_lie_elsewhere_in_each_cube(kept: CubeStore) -> None:
    imaging = ImagingSettings((3.0, 3.0, 3.0), None)
    grids = [imaging.grid(kept.recipe, index) for index in range(6)]
    assert {grid.shape for grid in grids} == {(2, 2, 2)}
    assert len({grid.offset_mm for grid in grids}) == 6
    assert imaging.grid(kept.recipe, 3) == grids[3]


def test_a_velocity_that_was_not_kept_is_refused(kept: CubeStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vascular_crushing: found 5\.0; kept are 0, none and \[8\.0\] mm/s"):
        acquired_as(kept, replace(PAPER, vascular_crushing=5.0), tmp_path)
    assert not list(tmp_path.rglob("*.npy"))


def test_a_view_of_a_damaged_shard_is_not_made(copy: CubeStore, tmp_path: Path) -> None:
    path = Path(copy.url) / "shard-00001.npy"
    data = bytearray(path.read_bytes())
    data[-5000] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"copy/shard-00001\.npy: cube 5: damaged"):
        acquired_as(copy, PAPER, tmp_path / "views")
    assert [file.name for file in (tmp_path / "views").rglob("shard*")] == ["shard-00000.npy"]


def test_a_damaged_view_is_named(kept: CubeStore, tmp_path: Path) -> None:
    acquired_as(kept, PAPER, tmp_path)
    (path,) = tmp_path.rglob("shard-00000.npy")
    data = bytearray(path.read_bytes())
    data[-100] ^= 4
    path.write_bytes(bytes(data))
    view = AcquiredCubes(kept, ImagingSettings.of(PAPER), tmp_path)
    assert view[0].increments.shape == (20, 4, 4, 2)
    with pytest.raises(InputError, match=r"shard-00000\.npy: cube 3: damaged"):
        view[3]


def test_a_view_lies_beside_its_store(copy: CubeStore) -> None:
    view = AcquiredCubes(copy, ImagingSettings.of(PAPER))
    for task in view.missing(6):
        assert pickle.loads(pickle.dumps(task))()  # plain data: a worker on any machine can do it
    assert Path(view.records.storage.path("")).parent == Path(copy.url) / "views"
    assert view.missing(6) == []
    assert copy.missing(6) == []
