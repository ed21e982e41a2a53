"""Capillary beds."""

import numpy as np
import pytest

from simulators.errors import InputError
from simulators.tissue.capillaries import CapillaryPlan, _number, draw_capillaries

SHAPE = (8, 7, 6)


@pytest.fixture(scope="module")
def flow() -> np.ndarray:
    flow = np.random.default_rng(0).uniform(0.001, 0.014, SHAPE)
    flow[0] = 0
    return flow


def sums(values: np.ndarray, start: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0], np.cumsum(values)])
    return np.diff(total[start]).reshape(SHAPE)


def test_flows_and_volumes_add_up(flow):
    fraction = np.random.default_rng(1).uniform(0.01, 0.04, SHAPE)
    beds = draw_capillaries(flow, fraction, seed=2, voxel_volume_mm3=3.0)
    np.testing.assert_allclose(sums(beds.flow, beds.start), flow, atol=1e-13)
    np.testing.assert_allclose(sums(beds.volume, beds.start), np.where(flow > 0, 3 * fraction, 0), atol=1e-12)
    assert beds.start[-1] == len(beds.flow) == len(beds.volume) == beds.count.sum()
    np.testing.assert_array_equal(beds.volume_fraction, fraction)


def test_numbers(flow):
    count = draw_capillaries(flow, 0.02, seed=2).count
    assert (count[0] == 0).all()
    served = count[flow > 0]
    assert served.min() >= 50
    assert served.max() <= 150
    assert served.mean() == pytest.approx(100, abs=4 * 29 / np.sqrt(served.size))  # four standard errors
    assert (draw_capillaries(flow, 0.02, seed=2, count_range=(7, 7)).count[1:] == 7).all()


def test_transit_times():
    """V/F ∝ r² l / f with each ~ U(0.5, 1.5): its distribution relative to the voxel's V/F."""
    flow = np.full((10, 10, 10), 0.01)
    beds = draw_capillaries(flow, 0.02, seed=5)
    relative = beds.transit_time / (0.02 / 0.01)
    rng = np.random.default_rng(6)
    radius, length, through = rng.uniform(0.5, 1.5, (3, 1_000_000))
    expected = radius**2 * length / through / (np.mean(radius**2 * length) / np.mean(through))
    at = [0.05, 0.25, 0.5, 0.75, 0.95]
    # 100 000 draws, and scaling by the sums of some 100: 1 % of the median's error each way.
    np.testing.assert_allclose(np.quantile(relative, at), np.quantile(expected, at), rtol=0.02)
    assert np.average(relative, weights=beds.flow) == pytest.approx(1, rel=1e-12)


def test_seeds(flow):
    one, same, other = (draw_capillaries(flow, 0.02, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.flow, same.flow)
    np.testing.assert_array_equal(one.volume, same.volume)
    assert len(one.flow) != len(other.flow) or (one.flow != other.flow).any()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("volume_fraction", {"volume_fraction": 0.0}),
        ("volume_fraction", {"volume_fraction": 1.0}),
        ("volume_fraction", {"volume_fraction": np.nan}),
        ("count_range", {"count_range": (0, 5)}),
        ("count_range", {"count_range": (5, 4)}),
        ("count_range", {"spread": (0.0, 1.0)}),
        ("count_range", {"spread": (1.5, 0.5)}),
    ],
)
def test_beds_that_are_none(flow, name, options):
    with pytest.raises(InputError, match=rf"^{name}.*: found .*; give"):
        draw_capillaries(flow, options.pop("volume_fraction", 0.02), seed=1, **options)


def test_draws_are_numbers_of_splitmix64():
    """As published for the seed 1234567."""
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423)
    assert tuple(int(_number(np.uint64(1234567), k)) for k in range(3)) == published


def test_voxels_without_flow_take_no_draws(flow):
    """So that empty space around changes nothing."""
    whole, inner = (draw_capillaries(part, 0.02, seed=3) for part in (flow, flow[1:]))
    np.testing.assert_array_equal(whole.flow, inner.flow)
    np.testing.assert_array_equal(whole.volume, inner.volume)


def test_draws_are_independent():
    """Flow and volume of a capillary, of its neighbor and of the next voxel's: correlations within five standard errors
    of none."""
    beds = draw_capillaries(np.ones((10, 10, 10)), 0.02, seed=1, count_range=(100, 100))
    flow, volume = beds.flow.reshape(-1, 100), beds.volume.reshape(-1, 100)
    pairs = [(flow, volume), (flow[:, 1:], flow[:, :-1]), (volume[:, 1:], flow[:, :-1]), (flow[1:], flow[:-1])]
    for one, other in pairs:
        # Scaling by a voxel's sum makes its capillaries' correlation −1/99.
        correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(one.size) + 1 / 99


def test_a_plan_of_no_tissue():
    with pytest.raises(InputError, match=r"^volume_fraction: found 0.0 to 0.5; give"):
        CapillaryPlan(np.ones((2, 1, 1)), np.array([0.0, 0.5]).reshape(2, 1, 1), 1, 1.0)
