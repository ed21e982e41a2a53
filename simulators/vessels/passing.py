"""Great vessels that pass through a block of tissue: arteries on their way to others, and veins that collect its blood.

A block of a few centimetres grows no vessel wider than its own flow asks for. In a head arteries of 1 to 4 mm run past
tissue that they do not feed, and what comes from a whole lobe leaves through veins as wide. Their label is no perfusion
of the voxels that they lie in, and there is more of it than of any other.

The default radii end at a carotid's (1.9 mm, see `simulators.vessels.forest.ARTERIAL_MURRAY_K`); lead, dilution and
counts are wide guesses. With them 2.3 % of a cube's acquired voxels have over 5 % of artery, of the simulated brain's
1.5 % (docs/experiments.md).
"""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from simulators.seeding import Seed, Stage, generator, stage_seed
from simulators.settings.checking import check_fields
from simulators.settings.drawing import draw_numbers
from simulators.settings.limits import Drawn, Span, Within
from simulators.vessels.forest import Forest

Chance = Annotated[float, Within(0, 1)]

Count = Annotated[int, Within(0, 100)]

Radius = Annotated[float, Within(0.01, 10, "mm", above=True, why="a carotid has 2 to 3")]

Lead = Annotated[float, Within(0, 1, why="of the inlet delay: label is in great arteries before it comes to others")]

Dilution = Annotated[float, Within(1, 100)]

BEND = 0.15
"""Standard deviation of the middle of a way about the straight line, relative to the block's extent."""

WITHIN = (0.05, 0.95)
"""Of the block's extent, where the middle of a way lies: on a face it would run outside."""

THREAD_MM = 1e-3
"""Radius of what stands for the way, outside of the block, from a venous tree's outlet to a great vein: it holds
nothing and takes no time."""


@dataclass(frozen=True)
class PassingVessels:
    """What the great vessels of a block are drawn from.

    Attributes:
        probability: that a block has some.
        arteries: fewest and most, in a block that has some.
        arterial_radius_mm: of each; its flow is that of Murray's law.
        lead: of the block's inlet delay, what label takes to each.
        veins: fewest and most, in a block that has some; each of the venous trees ends in one of them.
        venous_radius_mm: of each.
        dilution: flow through a vein over that of the trees that end in it, drawn with an even logarithm; what comes
            from elsewhere has no label.

    Raises:
        InputError: for values that no vessel has.
    """

    probability: Chance = 0.0
    arteries: Span[Count] = (1, 4)
    arterial_radius_mm: Drawn[Radius] = (0.3, 2.0)
    lead: Drawn[Lead] = (0.2, 1.0)
    veins: Span[Count] = (1, 2)
    venous_radius_mm: Drawn[Radius] = (0.4, 2.0)
    dilution: Drawn[Dilution] = (1.0, 4.0)

    def __post_init__(self) -> None:
        check_fields(self)


def with_passing_vessels(
    arteries: Forest, veins: Forest, settings: PassingVessels, murray_k: float, *, seed: Seed
) -> tuple[Forest, Forest, np.ndarray]:
    """The vessels of a block with great ones, if it gets some.

    Args:
        arteries: that feed its voxels.
        veins: that drain them.
        settings: what to draw the great ones from.
        murray_k: of arteries, r = k F^(1/3), mm (mm³/s)^(−1/3).
        seed: of the block.

    Returns:
        Arteries, those that pass behind all others; veins, whose trees end in the great ones; and what label takes to
        the passing arteries, relative to the block's inlet delay, (n_passing,).
    """
    rng = generator(stage_seed(seed, Stage.PASSING))
    if rng.random() >= settings.probability:
        return arteries, veins, np.empty(0)
    arteries, lead = _with_passing_arteries(arteries, settings, murray_k, rng)
    return arteries, _with_great_veins(veins, settings, rng), lead


def _with_passing_arteries(
    arteries: Forest, settings: PassingVessels, murray_k: float, rng: np.random.Generator
) -> tuple[Forest, np.ndarray]:
    """Arteries with others that pass through the block and feed none of its voxels, and the lead of each of these."""
    count = int(rng.integers(settings.arteries[0], settings.arteries[1] + 1))
    lead = np.empty(count)
    for artery in range(count):
        drawn = draw_numbers(settings, rng)
        lead[artery], radius = drawn["lead"], drawn["arterial_radius_mm"]
        way, first = _way(arteries, rng), arteries.n_nodes
        arteries = replace(
            arteries,
            position=np.concatenate([arteries.position, way]),
            parent=np.concatenate([arteries.parent, [-1, first, first + 1]]).astype(arteries.parent.dtype),
            flow=np.concatenate([arteries.flow, np.full(3, (radius / murray_k) ** 3)]),
            radius=np.concatenate([arteries.radius, np.full(3, radius)]),
        )
    return arteries, lead


def _with_great_veins(veins: Forest, settings: PassingVessels, rng: np.random.Generator) -> Forest:
    """Veins whose trees end in great ones, through which their blood passes the block once more."""
    count = min(int(rng.integers(settings.veins[0], settings.veins[1] + 1)), len(veins.inlets))
    if count == 0:
        return veins
    tree = np.cumsum(veins.parent < 0) - 1  # of each node: trees are runs of nodes
    vein_of_tree = rng.permutation(np.arange(len(veins.inlets)) % count)
    return _joined([_great_vein(veins, vein_of_tree[tree] == vein, settings, rng) for vein in range(count)], veins)


def _great_vein(
    veins: Forest, its: np.ndarray, settings: PassingVessels, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A great vein and the trees that end in it: the former numbers of their nodes, and the new forest's arrays.

    Its own three nodes, the outlet, a bend and where blood enters, stand before all others.
    """
    drawn = draw_numbers(settings, rng, logarithmic=("dilution",))
    nodes = np.flatnonzero(its)
    place = np.full(veins.n_nodes + 1, 2)  # an outlet, whose parent is −1, ends where blood enters the vein
    place[nodes] = 3 + np.arange(len(nodes))
    is_outlet = veins.parent[nodes] < 0
    through = np.full(3, veins.flow[nodes][is_outlet].sum() * drawn["dilution"])
    return nodes, {
        "position": np.concatenate([_way(veins, rng), veins.position[nodes]]),
        "parent": np.concatenate([[-1, 0, 1], place[veins.parent[nodes]]]),
        "flow": np.concatenate([through, veins.flow[nodes]]),
        "radius": np.concatenate(
            [np.full(3, drawn["venous_radius_mm"]), np.where(is_outlet, THREAD_MM, veins.radius[nodes])]
        ),
    }


def _joined(parts: list[tuple[np.ndarray, dict[str, np.ndarray]]], veins: Forest) -> Forest:
    """One forest of great veins with their trees."""
    place, first = np.full(veins.n_nodes + 1, -1), 0  # the last entry: of voxels without a terminal
    parents = []
    for nodes, arrays in parts:
        place[nodes] = first + 3 + np.arange(len(nodes))
        parents.append(np.where(arrays["parent"] < 0, -1, arrays["parent"] + first))
        first += len(arrays["parent"])
    position, flow, radius = (
        np.concatenate([part[name] for _, part in parts]) for name in ("position", "flow", "radius")
    )
    return replace(
        veins,
        position=position,
        parent=np.concatenate(parents).astype(veins.parent.dtype),
        flow=flow,
        radius=radius,
        terminal=place[veins.terminal].astype(veins.terminal.dtype),
    )


def _way(forest: Forest, rng: np.random.Generator) -> np.ndarray:
    """A way through the block from one face to another, bent in the middle, mm, (3, 3)."""
    extent = np.asarray(forest.terminal.shape) * np.asarray(forest.voxel_size_mm)
    ends = rng.uniform(0, 1, (2, 3))
    faces = rng.permutation(6)[:2]
    for end, face in zip(ends, faces, strict=True):
        end[face // 2] = face % 2
    middle = ends.mean(axis=0) + BEND * rng.standard_normal(3)
    return extent * np.stack([ends[0], np.clip(middle, *WITHIN), ends[1]])
