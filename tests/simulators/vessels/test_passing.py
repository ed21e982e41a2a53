"""Great vessels that pass through a cube: what they hold, when it comes, and that all else is as it was."""

import math
from dataclasses import replace

import numpy as np
import pytest

from simulators import (
    Cube,
    CubeParameters,
    Forest,
    InputError,
    LabelKinetics,
    NoExchange,
    PassingVessels,
    simulate_cube,
)
from simulators.phantoms.cube import grow_vessels
from simulators.phantoms.world import World, simulate_world_cube
from simulators.transport.numba import NumbaSimulator
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.vessels.vasculature import Vasculature
from tests.simulators.conftest import Backend

PLAIN = CubeParameters(shape=(12, 12, 12), inlet_delay=0.4, inlet_delay_spread=0.0)

ALWAYS = replace(PLAIN, passing=PassingVessels(probability=1.0, arteries=(2, 2), veins=(2, 2)))

UNDECAYED = LabelKinetics(t1_blood=math.inf, t1_tissue=math.inf, exchange=NoExchange())
"""Label that stays in blood for good: what it fills is a volume."""

LATE = np.array([200.0, 400.0])
"""s, by which all vessels are full but for a thin layer at their walls, which laminar flow leaves for last."""


def vessels(parameters: CubeParameters, seed: int = 3) -> Vasculature:
    return grow_vessels(seed, parameters, parameters.draw(seed))[1]


def volume(forest: Forest) -> np.ndarray:
    """mL of vessels in 1 mL of voxel."""
    return blood_volume(forest, cut_at_voxel_faces(forest)) / float(np.prod(forest.voxel_size_mm))


def cube(parameters: CubeParameters) -> Cube:
    return simulate_cube(3, parameters=parameters)


def test_all_else_of_a_cube_is_as_it_was() -> None:
    plain, passed = vessels(PLAIN), vessels(ALWAYS)
    n = plain.arteries.n_nodes
    assert passed.arteries.n_nodes == n + 2 * 3
    for name in ("position", "parent", "flow", "radius"):
        np.testing.assert_array_equal(getattr(passed.arteries, name)[:n], getattr(plain.arteries, name))
    np.testing.assert_array_equal(passed.arteries.terminal, plain.arteries.terminal)
    np.testing.assert_array_equal(passed.att, plain.att)
    for name in ("position", "flow"):  # of the node that each voxel drains into, whatever its number
        of_voxels = [getattr(v.veins, name)[v.veins.terminal] for v in (passed, plain)]
        np.testing.assert_array_equal(*of_voxels)
    np.testing.assert_array_equal(cube(ALWAYS).perfusion, cube(PLAIN).perfusion)


@pytest.mark.parametrize("name", ["arteries", "veins"])
def test_forests_stay_in_depth_first_order_with_what_flows_in_flowing_out(name: str) -> None:
    forest: Forest = getattr(vessels(ALWAYS), name)
    parent = forest.parent
    assert (parent < np.arange(forest.n_nodes)).all()
    for node in np.flatnonzero(parent >= 0):  # a subtree is a run of nodes
        assert (parent[parent[node] + 1 : node + 1] >= parent[node]).all()
    if name == "veins":
        into = np.bincount(parent[parent >= 0], forest.flow[parent >= 0], forest.n_nodes)
        for outlet in forest.inlets:
            assert 1 <= forest.flow[outlet] / into[outlet + 2] <= 4  # dilution


def test_full_vessels_hold_their_volume(backend: Backend) -> None:
    """After a long time label has a concentration of 1 in arteries, and of one over the dilution in a great vein."""
    parameters = replace(ALWAYS, shape=(8, 8, 8), passing=replace(ALWAYS.passing, dilution=2.0))
    passed = vessels(parameters)
    response = backend.coarse.step_response(passed, LATE, UNDECAYED)
    # Of laminar flow (τ/2t)² of what flows has not come by a time t: nothing that counts.
    np.testing.assert_allclose(response.arterial[-1], volume(passed.arteries), rtol=5e-3, atol=1e-5)
    own = passed.veins.radius.copy()
    great = np.isin(np.arange(passed.veins.n_nodes), [i + k for i in passed.veins.inlets for k in range(3)])
    diluted = replace(passed.veins, radius=np.where(great, own / math.sqrt(2), own))
    expected = volume(diluted) + passed.capillary_volume_fraction
    there = volume(replace(diluted, radius=np.where(great, diluted.radius, 0.0))) > 0.05
    assert there.sum() > 10
    np.testing.assert_allclose(response.bed[-1][there], expected[there], rtol=1e-4)
    # In voxels of the least perfusion capillaries are not full yet: the sum is 7e-4 short of them.
    np.testing.assert_allclose(response.bed[-1].sum(), expected.sum(), rtol=2e-3)


def test_label_comes_to_a_passing_artery_before_it_comes_to_others(backend: Backend) -> None:
    """Laminar flow is twice as fast in the middle: none comes before half of the plug-flow time, then it soon does."""
    early = replace(ALWAYS, shape=(8, 8, 8), passing=replace(ALWAYS.passing, lead=0.5))
    passed, n_own = vessels(early), vessels(replace(PLAIN, shape=(8, 8, 8))).arteries.n_nodes
    starts = passed.arteries.inlets[passed.arteries.inlets >= n_own]
    np.testing.assert_allclose(passed.arterial_transit_time[starts], 0.2)
    is_passing = np.arange(passed.arteries.n_nodes) >= n_own
    own = volume(replace(passed.arteries, radius=np.where(is_passing, passed.arteries.radius, 0.0)))
    at = backend.simulator.arterial_step_response(passed, np.array([0.05, 0.19]), UNDECAYED)
    assert at[0].max() < 1e-6
    assert at[1][own > 0].sum() > 0.05 * own.sum()
    assert at[1][own == 0].max() < 1e-6  # 0.2 s, half of 0.4, is when the others' begins


def test_no_label_is_lost_on_its_way_through_great_veins(backend: Backend) -> None:
    """What is in beds and veins and what has left is what has come in, whichever way it leaves."""
    time = np.arange(1, 21) * 0.25
    plain, passed = (
        backend.simulator.step_response(vessels(replace(p, shape=(8, 8, 8))), time, UNDECAYED) for p in (PLAIN, ALWAYS)
    )
    total = [response.bed.sum((1, 2, 3)) + response.left for response in (plain, passed)]  # mm³; voxels have 1 mm³
    np.testing.assert_allclose(total[1], total[0], rtol=2e-3, atol=2e-3 * total[0][-1])
    assert passed.left[-1] < plain.left[-1]


def test_cubes_of_a_world_have_them_too() -> None:
    """None of them is late: what a passing artery holds is there before what it does not feed."""
    world = World(shape=(12, 12, 12), kinetic_share=0.0)
    time = np.arange(1, 25) * 0.25
    found = [
        simulate_world_cube((5, 1), world=each, time=time, simulator=NumbaSimulator())
        for each in (world, replace(world, passing=ALWAYS.passing))
    ]
    np.testing.assert_array_equal(found[0].perfusion, found[1].perfusion)
    np.testing.assert_array_equal(found[0].att, found[1].att)
    more = found[1].arterial_blood_volume - found[0].arterial_blood_volume
    assert more.min() >= -1e-9
    assert more.max() > 0.1
    assert found[1].response.arterial.sum() > 1.5 * found[0].response.arterial.sum()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"probability": 1.5}, "probability: found 1.5"),
        ({"arteries": (3, 1)}, "arteries: found"),
        ({"arterial_radius_mm": 0.0}, "arterial_radius_mm: found 0.0"),
        ({"dilution": 0.5}, "dilution: found 0.5"),
        ({"lead": 2.0}, "lead: found 2.0"),
    ],
)
def test_vessels_that_cannot_be_are_refused(settings: dict, line: str) -> None:
    with pytest.raises(InputError, match=line):
        PassingVessels(**settings)


def test_a_cube_may_have_no_great_veins_or_no_passing_arteries() -> None:
    none = vessels(replace(ALWAYS, passing=PassingVessels(probability=1.0, arteries=(0, 0), veins=(0, 0))))
    plain = vessels(PLAIN)
    np.testing.assert_array_equal(none.veins.parent, plain.veins.parent)
    np.testing.assert_array_equal(none.arteries.parent, plain.arteries.parent)
