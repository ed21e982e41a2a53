"""Noise of frames as estimated, against the noise that was put into them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from qtmnet.scans.noise.estimate import NoiseEstimate, Smoothing, estimate_noise
from qtmnet.scans.noise.roughness import roughness_left
from qtmnet.scans.scan import read_scan
from qtmnet.scans.volumes.averaging import Averages
from tests.qtmnet.made_scans import ball, write_scan

SHAPE = (24, 22, 14)
VOXEL_MM = (3.4, 3.4, 5.0)
MASK = ball(SHAPE) > 0
WHERE = np.indices(SHAPE) / np.reshape(SHAPE, (3, 1, 1, 1))
UNEVEN = np.exp(0.5 * np.sin(2 * np.pi * WHERE[0]) + 0.3 * np.cos(np.pi * WHERE[2]))
"""A shape of σ in space, from 0.45 to 2.2."""

OF_FRAMES = np.array([1.0, 1.3, 0.8, 1.1])[:, None, None, None]
SIGNAL = ndimage.gaussian_filter(np.random.default_rng(1).exponential(1.0, (4, *SHAPE)) ** 2, (0, 0.8, 0.8, 0.8))
"""Rough, as vessels and folds are; 2 on average."""

NOTHING = np.zeros((4, *SHAPE))


def blurred(frames: np.ndarray) -> np.ndarray:
    for axis in (1, 2, 3):
        frames = ndimage.convolve1d(frames, (0.25, 0.5, 0.25), axis, mode="nearest")
    return frames


def averages(
    deviation: np.ndarray, pairs: int | list[int], *, signal: np.ndarray = NOTHING, part: float = 0.0, seed: int = 0
) -> Averages:
    """Means of pairs of this deviation, and of a part of the blurred signal, and how they vary."""
    counts = np.broadcast_to(pairs, len(signal))
    rng = np.random.default_rng(seed)
    means, spreads = [], []
    for mean, of_frame, n in zip(signal, np.hypot(deviation, part * blurred(signal)), counts, strict=True):
        noise = of_frame * rng.standard_normal((n, *SHAPE))
        means.append(mean + noise.mean(axis=0))
        spreads.append(noise.std(axis=0, ddof=1) if n > 1 else np.zeros(SHAPE))
    times = np.arange(len(signal), dtype=float)
    return Averages(np.array(means, np.float32), np.array(spreads, np.float32), counts, times, times, [])


def estimated(of: Averages) -> NoiseEstimate:
    found = estimate_noise(of, MASK, VOXEL_MM)
    assert found is not None
    assert found.deviation.shape == of.delta_m.shape
    assert not found.deviation[:, ~MASK].any()
    return found


@pytest.mark.parametrize("pairs", [2, 4, 8, 30])
def test_repeats_tell_the_noise_of_each_frame_and_voxel(pairs: int) -> None:
    truth = (UNEVEN * OF_FRAMES / np.sqrt(pairs))[:, MASK]
    found = estimated(averages(UNEVEN * OF_FRAMES, pairs)).deviation[:, MASK]
    ratio = found / truth
    # Means over 8 mm are of 4 (n − 1) variances of some 11 voxels: 1 / √(2 · 44 · (n − 1)). A Gaussian of 3.4 mm
    # over sines of 80 mm and more flattens them by 1 − exp(−(2π · 3.4 / 82)² / 2) = 3 %, of σ², at faces by twice that.
    expected = np.hypot(1 / np.sqrt(2 * 44 * (pairs - 1)), 0.04)
    assert np.abs(np.log(ratio)).std() < expected
    assert np.median(ratio) == pytest.approx(1, abs=0.02)
    frames = found.mean(axis=1) / truth.mean(axis=1)
    np.testing.assert_allclose(frames, 1, atol=0.02 + 2 / np.sqrt(2 * MASK.sum() * (pairs - 1)))


def test_few_repeats_tell_it_without_bias() -> None:
    """A voxel by itself, of two repeats: the root of an unbiased variance is 0.8 of σ on average."""
    alone = np.zeros(SHAPE, bool)
    alone[12, 11, 7] = True
    found = [
        estimate_noise(averages(np.full((1, *SHAPE), 1.0), 2, signal=NOTHING[:1], seed=seed), alone, VOXEL_MM)
        for seed in range(400)
    ]
    values = np.array([each.deviation[0, 12, 11, 7] for each in found if each is not None])
    assert values.mean() == pytest.approx(1 / np.sqrt(2), rel=4 * 0.76 / np.sqrt(400))  # 0.76: of |N(0, 1)|, σ / mean


def test_frames_with_one_pair_have_the_noise_of_the_others() -> None:
    found = estimated(averages(UNEVEN, [6, 1, 6, 1])).deviation[:, MASK]
    np.testing.assert_allclose(np.median(found / UNEVEN[MASK], axis=1) * np.sqrt([6, 1, 6, 1]), 1, atol=0.04)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.25])
def test_part_of_it_is_proportional_to_signal(part: float) -> None:
    found = estimated(averages(0.3 * UNEVEN, 8, signal=SIGNAL, part=part))
    assert found.part_of_signal == pytest.approx(part, rel=0.1)  # where there is none, chance is not taken for it
    smooth = blurred(SIGNAL)
    truth = np.hypot(0.3 * UNEVEN, part * smooth)[:, MASK] / np.sqrt(8)
    strong = smooth[:, MASK] > np.percentile(smooth[:, MASK], 95)
    for group in (strong, ~strong):
        ratio = found.deviation[:, MASK][group] / truth[group]
        assert np.median(ratio) == pytest.approx(1, abs=0.06)


def test_without_repeats_roughness_tells_the_noise() -> None:
    truth = (UNEVEN * OF_FRAMES)[:, MASK]
    found = estimated(averages(UNEVEN * OF_FRAMES, 1)).deviation[:, MASK]
    np.testing.assert_allclose(np.median(found / truth, axis=1), 1, atol=0.1)
    assert np.corrcoef(np.log(found[0]), np.log(truth[0]))[0, 1] > 0.9


@pytest.mark.parametrize("reach", [0.0, 0.5, 0.7])
def test_roughness_tells_the_noise_that_neighbours_share(reach: float) -> None:
    """Smoothed by a Gaussian, of which neighbours then have up to 0.6 in common, and twice as much rough before."""
    noise = np.random.default_rng(2).standard_normal((4, *SHAPE))
    if reach:
        noise = ndimage.gaussian_filter(noise, (0, reach, reach, 0))
    noise /= noise.std()
    one = replace(averages(np.ones(SHAPE), 1), delta_m=noise.astype(np.float32))
    found = estimated(one).deviation[:, MASK]
    np.testing.assert_allclose(np.median(found, axis=1), 1, atol=0.15)


def test_anatomy_that_frames_share_does_not_pass_for_noise() -> None:
    signal = 3 * SIGNAL[:1] * np.array([1.0, 0.9, 0.7, 0.5, 0.3, 0.2])[:, None, None, None]
    rough = ndimage.gaussian_filter(signal, (0, 1, 1, 1))
    assert rough.std() > 1
    found = estimated(averages(np.ones((6, *SHAPE)), 1, signal=rough)).deviation[:, MASK]
    np.testing.assert_allclose(np.median(found, axis=1), 1, atol=0.15)


@pytest.mark.parametrize("correlation", [-1.0, -2 / 3])
def test_white_noise_keeps_all_of_its_roughness(correlation: float) -> None:
    assert roughness_left(correlation) == 1


@pytest.mark.parametrize("r", [0.1, 0.4, 0.8])
def test_roughness_left_is_that_of_the_covariance(r: float) -> None:
    """Of three and of four voxels in a row whose covariance is r to the square of the distance."""
    covariance = r ** (np.subtract.outer(np.arange(4), np.arange(4)) ** 2.0)
    first, second = np.array([-1, 2, -1, 0]), np.array([0, -1, 2, -1])
    variance = first @ covariance @ first
    assert roughness_left((first @ covariance @ second) / variance) == pytest.approx(variance / 6, rel=1e-6)


def test_nothing_is_said_where_nothing_tells() -> None:
    few = np.zeros(SHAPE, bool)
    few[8:13, 8:13, 7] = True  # nine voxels with all their neighbours
    assert estimate_noise(averages(UNEVEN, 1), few, VOXEL_MM) is None
    assert estimate_noise(averages(UNEVEN, 2), few, VOXEL_MM) is not None


@pytest.mark.parametrize("pairs", [1, 3])
def test_without_noise_it_is_none(pairs: int) -> None:
    assert not estimated(averages(np.zeros(SHAPE), pairs)).deviation.any()


def test_smoothing_is_a_mean_over_the_mask() -> None:
    smooth = Smoothing(MASK, VOXEL_MM, 8.0)
    np.testing.assert_allclose(smooth(np.full(MASK.sum(), 7.0)), 7.0)
    noise = np.random.default_rng(0).standard_normal((300, MASK.sum()))
    spread = np.std([smooth(each) for each in noise], axis=0)
    # Of 300, each deviation is known to 4 %; the worst of 3000 voxels is four of these off.
    np.testing.assert_allclose(spread, smooth.n_voxels**-0.5, rtol=0.18)


def test_a_scan_tells_its_noise(tmp_path: Path) -> None:
    """Of volumes with noise of 3, the difference of a pair has √2 · 3; as a concentration, over M0 like the frames."""
    mask = ball((16, 16, 10)) > 0
    m0 = np.where(mask, 1000.0, 0.0)
    path = write_scan(
        tmp_path / "sub-1_asl.nii.gz",
        5.0 * np.stack([m0 > 0] * 2),
        m0,
        (1.0, 2.0),
        pairs=6,
        noise=3.0,
        mask=mask,
        LabelingDuration=1.8,
    )
    scan = read_scan(path)
    noise = scan.noise()
    assert noise is not None
    assert noise.shape == scan.concentration().shape
    assert noise.dtype == np.float32
    assert scan.pairs == (6, 6)
    expected = 3 * np.sqrt(2 / 6) * 1.05 * 0.9 / (2 * 0.85 * 1000)
    # 1200 voxels and two frames of five degrees of freedom, M0 without noise: below 1 %; the floor of b² is above 0.
    assert np.median(noise[:, scan.mask]) == pytest.approx(expected, rel=0.03)
    (note,) = [line for line in scan.notes if line.startswith("noise: ")]
    assert "6 pairs" in note
