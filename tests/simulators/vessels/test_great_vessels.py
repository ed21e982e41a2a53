"""Great vessels: the template is whole and where it should be; files of any program are read; bad ones are named."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulators.errors import InputError
from simulators.vessels.great_vessels import (
    TEMPLATE,
    GreatVessels,
    read_great_vessels,
    template_arteries,
    template_veins,
    territory_of,
    without_multifurcations,
)
from simulators.vessels.tree_order import is_depth_first

BRAIN_MM = np.array([[-75.0, -110.0, -75.0], [75.0, 80.0, 85.0]])
"""Low and high corner of the brain of MNI152 (1 mm, nilearn) with 2 mm around it."""


def children(vessels: GreatVessels) -> np.ndarray:
    """Number of children of each node, (N,)."""
    return np.bincount(vessels.parent[vessels.parent >= 0], minlength=len(vessels.parent))


def lengths(vessels: GreatVessels) -> np.ndarray:
    """Length (mm) of the segment that ends in each node but the roots."""
    below = np.flatnonzero(vessels.parent >= 0)
    return np.linalg.norm(vessels.position[below] - vessels.position[vessels.parent[below]], axis=1)


def check_binary(vessels: GreatVessels) -> None:
    """One child for a root, at most two for others, each subtree a run."""
    count = children(vessels)
    assert (count[vessels.roots] == 1).all()
    assert count.max() <= 2
    assert is_depth_first(vessels.parent)
    assert vessels.parent.dtype == vessels.branch.dtype == np.int32
    assert len(vessels.position) == len(vessels.parent) == len(vessels.radius) == len(vessels.branch)


@pytest.fixture(scope="module", params=["arteries", "veins"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def template(name: str) -> GreatVessels:
    return {"arteries": template_arteries, "veins": template_veins}[name]()


@pytest.fixture(scope="module")
def waypoints(name: str) -> list[dict[str, str]]:
    with (TEMPLATE / f"{name}_waypoints.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_template_is_binary(template: GreatVessels) -> None:
    check_binary(template)
    assert (template.radius > 0).all()


def test_the_template_has_its_roots(template: GreatVessels, name: str) -> None:
    assert template.root_names == {"arteries": ("BA", "ICA_R", "ICA_L"), "veins": ("SigTrans_R", "SigTrans_L")}[name]
    place = dict(zip(template.root_names, template.position[template.roots], strict=True))
    for root, (x, _, z) in place.items():
        assert x == 0 if root == "BA" else x * (1 if root.endswith("_R") else -1) > 20
        assert z < -45  # blood comes and goes below the brain


def test_the_template_lies_in_the_head(template: GreatVessels) -> None:
    assert (template.position > BRAIN_MM[0]).all()
    assert (template.position < BRAIN_MM[1]).all()
    # It reaches to within 20 mm of every face but the low one, where only the cerebellum's vessels are.
    assert (template.position.min(axis=0)[:2] < BRAIN_MM[0, :2] + 20).all()
    assert (template.position.max(axis=0) > BRAIN_MM[1] - 20).all()


def test_the_template_has_every_branch_on_both_sides(template: GreatVessels, waypoints: list[dict[str, str]]) -> None:
    right = {row["branch"] for row in waypoints}
    assert set(template.branch_names) == right | {re.sub("_R$", "_L", branch) for branch in right}
    assert set(template.branch.tolist()) == set(range(len(template.branch_names)))


def test_branches_start_at_their_parents(template: GreatVessels, waypoints: list[dict[str, str]]) -> None:
    parent_of = {row["branch"]: row["parent"] for row in waypoints}
    for node in np.flatnonzero(template.parent >= 0):
        branch = template.branch_names[template.branch[node]]
        above = template.branch_names[template.branch[template.parent[node]]]
        side = branch if branch in parent_of else re.sub("_L$", "_R", branch)
        expected = parent_of[side] if branch in parent_of else re.sub("_R$", "_L", parent_of[side])
        assert above in (branch, expected)


def test_branches_pass_by_their_waypoints(template: GreatVessels, waypoints: list[dict[str, str]]) -> None:
    for row in waypoints:
        own = template.position[template.branch == template.branch_names.index(row["branch"])]
        far = np.linalg.norm(own - [float(row[axis]) for axis in "xyz"], axis=1).min()
        # A spline passes within half a step of 2 mm; a routed waypoint may move by 4 mm and is smoothed.
        assert far < (1.2 if row["mode"] in ("free", "stub") else 7.0), row


def test_the_arteries_are_the_same_on_both_sides() -> None:
    arteries = template_arteries()
    for branch, name in enumerate(arteries.branch_names):
        if name.endswith("_R"):
            left = arteries.position[arteries.branch == arteries.branch_names.index(f"{name[:-2]}_L")]
            right = arteries.position[arteries.branch == branch]
            mirrored = right * [-1, 1, 1]
            far = np.linalg.norm(left[:, None] - mirrored[None], axis=2)
            np.testing.assert_array_equal(far.min(axis=0), 0, name)


def test_steps_are_short(template: GreatVessels) -> None:
    step = lengths(template)
    assert np.median(step) == pytest.approx(2.0, abs=0.1)  # what the script aims at
    assert step.max() < 4.0  # short ways are rounded to whole steps, at worst 1.5 of them
    assert np.mean(step == 0) < 0.02  # multifurcations are few


def test_vessels_become_thinner(template: GreatVessels) -> None:
    same = (template.parent >= 0) & (template.branch == template.branch[template.parent])
    assert (template.radius[same] <= template.radius[template.parent[same]]).all()
    root = np.arange(len(template.parent))
    for node in np.flatnonzero(template.parent >= 0):
        root[node] = root[template.parent[node]]
    tips = children(template) == 0
    assert (template.radius[tips] < 0.5 * template.radius[root[tips]]).all()


def test_the_script_makes_the_template(name: str, tmp_path: Path) -> None:
    pytest.importorskip("nilearn")
    from simulators.vessels.template.build_template import Avoidance, build, write

    made = build(TEMPLATE / f"{name}_waypoints.csv", Avoidance())
    write(tmp_path / "made.swc", made, f"Great {name}")
    back = read_great_vessels(tmp_path / "made.swc")
    shipped = read_great_vessels(TEMPLATE / f"{name}.swc")
    np.testing.assert_array_equal(back.parent, shipped.parent)
    np.testing.assert_allclose(back.position, shipped.position, atol=0.011)  # one unit of the last digit
    np.testing.assert_array_equal(back.parent, made.parent)
    np.testing.assert_array_equal(back.branch, made.branch)
    np.testing.assert_allclose(back.position, made.position, atol=0.0051)  # written to 0.01 mm


def test_every_artery_of_the_template_has_a_territory() -> None:
    names = template_arteries().branch_names
    assert None not in [territory_of(branch) for branch in names]
    for branch in names:
        if branch != "BA":
            assert (territory_of(branch) or "").endswith(branch[-2:])
    assert {territory_of(branch) for branch in names} == {
        f"{artery}_{side}" for artery in ("ACA", "MCA", "PCA", "CB") for side in "LR"
    } | {"BA"}


@pytest.mark.parametrize(
    ("branch", "territory"),
    [
        ("A2_L", "ACA_L"),
        ("OrbFrontA_R", "ACA_R"),
        ("OrbFront_R", "MCA_R"),
        ("AChA_L", "MCA_L"),
        ("ThalPerf_R", "PCA_R"),
        ("SCAmed_L", "CB_L"),
        ("BA", "BA"),
        ("inlet_1", None),
        ("M1", None),
        ("M1_X", None),
        ("BA_L", None),
        ("SSS", None),
        ("", None),
        ("_L", None),
    ],
)
def test_territories(branch: str, territory: str | None) -> None:
    assert territory_of(branch) == territory


Reader = Callable[..., GreatVessels]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Read what a text says, in a file of its own."""

    def call(text: str, **options: np.ndarray) -> GreatVessels:
        (tmp_path / "traced.swc").write_bytes(text.encode())
        return read_great_vessels(tmp_path / "traced.swc", **options)

    return call


Y = "1 2 0 0 0 2.0 -1\n2 2 0 0 1 1.5 1\n3 2 0 0 2 1.0 2\n4 2 0 1 1 0.5 2\n"


@pytest.mark.parametrize(
    "text",
    [
        Y,
        Y.replace("\n", "\r\n"),
        "\ufeff# ORIGINAL_SOURCE BraVa: x\r\n" + Y.replace("\n", "\r\n").rstrip(),
        "# a\n\n   # b\n" + Y.replace("\n", "\n\n").replace(" ", "\t  "),
        "\n".join(reversed(Y.splitlines())),
        Y.replace("\n", " 17 extra columns # and a remark\n"),
        "1.0 2 0 0 0 2 -1\n900 2 0 0 1e0 1.5 1\n-7 2 0 0 2 1.0 900\n-40 2 0 1 1 0.5 900\n",
        Y + "77 2 50 50 50 1 -1\n",
        "77 2 50 50 50 0 -1\n" + Y,
        Y.replace("2 -1", "0 -1").replace("2.0 -1", "0 -1") + "9 2 9 9 9 0 4\n",
    ],
)
def test_traced_files(read: Reader, text: str) -> None:
    vessels = read(text)
    check_binary(vessels)
    order = np.lexsort(vessels.position.T)
    np.testing.assert_array_equal(vessels.position[order], [[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 0, 2]])
    root_radius = 1.5 if " 0 -1\n9" in text or "0 0 0 0 -1" in text else 2.0
    np.testing.assert_array_equal(vessels.radius[order], [root_radius, 1.5, 0.5, 1.0])
    above = vessels.position[vessels.parent[order][1:]]
    np.testing.assert_array_equal(above, [[0, 0, 0], [0, 0, 1], [0, 0, 1]])
    assert vessels.root_names == vessels.branch_names == ("inlet_1",)
    assert (vessels.branch == 0).all()


def test_children_of_a_node_without_radius_join_the_nearest_that_remains(read: Reader) -> None:
    text = "1 0 0 0 0 2 -1\n2 0 0 0 1 0 1\n3 0 0 0 2 0 2\n4 0 0 0 3 1 3\n5 0 0 1 2 1 3\n6 0 0 0 4 1 4\n7 0 0 0 5 0 6\n"
    vessels = read(text)
    check_binary(vessels)
    # The root feeds two, which takes one more node at its place.
    assert len(vessels.parent) == 5
    for end in ([0, 0, 3], [0, 1, 2]):
        node = np.flatnonzero((vessels.position == end).all(axis=1))[0]
        np.testing.assert_array_equal(vessels.position[vessels.parent[node]], [0, 0, 0])
    np.testing.assert_array_equal(vessels.position[children(vessels) == 0].sum(axis=0), [0, 1, 6])


def test_a_root_without_radius_takes_that_of_its_first_child_that_has_one(read: Reader) -> None:
    vessels = read("1 0 5 6 7 0 -1\n2 0 0 0 1 0 1\n3 0 0 0 2 0.75 2\n4 0 0 0 3 0.5 3\n")
    np.testing.assert_array_equal(vessels.position[0], [5, 6, 7])
    np.testing.assert_array_equal(vessels.radius, [0.75, 0.75, 0.5])


@pytest.mark.parametrize("n", [2, 3, 4, 9])
def test_many_branches_at_one_place_become_binary(read: Reader, n: int) -> None:
    star = "".join(f"{k} 0 0 {k} 1 1 2\n" for k in range(3, n + 3))
    vessels = read("1 0 0 0 0 3 -1\n2 0 0 0 1 2 1\n" + star)
    check_binary(vessels)
    assert len(vessels.parent) == 2 + n + (n - 2)  # n ends behind pairs take n − 1 forks, of which one was there
    assert (children(vessels) == 0).sum() == n
    fork = children(vessels) == 2
    assert (vessels.position[fork] == [0, 0, 1]).all()
    assert (vessels.radius[fork] == 2).all()
    assert lengths(vessels).sum() == pytest.approx(1 + sum(range(3, n + 3)))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_root_gets_one_child(read: Reader, n: int) -> None:
    vessels = read("1 0 0 0 0 3 -1\n" + "".join(f"{k} 0 0 {k} 1 1 1\n" for k in range(2, n + 2)))
    check_binary(vessels)
    assert len(vessels.parent) == 1 + n + (n - 1)
    np.testing.assert_array_equal(vessels.position[1], vessels.position[0])


def test_a_binary_tree_stays_as_it_is() -> None:
    arteries = template_arteries()
    again = without_multifurcations(arteries)
    np.testing.assert_array_equal(again.parent, arteries.parent)
    np.testing.assert_array_equal(again.position, arteries.position)


def tree_at(x: float, first: int) -> str:
    return f"{first} 0 {x} 0 0 1 -1\n{first + 1} 0 {x} 0 5 1 {first}\n"


@pytest.mark.parametrize(
    ("places", "names"),
    [
        ([20, -20, 1], ("ICA_R", "ICA_L", "BA")),
        ([0, 1, 2], ("ICA_L", "BA", "ICA_R")),
        ([1, 2, 0], ("BA", "ICA_R", "ICA_L")),
        ([20, -20], ("inlet_1", "inlet_2")),
        ([20, -20, 0, 3], ("inlet_1", "inlet_2", "inlet_3", "inlet_4")),
    ],
)
def test_roots_are_named_by_place(read: Reader, places: list[float], names: tuple[str, ...]) -> None:
    vessels = read("".join(tree_at(x, 10 * k) for k, x in enumerate(places)))
    assert vessels.root_names == vessels.branch_names == names
    np.testing.assert_array_equal(vessels.position[vessels.roots, 0], places)
    np.testing.assert_array_equal(vessels.branch, np.repeat(np.arange(len(places)), 2))


def test_sides_are_those_of_the_anatomy(read: Reader) -> None:
    vessels = read("".join(tree_at(x, 10 * k) for k, x in enumerate([20, -20, 1])), transform=np.diag([-1.0, 1, 1, 1]))
    assert vessels.root_names == ("ICA_L", "ICA_R", "BA")


NAMED = "# type code -> branch name:\n#  10 BA\n#  7 P1_R\n" + Y.replace(" 2 0", " 10 0").replace("4 10", "4 7")


def test_branches_are_named_by_remarks(read: Reader) -> None:
    vessels = read(NAMED)
    assert vessels.branch_names == ("BA", "P1_R")
    assert vessels.root_names == ("BA",)
    side = (vessels.position == [0, 1, 1]).all(axis=1)
    np.testing.assert_array_equal(vessels.branch, np.where(side, 1, 0))


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("", None, "no node"),
        ("# nothing\n", None, "no node"),
        (Y + "5 2 0 0 0 1\n", 5, "6 columns"),
        (Y + "5 2 0 zero 0 1 1\n", 5, "y: found 'zero'"),
        (Y + "5 2 0 0 0 nan 1\n", 5, "radius: found 'nan'"),
        (Y + "5 2 0 0 0 -1 1\n", 5, "radius: found -1"),
        (Y + "\n\n3 2 0 0 0 1 1\n", 7, "id: found 3 a second time"),
        (Y + "5 2 0 0 0 1 99\n", 5, "parent: found 99"),
        (Y + "5 2 0 0 0 1 5\n", 5, "upstream of itself"),
        (Y + "-1 2 0 0 0 1 1\n", 5, "id: found -1"),
        ("1 2 0 0 0 0 -1\n2 2 0 0 1 0 1\n", 1, "radius: found 0 in every node"),
        (Y + "8 2 0 0 0 0 -1\n9 2 0 0 1 0 8\n", 5, "radius: found 0 in every node"),
        ("1 2 0 0 0 1 -1\n", None, "single nodes"),
        ("1 2 0 0 0 0 -1\n", None, "single nodes"),
        ("1 2 0 0 0 1 -1\n2 2 0 0 1 0 1\n", None, "single nodes"),
        (NAMED + "5 11 0 0 0 1 1\n", 8, "type: found 11"),
        ("\x00\x01\xff\x1b\n", 1, "1 columns"),
    ],
)
def test_bad_files_are_named_in_one_line(read: Reader, tmp_path: Path, text: str, line: int | None, found: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "traced.swc") in message
    assert found in message
    assert re.search(r"; (give|number)", message)
    if line is not None:
        assert f"line {line}:" in message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.swc", tmp_path):
        with pytest.raises(InputError, match=r"no such file|found a folder") as caught:
            read_great_vessels(path)
        assert str(path) in str(caught.value)


AFFINE = np.array([[0.0, -2, 0, 10], [2, 0, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]])


def test_a_transform_moves(template: GreatVessels) -> None:
    moved = template.moved(AFFINE)
    x, y, z = template.position.T
    np.testing.assert_allclose(moved.position, np.stack([10 - 2 * y, 20 + 2 * x, 30 + 2 * z], axis=1), rtol=1e-12)
    np.testing.assert_allclose(moved.radius, 2 * template.radius, rtol=1e-12)
    np.testing.assert_array_equal(moved.parent, template.parent)
    assert moved.branch_names == template.branch_names


def test_radii_grow_as_the_cube_root_of_volume_in_a_mirror_too(template: GreatVessels) -> None:
    moved = template.moved(np.diag([-1.0, 2.0, 4.0, 1.0]))
    np.testing.assert_allclose(moved.radius, 2 * template.radius, rtol=1e-12)


@pytest.mark.parametrize("separator", [" ", ",", "\t", " , "])
def test_a_transform_from_a_file(read: Reader, tmp_path: Path, separator: str) -> None:
    path = tmp_path / "to_anatomy.txt"
    rows = [separator.join(map(str, row)) for row in AFFINE.tolist()]
    path.write_text("# from the tracing to the scan\n" + "\r\n".join(rows), encoding="utf-8")
    from_file, from_array = read(Y, transform=path), read(Y, transform=AFFINE)
    np.testing.assert_array_equal(from_file.position, from_array.position)
    np.testing.assert_array_equal(from_array.position, read(Y).moved(AFFINE).position)
    assert not np.array_equal(from_file.position, read(Y).position)


IDENTITY = "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "rows of none"),
        ("1 0 0 0\n0 1 0 0\n0 0 1 0\n", "rows of 4, 4, 4 numbers"),
        (IDENTITY + "0 0 0 1\n", "rows of 4, 4, 4, 4, 4"),
        (IDENTITY.replace("0 1 0 0", "0 1 0"), "rows of 4, 3, 4, 4"),
        (IDENTITY.replace("0 1 0 0", "0 one 0 0"), "line 2: found '0 one 0 0'"),
        (IDENTITY.replace("0 1 0 0", "0 nan 0 0"), "finite"),
        (IDENTITY.replace("0 0 0 1", "0 0 0 2"), "last row"),
        (IDENTITY.replace("0 1 0 0", "0 0 0 0"), "determinant"),
    ],
)
def test_a_file_that_is_no_transform(read: Reader, tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "affine.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(Y, transform=path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert found in message
    assert "; give" in message


def test_transforms_that_are_none(read: Reader, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt: no such file; name"):
        read(Y, transform=tmp_path / "none.txt")
    with pytest.raises(InputError, match=r"transform: found shape \(3, 3\); give"):
        read(Y, transform=np.eye(3))
    with pytest.raises(InputError, match=r"affine: found shape \(3, 4\); give"):
        read(Y).moved(np.eye(4)[:3])


def test_vessels_in_any_order_are_put_depth_first() -> None:
    arteries = template_arteries()
    shuffled = np.random.default_rng(0).permutation(len(arteries.parent))
    place = np.append(np.argsort(shuffled), -1)
    mixed = replace(
        arteries,
        position=arteries.position[shuffled],
        parent=place[arteries.parent[shuffled]],
        radius=arteries.radius[shuffled],
        branch=arteries.branch[shuffled],
    )
    back = without_multifurcations(mixed)
    check_binary(back)
    assert len(back.parent) == len(arteries.parent)
    assert sorted(back.root_names) == sorted(arteries.root_names)
    assert np.sum(lengths(back) * back.radius[back.parent >= 0]) == pytest.approx(
        np.sum(lengths(arteries) * arteries.radius[arteries.parent >= 0])
    )
