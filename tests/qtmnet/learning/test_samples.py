"""Samples: a function of configuration, epoch and index, and of the right physics."""

from dataclasses import replace

import numpy as np
import pytest

from qtmnet.datasets.acquired_cubes import AcquiredCube
from qtmnet.learning.samples import CubeSamples, SampleMaker
from simulators import Acquisition, CubeParameters, acquire, simulate_cube
from simulators.imaging.readout import average_voxels

CUBE = simulate_cube(1, parameters=CubeParameters(shape=(8, 8, 16)))
PLAIN = Acquisition()
ATT = np.full((4, 4, 4), 1.25)
ATT[1, 2, 3] = np.inf  # where no blood arrives
TIMED = Acquisition(slice_timing=tuple(0.04 * k for k in range(10)))


def samples(acquisition: Acquisition = PLAIN, **options) -> CubeSamples:
    block = (2, 2, 4)
    increments = np.diff(average_voxels(CUBE.step_response, block), axis=0, prepend=0)
    cube = AcquiredCube({"perfusion": average_voxels(CUBE.perfusion, block), "att": ATT}, increments)
    settings = {"snr": None, "flips": False, "seed": 0} | options
    maker = SampleMaker(CUBE.time, acquisition, increments.shape[-1], **settings)
    return CubeSamples([cube, cube], np.arange(2), maker)


def test_frames_are_those_of_the_acquisition() -> None:
    sample = samples()[0, 0]
    np.testing.assert_allclose(sample["concentration"], acquire(CUBE, PLAIN), rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(sample["cbf"][0], average_voxels(CUBE.perfusion, (2, 2, 4)), rtol=1e-6)
    assert not sample["slice_time"].any()


def test_with_slice_timing_each_slice_is_read_at_its_own_time() -> None:
    firsts, timed = set(), samples(TIMED)
    for epoch in range(80):  # one of seven never comes up in 3e-5 of all seeds
        sample = timed[epoch, 0]
        times = sample["slice_time"][0, 0, 0]
        firsts.add(round(float(times[0]), 3))
        np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-6)
        slab = replace(TIMED, slice_timing=tuple(float(t) for t in times))
        np.testing.assert_allclose(sample["concentration"], acquire(CUBE, slab), rtol=1e-4, atol=1e-8)
    assert firsts == {round(0.04 * k, 3) for k in range(7)}


def test_a_scan_of_fewer_slices_than_the_cube_takes_as_many() -> None:
    sample = samples(Acquisition(slice_timing=(0.0, 0.1)))[0, 0]
    assert sample["concentration"].shape == (4, 4, 4, 2)
    assert sample["cbf"].shape == (1, 4, 4, 2)


def test_each_truth_that_is_asked_for_stands_under_its_key() -> None:
    assert samples()[0, 0].keys() == {"concentration", "slice_time", "cbf"}
    sample = samples(truths=("att", "cbf"))[0, 0]
    assert sample.keys() == {"concentration", "slice_time", "att", "cbf"}
    np.testing.assert_array_equal(sample["att"], np.where(np.isfinite(ATT), ATT, np.nan)[None].astype(np.float32))
    np.testing.assert_array_equal(sample["cbf"], samples()[0, 0]["cbf"])
    assert {image.dtype for image in sample.values()} == {np.dtype(np.float32)}


def test_noise_has_the_stated_strength() -> None:
    clean, noisy = samples()[0, 0]["concentration"], samples(snr=5.0)
    expected = float(clean.mean((1, 2, 3)).max()) / 5
    noise = np.stack([noisy[epoch, 0]["concentration"] - clean for epoch in range(100)])
    # Four standard errors of the standard deviation and of the mean of 25,600 normal numbers.
    assert noise.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * noise.size))
    assert noise.mean() == pytest.approx(0, abs=4 * expected / np.sqrt(noise.size))
    told = noisy.maker.sample_and_noise(noisy.cubes[0], (0, 0))
    np.testing.assert_array_equal(told[0]["concentration"], noisy[0, 0]["concentration"])
    assert told[1] == pytest.approx(expected, rel=1e-5)  # of single precision
    assert samples().maker.sample_and_noise(noisy.cubes[0], (0, 0))[1] == 0


def test_a_sample_depends_on_epoch_and_index_alone() -> None:
    options = {"snr": (3.0, 10.0), "flips": True}
    first, again = samples(**options), samples(**options)
    again[5, 0], again[0, 1]
    for key in ((0, 0), (0, 1), (1, 0)):
        for name in first[key]:
            assert np.array_equal(first[key][name], again[key][name])
    assert not np.array_equal(first[0, 0]["concentration"], first[1, 0]["concentration"])
    assert not np.array_equal(first[0, 0]["concentration"], first[0, 1]["concentration"])


def test_flips_mirror_frames_times_and_truth_together() -> None:
    plain = samples(TIMED, seed=7)
    flipped = samples(TIMED, seed=7, flips=True)
    seen = set()
    for epoch in range(100):  # one of eight never comes up in 1e-5 of all seeds
        a, b = plain[epoch, 0], flipped[epoch, 0]
        axes = [
            axes
            for axes in ((), (1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3))
            if all(np.array_equal(np.flip(a[name], axes), b[name]) for name in a)
        ]
        assert len(axes) == 1
        seen.add(axes[0])
    assert len(seen) == 8
