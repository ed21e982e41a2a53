"""Streamed cubes: each a function of its key, never the same again, and distributed as those of a store."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from qtmnet.datasets.acquired_cubes import AcquiredCube, ImagingSettings
from qtmnet.datasets.cube_recipe import CubeRecipe, recipe_for
from qtmnet.datasets.record import cube_as_kept
from qtmnet.datasets.vessel_pool import VesselPool
from qtmnet.learning.cube_stream import CubeStream, StreamSamples
from qtmnet.learning.device_stream import DeviceCubeStream
from qtmnet.learning.samples import SampleMaker
from simulators import Acquisition, CubeParameters, InputError, NumbaSimulator, TwoCompartmentExchange, simulate_cube
from simulators.transport.cupy import CupySimulator

ACQUISITION = Acquisition(voxel_size_mm=(2.0, 2.0, 3.0))
PHANTOM = CubeParameters(
    shape=(12, 12, 12),
    arterial_murray_k=(0.09, 0.15),
    venous_murray_k=(0.12, 0.18),
    capillary_volume_fraction=(0.015, 0.03),
    exchange=TwoCompartmentExchange((100.0, 200.0)),
)
RECIPE = recipe_for(ACQUISITION, phantom=PHANTOM, simulator=NumbaSimulator(), seed=3)
N_TREES = 16


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> VesselPool:
    pool = VesselPool(tmp_path_factory.mktemp("trees"), PHANTOM, 3)
    for task in pool.missing(N_TREES):
        assert task()
    return pool


@pytest.fixture
def stream(pool: VesselPool) -> CubeStream:
    return CubeStream(RECIPE, pool, N_TREES, ImagingSettings.of(ACQUISITION))


def same(one: AcquiredCube, other: AcquiredCube) -> bool:
    return np.array_equal(one.increments, other.increments) and all(
        np.array_equal(one.maps[name], other.maps[name]) for name in one.maps
    )


def test_a_pool_gives_trees_with_one_terminal_in_each_voxel(pool: VesselPool) -> None:
    for trees in (pool[0], pool[N_TREES - 1]):
        for forest in (trees.arteries, trees.veins):
            assert (np.sort(np.unique(forest.terminal)) >= 0).all()
            assert len(np.unique(forest.terminal)) == forest.terminal.size
            home = np.stack(np.meshgrid(*map(np.arange, PHANTOM.shape), indexing="ij"), axis=-1)
            inside = forest.position[forest.terminal] - home
            assert inside.min() > -1e-5  # positions are kept in float32
            assert inside.max() < 1 + 1e-5
    assert not np.array_equal(pool[0].arteries.parent, pool[1].arteries.parent)


def test_a_pool_of_other_settings_is_refused(pool: VesselPool) -> None:
    with pytest.raises(InputError, match=r"dataset\.json: trees\.reach_mm: found 5\.0, asked for 4\.0"):
        VesselPool(pool.url, replace(PHANTOM, reach_mm=4.0), 3)
    VesselPool(pool.url, replace(PHANTOM, inlet_delay=1.0), 3)  # which no tree depends on


def test_a_cube_depends_on_its_key_alone(stream: CubeStream, pool: VesselPool) -> None:
    again = CubeStream(RECIPE, VesselPool(pool.url, PHANTOM, 3), N_TREES, ImagingSettings.of(ACQUISITION))
    keys = [(0, 0), (0, 1), (1, 0)]
    cubes = stream.batch(keys)
    for key, cube in reversed(list(zip(keys, cubes, strict=True))):
        assert same(again[key], cube)
    assert not any(same(a, b) for k, a in enumerate(cubes) for b in cubes[:k])


def test_no_stored_cube_is_streamed(stream: CubeStream) -> None:
    seeds = {stream.seed((0, k)) for k in range(3)}
    stored = {replace(RECIPE, split=split).cube_seed(k) for split in ("train", "test") for k in range(3)}
    assert not seeds & stored
    assert len({seed[:2] for seed in seeds | stored}) == 3  # one for each kind


def statistics(cube: AcquiredCube) -> list[float]:
    """Of what a network is shown: label early and late, its extremes, how it goes with perfusion; and the truth."""
    seen, perfusion = np.cumsum(cube.increments, axis=0), cube.maps["perfusion"]
    late = seen[11] - seen[5]
    return [
        seen[7].mean(),
        seen[15].mean(),
        float(np.quantile(seen[15], 0.98)),
        late.std() / late.mean(),
        np.corrcoef(perfusion.ravel(), late.ravel())[0, 1],
        perfusion.mean(),
        perfusion.std(),
        *(cube.maps[name].mean() for name in ("att", "arterial_blood_volume", "blood_volume")),
    ]


@cache
def stored_statistics() -> np.ndarray:
    imaging = ImagingSettings.of(ACQUISITION)
    cubes = (
        simulate_cube(RECIPE.cube_seed(k), parameters=PHANTOM, time=RECIPE.time, simulator=RECIPE.simulator)
        for k in range(48)
    )
    grids = (imaging.grid(RECIPE, RECIPE.cube_seed(k)) for k in range(48))
    return np.array(
        [statistics(imaging.acquired(cube_as_kept(c, RECIPE), g)) for c, g in zip(cubes, grids, strict=True)]
    ).T


def p_values(stream: CubeStream) -> list[float]:
    streamed = np.array([statistics(stream[0, k]) for k in range(48)]).T
    return [ks_2samp(a, b).pvalue for a, b in zip(stored_statistics(), streamed, strict=True)]


def test_streamed_cubes_are_distributed_as_stored_ones(stream: CubeStream) -> None:
    p = p_values(stream)
    assert min(p) > 1e-3, p  # ten statistics: chance alone goes below in 1 of 100 seeds, and these are fixed


def test_another_kind_of_cube_would_be_seen(pool: VesselPool) -> None:
    """The comparison can fail: later blood is another distribution."""
    recipe = replace(RECIPE, phantom=replace(PHANTOM, inlet_delay=(0.8, 1.4)))
    assert min(p_values(CubeStream(recipe, pool, N_TREES, ImagingSettings.of(ACQUISITION)))) < 1e-3


@pytest.mark.parametrize("crushing", [None, 0.0, 8.0])
def test_batches_of_a_device_are_the_cubes_of_the_processor(pool: VesselPool, crushing: float | None) -> None:
    acquisition = replace(ACQUISITION, vascular_crushing=crushing)
    imaging, keys = ImagingSettings.of(acquisition), [(0, 0), (0, 1), (2, 0)]

    def recipe(simulator: NumbaSimulator | CupySimulator) -> CubeRecipe:
        return recipe_for(acquisition, phantom=PHANTOM, simulator=simulator, seed=3)

    device = DeviceCubeStream(recipe(CupySimulator(device="host")), pool, N_TREES, imaging).batch(keys)
    processor = CubeStream(recipe(NumbaSimulator()), pool, N_TREES, imaging).batch(keys)
    for one, other in zip(device, processor, strict=True):
        peak = np.cumsum(other.increments, axis=0).max()
        assert np.abs(np.cumsum(one.increments - other.increments, axis=0)).max() < 1e-4 * peak  # as the backends
        for name in other.maps:
            np.testing.assert_allclose(one.maps[name], other.maps[name], rtol=1e-6)


def test_a_sample_is_the_same_alone_and_in_a_batch(stream: CubeStream) -> None:
    maker = SampleMaker(RECIPE.time, ACQUISITION, 4, snr=(3.0, 10.0), flips=True, seed=0)
    samples = StreamSamples(stream, maker)
    for key, sample in zip([(1, 4), (0, 2)], samples.batch([(1, 4), (0, 2)]), strict=True):
        alone = samples[key]
        assert sample.keys() == alone.keys()
        assert all(np.array_equal(sample[name], alone[name]) for name in alone)


STREAM = ("data=cco_stream", "data.samples_per_epoch=6", "data.n_trees=2", "data.n_cubes=2", "data.n_test=1")


def losses(folder: Path, name: str) -> list[str]:
    (path,) = folder.glob(f"runs/{name}/*/metrics.csv")
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    column = header.split(",").index("train/loss")
    return [line.split(",")[column] for line in lines if line.split(",")[column]]


def test_training_on_a_stream_is_the_same_with_any_number_of_workers(command, tiny, tmp_path: Path) -> None:
    tiny = [option for option in tiny if not option.startswith(("data.n_cubes", "data.n_test", "trainer.max"))]
    options = (*STREAM, *tiny, "evaluate=false", "trainer.max_epochs=2")
    for n_workers in (0, 2):
        outcome = command("train", *options, f"name=w{n_workers}", f"data.loader_workers={n_workers}")
        assert outcome.status == 0, outcome.err
    assert losses(tmp_path, "w0") == losses(tmp_path, "w2")
    assert len(losses(tmp_path, "w0")) == 2
    assert len(list(tmp_path.glob("datasets/trees-*"))) == 1


@pytest.mark.parametrize(
    ("overrides", "needle"),
    [
        (["data.n_trees=0"], "n_trees: found 0"),
        (["data.samples_per_epoch=1.5"], "samples_per_epoch: found 1.5"),
        (["simulator=cupy", "data.loader_workers=2"], "data.loader_workers: found 2"),
        (["data.n_cubes=0"], "n_cubes: found 0"),
    ],
)
def test_settings_that_make_no_stream(command, tmp_path: Path, overrides: list[str], needle: str) -> None:
    outcome = command("train", *STREAM, "phantom.shape=[8,8,8]", *overrides)
    assert outcome.status == 2
    assert needle in outcome.err
    assert len(outcome.told) == 1
    assert not list(tmp_path.iterdir())
