"""Scans put together of series with a receiver gain each give one concentration, and say so."""

import numpy as np
import pytest

from qtmnet.scans.scan import read_scan

DELAYS = (0.5, 1.0, 2.0)
M0 = ("m0scan", 0.0)
NOISE = 1e-6  # relative: no two volumes are the same, which would pass for a copy
RTOL = 0.01  # volumes hold about 1000, to 1e-3 by that noise, and differ by 0.5 at least

SERIES = {
    "M0 first": [volume for delay in DELAYS for volume in (M0, ("deltam", delay))],
    "M0 last": [volume for delay in DELAYS for volume in (("deltam", delay), M0)],
    "two M0 volumes each": [volume for delay in DELAYS for volume in (M0, M0, ("deltam", delay))],
    "pairs": [volume for delay in DELAYS for volume in (M0, ("control", delay), ("label", delay))],
}


def scaled(example, gains: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    example.spoil(lambda data: data * gains * (1 + NOISE * rng.standard_normal(data.shape)))


def by_series(types, gains) -> np.ndarray:
    """The gain of each volume, of series that are equally long."""
    return np.repeat(gains, len(types) // len(gains))


@pytest.mark.parametrize("case", SERIES)
@pytest.mark.parametrize("gains", [(1.0, 1.4, 2.0), (2.0, 1.0, 0.5), (1.0, 1.0, 1.12)])
def test_series_with_an_m0_each_are_made_alike(new_scan, case, gains):
    types = SERIES[case]
    example = new_scan().write(types)
    scaled(example, by_series(types, gains))
    scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)
    assert any(note.startswith("receiver gain: 3 series, each with its M0") for note in scan.notes)


def test_a_bright_m0_volume_among_repeats_of_one_delay_is_no_gain(new_scan):
    """It is left to the inspection of volumes, which knows of its repeats."""
    example = new_scan().write([M0, ("deltam", 1.0)] * 4, PostLabelingDelay=1.0)
    scaled(example, np.array([1, 1, 1, 1, 1.3, 1, 1, 1]))
    assert not any(note.startswith("receiver gain") for note in read_scan(example.path).notes)


def test_repetition_times_of_series_are_no_gains(new_scan):
    types = SERIES["M0 first"]
    times = by_series(types, (2.0, 3.0, 4.0))
    example = new_scan().write(types, RepetitionTimePreparation=times.tolist())
    seen = (1 - np.exp(-times / 1.3)) / (1 - np.exp(-4.0 / 1.3))
    is_m0 = np.array([kind == "m0scan" for kind, _ in types])
    scaled(example, np.where(is_m0, seen, 1))
    scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)
    assert not any(note.startswith("receiver gain") for note in scan.notes)


@pytest.mark.parametrize("gains", [(1.0, 1.4, 2.0), (1.0, 0.7, 0.5)])
def test_controls_tell_gains_with_a_warning(new_scan, gains):
    pairs = [volume for delay in DELAYS for volume in (("control", delay), ("label", delay))]
    example = new_scan().write([M0, *pairs])
    scaled(example, np.concatenate([[1], by_series(pairs, gains)]))
    with pytest.warns(UserWarning, match="found controls of 3 delays whose static tissue is"):
        scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)


UNCHANGED = {
    "one gain": ([M0, *[(kind, delay) for delay in DELAYS for kind in ("control", "label")]], {}),
    "M0 at both ends": ([M0, ("deltam", 0.5), ("deltam", 1.0), ("deltam", 2.0), M0], {}),
    "series of one gain": (SERIES["M0 first"], {}),
}


@pytest.mark.parametrize("case", UNCHANGED)
def test_one_gain_is_left_alone(new_scan, case):
    types, fields = UNCHANGED[case]
    example = new_scan().write(types, **fields)
    scaled(example, np.ones(len(types)))
    scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)
    assert not any("gain" in note for note in scan.notes)
