"""Datasets of cubes through which great vessels pass: told apart from others, and as free to borrow trees."""

from dataclasses import replace

from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.record import truth_maps
from qtmnet.datasets.vessel_pool import growth_settings
from qtmnet.datasets.world_cubes import WorldRecipe
from simulators import CubeParameters, NumbaSimulator, PassingVessels, simulate_cube
from simulators.phantoms.cube import draw_perfusion, grow_trees
from simulators.phantoms.world import World

PHANTOM = CubeParameters(shape=(8, 8, 8), passing=PassingVessels(probability=1.0))


def recipe(phantom: CubeParameters) -> CubeRecipe:
    return CubeRecipe(phantom=phantom, simulator=NumbaSimulator(), seed=0, time=(0.5, 1.0, 2.0))


def test_they_are_part_of_what_tells_datasets_apart() -> None:
    """And are not named where no cube has any, as in datasets from before there were some; trees grow without them."""
    plain = replace(PHANTOM, passing=PassingVessels())
    unused = replace(PHANTOM, passing=PassingVessels(veins=(3, 3)))
    assert "passing" not in recipe(plain).settings()["phantom"]
    assert recipe(unused).fingerprint() == recipe(plain).fingerprint()
    assert recipe(PHANTOM).fingerprint() != recipe(plain).fingerprint()
    assert growth_settings(PHANTOM, 0) == growth_settings(plain, 0)


def test_they_are_part_of_what_tells_worlds_apart() -> None:
    none, some = (
        WorldRecipe(world=World(passing=PassingVessels(probability=share)), simulator=NumbaSimulator(), seed=0)
        for share in (0.0, 0.5)
    )
    assert "passing" not in none.settings()["world"]
    assert none.fingerprint() != some.fingerprint()


def test_they_pass_through_cubes_of_borrowed_trees() -> None:
    """As those of a stream are: the vessels are the cube's own, whatever trees it borrows."""
    parameters = replace(PHANTOM, passing=PassingVessels())
    trees = grow_trees(0, parameters, draw_perfusion(0, parameters)[1])
    plain, passed = (simulate_cube(1, parameters=each, trees=trees) for each in (parameters, PHANTOM))
    volumes = [truth_maps(cube.perfusion, cube.vessels)["arterial_blood_volume"].sum() for cube in (plain, passed)]
    assert volumes[1] > 2 * volumes[0]
    assert len(passed.veins.inlets) <= 2 < len(plain.veins.inlets)
