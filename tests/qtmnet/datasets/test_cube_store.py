"""A store of cubes: what is kept of one, manifests, and the same bytes whoever writes them."""

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from qtmnet.datasets import filling
from qtmnet.datasets.acquired_cubes import AcquiredCubes, ImagingSettings
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.cube_recipe import CubeRecipe, fitted, recipe_for
from qtmnet.datasets.cube_store import CubeStore
from qtmnet.datasets.filling import fill
from qtmnet.datasets.record import ENCODING_ERROR, INCREMENT_SCALE, MAPS, UNITS
from simulators import Acquisition, CubeParameters, InputError, NumbaSimulator, simulate_cube
from simulators.imaging.readout import average_voxels


def same_files(one: str, other: str) -> bool:
    first, second = ({path.name: path.read_bytes() for path in Path(url).iterdir()} for url in (one, other))
    return first == second


@pytest.fixture(scope="module")
def simulated(kept: CubeStore):
    """Cube 4 as the simulator makes it."""
    return simulate_cube(kept.recipe.cube_seed(4), parameters=kept.recipe.phantom)


def test_increments_are_those_of_the_simulation(kept: CubeStore, simulated) -> None:
    stored = kept[4]
    slower = NumbaSimulator().arterial_step_response(
        simulated.vessels, simulated.time, simulated.label, slower_than=8.0
    )
    assert slower.max() > 0
    assert slower.sum() < 0.9 * simulated.response.arterial.sum()  # so that it is told apart
    for found, response in (
        (stored.bed, simulated.response.bed),
        (stored.arterial[0], slower),
        (stored.arterial[1], simulated.response.arterial),
    ):
        increments = np.diff(response, axis=0, prepend=np.float32(0))
        # the smallest numbers of float16, 2^-24 apart, are rounded to half of that
        np.testing.assert_allclose(found, increments, rtol=ENCODING_ERROR, atol=2.0**-25 / INCREMENT_SCALE)


def test_truth_is_kept_exactly(kept: CubeStore, simulated) -> None:
    stored = kept[4]
    for name in ("perfusion", "att", "blood_volume"):
        expected = np.asarray(getattr(simulated, name))
        np.testing.assert_allclose(stored.maps[name], expected.astype(np.float32), rtol=2e-7)
    assert (stored.maps["arterial_blood_volume"] <= stored.maps["blood_volume"]).all()
    assert stored.drawn == simulated.drawn


def test_transit_times_are_kept_as_plug_flow_times(kept: CubeStore, simulated) -> None:
    """As version 0.3.0 kept them: half of the label has come by 1/√2 of that in laminar flow."""
    raw = np.load(Path(kept.url) / "shard-00001.npy", allow_pickle=False)[0]["att"]  # cube 4
    np.testing.assert_array_equal(raw, simulated.vessels.plug_flow_time.astype(np.float32))
    np.testing.assert_allclose(kept[4].maps["att"], raw / np.sqrt(2), rtol=2e-7)


def test_transit_times_of_blunt_flow(kept: CubeStore, tmp_path: Path) -> None:
    """Each cube has a bluntness of its own, which its acquired voxels, without what was drawn, know of, too."""
    phantom = replace(kept.recipe.phantom, bluntness=(0.1, 0.9))
    store = CubeStore(tmp_path / "blunt", replace(kept.recipe, phantom=phantom))
    fill(store, 2, LocalCluster(1), "Simulating")
    view = AcquiredCubes(store, ImagingSettings((2.0, 2.0, 2.0), None), tmp_path / "seen")
    fill(view, 2, LocalCluster(1), "Reading")
    for index in range(2):
        cube = simulate_cube(store.recipe.cube_seed(index), parameters=phantom, time=store.recipe.time)
        assert store.recipe.bluntness(index) == store[index].drawn["bluntness"] == cube.vessels.bluntness
        np.testing.assert_allclose(store[index].maps["att"], cube.att, rtol=3e-7)
        averaged = average_voxels(cube.att, (2, 2, 2))
        np.testing.assert_allclose(view[index].maps["att"], averaged, rtol=1e-6)
    assert store.recipe.bluntness(0) != store.recipe.bluntness(1)


def test_shards_are_plain_numpy_files_with_a_manifest(kept: CubeStore) -> None:
    rows = np.load(Path(kept.url) / "shard-00001.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(rows["index"], [4, 5])
    np.testing.assert_array_equal(rows["bed"][0].astype(np.float32) / INCREMENT_SCALE, kept[4].bed)
    manifest = json.loads((Path(kept.url) / "dataset.json").read_text(encoding="utf-8"))
    assert manifest["fingerprint"] == rows["made_from"][0].decode() == kept.recipe.fingerprint()
    assert manifest["settings"]["phantom"]["shape"] == [8, 8, 8]
    assert set(manifest["units"]) == {"drawn", *MAPS, "arterial", "bed"} == set(UNITS)
    assert set(manifest["made_with"]) == {"qtmnet", "numpy", "scipy", "numba"}


@pytest.mark.parametrize("n_workers", [2, 4])
def test_any_number_of_workers_writes_the_same_bytes(kept: CubeStore, tmp_path: Path, n_workers: int) -> None:
    shards = {1: kept}
    for n in (1, n_workers):
        shards[n] = CubeStore(tmp_path / str(n), kept.recipe, shard_size=1)
        fill(shards[n], 4, LocalCluster(n), "Simulating")
    assert same_files(shards[1].url, shards[n_workers].url)
    for index in range(4):
        np.testing.assert_array_equal(shards[n_workers][index].bed, kept[index].bed)  # nor does the shard size matter


def test_two_at_once_share_the_work(kept: CubeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two processes do: a lock belongs to whoever opened the file."""
    made: list[int] = []

    def slowly(store: CubeStore, index: int) -> dict[str, np.ndarray]:
        made.append(index)
        time.sleep(0.01)
        return {name: kept.records[index % 6][name] for name, _, _ in kept.records.layout.fields}

    monkeypatch.setattr(CubeStore, "arrays", slowly)
    monkeypatch.setattr(filling, "SECONDS_BETWEEN_LOOKS", 0.05)
    stores = [CubeStore(tmp_path, kept.recipe, shard_size=3) for _ in range(2)]
    both = [threading.Thread(target=fill, args=(store, 24, LocalCluster(1), "Making")) for store in stores]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(made) == list(range(24))
    assert list(stores[0].records.flaws(24)) == []


def test_growth_keeps_finished_shards_and_fills_the_short_one(kept: CubeStore, copy: CubeStore) -> None:
    written = (Path(copy.url) / "shard-00000.npy").stat().st_mtime_ns
    fill(copy, 9, LocalCluster(1), "Simulating")
    assert (Path(copy.url) / "shard-00000.npy").stat().st_mtime_ns == written
    assert copy.records.counts() == {0: 4, 1: 4, 2: 1}
    for index in range(6):
        np.testing.assert_array_equal(copy[index].arterial, kept[index].arterial)
    assert copy.missing(9) == []


def test_an_object_store_holds_the_same(kept: CubeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://{uuid4().hex}/cubes"
    store = CubeStore(url, kept.recipe, shard_size=4)
    assert [(task.shard, task.count) for task in store.missing(6)] == [(0, 4), (1, 2)]
    fill(store, 6, LocalCluster(1), "Simulating")
    for name in ("dataset.json", "shard-00000.npy", "shard-00001.npy"):
        assert store.storage.read(name) == (Path(kept.url) / name).read_bytes()
    again = CubeStore(url, kept.recipe)
    assert again.missing(6) == []
    assert list(again.records.flaws(6)) == []
    np.testing.assert_array_equal(again[5].bed, kept[5].bed)
    data = bytearray(store.storage.read("shard-00001.npy"))
    data[-100] ^= 1
    with store.storage.writing("shard-00001.npy") as stream:
        stream.write(bytes(data))
    (flaw,) = CubeStore(url, kept.recipe).records.flaws(6)
    assert flaw.startswith(f"{url}/shard-00001.npy: cube 5: damaged")


def test_test_cubes_are_no_training_cubes(recipe: CubeRecipe) -> None:
    test = replace(recipe, split="test")
    assert test.fingerprint() != recipe.fingerprint()
    one, other = (simulate_cube(r.cube_seed(0), parameters=r.phantom) for r in (recipe, test))
    assert not np.array_equal(one.perfusion, other.perfusion)


def test_threads_are_no_setting_of_a_cube(recipe: CubeRecipe) -> None:
    assert replace(recipe, simulator=NumbaSimulator(n_threads=2)).fingerprint() == recipe.fingerprint()


def test_a_folder_of_other_settings_is_refused(kept: CubeStore) -> None:
    other = replace(kept.recipe, phantom=replace(kept.recipe.phantom, reach_mm=4.0))
    with pytest.raises(InputError, match=r"dataset\.json: phantom\.reach_mm: found 5\.0, asked for 4\.0"):
        CubeStore(kept.url, other)
    with pytest.raises(InputError, match=r"dataset\.json: split: found train, asked for test"):
        CubeStore(kept.url, replace(kept.recipe, split="test"))


@pytest.mark.parametrize("size", [0, -1, 2.5, "4", True])
def test_a_shard_size_is_a_whole_number(recipe: CubeRecipe, tmp_path: Path, size: object) -> None:
    with pytest.raises(InputError, match=r"data\.shard_size: found"):
        CubeStore(tmp_path / "new", recipe, shard_size=size)
    assert not (tmp_path / "new").exists()


def test_a_folder_keeps_its_shard_size(kept: CubeStore) -> None:
    assert CubeStore(kept.url, kept.recipe).records.layout.shard_size == 4
    with pytest.raises(InputError, match=r"dataset\.json: shard_size: found 4, asked for 8"):
        CubeStore(kept.url, kept.recipe, shard_size=8)


@pytest.mark.parametrize(("n_cubes", "size"), [(1, 1), (40, 2), (6400, 256), (1_000_000, 256)])
def test_shards_suit_the_number_of_cubes(recipe: CubeRecipe, tmp_path: Path, n_cubes: int, size: int) -> None:
    assert CubeStore(tmp_path, recipe, n_cubes=n_cubes).records.layout.shard_size == size


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ('{"format": 99}', "format: found 99"),
        ('{"format": 2, "settings": {"phantom": {}}}', "phantom.shape: found None, asked for [8, 8, 8]"),
        ("half a mani", "not readable as JSON"),
        ('{"format": 2, "format": 3}', "'format' is there twice"),
        ("[" * 3000, "nested more than 64 deep"),
        ("[1]", "found [1]"),
    ],
)
def test_a_manifest_that_does_not_fit_is_named(recipe: CubeRecipe, tmp_path: Path, text: str, needle: str) -> None:
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as told:
        CubeStore(tmp_path, recipe)
    assert str(told.value).startswith(f"{tmp_path / 'dataset.json'}: ")
    assert needle in str(told.value)
    assert "choose another folder, or delete this file: there is nothing beside it yet" in str(told.value)
    assert (tmp_path / "dataset.json").read_text(encoding="utf-8") == text


def test_nobody_is_advised_to_delete_what_is_not_ours(recipe: CubeRecipe, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"name": "somebody\'s", "version": 3}', encoding="utf-8")
    with pytest.raises(InputError, match=r"dataset\.json: format: not found, .*; choose another folder$"):
        CubeStore(tmp_path, recipe)


def test_nobody_is_advised_to_delete_cubes(kept: CubeStore) -> None:
    other = replace(kept.recipe, phantom=replace(kept.recipe.phantom, reach_mm=4.0))
    for asked in ({"recipe": other}, {"recipe": kept.recipe, "shard_size": 8}):
        with pytest.raises(InputError, match=r"choose another folder$") as told:
            CubeStore(kept.url, **asked)
        assert "delete" not in str(told.value)


def test_what_is_no_dataset_is_not_made_one_by_reading(recipe: CubeRecipe, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset\.json: no such file, so there is no dataset"):
        CubeStore(tmp_path / "nowhere", recipe, only_read=True)
    (tmp_path / "file").touch()
    for only_read in (True, False):
        with pytest.raises(InputError, match=r"^data\.dir: .*file is a file; give a folder$"):
            CubeStore(tmp_path / "file", recipe, only_read=only_read)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_time_reaches_the_last_slice_of_the_last_delay() -> None:
    late = Acquisition(labeling_duration=1.8, post_labeling_delays=(3.6,), slice_timing=(0.0, 1.07))
    settings = {"phantom": CubeParameters(), "simulator": NumbaSimulator(), "seed": 0}
    recipe, paper = recipe_for(late, **settings), recipe_for(Acquisition(), **settings)
    assert recipe.time[-1] >= late.last_readout
    assert recipe.time[: len(paper.time)] == paper.time


@pytest.mark.parametrize(
    ("voxel", "simulated", "shape"),
    [((2.0, 2.0, 4.0), (1.0, 1.0, 1.0), (32, 32, 32)), ((3.4, 3.4, 0.5), (1.0, 1.0, 0.5), (32, 32, 64))],
)
def test_simulated_voxels_are_never_larger_than_acquired_ones(voxel, simulated, shape) -> None:
    phantom = fitted(CubeParameters(), Acquisition(voxel_size_mm=voxel))
    assert phantom.voxel_size_mm == simulated
    assert phantom.shape == shape


def test_what_is_written_into_the_memory_of_others_is_missed(recipe: CubeRecipe) -> None:
    """Not for ever: it would be made again and again."""

    class Elsewhere:
        def run(self, tasks):  # type: ignore[no-untyped-def]
            return [True for _ in tasks]

    store = CubeStore(f"memory://{uuid4().hex}", recipe)
    with pytest.raises(InputError, match="what was written is not there, as in the memory of other processes"):
        filling.fill(store, 2, Elsewhere(), "Simulating")


def test_files_of_others_stay(recipe: CubeRecipe, tmp_path: Path) -> None:
    others = {name: name.encode() for name in ("notes.txt", "other.npy", "shard-x.npy", ".hidden")}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    store = CubeStore(tmp_path, recipe)
    for task in store.missing(1):
        task()
    assert store[0].maps["perfusion"].any()
    assert {name: (tmp_path / name).read_bytes() for name in others} == others
    assert (tmp_path / "folder").is_dir()
