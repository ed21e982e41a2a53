"""The points of a table of robustness: each value once, the phantom changed in what it says and in nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from qtmnet.evaluation.robustness.points import UNDISTURBED, Point, changed, points_of
from qtmnet.evaluation.robustness.settings import PARAMETERS, RobustnessTable
from simulators import Acquisition, BrainParameters, InputError
from simulators.tissue.exchange.none import NoExchange
from simulators.vessels.great_vessels import read_great_vessels

PHANTOM = BrainParameters()


def test_what_is_usual_is_the_undisturbed_scan() -> None:
    points = list(points_of(RobustnessTable(), PHANTOM, Acquisition(), None))
    assert points[:2] == [Point(UNDISTURBED), Point(UNDISTURBED, of_world=True)]
    assert len({point.key for point in points}) == len(points)
    texts = {(point.parameter, point.text) for point in points}
    assert {("snr", "3"), ("voxel_size_mm", "1×1×1"), ("t1_blood", "1.9"), ("trees", "fetal")} <= texts
    usual = {("snr", "∞"), ("voxel_size_mm", "2×2×4"), ("added_delay", "0"), ("efficiency", "1"), ("motion", "0")}
    assert not texts & (usual | {("t1_blood", "1.65"), ("t1_tissue", "1.2"), ("radius", "1"), ("permeability", "150")})
    noisy = {point.text for point in points_of(RobustnessTable(only="snr"), PHANTOM, Acquisition(), 10.0)}
    assert noisy == {"", "∞", "50", "20", "5", "3"}


def test_some_parameters_alone() -> None:
    table = RobustnessTable(only=("motion", "efficiency"))
    points = list(points_of(table, PHANTOM, Acquisition(), None))
    assert {point.parameter for point in points} == {UNDISTURBED, "motion", "efficiency"}
    assert not any(point.of_world for point in points)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (Point("t1_blood", 1.9), {"t1_blood": 1.9}),
        (Point("radius", 2.0), {"arterial_murray_k": 0.23, "venous_murray_k": 0.36}),
        (Point("blood_volume", 0.5), {"grey_capillary_volume": 0.011, "white_capillary_volume": 0.008}),
        (Point(UNDISTURBED), {}),
        (Point("efficiency", 0.9), {}),
    ],
)
def test_a_world_differs_in_what_its_point_says(point: Point, expected: dict, tmp_path: Path) -> None:
    found = changed(PHANTOM, point, tmp_path)
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value)
    assert replace(found, **{name: getattr(PHANTOM, name) for name in expected}) == PHANTOM


def test_permeability_is_that_of_an_exchange_that_has_one(tmp_path: Path) -> None:
    found = changed(PHANTOM, Point("permeability", 40.0), tmp_path)
    assert found.exchange.permeability_surface_ml_100g_min == 40
    assert found.exchange.extravascular_volume == PHANTOM.exchange.extravascular_volume
    with pytest.raises(InputError, match=r"^robustness.permeability: the phantom's exchange, NoExchange, has none"):
        list(points_of(RobustnessTable(), replace(PHANTOM, exchange=NoExchange()), Acquisition(), None))


def test_trees_are_read_from_files(tmp_path: Path) -> None:
    for kind in ("mirrored", "bent", "fetal"):
        found = changed(PHANTOM, Point("trees", kind, of_world=True), tmp_path / "trees")
        vessels = read_great_vessels(found.angiography.swc)
        assert sorted(vessels.root_names) == ["BA", "ICA_L", "ICA_R"]
        assert sum(found.inlet_shares.values()) == pytest.approx(1)
    own = changed(PHANTOM, Point("trees", "mine.swc", of_world=True), tmp_path)
    assert own.angiography.swc == "mine.swc"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"only": ("motoin",)}, r"^only: found 'motoin'; give some of snr, voxel_size_mm"),
        ({"motion": (1.5,)}, r"^motion: found .1.5.; give shares of a voxel from 0 to 0.9"),
        ({"added_delay": (500.0,)}, r"^added_delay: found .500.0.; give delays from 0 to 5 s"),
        ({"efficiency": (1.0, 1.0)}, r"^efficiency: found .*each once"),
    ],
)
def test_values_that_no_table_has(settings: dict, told: str) -> None:
    with pytest.raises(InputError, match=told):
        RobustnessTable(**settings)


def test_all_parameters_have_values() -> None:
    assert list(RobustnessTable().varied) == list(PARAMETERS)
