"""Great arteries that are not the template's: what differs is what was meant to, and files give them back."""

from pathlib import Path

import numpy as np
import pytest

from simulators.vessels.great_vessels import read_great_vessels, template_arteries
from simulators.vessels.other_trees import (
    BEND_MM,
    mirrored,
    other_tree,
    shares_for,
    with_fetal_artery,
    write_great_vessels,
)


@pytest.mark.parametrize("kind", ["mirrored", "bent", "fetal"])
def test_a_file_gives_the_tree_back(kind, tmp_path: Path) -> None:
    made = other_tree(kind)
    write_great_vessels(tmp_path / "tree.swc", made, "a remark")
    read = read_great_vessels(tmp_path / "tree.swc")
    for field in ("position", "parent", "radius", "branch"):
        np.testing.assert_array_equal(getattr(read, field), getattr(made, field))
    assert read.branch_names == made.branch_names
    assert sorted(read.root_names) == ["BA", "ICA_L", "ICA_R"]


def test_a_mirrored_tree_is_the_same_heads_seen_in_a_mirror() -> None:
    template, other = template_arteries(), other_tree("mirrored")
    right = template.branch_names[template.branch[template.position[:, 0].argmax()]]
    left = other.branch_names[other.branch[other.position[:, 0].argmin()]]
    assert right.endswith("_R")
    assert left == right[:-2] + "_L"
    again = mirrored(other)
    np.testing.assert_array_equal(again.position, template.position)
    assert again.branch_names == template.branch_names


def test_bending_moves_nodes_and_leaves_vessels_whole() -> None:
    template, other = template_arteries(), other_tree("bent")
    moved = other.position - template.position
    assert np.sqrt((moved**2).sum(1).mean()) == pytest.approx(BEND_MM)
    joined = template.parent >= 0
    before, after = (
        np.linalg.norm(tree.position[joined] - tree.position[tree.parent[joined]], axis=1) for tree in (template, other)
    )
    # Waves of 30 mm and an amplitude of some millimetres stretch by 2π · amplitude / 30 mm, at most about once over.
    assert (after <= 3 * before + 1e-9).all()
    np.testing.assert_array_equal(other.parent, template.parent)


def test_a_fetal_artery_hangs_on_the_carotid() -> None:
    tree = with_fetal_artery(template_arteries())
    names, roots = np.array(tree.branch_names)[tree.branch], np.arange(len(tree.parent))
    for node in range(len(roots)):
        roots[node] = node if tree.parent[node] < 0 else roots[tree.parent[node]]
    root_of = names[roots]
    assert set(root_of[names == "P2_R"]) == set(root_of[names == "Calcarine_R"]) == {"ICA_R"}
    assert set(root_of[names == "P2_L"]) == set(root_of[names == "P1_R"]) == {"BA"}
    joined = tree.parent >= 0
    steps = np.linalg.norm(tree.position[joined] - tree.position[tree.parent[joined]], axis=1)
    template = template_arteries()
    longest = np.linalg.norm(template.position[1:] - template.position[template.parent[1:]], axis=1)
    assert steps.max() <= longest[template.parent[1:] >= 0].max()  # no jump where it was joined


def test_shares_of_inlets_still_add_up() -> None:
    shares = {"ICA_L": 0.36, "ICA_R": 0.36, "BA": 0.28}
    assert shares_for("bent", shares) == shares
    fetal = shares_for("fetal", shares)
    assert sum(fetal.values()) == pytest.approx(1)
    assert fetal["ICA_R"] > shares["ICA_R"]
