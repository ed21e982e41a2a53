"""Great vessels: centrelines and radii of the arteries or veins that a head's forest grows from.

Those of a template come with the package (`vessels/template`, MNI152); those of one person are read from SWC of any
program, such as the tracings of BraVa (Wright et al. 2013, NeuroImage 82).
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simulators.errors import InputError
from simulators.files.reading import TEXT_FILE, read_text
from simulators.vessels.swc_rows import SwcRows, parents_of, read_rows
from simulators.vessels.tree_order import depth_first_order, is_depth_first

TEMPLATE = Path(__file__).parent / "template"

NAMES_FOLLOW = "type code -> branch name:"
"""The remark behind which remarks `10 BA` name the branches, one for each SWC type."""

TERRITORIES = {
    "ACA": "A1 A2 OrbFrontA FrontPol PeriCall CallMarg AntIntFront MidIntFront PostIntFront ParaCent SupIntPar",
    "MCA": "ICA AChA M1 LSA TempPolar AntTemp M2sup OrbFront PreFront PreCentral Central AntPar "
    "M2inf MidTemp PostTemp TempOcc Angular PostPar",
    "PCA": "P1 ThalPerf P2 PCAantTemp PCApostTemp PCAparOcc Calcarine",
    "CB": "PICA PICAlat PICAmed AICA SCA SCAlat SCAmed",
}
"""Branches of the template, without side, by territory; see `territory_of`."""


@dataclass(frozen=True)
class GreatVessels:
    """Centrelines of great arteries or veins, before anything flows.

    As in a `Forest` each node ends the segment that comes from its parent, and a vein's root is its outlet. A root
    has one child and every other node at most two; where more branches leave one place there are several nodes, a
    length of 0 apart.

    Attributes:
        position: mm in the space of the anatomy, right, anterior and superior positive, (N, 3).
        parent: node before each node, −1 at roots; nodes are in depth-first order, (N,) int32.
        radius: mm, (N,).
        branch: index into `branch_names`, (N,) int32.
        branch_names: such as "M1_L"; of a file that names none, one for each root.
    """

    position: np.ndarray
    parent: np.ndarray
    radius: np.ndarray
    branch: np.ndarray
    branch_names: tuple[str, ...]

    @property
    def roots(self) -> np.ndarray:
        """Nodes without a parent, (n_roots,)."""
        return np.flatnonzero(self.parent < 0)

    @property
    def root_names(self) -> tuple[str, ...]:
        """Name of the branch that each root begins."""
        return tuple(self.branch_names[branch] for branch in self.branch[self.roots])

    def to_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Its fields as arrays, each called `<name>_<field>`."""
        return {f"{name}_{field}": np.asarray(getattr(self, field)) for field in self.__dataclass_fields__}

    @classmethod
    def from_arrays(cls, name: str, arrays: dict[str, np.ndarray]) -> "GreatVessels":
        """The vessels of which `to_arrays` made these arrays."""
        fields = {field: arrays[f"{name}_{field}"] for field in cls.__dataclass_fields__}
        names = tuple(fields.pop("branch_names").tolist())
        return cls(**fields, branch_names=names)

    def moved(self, affine: np.ndarray) -> "GreatVessels":
        """The same vessels with positions through an affine, (4, 4), and radii scaled as the cube root of volume.

        Raises:
            InputError: for what is no invertible affine.
        """
        affine = _affine(np.asarray(affine, float), "affine")
        scale = np.cbrt(abs(np.linalg.det(affine[:3, :3])))
        return replace(self, position=self.position @ affine[:3, :3].T + affine[:3, 3], radius=self.radius * scale)


def template_arteries() -> GreatVessels:
    """The arteries of the template in MNI152 (ICBM 2009a symmetric); roots BA, ICA_R and ICA_L."""
    return read_great_vessels(TEMPLATE / "arteries.swc")


def template_veins() -> GreatVessels:
    """The veins of the template in MNI152 (ICBM 2009a symmetric); roots SigTrans_R and SigTrans_L, the jugular ends."""
    return read_great_vessels(TEMPLATE / "veins.swc")


def read_great_vessels(
    path: str | os.PathLike[str], transform: str | os.PathLike[str] | np.ndarray | None = None
) -> GreatVessels:
    """Read great vessels from SWC of any program.

    Nodes of radius 0 are left out and their children join the nearest node upstream that stays; a root of radius 0
    stays and takes the radius of its first child. Trees of a single node are left out.

    Branches are named by remarks `# 10 BA`, one for each type, behind a remark `# type code -> branch name:`. Without
    these each tree is one branch: three of them are, from left to right, "ICA_L", "BA" and "ICA_R", any other number
    "inlet_1", "inlet_2", … in the file's order.

    Args:
        path: file to read.
        transform: affine from the file's coordinates to mm of the anatomy, right, anterior and superior positive,
            (4, 4), or a text file of its four rows; by default the coordinates are taken as they are.

    Raises:
        InputError: for a file that holds no vessels or a transform that is none; names the line to mend.
    """
    rows = read_rows(Path(str(path)))
    parent = parents_of(rows)
    named = _branches(rows)
    radius = rows.column("radius")
    for row in np.flatnonzero(radius < 0):
        raise rows.error(row, f"radius: found {radius[row]:g}; give mm above 0, or 0 where it is not known")
    kept, parent, radius = _with_radius(rows, parent, radius)
    branch, names = (_trees(parent), ()) if named is None else (named[0][kept], named[1])
    vessels = GreatVessels(rows.position[kept], parent, radius, branch.astype(np.int32), names)
    if transform is not None:
        vessels = vessels.moved(read_transform(transform))
    if named is None:
        vessels = replace(vessels, branch_names=names_by_place(vessels.position[vessels.roots, 0]))
    return without_multifurcations(vessels)


def without_multifurcations(vessels: GreatVessels) -> GreatVessels:
    """The same vessels with one child for each root and at most two for every other node, in depth-first order.

    Where there are more, nodes are added at the same place, with the same radius and branch, that hand the children on
    one by one; the segments between them have length 0. `parent` may come in any order.
    """
    parent = vessels.parent.tolist()
    children: list[list[int]] = [[] for _ in parent]
    for node, above in enumerate(parent):
        if above >= 0:
            children[above].append(node)
    source = list(range(len(parent)))  # the node that each node is or repeats
    for node, below in enumerate(children):
        here, most = node, 1 if parent[node] < 0 else 2
        waiting = list(below)
        while len(waiting) > most:
            for child in waiting[: most - 1]:
                parent[child] = here
            waiting = waiting[most - 1 :]
            source.append(node)
            parent.append(here)
            here, most = len(parent) - 1, 2
        for child in waiting:
            parent[child] = here
    origin, binary = np.array(source), np.array(parent)
    order = np.arange(len(binary)) if is_depth_first(binary) else depth_first_order(binary)
    place = np.append(np.argsort(order), -1)
    origin = origin[order]
    return GreatVessels(
        position=vessels.position[origin],
        parent=place[binary[order]].astype(np.int32),
        radius=vessels.radius[origin],
        branch=vessels.branch[origin],
        branch_names=vessels.branch_names,
    )


def territory_of(branch_name: str) -> str | None:
    """Territory with side, such as "MCA_L", that a branch of the template's arteries feeds; None for other names.

    "ACA", "MCA" and "PCA" are the cerebral arteries with all their branches. The cerebellar arteries (SCA, AICA, PICA)
    are "CB". The basilar artery itself feeds the brainstem on both sides through its perforators: "BA", without a side.
    The carotid's trunk and its anterior choroidal artery count as "MCA": what they feed is small, deep and beside the
    middle cerebral artery's, and the same carotid brings its label.
    """
    if branch_name == "BA":
        return "BA"
    vessel, _, side = branch_name.rpartition("_")
    for territory, members in TERRITORIES.items():
        if side in ("L", "R") and vessel in members.split():
            return f"{territory}_{side}"
    return None


def _branches(rows: SwcRows) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Branch of each node and the names of branches, or None if the file names none."""
    if NAMES_FOLLOW not in rows.remarks:
        return None
    listed = rows.remarks[rows.remarks.index(NAMES_FOLLOW) + 1 :]
    found = (re.fullmatch(r"([0-9]+)\s+(\S+)", remark) for remark in listed)
    names = {int(entry[1]): entry[2] for entry in found if entry}
    index = {code: k for k, code in enumerate(names)}
    branch = np.array([index.get(int(code), -1) for code in rows.column("type")])
    for row in np.flatnonzero(branch < 0):
        code = int(rows.column("type")[row])
        raise rows.error(row, f"type: found {code}, which no comment names; give a comment such as # {code} M1_L")
    return branch, tuple(names.values())


def _with_radius(rows: SwcRows, parent: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the nodes that stay, their parents among these, and radii above 0, each (n,)."""
    stays = (radius > 0) | (parent < 0)
    above = parent.copy()
    for node in depth_first_order(parent):  # parents first, so that theirs is known
        if above[node] >= 0 and not stays[above[node]]:
            above[node] = above[above[node]]
    had_children = np.bincount(parent[parent >= 0], minlength=len(parent)) > 0
    for root in np.flatnonzero((parent < 0) & had_children & (radius == 0)):
        below = np.flatnonzero(stays & (above == root))
        if len(below) == 0:
            raise rows.error(root, "radius: found 0 in every node of this tree; give mm above 0")
        radius[root] = radius[below[0]]
    feeds = np.bincount(above[stays & (above >= 0)], minlength=len(parent)) > 0
    kept = np.flatnonzero(stays & (feeds | (above >= 0)))
    if len(kept) == 0:
        raise InputError(f"{rows.path}: found single nodes alone; give vessels of two nodes or more with radii above 0")
    place = np.full(len(parent) + 1, -1)
    place[kept] = np.arange(len(kept))
    return kept, place[above[kept]], radius[kept]


def _trees(parent: np.ndarray) -> np.ndarray:
    """Number of the tree that each node belongs to, in the order of the roots, (N,)."""
    tree = np.where(parent < 0, np.cumsum(parent < 0) - 1, -1)
    for node in depth_first_order(parent):
        if parent[node] >= 0:
            tree[node] = tree[parent[node]]
    return tree


def names_by_place(right: np.ndarray) -> tuple[str, ...]:
    """Names of roots by how far right (mm) they are, (n_roots,): a head has three arterial inlets."""
    if len(right) != 3:
        return tuple(f"inlet_{k}" for k in range(1, len(right) + 1))
    from_left = np.argsort(np.argsort(right, kind="stable"))
    return tuple(("ICA_L", "BA", "ICA_R")[k] for k in from_left)


def read_transform(source: "str | os.PathLike[str] | np.ndarray") -> np.ndarray:
    """The affine that a file or array holds, (4, 4)."""
    if isinstance(source, np.ndarray):
        return _affine(np.asarray(source, float), "transform")
    text = read_text(source, TEXT_FILE, advice="name a text file of four rows", strict=False)
    found = []
    for k, line in enumerate(text.split("\n"), 1):
        fields = line.partition("#")[0].replace(",", " ").split()
        try:
            values = [float(field) for field in fields]
        except ValueError:
            raise InputError(f"{source}, line {k}: found {line.strip()[:40]!r}; give four numbers") from None
        if values:
            found.append(values)
    if [len(values) for values in found] != [4] * 4:
        widths = ", ".join(str(len(values)) for values in found[:8]) or "none"
        raise InputError(f"{source}: transform: found rows of {widths} numbers; give four rows of four")
    return _affine(np.array(found), f"{source}: transform")


def _affine(matrix: np.ndarray, name: str) -> np.ndarray:
    """The matrix, if it is an invertible affine."""
    if matrix.shape != (4, 4):
        raise InputError(f"{name}: found shape {matrix.shape}; give a matrix of 4 × 4")
    if not np.isfinite(matrix).all() or not np.array_equal(matrix[3], [0, 0, 0, 1]):
        raise InputError(f"{name}: found last row {matrix[3].tolist()}; give finite numbers and a last row of 0 0 0 1")
    if np.linalg.det(matrix[:3, :3]) == 0:
        raise InputError(f"{name}: found a determinant of 0; give a matrix that can be inverted")
    return matrix
