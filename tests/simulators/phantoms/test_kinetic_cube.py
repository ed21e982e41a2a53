"""Tissue of the kinetic models, held to what its settings say."""

import numpy as np
import pytest
from scipy import ndimage

from simulators.errors import InputError
from simulators.phantoms.kinetic_cube import KineticWorld, kinetic_tissue

SHAPE, VOXEL = (24, 24, 24), (1.0, 1.0, 1.0)
PERFUSION = np.random.default_rng(1).uniform(0, 100, SHAPE)


def test_arrivals():
    """Over 60 blocks, mean and spread; neighbours differ by their jitter, and by little else."""
    world = KineticWorld(arrival=1.5, arrival_variation=0.3, arrival_length_mm=4.0, arrival_jitter=0.05)
    made = [kinetic_tissue(PERFUSION, VOXEL, world, seed=seed).arrival for seed in range(60)]
    values = np.stack(made)
    # Each block has about (24 / (2 √π 4))³, 5, independent values.
    assert values.mean() == pytest.approx(1.5, abs=4 * 0.3 / np.sqrt(300))
    assert values.std() == pytest.approx(np.hypot(0.3, 0.05), rel=4 / np.sqrt(600))
    step = np.diff(values, axis=1).std()
    expected = np.sqrt(2 * 0.05**2 + 2 * 0.3**2 * (1 - np.exp(-1 / (2 * 4.0) ** 2)))
    assert step == pytest.approx(expected, rel=0.05)


def test_tissue_is_reached_after_its_arteries():
    tissue = kinetic_tissue(PERFUSION, VOXEL, KineticWorld(arrival=2.0, arterial_lead=0.4, dispersion=0.1), seed=2)
    lead = tissue.arrival - tissue.arterial_arrival
    assert lead.min() >= 0
    assert lead.max() <= 0.4
    assert lead.std() > 0.02
    assert tissue.dispersion == 0.1


def test_arteries_are_clusters():
    """As many voxels as the settings say, most of them with neighbours, and the most blood in the middle of one."""
    tissue = kinetic_tissue(PERFUSION, VOXEL, KineticWorld(arterial_share=0.05, arterial_volume=0.25), seed=3)
    volume = tissue.arterial_volume
    assert (volume > 0).sum() == int(0.05 * volume.size)
    assert volume.max() == pytest.approx(0.25)
    neighbours = ndimage.correlate((volume > 0).astype(float), ndimage.generate_binary_structure(3, 1), mode="constant")
    assert (neighbours[volume > 0] > 1).mean() > 0.9  # of voxels drawn one by one 26 % would have a neighbour
    for share in (0.0, 1.0):
        filled = kinetic_tissue(PERFUSION, VOXEL, KineticWorld(arterial_share=share), seed=3).arterial_volume
        assert (filled > 0).mean() == share


def test_extra_delay_and_earliest_arrival():
    late = np.zeros(SHAPE)
    late[:8] = 1.5
    world = KineticWorld(arrival=(0.1, 0.3))
    normal, delayed = (kinetic_tissue(PERFUSION, VOXEL, world, seed=4, extra_delay=extra) for extra in (0.0, late))
    assert normal.arrival.min() == normal.arterial_arrival.min() == 0.05
    np.testing.assert_array_equal(delayed.arrival[8:], normal.arrival[8:])
    reached = normal.arrival[:8] > 0.05
    np.testing.assert_allclose((delayed.arrival - normal.arrival)[:8][reached], 1.5)
    assert (delayed.arterial_arrival[:8] > normal.arterial_arrival[:8]).all()


def test_numbers_of_a_block_are_drawn_from_their_ranges():
    tissues = [kinetic_tissue(PERFUSION[:4], VOXEL, KineticWorld(), seed=seed) for seed in range(50)]
    for name, (low, high) in {"t1_blood": (1.5, 2.0), "t1_tissue": (1.0, 1.6), "dispersion": (0.0, 0.25)}.items():
        values = [getattr(tissue, name) for tissue in tissues]
        assert low <= min(values) < max(values) <= high
        assert np.mean(values) == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * 50))
    again = kinetic_tissue(PERFUSION[:4], VOXEL, KineticWorld(), seed=7)
    np.testing.assert_array_equal(again.arrival, tissues[7].arrival)
    np.testing.assert_array_equal(again.arterial_volume, tissues[7].arterial_volume)


@pytest.mark.parametrize(
    ("name", "value"),
    [("arrival", 0.0), ("arrival_variation", -0.1), ("arterial_share", 2.0), ("dispersion", 0.5), ("t1_blood", 1650.0)],
)
def test_settings_that_no_tissue_has(name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give"):
        KineticWorld(**{name: value})
