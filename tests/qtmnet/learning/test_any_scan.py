"""From cubes of the world to a network for any scan: samples, training, calibration and maps, small but whole."""

from pathlib import Path

import numpy as np
import pytest
import torch

from qtmnet.coefficients.front_end import CRUSHED, SEEN
from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.datasets.world_cubes import WorldCubes, WorldRecipe
from qtmnet.learning.any_scan.calibrating import calibrated
from qtmnet.learning.any_scan.samples import UNIT, Geometry, acquired
from qtmnet.learning.any_scan.source import AnyScanCubes
from qtmnet.methods.any_scan.method import AnyScan
from qtmnet.methods.base import Frames
from qtmnet.methods.network.any_scan.description import AcceptsAny, AnyScanDescription
from qtmnet.methods.network.any_scan.estimator import FARTHEST, AnyScanEstimator
from qtmnet.methods.network.weights import load_weights, save_weights
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.continuous import PCASL
from simulators.imaging.labeling.pulsed import PASL
from simulators.imaging.protocol_ranges import ProtocolRanges
from simulators.imaging.scan_noise import ScanNoise
from simulators.phantoms.world import World
from simulators.transport.numba import NumbaSimulator

OUTPUTS = ("cbf", "cbf_low", "cbf_high", "att", "att_low", "att_high", "abv")
N_FUNCTIONS = 6
SMALL = World(shape=(16, 16, 16), kinetic_share=0.75)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> AnyScanCubes:
    """Some cubes, simulated."""
    made = AnyScanCubes(
        SMALL,
        NumbaSimulator(),
        ProtocolRanges(in_plane_mm=(2.0, 2.0), slice_mm=(2.0, 2.0)),
        noise=ScanNoise(),
        cluster=LocalCluster(1),
        n_cubes=12,
        samples_per_epoch=16,
        n_validation=4,
        n_held_back=4,
        n_functions=N_FUNCTIONS,
        dir=tmp_path_factory.mktemp("world"),
        validation_share=0.2,
        batch_size=4,
    )
    made.truths = ("cbf", "att", "abv")
    made.prepare()
    return made


@pytest.fixture(scope="module")
def estimator(source: AnyScanCubes) -> AnyScanEstimator:
    """An untrained network with the source's front end, calibrated."""
    torch.manual_seed(0)
    inputs = "qtmnet.methods.network.coefficient_inputs."
    description = AnyScanDescription(
        network={"_target_": "qtmnet.methods.network.unet_cbam.UNetCBAM", "base_channels": 4, "levels": 2},
        inputs={
            "coefficients": {"_target_": f"{inputs}CoefficientsInput", "n_functions": N_FUNCTIONS},
            "linear_estimates": {"_target_": f"{inputs}LinearEstimatesInput"},
            "circumstances": {"_target_": f"{inputs}CircumstancesInput"},
        },
        outputs=OUTPUTS,
        normalization="calibrated",
        accepts=AcceptsAny(N_FUNCTIONS, len(source.recipe.time), source.recipe.last),
    )
    made = AnyScanEstimator(description)
    made.set_front_end(source.front_end)
    return calibrated(made, source)


def test_kept_coefficients_are_the_cube(source: AnyScanCubes) -> None:
    """What is kept of a cube makes its frames, but for rounding to float16 and a hundredth that the functions leave."""
    recipe, kept = source.recipe, source.cubes[3]
    cube = recipe.cube(3)
    acquisition = Acquisition(PCASL(1.5), (0.7, 1.8))
    _, rows = source.cubes.basis.rows(acquisition, 1, cube.t1_blood)
    whole = source.cubes.basis.coefficients(cube.response.bed)
    for part, response in ((kept.bed, cube.response.bed), (kept.arterial, cube.response.arterial)):
        exact = source.cubes.basis.coefficients(response).astype(float)
        there, frames = (np.einsum("kr,rxyz->kxyz", rows[:, 0], z) for z in (part.astype(float), exact))
        rounding = np.einsum("kr,rxyz->kxyz", np.abs(rows[:, 0]), np.abs(exact) * 2.0**-11 + 2.0**-24)
        assert (np.abs(there - frames) <= rounding).all()
    left = source.cubes.basis.step_response(whole) - cube.response.bed
    assert np.sqrt((left**2).mean()) < 0.01 * np.sqrt((cube.response.bed**2).mean())
    np.testing.assert_array_equal(kept.maps["perfusion"], cube.perfusion.astype(np.float32))


def test_a_dataset_is_found_again(source: AnyScanCubes) -> None:
    """With the functions of its manifest; another world is refused."""
    again = WorldCubes(source.url, source.recipe)
    np.testing.assert_array_equal(again.basis.functions, source.cubes.basis.functions)
    with pytest.raises(InputError, match=r"world.shape: found \[16, 16, 16\], asked for \[8, 8, 8\]"):
        WorldCubes(source.url, WorldRecipe(World(shape=(8, 8, 8), kinetic_share=0.75), NumbaSimulator(), 0))


def test_samples_are_functions_of_their_keys(source: AnyScanCubes) -> None:
    """Of a batch one shape; all finite, but for transit times of voxels with next to no flow."""
    samples = source.fitting()
    there, again = samples.batch([(0, 3), (0, 1)]), samples.batch([(0, 3), (0, 1)])
    for one, other in zip(there, again, strict=True):
        for name, image in one.items():
            np.testing.assert_array_equal(image, other[name])
            assert name == "att" or np.isfinite(image).all()
            assert image.shape[1:] == there[0]["cbf"].shape[1:]
            assert all(length % UNIT == 0 for length in image.shape[1:])
        np.testing.assert_array_equal(np.isnan(one["att"]), one["cbf"] <= 10)


def test_acquired_voxels_are_means_of_simulated_ones(source: AnyScanCubes) -> None:
    """Of perfusion, and of coefficients; a transit time is a mean over the flow that has it."""
    cube = source.cubes[0]
    geometry = Geometry(cube.voxel_mm, (2 * cube.voxel_mm,) * 3, (8, 8, 8))
    coefficients, truth = acquired(cube, geometry, [cube.bed], np.random.default_rng(0), together=True)
    blocks = cube.maps["perfusion"].reshape(8, 2, 8, 2, 8, 2)
    np.testing.assert_allclose(truth["cbf"][0], blocks.mean(axis=(1, 3, 5)), rtol=1e-5)
    late = (blocks * np.nan_to_num(cube.maps["att"]).reshape(blocks.shape)).mean(axis=(1, 3, 5))
    expected = np.where(truth["cbf"][0] > 10, late / np.maximum(truth["cbf"][0], 1e-9), np.nan)
    np.testing.assert_allclose(truth["att"][0], expected, rtol=1e-4)
    mean = cube.bed.astype(float).reshape(-1, 8, 2, 8, 2, 8, 2).mean(axis=(2, 4, 6))
    np.testing.assert_allclose(coefficients, mean, rtol=1e-3, atol=1e-5)


def test_the_front_end_knows_less_without_arteries(source: AnyScanCubes) -> None:
    """Two priors: without label in arteries there is none of their volume to be told."""
    priors = source.front_end.priors
    assert priors[SEEN].spread["abv"] < priors[CRUSHED].spread["abv"]
    assert priors[SEEN].linear["cbf"].shape == (1 + N_FUNCTIONS,)


def _frames(n_frames: int, labeling: PCASL | PASL = PCASL(1.5), **fields: object) -> Frames:  # noqa: B008
    rng = np.random.default_rng(0)
    acquisition = Acquisition(labeling, tuple(np.linspace(0.5, 2.2, n_frames).tolist()), (2.0, 2.0, 2.0), **fields)  # type: ignore[arg-type]
    values = 0.004 + 0.001 * rng.standard_normal((n_frames, 9, 8, 7))
    return Frames(values.astype(np.float32), acquisition, noise=np.full((n_frames, 1, 1, 1), 1e-3))


@pytest.mark.parametrize("n_frames", [1, 2, 4, 9])
@pytest.mark.parametrize("labeling", [PCASL(1.5), PASL(0.7)])
def test_it_reads_any_scan(estimator: AnyScanEstimator, n_frames: int, labeling: PCASL | PASL) -> None:
    """Maps of all that it says, with ends of intervals on either side of their maps."""
    method = AnyScan.of(estimator)
    frames = _frames(n_frames, labeling, slice_timing=tuple(0.05 * k for k in range(7)))
    maps = method.maps(frames)
    assert set(maps) == {*OUTPUTS, "cbf_sd", "att_sd", "outside"} == set(method.quantities)
    for key in ("cbf", "att"):
        assert (maps[f"{key}_low"] <= maps[key]).all()
        assert (maps[key] <= maps[f"{key}_high"]).all()


def test_the_order_of_frames_does_not_matter(estimator: AnyScanEstimator) -> None:
    """To rounding: a part in 100,000 of the range of each map."""
    frames = _frames(4)
    order = np.array([2, 0, 3, 1])
    delays = tuple(np.asarray(frames.acquisition.post_labeling_delays)[order].tolist())
    other = Frames(
        frames.concentration[order],
        Acquisition(PCASL(1.5), delays, (2.0, 2.0, 2.0)),
        noise=frames.noise,
    )
    there, again = estimator.maps(frames), estimator.maps(other)
    for key in ("cbf", "att", "abv"):
        np.testing.assert_allclose(again[key], there[key], atol=1e-5 * np.ptp(there[key]))


def test_only_a_mask_is_estimated(estimator: AnyScanEstimator) -> None:
    """Outside of it all is 0; inside nothing depends on what lies far outside of it."""
    frames = _frames(3)
    mask = np.zeros((9, 8, 7), bool)
    mask[2:6, 1:5, 2:6] = True
    masked = Frames(frames.concentration, frames.acquisition, mask, noise=frames.noise)
    maps = estimator.maps(masked)
    assert (maps["cbf"][~mask] == 0).all()
    np.testing.assert_allclose(maps["cbf"][mask], estimator.maps(frames)["cbf"][mask], rtol=1e-5)


def test_intervals_are_put_right(estimator: AnyScanEstimator, source: AnyScanCubes) -> None:
    """Of an untrained network, on the samples that they were put right on: 5 % beyond each end, within what rounding
    to whole voxels in each bin leaves."""
    samples, inside, n = source.held_back(), 0, 0
    for k in range(len(samples)):
        sample = samples[0, k]
        batch = {name: torch.from_numpy(image[None]) for name, image in sample.items()}
        with torch.no_grad():
            cbf, low, high = (60 * image.numpy() for image in estimator(batch)[0, :3])
        calibration = estimator.description.calibrations["cbf"]
        low, high = calibration.applied(cbf, low, high, int(sample["n_frames"].flat[0]))
        truth = sample["cbf"][0]
        inside, n = inside + int(((low <= truth) & (truth <= high)).sum()), n + truth.size
    assert 0.8 < inside / n < 0.97  # half of the voxels were drawn, and batches of one have shapes of their own


def test_what_lies_outside_is_said(estimator: AnyScanEstimator) -> None:
    """Of a protocol in words, of frames unlike anything in a mask."""
    method = AnyScan.of(estimator)
    frames = _frames(3)
    assert list(method.outside(frames)) == []
    wide = Frames(frames.concentration, Acquisition(PCASL(1.5), (0.5, 1.0, 2.0), (6.0, 6.0, 2.0)), noise=frames.noise)
    assert list(method.outside(wide)) == ["voxels in plane: 6 mm, trained 2 to 2"]
    odd = frames.concentration.copy()
    odd[1, 4, 4, 4] = -1.0
    outside = method.maps(Frames(odd, frames.acquisition, noise=frames.noise))["outside"]
    assert outside[4, 4, 4] == 1
    assert outside.mean() < 0.1
    loud = Frames(100 * frames.concentration, frames.acquisition, noise=100 * frames.noise)
    assert method.maps(loud)["outside"].all()


def test_what_cannot_be_read_is_refused(estimator: AnyScanEstimator) -> None:
    """A readout later than any in training, and noise that nobody knows."""
    method = AnyScan.of(estimator)
    frames = _frames(2)
    with pytest.raises(InputError, match="last readout"):
        method.maps(Frames(frames.concentration, Acquisition(PCASL(3.0), (1.0, 6.0)), noise=frames.noise))
    with pytest.raises(InputError, match="noise: of the frames, not known"):
        method.maps(Frames(frames.concentration, frames.acquisition))


def test_weights_keep_all_of_it(estimator: AnyScanEstimator, tmp_path: Path) -> None:
    """Front end, calibration and range come back from files, and make the same maps bit for bit."""
    there = load_weights(save_weights(tmp_path / "kept", estimator))
    assert isinstance(there, AnyScanEstimator)
    maps, again = estimator.maps(_frames(4)), there.maps(_frames(4))
    for key, image in maps.items():
        np.testing.assert_array_equal(again[key], image)


def test_training_starts_from_the_linear_estimate(estimator: AnyScanEstimator, source: AnyScanCubes) -> None:
    """With a network of zeros the map is the front end's, and its interval that of a normal distribution."""
    sample = source.validation()[0, 0]
    batch = {name: torch.from_numpy(image[None]) for name, image in sample.items()}
    zeros = AnyScanEstimator(estimator.description)
    zeros.set_front_end(source.front_end)
    for parameter in zeros.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        cbf, low, _ = zeros(batch)[0, :3].numpy()
    linear = np.clip(sample["linear"][0] / 60, *FARTHEST["cbf"])
    np.testing.assert_allclose(cbf, linear, atol=1e-6)
    np.testing.assert_allclose(cbf - low, 1.645 * np.clip(sample["linear_spread"][0] / 60, 0.02, 1), rtol=1e-4)
