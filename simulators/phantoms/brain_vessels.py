"""A brain's arteries and veins: great vessels, pial vessels and what grows from them, and the name of what feeds what.

Trees are grown for the nominal perfusion of grey and white matter, so that brains that differ in perfusion or delay
alone share them; the flows follow afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError
from simulators.machine.compiling import njit
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.phantoms.pial import grow_pial_vessels
from simulators.phantoms.stages import Arrays
from simulators.seeding import Stage, stage_seed
from simulators.tissue.anatomy import GREY, Anatomy
from simulators.tissue.perfusion import flow_from_perfusion
from simulators.vessels.forest import Forest, murray_radius
from simulators.vessels.great_vessels import GreatVessels, territory_of
from simulators.vessels.growth import Trunk, grow_from_trunk
from simulators.vessels.tree_order import flow_from_terminals


@dataclass(frozen=True)
class BrainTree:
    """The arteries or the veins of a brain, before anything flows.

    Attributes:
        position: mm from the corner of the domain, (N, 3).
        parent: node before each node, −1 at roots, in depth-first order, (N,).
        terminal: node that serves each voxel, −1 where none does, (X, Y, Z).
        level: 0 for great vessels, 1 pial, 2 within tissue, uint8, (N,).
        root: number of the tree that each node is in, (N,).
        root_names: such as "ICA_L".
        territory: index into `territory_names` for each node, (N,).
        territory_names: of the great vessels' branches, such as "MCA_L".
    """

    position: np.ndarray
    parent: np.ndarray
    terminal: np.ndarray
    level: np.ndarray
    root: np.ndarray
    root_names: tuple[str, ...]
    territory: np.ndarray
    territory_names: tuple[str, ...]


def nominal_flow(anatomy: Anatomy, grey_perfusion: float, white_perfusion: float) -> np.ndarray:
    """Flow (mm³/s) that each voxel needs at the perfusion (mL/100g/min) of its tissue, (X, Y, Z)."""
    perfusion = np.where(anatomy.tissue == GREY, grey_perfusion, white_perfusion) * anatomy.in_tissue
    return flow_from_perfusion(perfusion, np.asarray(anatomy.voxel_size_mm))


def scaffold(
    anatomy: Anatomy,
    flow: np.ndarray,
    vessels: GreatVessels,
    parameters: BrainParameters,
    stage: Stage,
    shares: dict[str, float] | None,
) -> Arrays:
    """Pial vessels grown from great ones: the fields of `pial.Scaffold` and its trunk as arrays.

    Raises:
        InputError: if `shares` names other inlets than there are.
    """
    names = vessels.root_names
    if shares is not None and sorted(shares) != sorted(names):
        raise InputError(
            f"phantom.inlet_shares: found {', '.join(shares)}; give shares of {', '.join(names)}, the inlets, or null"
        )
    grown = grow_pial_vessels(
        anatomy,
        flow,
        vessels.position - anatomy.corner_mm,
        vessels.parent,
        vessels.radius,
        seed=stage_seed(parameters.seed, stage),
        spacing_mm=parameters.pial_spacing_mm,
        shares=None if shares is None else np.array([shares[name] for name in names]),
        n_candidates=parameters.n_candidates,
    )
    trunk = grown.trunk
    return {
        "position": trunk.position,
        "parent": trunk.parent,
        "flow": trunk.flow,
        "source": grown.source,
        "root": grown.root,
        "territory": grown.territory,
        "off_land_share": np.array(grown.share_in_tissue),
    }


def grow_arterioles(
    anatomy: Anatomy, flow: np.ndarray, pial: Arrays, parameters: BrainParameters, stage: Stage
) -> Arrays:
    """Grow a terminal into each voxel that has flow.

    Returns:
        `position`, `parent`, `terminal` and `level` as in `BrainTree`, and `source`: node of the great vessels from
        which each node comes, (N,).
    """
    grown = [
        _grow_tree(anatomy, np.where(pial["territory"] == root, flow, 0.0), pial, root, parameters, stage)
        for root in range(int(pial["root"].max()) + 1)
        if (pial["territory"] == root).any()
    ]
    terminal = np.full(flow.shape, -1, np.int32)
    parents, before = [], 0
    for tree, _ in grown:
        parents.append(np.where(tree.parent >= 0, tree.parent + before, -1).astype(np.int32))
        terminal = np.where(tree.terminal >= 0, tree.terminal + before, terminal)
        before += tree.n_nodes
    parent, origin = np.concatenate(parents), np.concatenate([origin for _, origin in grown])
    source = np.where(origin >= 0, pial["source"][origin], -1)
    level = np.where(origin < 0, 2, np.where(source < 0, 1, 0))
    _inherit(parent, source)
    return {
        "position": np.concatenate([tree.position for tree, _ in grown]),
        "parent": parent,
        "terminal": terminal.astype(np.int32),
        "level": level.astype(np.uint8),
        "source": source.astype(np.int32),
    }


def _grow_tree(
    anatomy: Anatomy, flow: np.ndarray, pial: Arrays, root: int, parameters: BrainParameters, stage: Stage
) -> tuple[Forest, np.ndarray]:
    """Grow one tree into its territory; also node of the scaffold that each node is part of, −1 if it has grown."""
    mine = np.flatnonzero(pial["root"] == root)  # a run, in which parents stand first
    parent = np.where(pial["parent"][mine] >= 0, pial["parent"][mine] - mine[0], -1)
    grown = grow_from_trunk(
        flow,
        Trunk(pial["position"][mine], parent, pial["flow"][mine]),
        seed=stage_seed(stage_seed(parameters.seed, stage), root),
        voxel_size_mm=anatomy.voxel_size_mm,
        n_candidates=parameters.n_candidates,
    )
    return grown.forest, np.where(grown.origin >= 0, mine[grown.origin], -1)


@njit()
def _inherit(parent, value):  # type: ignore[no-untyped-def]
    """Fill in what is below 0 from the parent."""
    for node in range(parent.size):
        if value[node] < 0:
            value[node] = value[parent[node]]


def territories_of(vessels: GreatVessels) -> list[str]:
    """Name of the territory that each node of great arteries feeds; where the roots alone have names, its root's."""
    detailed = len(vessels.branch_names) > len(vessels.roots)
    of_branch = [territory_of(name) if detailed else None for name in vessels.branch_names]
    root_names = dict(zip(vessels.roots.tolist(), vessels.root_names, strict=True))
    nodes = zip(vessels.branch.tolist(), _roots_of(vessels).tolist(), strict=True)
    return [of_branch[branch] or root_names[root] for branch, root in nodes]


def _roots_of(vessels: GreatVessels) -> np.ndarray:
    """Root of each node, (N,)."""
    root = np.arange(len(vessels.parent))
    _follow(vessels.parent, root)
    return root


def great_tree(grown: Arrays, vessels: GreatVessels) -> BrainTree:
    """The tree of `grow_arterioles` with the names of the great vessels."""
    parent, source = grown["parent"], grown["source"]
    tree = _roots_of(vessels)
    roots = np.unique(tree[source[parent < 0]])
    all_names = dict(zip(vessels.roots.tolist(), vessels.root_names, strict=True))
    of_great = territories_of(vessels)
    names, index = np.unique(np.array(of_great), return_inverse=True)
    used = np.unique(index[source])
    return BrainTree(
        position=grown["position"],
        parent=parent,
        terminal=grown["terminal"],
        level=grown["level"],
        root=np.searchsorted(roots, tree[source]).astype(np.int8),
        root_names=tuple(all_names[root] for root in roots.tolist()),
        territory=np.searchsorted(used, index[source]).astype(np.int8),
        territory_names=tuple(names[used].tolist()),
    )


@njit()
def _follow(parent, root):  # type: ignore[no-untyped-def]
    """Replace each node by its root."""
    for node in range(parent.size):
        if parent[node] >= 0:
            root[node] = root[parent[node]]


def nodes_of(tree: BrainTree, name: str, field: str, also: tuple[str, ...] = ()) -> np.ndarray:
    """Nodes of the tree of an inlet, or of a territory, by name, bool, (N,).

    Raises:
        InputError: for a name that is neither; says the setting `field` and what else it may be.
    """
    if name in tree.root_names:
        return tree.root == tree.root_names.index(name)
    if name in tree.territory_names:
        return tree.territory == tree.territory_names.index(name)
    known = ", ".join(dict.fromkeys([*also, *tree.root_names, *tree.territory_names]))
    raise InputError(f"phantom.{field}: found {name}; give some of {known}")


def delays(tree: BrainTree, territory_delay: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray | None]:
    """Delay (s) at each inlet, (n_inlets,), and detour (s) before each node, (N,), None if there is none.

    Raises:
        InputError: for names that are neither an inlet nor a territory.
    """
    inlet_delay, detour = np.zeros(len(tree.root_names)), np.zeros(len(tree.parent))
    for name, delay in territory_delay.items():
        nodes_of(tree, name, "territory_delay")
        if name in tree.root_names:
            inlet_delay[tree.root_names.index(name)] = delay
        else:
            detour[first_vessels(tree, tree.territory_names.index(name))] = delay
    return inlet_delay, detour if detour.any() else None


def first_vessels(tree: BrainTree, territory: int) -> np.ndarray:
    """The first nodes behind which there is nothing but one territory; one of them is upstream of each of its
    terminals, (n,).

    Upstream of them are vessels that feed other territories too: a carotid counts as the middle cerebral artery's, but
    the anterior one's blood comes through it. An inlet has no segment, so its child is taken instead.
    """
    served = tree.terminal[tree.terminal >= 0]
    of_others = np.zeros(len(tree.parent))
    of_others[served[tree.territory[served] != territory]] = 1
    own = flow_from_terminals(tree.parent, of_others) == 0
    above = tree.parent
    return np.flatnonzero(own & (above >= 0) & (~own[above] | (above[above] < 0)))


def with_flow(tree: BrainTree, flow: np.ndarray, voxel_size_mm: tuple[float, float, float], murray_k: float) -> Forest:
    """The forest in which each voxel gets its flow (mm³/s, (X, Y, Z)), with radii by Murray's law."""
    needed = np.zeros(len(tree.parent))
    needed[tree.terminal[flow > 0]] = flow[flow > 0]
    through = flow_from_terminals(tree.parent, needed)
    return Forest(tree.position, tree.parent, through, murray_radius(through, murray_k), tree.terminal, voxel_size_mm)
