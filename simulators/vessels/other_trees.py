"""Great arteries that are not the template's: mirrored, bent, or with a posterior cerebral artery off the carotid.

They stand for heads whose vessels nobody has traced. Written as SWC they are read as a traced tree is.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from simulators.files.writing import writing
from simulators.vessels.great_vessels import (
    NAMES_FOLLOW,
    GreatVessels,
    template_arteries,
    without_multifurcations,
)

OtherTree = Literal["mirrored", "bent", "fetal"]

OTHER_TREES: tuple[OtherTree, ...] = get_args(OtherTree)

BEND_MM = 4.0
"""Root mean square of how far nodes of a bent tree are moved."""

BEND_WAVES_MM = (30.0, 60.0)
"""Shortest and longest wave of the bending: branches keep their course, and siblings stay beside each other."""

N_WAVES = 24

FIRST_CODE = 10
"""SWC type of the first branch; lower ones have meanings of their own."""

STEP_MM = 0.5
"""Between nodes of a vessel that is added."""


def other_tree(kind: OtherTree) -> GreatVessels:
    """Great arteries in mm of MNI152 (ICBM 2009a symmetric, so that a mirrored tree fits as the template does).

    Args:
        kind: `mirrored`: left and right exchanged. `bent`: each node moved by a smooth field of `BEND_MM`. `fetal`: the
            right posterior cerebral artery comes off the carotid and not off the basilar artery, a variant of 4 to 26 %
            of heads (van Raamt et al. 2006, Cerebrovasc Dis 22:217).
    """
    made: Mapping[str, Callable[[GreatVessels], GreatVessels]] = {
        "mirrored": mirrored,
        "bent": bent,
        "fetal": with_fetal_artery,
    }
    return made[kind](template_arteries())


def mirrored(vessels: GreatVessels) -> GreatVessels:
    """Left and right exchanged, names as well."""
    other = {"_L": "_R", "_R": "_L"}
    names = tuple(name[:-2] + other.get(name[-2:], name[-2:]) for name in vessels.branch_names)
    return replace(vessels, position=vessels.position * [-1.0, 1.0, 1.0], branch_names=names)


def bent(vessels: GreatVessels, rms_mm: float = BEND_MM, seed: int = 0) -> GreatVessels:
    """Each node moved by a field of plane waves of random direction.

    Args:
        vessels: to bend.
        rms_mm: root mean square of the nodes' displacement.
        seed: of the waves.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    direction, strength = rng.standard_normal((2, N_WAVES, 3))
    shortest, longest = BEND_WAVES_MM
    waves = direction * (
        2 * np.pi / rng.uniform(shortest, longest, (N_WAVES, 1)) / np.linalg.norm(direction, axis=1, keepdims=True)
    )
    moved = np.sin(vessels.position @ waves.T + rng.uniform(0, 2 * np.pi, N_WAVES)) @ strength
    return replace(vessels, position=vessels.position + moved * (rms_mm / np.sqrt((moved**2).sum(1).mean())))


def with_fetal_artery(vessels: GreatVessels) -> GreatVessels:
    """The right posterior cerebral artery fed by the carotid's end through a straight communicating artery."""
    names = vessels.branch_names
    first = int(np.flatnonzero(vessels.branch == names.index("P2_R"))[0])
    carotid = int(np.flatnonzero(vessels.branch == names.index("ICA_R"))[-1])
    start, end = vessels.position[[carotid, first]]
    n = int(np.ceil(np.linalg.norm(end - start) / STEP_MM))
    added = start + (end - start) * (np.arange(1, n) / n)[:, None]
    before = len(vessels.parent)
    parent = np.concatenate([vessels.parent, [carotid], np.arange(before, before + n - 2)]).astype(np.int32)
    parent[first] = before + n - 2
    return without_multifurcations(
        GreatVessels(
            np.concatenate([vessels.position, added]),
            parent,
            np.concatenate([vessels.radius, np.full(n - 1, vessels.radius[first])]),
            np.concatenate([vessels.branch, np.full(n - 1, names.index("P2_R"))]).astype(np.int32),
            names,
        )
    )


def write_great_vessels(path: str | os.PathLike[str], vessels: GreatVessels, *remarks: str) -> None:
    """Write great vessels as SWC with the names of their branches, so that `read_great_vessels` gives them back.

    Args:
        path: file to write; one that is there is replaced.
        vessels: to write.
        remarks: lines to begin with.

    Raises:
        InputError: if it cannot be written.
    """
    named = [f"#  {code} {name}" for code, name in enumerate(vessels.branch_names, FIRST_CODE)]
    parent = np.where(vessels.parent >= 0, vessels.parent + 1, -1)
    rows: list[tuple[float, ...]] = list(
        zip(
            (vessels.branch + FIRST_CODE).tolist(),
            *vessels.position.T.tolist(),
            vessels.radius.tolist(),
            parent.tolist(),
            strict=True,
        )
    )
    nodes = [f"{number} {' '.join(map(repr, row))}" for number, row in enumerate(rows, 1)]
    text = "\n".join([*(f"# {remark}" for remark in remarks), f"# {NAMES_FOLLOW}", *named, *nodes, ""])
    with writing(Path(path)) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def shares_for(kind: OtherTree, shares: Mapping[str, float]) -> dict[str, float]:
    """The shares of the flow that inlets get, where a tree changes what they feed.

    A fetal artery takes its territory's, 0.08 of the whole (Zarrinkoob 2015), from the basilar artery to the carotid.
    """
    return {**shares, "BA": shares["BA"] - 0.08, "ICA_R": shares["ICA_R"] + 0.08} if kind == "fetal" else dict(shares)
