"""Agreement of maps against closed forms: truth of known variance, and noise of known variance that is told."""

import numpy as np
import pytest

from qtmnet.evaluation.repeatability import level, of_halves, of_part

SHAPE = (40, 40, 40)
N = 40**3
TRUTH_SD, NOISE_SD = 15.0, 9.0


def halves() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    truth = 50 + TRUTH_SD * rng.standard_normal(SHAPE)
    return tuple(  # type: ignore[return-value]
        {"cbf": truth + NOISE_SD * rng.standard_normal(SHAPE), "cbf_sd": np.full(SHAPE, NOISE_SD)} for _ in range(2)
    )


def test_halves_agree_as_their_variances_say() -> None:
    """r = s² / (s² + n²), the difference has n √2, and n is what was stated; four standard errors of each."""
    mask = np.ones(SHAPE, bool)
    found = dict(of_halves(*halves(), mask))
    assert set(found) == {"cbf"}
    r = TRUTH_SD**2 / (TRUTH_SD**2 + NOISE_SD**2)
    assert found["cbf"]["r"] == pytest.approx(r, abs=4 * (1 - r**2) / np.sqrt(N))
    assert found["cbf"]["spread"] == pytest.approx(NOISE_SD * np.sqrt(2), rel=4 / np.sqrt(2 * N))
    assert found["cbf"]["z"] == pytest.approx(1, rel=4 / np.sqrt(2 * N))
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 0.7**2))
    kept = (np.sum(weights**2) / np.sum(weights) ** 2) ** 1.5  # of white noise's deviation, in three directions
    smoothed = NOISE_SD * np.sqrt(2) * kept
    assert found["cbf"]["spread_smoothed"] == pytest.approx(
        smoothed, rel=0.05
    )  # at the edges fewer voxels are averaged


def test_voxels_off_the_mask_do_not_count() -> None:
    first, second = halves()
    mask = np.zeros(SHAPE, bool)
    mask[:20] = True
    expected = dict(of_halves(first, second, mask))
    for maps in (first, second):
        maps["cbf"][20:] = 1e6
    assert dict(of_halves(first, second, mask)) == expected
    assert dict(of_part(first, second, mask))["cbf"]["difference"] < 100
    assert level(first, mask)["cbf"]["median_of_bright"] < 1000


def test_a_part_is_inside_its_interval_as_often_as_it_is() -> None:
    """|N(0, n √2)| has the mean n √2 √(2/π); intervals of ± n √2 × 1.2816 hold 80 %."""
    part, whole = halves()
    half = NOISE_SD * np.sqrt(2) * 1.2816
    part |= {"cbf_low": part["cbf"] - half, "cbf_high": part["cbf"] + half}
    found = dict(of_part(part, whole, np.ones(SHAPE, bool)))["cbf"]
    assert found["difference"] == pytest.approx(NOISE_SD * 2 / np.sqrt(np.pi), rel=4 * 0.76 / np.sqrt(N))
    assert found["inside"] == pytest.approx(0.8, abs=4 * 0.4 / np.sqrt(N))


def test_level_is_the_median_and_that_of_the_upper_two_fifths() -> None:
    cbf = np.arange(1.0, 101.0).reshape(4, 5, 5)
    found = level({"cbf": cbf, "att": cbf / 100}, np.ones(cbf.shape, bool))
    assert found["cbf"] == {"median": 50.5, "median_of_bright": 80.5}
    assert found["att"]["median_of_bright"] == pytest.approx(0.805)


def test_maps_that_do_not_vary_have_no_correlation() -> None:
    same = {"cbf": np.ones((3, 3, 3))}
    assert np.isnan(dict(of_halves(same, same, np.ones((3, 3, 3), bool)))["cbf"]["r"])
