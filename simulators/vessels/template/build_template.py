"""Make `arteries.swc` and `veins.swc` from waypoints: `python -m simulators.vessels.template.build_template`.

The waypoints were placed by hand from published anatomy and radii (Alastruey et al. 2007, J Biomech 40), in mm of
MNI152 (ICBM 2009a symmetric). A branch `_R` serves as `_L` too, mirrored, unless that has waypoints of its own. Their
column `mode` says how a branch finds its way:

- `cist`, `pial` (cisterns, the brain's surface): each waypoint moves to the cheapest voxel near by, and the branch
  takes the cheapest way between them, smoothed. Fluid is cheap, grey matter dear and white matter forbidding.
- `free`, `stub` (in bone or dura, through tissue): a spline through the waypoints as they stand.

A branch starts at the waypoint `attach_wp` of its parent. Its radius changes linearly with the way between waypoints.
The maps of tissue are those that nilearn carries; the same versions of nilearn and scikit-image give the same files.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from nilearn.datasets import load_mni152_brain_mask, load_mni152_gm_template, load_mni152_wm_template
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d
from skimage.graph import route_through_array

from simulators.vessels.great_vessels import NAMES_FOLLOW, GreatVessels, without_multifurcations

FOLDER = Path(__file__).parent

STEP_MM = 2.0
"""Between nodes, about."""

REACH_MM = 4
"""How far a waypoint may move: half the width of a cistern."""

SMOOTHING = 2.0
"""Standard deviation of the Gaussian along a way, voxels: it takes off the steps of the grid."""

MARGIN_MM = 12
"""How far a way may leave the box around its ends."""

FIRST_CODE = 10
"""SWC's types below are taken."""


@dataclass(frozen=True)
class Branch:
    """Waypoints of a branch: position, mm, (n, 3), and radius, mm, (n,)."""

    name: str
    parent: str
    attach_wp: int
    mode: str
    position: np.ndarray
    radius: np.ndarray


@dataclass(frozen=True)
class Course:
    """Way of a branch, from its parent's node: position, mm, (n, 3), radius, mm, (n,), and index of each waypoint."""

    position: np.ndarray
    radius: np.ndarray
    waypoint: np.ndarray

    def mirrored(self) -> "Course":
        """The same on the other side."""
        return Course(self.position * [-1, 1, 1], self.radius, self.waypoint)


class Avoidance:
    """What it costs an artery or vein to lie in each voxel of 1 mm."""

    def __init__(self) -> None:
        grey, white, brain = (
            load(resolution=1) for load in (load_mni152_gm_template, load_mni152_wm_template, load_mni152_brain_mask)
        )
        self.first_mm = grey.affine[:3, 3].astype(int)
        # The map is an average of heads: fluid in a sulcus holds up to 0.4 of grey matter. Outside of the mask is dura
        # before long, so that a way there counts double; it may still cut a corner.
        dear = np.maximum(grey.get_fdata() - 0.4, 0.0)
        self.cost = 1.0 + 10.0 * dear + 50.0 * white.get_fdata() + 1.0 * (brain.get_fdata() == 0)

    def cheapest_near(self, point: np.ndarray, midline: bool) -> np.ndarray:
        """The middle of the cheapest voxel near a point, mm, (3,); of equals the nearest, on the same side."""
        reach = np.arange(-REACH_MM, REACH_MM + 1)
        offset = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
        voxel = np.rint(point).astype(int) + offset[np.linalg.norm(offset, axis=1) <= REACH_MM]
        voxel = voxel[voxel[:, 0] == 0 if midline else voxel[:, 0] >= 1]
        cost = self.cost[tuple((voxel - self.first_mm).T)]
        far = np.sum((voxel - point) ** 2, axis=1)
        return voxel[np.argmin(cost + 0.1 * far)].astype(float)

    def way(self, start: np.ndarray, end: np.ndarray, midline: bool) -> np.ndarray:
        """The cheapest way between two points, on the right side or in the midline: one point a voxel, mm, (n, 3)."""
        first, last = np.rint(start).astype(int), np.rint(end).astype(int)
        low = np.minimum(first, last) - MARGIN_MM
        high = np.maximum(first, last) + MARGIN_MM
        low[0], high[0] = (0, 0) if midline else (max(low[0], 0), high[0])
        low = np.maximum(low, self.first_mm)
        x, y, z = (slice(a, b + 1) for a, b in zip(low - self.first_mm, high - self.first_mm, strict=True))
        voxels, _ = route_through_array(self.cost[x, y, z], first - low, last - low, geometric=True)
        return np.array(voxels, float) + low


def read_branches(path: Path) -> list[Branch]:
    """Branches of a table of waypoints, parents first."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    branches = []
    for name in dict.fromkeys(row["branch"] for row in rows):
        own = [row for row in rows if row["branch"] == name]
        position = np.array([[float(row[axis]) for axis in "xyz"] for row in own])
        radius = np.array([float(row["r"]) for row in own])
        branches.append(Branch(name, own[0]["parent"], int(own[0]["attach_wp"]), own[0]["mode"], position, radius))
    return branches


def course_of(branch: Branch, start: np.ndarray | None, avoidance: Avoidance) -> Course:
    """Way of a branch from `start`, mm, (3,), or from its own first waypoint."""
    legs = _spline(branch, start) if branch.mode in ("free", "stub") else _ways(branch, start, avoidance)
    # A root's first waypoint is where it starts; elsewhere the first leg leads there and is as wide as it.
    radius = branch.radius if start is None else np.append(branch.radius[0], branch.radius)
    position, width, knots = [legs[0][:1]], [radius[:1]], [0]
    for leg, wide in zip(legs, pairwise(radius), strict=True):
        gone = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(leg, axis=0), axis=1)))
        part = np.linspace(0.0, 1.0, max(round(gone[-1] / STEP_MM), 1) + 1)[1:]
        position.append(np.stack([np.interp(part * gone[-1], gone, axis) for axis in leg.T], axis=1))
        width.append(wide[0] + part * (wide[1] - wide[0]))
        knots.append(knots[-1] + len(part))
    return Course(np.concatenate(position), np.concatenate(width), np.array(knots if start is None else knots[1:]))


def _spline(branch: Branch, start: np.ndarray | None) -> list[np.ndarray]:
    """Points of a cubic spline between each two waypoints."""
    knots = branch.position if start is None else np.vstack([start, branch.position])
    at = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1)))
    spline = make_interp_spline(at, knots, k=min(3, len(at) - 1))
    return [spline(np.linspace(begin, end, 50)) for begin, end in pairwise(at)]


def _ways(branch: Branch, start: np.ndarray | None, avoidance: Avoidance) -> list[np.ndarray]:
    """Smoothed points of the cheapest way between each two waypoints."""
    midline = not branch.position[:, 0].any()
    knots = [avoidance.cheapest_near(point, midline) for point in branch.position]
    knots = knots if start is None else [start, *knots]
    ways = [avoidance.way(begin, end, midline) for begin, end in pairwise(knots)]
    ways[0][0] = knots[0]
    whole = np.concatenate([ways[0][:1], *(way[1:] for way in ways)])
    margin = round(4 * SMOOTHING)
    # Odd reflection keeps both ends where they are.
    wide = np.pad(whole, ((margin, margin), (0, 0)), mode="reflect", reflect_type="odd")
    smooth = gaussian_filter1d(wide, SMOOTHING, axis=0)[margin:-margin]
    ends = np.append(0, np.cumsum([len(way) - 1 for way in ways]))
    return [smooth[begin : end + 1] for begin, end in pairwise(ends)]


def courses_of(branches: Sequence[Branch], avoidance: Avoidance) -> dict[str, tuple[str, int, Course]]:
    """Parent, `attach_wp` and course of each branch, those that are mirrored last."""
    courses: dict[str, tuple[str, int, Course]] = {}
    for branch in branches:
        start = None
        if branch.parent:
            above = courses[branch.parent][2]
            start = above.position[above.waypoint[branch.attach_wp]]
        courses[branch.name] = (branch.parent, branch.attach_wp, course_of(branch, start, avoidance))
    for branch in branches:
        name = _left(branch.name)
        if name not in courses:
            courses[name] = (_left(branch.parent), branch.attach_wp, courses[branch.name][2].mirrored())
    return courses


def _left(name: str) -> str:
    return f"{name[:-2]}_L" if name.endswith("_R") else name


def build(waypoints: Path, avoidance: Avoidance) -> GreatVessels:
    """The vessels of a table of waypoints."""
    courses = courses_of(read_branches(waypoints), avoidance)
    position: list[np.ndarray] = []
    parent: list[int] = []
    radius: list[float] = []
    branch: list[int] = []
    node_of: dict[str, list[int]] = {}
    for code, (name, (above, attach_wp, course)) in enumerate(courses.items()):
        node = node_of[above][courses[above][2].waypoint[attach_wp]] if above else -1
        nodes = [node] if above else []
        for k in range(len(nodes), len(course.position)):
            parent.append(nodes[-1] if nodes else -1)
            nodes.append(len(position))
            position.append(course.position[k])
            radius.append(course.radius[k])
            branch.append(code)
        node_of[name] = nodes
    return without_multifurcations(
        GreatVessels(np.array(position), np.array(parent), np.array(radius), np.array(branch), tuple(courses))
    )


def write(path: Path, vessels: GreatVessels, what: str) -> None:
    """Write vessels so that `read_great_vessels` gives them back, to 0.01 mm."""
    lines = [
        f"# {what} of the brain, template in MNI152 (ICBM 2009a symmetric), mm, right, anterior and superior positive",
        "# made for qtmnet by simulators/vessels/template/build_template.py from waypoints placed by hand; MIT licence",
        f"# {NAMES_FOLLOW}",
        *(f"#  {FIRST_CODE + code} {name}" for code, name in enumerate(vessels.branch_names)),
        "# id type x y z radius parent",
    ]
    position = np.round(vessels.position, 2) + 0.0  # no −0.00
    code = FIRST_CODE + vessels.branch
    parent = np.where(vessels.parent >= 0, vessels.parent + 1, -1)
    for k, (x, y, z) in enumerate(position):
        lines.append(f"{k + 1} {code[k]} {x:.2f} {y:.2f} {z:.2f} {vessels.radius[k]:.3f} {parent[k]}")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")


def main(folder: Path = FOLDER) -> None:
    """Write both trees into a folder."""
    avoidance = Avoidance()
    for name in ("arteries", "veins"):
        write(folder / f"{name}.swc", build(FOLDER / f"{name}_waypoints.csv", avoidance), f"Great {name}")


if __name__ == "__main__":
    main()
