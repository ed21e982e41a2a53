"""Cubes of the world: each kind is what it says, and a cube is a function of its seed."""

from dataclasses import replace

import numpy as np
import pytest

from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import read_out
from simulators.phantoms.kinetic_cube import KineticWorld
from simulators.phantoms.world import World, WorldCube, simulate_world_cube
from simulators.tissue.lesions import Lesions
from simulators.transport.numba import NumbaSimulator

TIME = 0.25 * np.arange(1, 25)
SMALL = World(shape=(8, 8, 8))


def _cube(world: World, seed: int = 0) -> WorldCube:
    return simulate_world_cube((0, 0, seed), world=world, time=TIME, simulator=NumbaSimulator())


def test_a_cube_is_a_function_of_its_seed() -> None:
    """Bit for bit, with and without vessels."""
    for share in (0.0, 1.0):
        world = replace(SMALL, kinetic_share=share)
        there, again, other = _cube(world), _cube(world), _cube(world, 1)
        np.testing.assert_array_equal(there.response.total, again.response.total)
        assert not np.array_equal(there.response.total, other.response.total)


def test_voxels_without_perfusion_have_no_label_of_their_own() -> None:
    """No label in their beds, and no transit time; some cubes have such voxels."""
    world = replace(SMALL, sheets_share=1.0)
    cubes = [_cube(replace(world, kinetic_share=share), seed) for share in (0.0, 1.0) for seed in range(3)]
    for cube in cubes:
        empty = cube.perfusion == 0
        np.testing.assert_array_equal(np.isnan(cube.att), empty)
    assert any((cube.perfusion == 0).any() for cube in cubes)


def test_the_kinetic_world_is_read_right_by_its_own_equation() -> None:
    """Without dispersion, arteries and spread of arrivals, a late frame is Buxton's: f e^(−Δ/T1b) (…)/k."""
    kinetic = KineticWorld(
        arrival=0.8, arrival_variation=0.0, arrival_jitter=0.0, arterial_share=0.0, dispersion=0.0, arterial_lead=0.0
    )
    world = replace(
        SMALL,
        kinetic_share=1.0,
        kinetic=kinetic,
        t1_blood=(1.65, 1.65),
        t1_tissue=(1.3, 1.3),
        lesions=Lesions(probability=0.0),
        sheets_share=0.0,
    )
    time = 0.02 * np.arange(1, 201)
    cube = simulate_world_cube((0, 0, 3), world=world, time=time, simulator=NumbaSimulator())
    duration, delay = 1.5, 1.5
    frame = read_out(cube.response.total, time, Acquisition(labeling_duration=duration, post_labeling_delays=delay))[0]
    flow = cube.perfusion / 6000 * 1.05
    rate = 1 / 1.3 + cube.perfusion / 6000 / 0.9
    expected = flow * np.exp(-0.8 / 1.65) / rate * np.exp(-rate * (delay - 0.8)) * (1 - np.exp(-rate * duration))
    np.testing.assert_allclose(frame, expected, rtol=2e-5, atol=1e-9)  # 32 bits, splines of 20 ms


def test_blunt_well_mixed_vessels_come_near_the_kinetic_world() -> None:
    """With next to plug flow and endless permeability, a late frame of a cube is what a kinetic model makes of each
    voxel's transit time.

    What is left, 3 %, is label in capillaries and veins, which the kinetic model does not have.
    """
    world = replace(
        SMALL,
        kinetic_share=0.0,
        sheets_share=0.0,
        lesions=Lesions(probability=0.0),
        well_mixed_share=1.0,
        well_mixed=(10_000.0, 10_000.0),
        capillary_volume_fraction=(0.01, 0.01),
        t1_blood=(1.65, 1.65),
        t1_tissue=(1.3, 1.3),
    )
    cube = _cube(replace(world, laminar_share=0.0, bluntness=(0.95, 0.95)), 2)
    seen = read_out(cube.response.bed, TIME, Acquisition(labeling_duration=1.5, post_labeling_delays=2.0))[0]
    rate = 1 / 1.3 + cube.perfusion / 6000 / 0.9
    since = np.clip(3.5 - cube.att, 0, None), np.clip(2.0 - cube.att, 0, None)
    grown = [np.exp(-cube.att / 1.65) / rate * (1 - np.exp(-rate * t)) for t in since]
    expected = cube.perfusion / 6000 * 1.05 * (grown[0] - grown[1])
    assert abs(seen.sum() / np.nansum(expected) - 1) < 0.04


@pytest.mark.parametrize("seed", range(4))
def test_tissue_beyond_fluid_is_reached(seed: int) -> None:
    """Single voxels that lie apart are served too: all voxels with perfusion have a transit time."""
    world = replace(SMALL, shape=(16, 16, 16), sheets_share=0.0, kinetic_share=0.0, regions=(40, 80))
    voids = replace(world.voids, probability=1.0, count=(8, 12), largest_share=0.9, radius_mm=(3.0, 6.0))
    cube = _cube(replace(world, voids=voids, voxel_edges_mm=(1.0,)), seed)
    assert (cube.perfusion == 0).mean() > 0.2
    np.testing.assert_array_equal(np.isnan(cube.att), cube.perfusion == 0)
