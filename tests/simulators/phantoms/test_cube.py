"""Cubes as a whole."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import simulators
from simulators import Cube, CubeParameters, InputError, NoExchange, simulate_cube
from simulators.phantoms.cube import LEAST_INLET_DELAY
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.vessels.borrowed_trees import Trees

SMALL = CubeParameters(shape=(8, 8, 8), arterial_murray_k=(0.09, 0.15), capillary_volume_fraction=(0.01, 0.04))
TIME = (0.5, 1.0, 2.0)


def make(seed: object, parameters: CubeParameters = SMALL) -> Cube:
    return simulate_cube(seed, parameters=parameters, time=TIME)


def fingerprint(cube: Cube) -> str:
    """Of every bit of a cube."""
    parts = [cube.perfusion, cube.att, cube.response.arterial, cube.response.bed, cube.response.left, cube.time]
    parts += [cube.capillaries.flow, cube.veins.position, np.array(sorted(cube.drawn.items())).astype("S32")]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


SCRIPT = """
import importlib.util
spec = importlib.util.spec_from_file_location("test_cube", {path!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(*[module.fingerprint(module.make(seed)) for seed in (4, 3)])
"""


def test_same_seed_same_cube_in_another_process_and_order():
    one, other = fingerprint(make(3)), fingerprint(make(4))
    assert one != other
    path = os.pathsep.join([str(Path(simulators.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(path=__file__)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=300,
    )
    assert done.stdout.split() == [other, one]


def test_all_that_is_drawn_differs_between_seeds():
    one, other = make(3), make((3, 1))
    assert (one.perfusion != other.perfusion).any()
    assert all(one.drawn[name] != other.drawn[name] for name in ("arterial_murray_k", "inlet_delay"))
    assert fingerprint(make(np.random.SeedSequence(3))) == fingerprint(one)


def test_stages_do_not_share_random_numbers():
    """Another transport, more blood in the capillaries: perfusion and trees stay."""
    one = make(3, CubeParameters(shape=(8, 8, 8)))
    other = make(3, CubeParameters(shape=(8, 8, 8), exchange=NoExchange(), capillary_volume_fraction=0.04))
    np.testing.assert_array_equal(one.perfusion, other.perfusion)
    np.testing.assert_array_equal(one.arteries.position, other.arteries.position)
    np.testing.assert_array_equal(one.att, other.att)
    np.testing.assert_array_equal(one.arterial_step_response, other.arterial_step_response)


def test_drawn_values_are_used():
    cube = make(9)
    for name, low, high in (("arterial_murray_k", 0.09, 0.15), ("capillary_volume_fraction", 0.01, 0.04)):
        assert low <= cube.drawn[name] <= high
    arteries = cube.arteries
    np.testing.assert_allclose(arteries.radius, cube.drawn["arterial_murray_k"] * np.cbrt(arteries.flow))
    np.testing.assert_allclose(cube.veins.radius, 0.15 * np.cbrt(cube.veins.flow))
    assert (cube.capillaries.volume_fraction == cube.drawn["capillary_volume_fraction"]).all()
    assert cube.label.exchange.permeability_surface_ml_100g_min == cube.drawn["permeability_surface_ml_100g_min"] == 150
    assert cube.vessels.inlet_delay.min() >= LEAST_INLET_DELAY
    draws = [SMALL.draw(seed)["inlet_delay"] for seed in range(300)]
    assert 0.2 <= min(draws) < 0.25
    assert 1.15 < max(draws) <= 1.2


def test_bluntness_is_drawn_behind_all_else():
    """Cubes of a seed have all else in common, and one of laminar flow does not know that there is more."""
    parameters = replace(SMALL, bluntness=(0.3, 0.7))
    one, other = make(9), make(9, parameters)
    assert one.vessels.bluntness == 0
    assert 0.3 <= other.drawn["bluntness"] == other.vessels.bluntness <= 0.7
    assert list(other.drawn) == [*one.drawn, "bluntness"]
    assert {name: other.drawn[name] for name in one.drawn} == one.drawn
    for name in ("position", "flow", "radius"):
        np.testing.assert_array_equal(getattr(one.arteries, name), getattr(other.arteries, name))
        np.testing.assert_array_equal(getattr(one.veins, name), getattr(other.veins, name))
    np.testing.assert_array_equal(one.capillaries.flow, other.capillaries.flow)
    assert (one.arterial_step_response != other.arterial_step_response).any()
    borrowed = simulate_cube(9, parameters=parameters, time=TIME, trees=Trees(one.arteries, one.veins))
    assert borrowed.vessels.bluntness == other.vessels.bluntness


def test_plug_flow_time_is_the_time_to_the_terminal():
    """Walking up from every terminal, l/ū by l/ū, to the labeling plane."""
    cube = make(3)
    arteries = cube.arteries
    delay = dict(zip(arteries.inlets.tolist(), cube.vessels.inlet_delay.tolist(), strict=True))
    for voxel in np.ndindex(cube.perfusion.shape):
        node, time = arteries.terminal[voxel], 0.0
        while arteries.parent[node] >= 0:
            parent = arteries.parent[node]
            length = np.linalg.norm(arteries.position[node] - arteries.position[parent])
            time += length * np.pi * arteries.radius[node] ** 2 / arteries.flow[node]
            node = parent
        assert cube.vessels.plug_flow_time[voxel] == pytest.approx(time + delay[int(node)], rel=1e-12)


def test_flows_meet():
    """Arteries, beds and veins carry each voxel's flow, Q ρ V / 6000."""
    parameters = CubeParameters(shape=(6, 6, 6), voxel_size_mm=(1.0, 1.0, 2.0))
    cube = make(3, parameters)
    flow = cube.perfusion * 1.05 * 2.0 / 6000
    np.testing.assert_allclose(cube.arteries.flow[cube.arteries.terminal], flow, rtol=1e-12)
    np.testing.assert_allclose(cube.veins.flow[cube.veins.terminal], flow, rtol=1e-12)
    total = np.concatenate([[0], np.cumsum(cube.capillaries.flow)])
    np.testing.assert_allclose(np.diff(total[cube.capillaries.start]).reshape(flow.shape), flow, rtol=1e-9)


def test_what_a_cube_says_of_itself():
    cube = make(3)
    np.testing.assert_array_equal(cube.time, TIME)
    np.testing.assert_array_equal(cube.step_response, cube.response.arterial + cube.response.bed)
    assert cube.step_response.shape == (3, 8, 8, 8)
    large = sum(np.sum(np.pi * f.radius**2 * f.length) for f in (cube.arteries, cube.veins))
    expected = large + cube.drawn["capillary_volume_fraction"] * 512
    assert cube.blood_volume.sum() == pytest.approx(expected, rel=1e-9)
    arterial = blood_volume(cube.arteries, cut_at_voxel_faces(cube.arteries))
    assert (cube.arterial_step_response <= arterial * (1 + 1e-5)).all()  # no more label than blood, in float32


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("arterial_murray_k", {"arterial_murray_k": 0.0}),
        ("venous_murray_k", {"venous_murray_k": (0.2, 0.1)}),
        ("bluntness", {"bluntness": 1.0}),
        ("bluntness", {"bluntness": (-0.1, 0.5)}),
        ("capillary_volume_fraction", {"capillary_volume_fraction": -0.1}),
        ("inlet_delay", {"inlet_delay": (0.2, np.inf)}),
        ("inlet_delay_spread", {"inlet_delay_spread": -0.1}),
    ],
)
def test_parameters_that_are_none(name, changes):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give") as caught:
        CubeParameters(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("shape", {"shape": (0, 8, 8)}),
        ("n_regions", {"n_regions": 0}),
        ("perfusion_range", {"perfusion_range": (50.0, 20.0)}),
        ("new_inlet_probability", {"new_inlet_probability": 0.0}),
        ("reach_mm", {"reach_mm": 0.0}),
        ("exchange", {"exchange": "some"}),
        ("t1_blood", {"t1_blood": 0.0}),
        ("volume_fraction", {"capillary_volume_fraction": 1.5}),
        ("voxel_size_mm", {"voxel_size_mm": (1.0, 0.0, 1.0)}),
        ("fluctuation", {"perfusion_fluctuation": -1.0}),
    ],
)
def test_cubes_that_no_tissue_has(name, changes):
    with pytest.raises(InputError, match=rf"{name}.*: found") as caught:
        make(1, CubeParameters(**{"shape": (4, 4, 4), **changes}))
    assert "\n" not in str(caught.value)
