"""SWC: what is written comes back; foreign files are read; bad ones are named, line and all."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import simulators.vessels.template
from simulators.errors import InputError
from simulators.vessels.forest import Forest
from simulators.vessels.growth import ARTERIAL_MURRAY_K, grow_forest
from simulators.vessels.swc import read_swc, write_swc

TEMPLATES = Path(simulators.vessels.template.__file__).parent


@pytest.fixture(scope="module")
def forest() -> Forest:
    """A forest with odd voxels, voxels without flow and several trees."""
    flow = np.random.default_rng(0).uniform(0.001, 0.02, (9, 8, 7))
    flow[2:5, 3:, :4] = 0
    return grow_forest(flow, seed=1, voxel_size_mm=(0.7, 1.1, 1.3), murray_k=0.1234567, new_inlet_probability=0.03)


def test_a_round_trip_gives_the_same_forest(forest: Forest, tmp_path: Path) -> None:
    write_swc(tmp_path / "forest.swc", forest)
    back = read_swc(tmp_path / "forest.swc")
    for name in ("position", "parent", "radius", "terminal"):
        np.testing.assert_array_equal(getattr(back, name), getattr(forest, name), name)
    assert back.voxel_size_mm == forest.voxel_size_mm
    np.testing.assert_allclose(back.flow, forest.flow, rtol=1e-12)  # sums of up to 10³ roundings of 1e-16
    np.testing.assert_allclose(back.transit_time(), forest.transit_time(), rtol=1e-12)


def test_a_second_round_trip_gives_the_same_bits(forest: Forest, tmp_path: Path) -> None:
    write_swc(tmp_path / "once.swc", forest)
    once = read_swc(tmp_path / "once.swc")
    write_swc(tmp_path / "twice.swc", once)
    assert (tmp_path / "twice.swc").read_bytes() == (tmp_path / "once.swc").read_bytes()
    np.testing.assert_array_equal(read_swc(tmp_path / "twice.swc").flow, once.flow)


def test_flows_come_back_where_murrays_law_does_not_hold(forest: Forest, tmp_path: Path) -> None:
    widened = replace(forest, radius=forest.radius * np.random.default_rng(1).uniform(0.8, 1.2, forest.n_nodes))
    write_swc(tmp_path / "forest.swc", widened)
    back = read_swc(tmp_path / "forest.swc")
    np.testing.assert_array_equal(back.radius, widened.radius)
    np.testing.assert_allclose(back.flow, forest.flow, rtol=1e-12)


def test_an_inlet_that_feeds_nothing_comes_back(tmp_path: Path) -> None:
    lone = grow_forest(np.full((3, 3, 3), 0.01), seed=0, inlets=np.array([[0.5, 0.5, 0.5]]), reach_mm=9.0)
    lone = replace(
        lone,
        position=np.append(lone.position, [[1.0, 2.0, 3.0]], axis=0),
        parent=np.append(lone.parent, np.int32(-1)),
        flow=np.append(lone.flow, 0.0),
        radius=np.append(lone.radius, 0.0),
    )
    write_swc(tmp_path / "forest.swc", lone)
    back = read_swc(tmp_path / "forest.swc")
    assert back.n_nodes == lone.n_nodes
    assert back.flow[-1] == back.radius[-1] == 0


def test_a_forest_that_loses_blood_is_refused(forest: Forest, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="conserved"):
        write_swc(tmp_path / "forest.swc", replace(forest, flow=forest.flow + 1.0))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_where_writing_fails(forest: Forest, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_swc(tmp_path / "taken", forest)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_swc(tmp_path / "file" / "forest.swc", forest)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]


Y = "1 2 0.5 0.5 0.5 2.0 -1\n2 2 0.5 0.5 1.5 2.0 1\n3 2 0.5 0.5 2.5 1.0 2\n4 2 0.5 1.5 1.5 1.5 2\n"


def read(tmp_path: Path, text: str, **options: float) -> Forest:
    path = tmp_path / "foreign.swc"
    path.write_bytes(text.encode())
    return read_swc(path, **options)


@pytest.mark.parametrize(
    "text",
    [
        Y,
        Y.replace("\n", "\r\n"),
        "# ORIGINAL_SOURCE: x\n\n   # shape: nonsense\n" + Y.replace("\n", "\n\n"),
        "\ufeff" + Y.replace(" ", "\t  ").replace("\n", "  \n").rstrip(),
        "\n".join(reversed(Y.splitlines())),
        Y.replace("1 2 0.5", "1 2 0.50000", 1).replace("\n", " 17 extra columns\n"),
        Y.replace("\n", " # a remark\n"),
        "1.0 2 0.5 0.5 0.5 2.0 -1\n9 2 5e-1 0.5 1.5 2.0 1\n-7 2 0.5 0.5 2.5 1.0 9\n40 2 0.5 1.5 1.5 1.5 9\n",
    ],
)
def test_foreign_files(tmp_path: Path, text: str) -> None:
    forest = read(tmp_path, text, murray_k=0.5)
    assert forest.parent[0] == -1
    assert forest.parent[1] == 0
    assert (forest.parent[2:] == 1).all()
    end = forest.terminal[0, 0, 2]
    np.testing.assert_array_equal(forest.position[end], [0.5, 0.5, 2.5])
    assert forest.flow[end] == pytest.approx((1.0 / 0.5) ** 3)
    assert forest.flow[0] == pytest.approx((1.0 / 0.5) ** 3 + (1.5 / 0.5) ** 3)
    assert forest.radius[0] == 2.0
    assert forest.voxel_size_mm == (1.0, 1.0, 1.0)
    assert forest.terminal.shape == (1, 2, 3)
    assert np.sum(forest.terminal >= 0) == 2


def test_flow_without_a_factor_is_that_of_arteries(tmp_path: Path) -> None:
    assert read(tmp_path, Y).flow[0] == pytest.approx((1.0 + 1.5**3) / ARTERIAL_MURRAY_K**3)


def test_several_roots_and_shuffled_lines(tmp_path: Path, forest: Forest) -> None:
    write_swc(tmp_path / "forest.swc", forest)
    lines = (tmp_path / "forest.swc").read_text(encoding="utf-8").splitlines()
    nodes = [line for line in lines if not line.startswith("#")]
    np.random.default_rng(0).shuffle(nodes)
    back = read(tmp_path, "\n".join([line for line in lines if line.startswith("#")] + nodes))
    assert len(back.inlets) == len(forest.inlets) > 1
    assert (back.parent < np.arange(back.n_nodes)).all()
    served = forest.terminal >= 0
    np.testing.assert_array_equal(served, back.terminal >= 0)
    np.testing.assert_array_equal(back.position[back.terminal[served]], forest.position[forest.terminal[served]])
    np.testing.assert_allclose(
        back.transit_time()[back.terminal[served]], forest.transit_time()[forest.terminal[served]], rtol=1e-12
    )


def test_leaves_outside_or_crowded_have_no_voxel(tmp_path: Path) -> None:
    forest = read(tmp_path, Y + "5 2 -0.5 0.5 0.5 1 2\n6 2 0.6 1.6 1.6 1 2\n")
    np.testing.assert_array_equal(np.argwhere(forest.terminal >= 0), [[0, 0, 2]])


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("", None, "no node"),
        ("# only a comment\n\n", None, "no node"),
        (Y + "5 2 0 0 0 1\n", 5, "6 columns"),
        (Y + "5 2 0 zero 0 1 1\n", 5, "y: found 'zero'"),
        (Y + "5 2 0 nan 0 1 1\n", 5, "y: found 'nan'"),
        (Y + "5 2 inf 0 0 1 1\n", 5, "x: found 'inf'"),
        (Y + "5.5 2 0 0 0 1 1\n", 5, "id: found '5.5'"),
        (Y + "5,2,0,0,0,1,1\n", 5, "1 columns"),
        ("\x00\x01\xff\x1b\n", 1, "1 columns"),
        (Y + "a b c d e f g\n", 5, "id: found 'a'"),
        (Y + "\n3 2 0 0 0 1 1\n", 6, "id: found 3 a second time"),
        (Y + "-1 2 0 0 0 1 1\n", 5, "id: found -1"),
        (Y + "5 2 0 0 0 1 99\n", 5, "parent: found 99"),
        (Y + "5 2 0 0 0 1 0\n", 5, "parent: found 0"),
        (Y + "5 2 0 0 0 1 5\n", 5, "node 5 upstream of itself"),
        (Y + "5 2 0 0 0 1 6\n6 2 0 0 0 1 5\n7 2 0 0 0 1 6\n", None, "upstream of itself"),
        (Y + "5 2 0 0 0 0 1\n", 5, "radius: found 0"),
        (Y + "5 2 0 0 0 -1 1\n", 5, "radius: found -1"),
        (Y.replace("2.5", "2500").replace("1.5", "1500").replace("0.5", "900"), None, "voxels"),
        ("# qtmnet vessel forest\n" + Y, None, "voxel_size_mm: found ''"),
        ("# qtmnet vessel forest\n# voxel_size_mm: 1 1 1\n# shape: 1 0 3\n" + Y, None, "shape: found '1 0 3'"),
        ("# qtmnet vessel forest\n# voxel_size_mm: 1 1 1\n# shape: 1 2 3\n" + Y, None, "murray_k: found ''"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path: Path, text: str, line: int | None, found: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert "\r" not in message
    assert str(tmp_path / "foreign.swc") in message
    assert found in message
    assert re.search(r"; (give|number|pass)", message)
    if line is not None:
        assert f"line {line}:" in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.swc", tmp_path):
        with pytest.raises(InputError, match=r"no such file|found a folder") as caught:
            read_swc(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="murray_k"):
        read(tmp_path, Y, murray_k=0.0)


@pytest.mark.parametrize("name", ["arteries.swc", "veins.swc"])
def test_the_templates_of_the_great_vessels(name: str) -> None:
    forest = read_swc(TEMPLATES / name)
    n_lines = sum(not line.startswith("#") for line in (TEMPLATES / name).read_text(encoding="utf-8").splitlines())
    assert forest.n_nodes == n_lines
    children = np.bincount(forest.parent[forest.parent >= 0], forest.flow[forest.parent >= 0], forest.n_nodes)
    inner = children > 0
    np.testing.assert_allclose(children[inner], forest.flow[inner], rtol=1e-12)
