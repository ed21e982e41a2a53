"""Noise of scans: what is measured on many samples, against the settings that they were drawn with."""

from dataclasses import replace

import numpy as np
import pytest

from simulators import InputError
from simulators.imaging.scan_noise import BLUR, ScanNoise

PLAIN = ScanNoise(
    pair_deviation=2e-3,
    pairs=1.0,
    almost_free=0.0,
    part_of_signal=0.0,
    gain=0.0,
    spread_between_frames=0.0,
    spread_in_space=0.0,
    in_plane=0.0,
    through_plane=0.0,
    outlying=0.0,
    told_error=0.0,
)
"""White noise of 2e-3 mL/mL, told as it is; each test adds what it measures."""

QUIET = replace(PLAIN, pair_deviation=1e-8)
"""So little of it that gains and what is proportional to signal are seen alone."""

NOTHING = np.zeros((3, 8, 8, 6), np.float32)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_sample_depends_on_its_generator_alone() -> None:
    frames = generator().random((2, 5, 4, 3), np.float32) * 0.01
    first, again, other = (ScanNoise().draw(frames, generator(seed)) for seed in (1, 1, 2))
    for one, same, different in zip(first, again, other, strict=True):
        assert one.shape == frames.shape
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, same)
        assert not np.isclose(one, different).any()


def test_white_noise_is_as_strong_as_asked_and_as_told() -> None:
    shape = (2, 50, 50, 50)  # of a quarter of a million numbers the deviation is off by 0.14 %: four times that
    noisy, told = PLAIN.draw(np.zeros(shape, np.float32), generator())
    assert noisy.std() == pytest.approx(2e-3, rel=0.006)
    assert abs(noisy.mean()) < 4 * 2e-3 / np.sqrt(noisy.size)
    np.testing.assert_allclose(told, 2e-3, rtol=1e-6)
    noisy, told = PLAIN.draw(np.zeros(shape, np.float32), generator(), level=5e-4)
    assert noisy.std() == pytest.approx(5e-4, rel=0.006)
    np.testing.assert_allclose(told, 5e-4, rtol=1e-6)


def test_averages_of_pairs_have_less_of_everything() -> None:
    frames = np.full((8, 6, 6, 6), 0.01, np.float32)
    noise = replace(PLAIN, part_of_signal=0.2, gain=0.1)
    one, _ = noise.draw(frames, generator())
    four, _ = replace(noise, pairs=4.0).draw(frames, generator())
    np.testing.assert_allclose(four - frames, (one - frames) / 2, atol=1e-8)  # rounding of 0.01 in single precision


def test_a_setting_that_is_fixed_leaves_all_others_as_drawn() -> None:
    """So that what one of them does is seen on the same samples."""
    for name in ("pairs", "gain", "spread_in_space", "through_plane"):
        same = replace(ScanNoise(), **{name: (0.0, 1e-12) if name != "pairs" else (4.0, 4.0)})
        fixed = replace(ScanNoise(), **{name: 0.0 if name != "pairs" else 4.0})
        np.testing.assert_allclose(fixed.draw(NOTHING, generator()), same.draw(NOTHING, generator()), atol=1e-9)


def test_no_level_is_no_noise() -> None:
    frames = np.full((4, 5, 5, 5), 0.01, np.float32)
    noisy, told = ScanNoise().draw(frames, generator(), level=0.0)
    np.testing.assert_array_equal(noisy, frames)
    assert not told.any()


@pytest.mark.parametrize(("in_plane", "through_plane"), [(0.1, 0.0), (0.35, 0.2), (0.6, 0.46)])
def test_neighbours_are_correlated_as_asked(in_plane: float, through_plane: float) -> None:
    noise = replace(PLAIN, in_plane=in_plane, through_plane=through_plane)
    noisy, _ = noise.draw(np.zeros((1, 60, 60, 60), np.float32), generator(), level=1.0)
    noisy = noisy[0]
    # 216,000 voxels, of which the correlation itself leaves at least a fifth that count: 0.5 % each, three of them.
    for axis, expected in enumerate((in_plane, in_plane, through_plane)):
        along = np.moveaxis(noisy, axis, 0)
        assert np.corrcoef(along[1:].ravel(), along[:-1].ravel())[0, 1] == pytest.approx(expected, abs=0.015)
        assert np.corrcoef(along[3:].ravel(), along[:-3].ravel())[0, 1] == pytest.approx(0, abs=0.015)
    assert noisy.std() == pytest.approx(1, rel=0.015)
    faces = np.concatenate([noisy[0].ravel(), noisy[-1].ravel(), noisy[:, 0].ravel(), noisy[..., -1].ravel()])
    assert faces.std() == pytest.approx(1, rel=0.06)  # 14,400 voxels


def test_frames_have_noise_of_their_own() -> None:
    noisy, _ = replace(PLAIN, in_plane=0.5).draw(np.zeros((2, 40, 40, 40), np.float32), generator())
    assert abs(np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1]) < 0.02  # 64,000 voxels, 3 deviations


def test_deviation_varies_smoothly_in_space() -> None:
    """Logarithms: the spread in each voxel, faces included, and correlations that fall as a Gaussian."""
    noise = replace(PLAIN, spread_in_space=0.4, reach_in_space=4.0)
    told = np.array([noise.draw(np.zeros((1, 9, 9, 9)), generator(seed), level=1.0)[1][0] for seed in range(3000)])
    logarithm = np.log(told)
    # 3000 samples: 1.3 % of a deviation, 0.018 of a correlation; four of them, as the worst of 729 voxels is meant.
    np.testing.assert_allclose(logarithm.std(axis=0), 0.4, rtol=0.055)
    for axis in (1, 2, 3):
        along = np.moveaxis(logarithm, axis, 1)[:, :, 4, 4]
        for distance in (1, 4, 8):
            found = np.corrcoef(along[:, 0], along[:, distance])[0, 1]
            # A grid as wide as the Gaussian makes the correlation depend on the place by some hundredths.
            assert found == pytest.approx(np.exp(-(distance**2) / (2 * 4.0**2)), abs=0.1)


def test_noise_is_as_uneven_as_told() -> None:
    noise = replace(PLAIN, spread_in_space=0.5, spread_between_frames=0.3)
    noisy, told = noise.draw(np.zeros((4, 40, 40, 30), np.float32), generator(3))
    assert told.max() > 4 * told.min()
    scaled = noisy / told
    assert scaled.std() == pytest.approx(1, rel=0.01)
    order = told.ravel().argsort()
    for tenth in np.array_split(order, 10):  # 19,200 voxels each: 0.5 %, of which three
        assert scaled.ravel()[tenth].std() == pytest.approx(1, rel=0.016)


def test_percentiles_in_space_are_those_of_scans() -> None:
    """0.55 and 2.3 of the median in five scans; log-normal with the widest spread, it has 0.44 and 2.28."""
    noise = replace(ScanNoise(), told_error=0.0, outlying=0.0, spread_between_frames=0.0)
    told = [noise.draw(np.zeros((1, 40, 40, 20)), generator(seed), level=1.0)[1] for seed in range(60)]
    low, high = np.mean([np.percentile(each, (5, 95)) / np.median(each) for each in told], axis=0)
    assert 0.5 < low < 0.7
    assert 1.5 < high < 2.3


def test_frames_differ_in_noise() -> None:
    told = PLAIN.draw(np.zeros((1, 1, 1, 1)), generator())[1]
    several = replace(PLAIN, spread_between_frames=0.1).draw(np.zeros((4000, 1, 1, 1)), generator())[1]
    assert np.log(several / told).std() == pytest.approx(0.1, rel=0.045)  # 4 × 1 / √(2 · 4000)


def test_part_of_the_noise_grows_with_signal() -> None:
    noise = replace(PLAIN, part_of_signal=0.25)
    frames = np.zeros((1, 40, 40, 40), np.float32)
    frames[:, 20:] = 0.02
    noisy, told = noise.draw(frames, generator())
    residual = noisy - frames
    assert residual[:, :20].std() == pytest.approx(2e-3, rel=0.012)  # 32,000 voxels each, three deviations
    assert residual[:, 20:].std() == pytest.approx(np.hypot(2e-3, 0.25 * 0.02), rel=0.012)
    # Told of noisy frames: smoothed, they keep 0.23 of their noise, which is a quarter of this signal.
    inside = told[:, 22:]
    assert np.sqrt((inside**2).mean()) == pytest.approx(np.hypot(2e-3, 0.25 * 0.02), rel=0.01)
    assert inside.std() == pytest.approx(0.25 * 0.375**1.5 * np.hypot(2e-3, 0.25 * 0.02), rel=0.2)  # and a bit less


def test_deviation_told_does_not_give_the_signal_away() -> None:
    """What is told of a part that is proportional to signal is that of the noisy frames, smoothed."""
    noise = replace(QUIET, part_of_signal=0.25)
    frames = generator(4).random((1, 12, 12, 12), np.float32)
    noisy, told = noise.draw(frames, generator())
    windows = np.lib.stride_tricks.sliding_window_view(noisy[0], (3, 3, 3))
    blurred = np.einsum("xyzabc,a,b,c->xyz", windows, BLUR, BLUR, BLUR)
    np.testing.assert_allclose(told[0, 1:-1, 1:-1, 1:-1], 0.25 * np.abs(blurred), rtol=1e-4)


def test_no_gain_is_hidden() -> None:
    """Gains of frames differ, but a factor that all frames share is 1; so is that of a frame alone."""
    noise = replace(QUIET, gain=0.1)
    gains = np.array([noise.draw(np.ones((5, 1, 1, 1)), generator(seed))[0].ravel() for seed in range(2000)])
    np.testing.assert_allclose(gains.mean(axis=1), 1, atol=1e-6)
    assert gains.std() == pytest.approx(0.1 * np.sqrt(4 / 5), rel=0.035)  # 4 × 1 / √(2 · 8000), rounded up
    alone, told = noise.draw(np.ones((1, 4, 4, 4)), generator())
    np.testing.assert_allclose(alone, 1, atol=1e-6)
    assert told.max() < 1e-6


def test_gains_are_of_whole_frames_and_told_as_noise() -> None:
    noisy, told = replace(QUIET, gain=0.1).draw(np.ones((4, 3, 3, 3)), generator())
    assert np.ptp(noisy, axis=(1, 2, 3)).max() < 1e-6
    np.testing.assert_allclose(told, 0.1 * np.sqrt(3 / 4) * noisy, rtol=1e-5)


def test_outlying_frames_are_noisier_than_told() -> None:
    noise = replace(PLAIN, outlying=0.03, outlying_factor=4.0)
    noisy, told = noise.draw(np.zeros((4000, 3, 3, 3), np.float32), generator())
    np.testing.assert_allclose(told, 2e-3, rtol=1e-6)
    outlying = noisy.std(axis=(1, 2, 3)) > 2 * 2e-3  # of 27 voxels; by chance twice σ is seven deviations away
    assert outlying.mean() == pytest.approx(0.03, abs=4 * np.sqrt(0.03 * 0.97 / 4000))
    assert noisy[outlying].std() == pytest.approx(4 * 2e-3, rel=0.06)  # about 3000 voxels


def test_deviation_is_told_wrong_as_a_whole() -> None:
    noise = replace(PLAIN, told_error=0.3)
    told = np.array([noise.draw(NOTHING, generator(seed))[1] for seed in range(2000)])
    assert np.ptp(told, axis=(1, 2, 3, 4)).max() == 0
    logarithm = np.log(told[:, 0, 0, 0, 0] / 2e-3)
    assert logarithm.std() == pytest.approx(0.3, rel=0.065)  # 4 × 1 / √(2 · 2000)
    assert abs(logarithm.mean()) < 4 * 0.3 / np.sqrt(2000)


def test_levels_are_those_of_scans_with_a_share_that_is_almost_free() -> None:
    noise = replace(PLAIN, **{name: getattr(ScanNoise(), name) for name in ("pair_deviation", "pairs", "almost_free")})
    told = np.array([noise.draw(np.zeros((1, 1, 1, 1)), generator(seed))[1].item() for seed in range(3000)])
    assert np.mean(told <= 1e-4) == pytest.approx(0.1, abs=4 * np.sqrt(0.1 * 0.9 / 3000))
    noisy = told[told > 1e-4]
    assert noisy.min() > 0.6e-3 / 4  # of 16 pairs
    assert noisy.max() < 5e-3
    # Half of a sum of two even logarithms: 1.73e-3 / 2. The median of 2700 with a deviation of 0.92 is off by 2 %.
    assert np.median(noisy) == pytest.approx(np.sqrt(0.6e-3 * 5e-3) / 2, rel=0.09)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"in_plane": 0.8}, "in_plane"),
        ({"pair_deviation": 0.0}, "pair_deviation"),
        ({"pairs": (4.0, 1.0)}, "pairs"),
        ({"outlying": 1.5}, "outlying"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict, field: str) -> None:
    with pytest.raises(InputError, match=f"^{field}: "):
        ScanNoise(**settings)


@pytest.mark.parametrize("level", [-1e-3, np.nan, np.inf])
def test_levels_that_cannot_be_are_refused(level: float) -> None:
    with pytest.raises(InputError, match=r"^level: "):
        ScanNoise().draw(NOTHING, generator(), level=level)
