"""Tracing of angiograms, held against trees that were drawn into them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import KDTree

from simulators.angiography.tracing import isotropic, trace_tof, trace_vessels
from simulators.errors import InputError
from simulators.vessels.great_vessels import GreatVessels

SHAPE, EDGE = (96, 96, 80), 0.5
BLOOD, TISSUE, NOISE = 300.0, 100.0, 15.0
"""SNR is 20 in blood; half a slab's width away the coil sees 20 % less."""


@dataclass(frozen=True)
class Tube:
    """A branch as drawn: points 0.1 mm apart (n, 3), mm, and radii there (n,)."""

    line: np.ndarray
    radius: np.ndarray
    is_leaf: bool

    @property
    def length(self) -> float:
        return float(np.linalg.norm(np.diff(self.line, axis=0), axis=1).sum())


def tube(
    start: Sequence[float], end: Sequence[float], bow: Sequence[float], radii: tuple[float, float], leaf: bool
) -> Tube:
    """A tube between two points that bows out half-way (mm) and tapers."""
    first, last = np.array(start, float), np.array(end, float)
    t = np.linspace(0, 1, int(np.linalg.norm(last - first) / 0.1) + 2)[:, np.newaxis]
    line = first + t * (last - first) + np.sin(np.pi * t) * np.array(bow, float)
    return Tube(line, radii[0] + (radii[1] - radii[0]) * t[:, 0], leaf)


def fan(
    start: Sequence[float], up: Sequence[float], across: Sequence[float], radius: float, depth: int = 0
) -> list[Tube]:
    """A tree that forks two or three times, each time into a plane across the last; leaves taper to 0.4 mm."""
    length, angle, ratio = (11.0, 13.0, 10.0)[depth], (0, 0.62, 0.5)[min(depth + 1, 2)], 0.7
    u, a = np.array(up, float), np.array(across, float)
    end = np.array(start) + length * u
    leaf = depth == 2
    tip = 0.4 if leaf else 0.85 * radius
    tubes = [tube(start, end, 0.9 * (-1) ** depth * a, (radius, tip), leaf)]
    if not leaf:
        b = np.cross(u, a)
        for side in (-1, 1):
            tilted = np.cos(angle) * u + side * np.sin(angle) * a
            tubes += fan(end, tilted, b, max(ratio * radius, 0.5), depth + 1)
    return tubes


def three_trees() -> list[Tube]:
    """Two wide arteries in front and a narrower one behind that enter through the floor at z = −20; 12 leaves."""
    trees = [((-11, 8, -20), (0, 1, 0), 2.0), ((11, 8, -20), (0, 1, 0), 2.0), ((0, -12, -20), (1, 0, 0), 1.6)]
    return [branch for start, across, radius in trees for branch in fan(start, (0, 0, 1), across, radius)]


def ring_of_willis() -> list[Tube]:
    """Three arteries that enter through the floor and join a ring of 0.9 mm, and six that leave it outwards."""
    around = np.radians(np.arange(12) * 30.0)
    corner = np.stack([9 * np.sin(around), 9 * np.cos(around), np.full(12, -6.0)], axis=1)
    tubes = [tube(corner[k - 1], corner[k], (0, 0, 0), (0.9, 0.9), False) for k in range(12)]
    for k in (2, 6, 10):
        tubes.append(tube([*corner[k][:2], -20], corner[k], (0, 0.8, 0), (2.0 if k != 6 else 1.6, 1.3), False))
    for k in range(1, 12, 2):
        tubes.append(tube(corner[k], 2 * corner[k] + (0, 0, 12 + 3 * (k % 3)), (0, 0, 1), (0.9, 0.4), True))
    return tubes


def turn(degrees: float) -> np.ndarray:
    """Rotation about x, (3, 3)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def turned(tubes: Sequence[Tube], degrees: float) -> list[Tube]:
    return [Tube(t.line @ turn(degrees).T, t.radius, t.is_leaf) for t in tubes]


def centered(edges: Sequence[float], shape: Sequence[int], degrees: float = 0.0) -> np.ndarray:
    """Affine of a volume about the origin, turned about x."""
    affine = np.eye(4)
    affine[:3, :3] = turn(degrees) @ np.diag(edges)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine


def share_of_blood(tubes: Sequence[Tube], shape: tuple[int, int, int], affine: np.ndarray) -> np.ndarray:
    """Share of each voxel inside of a tube, (X, Y, Z): voxels that a wall may cut are sampled 4×4×4 times."""
    line, radius = (np.concatenate([getattr(t, name) for t in tubes]) for name in ("line", "radius"))
    points = KDTree(line)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    distance, nearest = points.query(index @ affine[:3, :3].T + affine[:3, 3], distance_upper_bound=4.0)
    depth = np.append(radius, -np.inf)[nearest] - np.where(np.isfinite(distance), distance, 0)
    share = (depth > 0).astype(float)
    half_diagonal = 0.5 * np.linalg.norm(affine[:3, :3], axis=0) @ np.ones(3)
    cut = index[np.abs(depth) < half_diagonal]
    sub = (np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) + 0.5) / 4 - 0.5
    samples = (cut[:, np.newaxis] + sub) @ affine[:3, :3].T + affine[:3, 3]
    distance, nearest = points.query(samples)
    share[tuple(cut.T)] = (distance < radius[nearest]).mean(axis=1)
    return share


def angiogram(
    tubes: Sequence[Tube], *, shape: tuple[int, int, int] = SHAPE, affine: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """An image of vessels with partial volumes, uneven tissue, coil shading and noise, and its affine."""
    affine = centered((EDGE,) * 3, shape) if affine is None else affine
    rng = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(rng.standard_normal(shape), 3)
    tissue = TISSUE * (1 + 0.05 * texture / texture.std())
    share = share_of_blood(tubes, shape, affine)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    shading = 1 + 0.1 * x - 0.1 * y**2 - 0.15 * z
    image = (tissue * (1 - share) + BLOOD * share) * shading + NOISE * rng.standard_normal(shape)
    return image.astype(np.float32), affine


def length_of(vessels: GreatVessels) -> float:
    inner = vessels.parent >= 0
    return float(np.linalg.norm(vessels.position - vessels.position[vessels.parent], axis=1)[inner].sum())


def leaves_of(vessels: GreatVessels) -> np.ndarray:
    return vessels.position[np.bincount(vessels.parent[vessels.parent >= 0], minlength=len(vessels.parent)) == 0]


def radius_errors(vessels: GreatVessels, tubes: Sequence[Tube]) -> np.ndarray:
    """Of each tube the median over its nodes of traced minus drawn radius, mm."""
    line, radius = (np.concatenate([getattr(t, name) for t in tubes]) for name in ("line", "radius"))
    number = np.repeat(np.arange(len(tubes)), [len(t.line) for t in tubes])
    _, nearest = KDTree(line).query(vessels.position)
    error = vessels.radius - radius[nearest]
    return np.array([np.median(error[number[nearest] == k]) for k in range(len(tubes))])


def check_tree(vessels: GreatVessels) -> None:
    """No cycle, and what `GreatVessels` promises."""
    n = len(vessels.parent)
    assert (vessels.parent < np.arange(n)).all()
    children = np.bincount(vessels.parent[vessels.parent >= 0], minlength=n)
    assert children.max() <= 2
    assert (children[vessels.roots] == 1).all()
    assert (vessels.radius > 0).all()
    assert np.isfinite(vessels.position).all()


@cache
def case(name: str) -> tuple[list[Tube], np.ndarray, np.ndarray, GreatVessels]:
    """Tubes, image, affine, and what was traced; each once."""
    if name == "tilted":
        tubes, shape = turned(three_trees(), 25), (96, 96, 50)
        image, affine = angiogram(tubes, shape=shape, affine=centered((0.5, 0.5, 0.8), shape, 25))
    else:
        tubes = three_trees() if name == "upright" else ring_of_willis()
        image, affine = angiogram(tubes)
    return tubes, image, affine, trace_vessels(image, affine)


@pytest.mark.parametrize("name", ["upright", "tilted", "ring"])
def test_a_drawn_tree_comes_back(name: str) -> None:
    tubes, _, _, vessels = case(name)
    check_tree(vessels)
    assert sorted(vessels.root_names) == ["BA", "ICA_L", "ICA_R"]
    drawn = sum(t.length for t in tubes)
    assert length_of(vessels) == pytest.approx(drawn, rel=0.05)
    tips = np.array([t.line[-1] for t in tubes if t.is_leaf])
    distance, _ = KDTree(leaves_of(vessels)).query(tips)
    # A tube that tapers to 0.4 mm, less than a voxel, fades away over its last 2 mm.
    assert distance.max() < 2.0
    # The median of each tube: no kind of vessel hides behind another, and nodes in forks belong to no tube alone.
    assert np.abs(radius_errors(vessels, tubes)).max() <= 0.15


def test_a_ring_is_cut_where_ways_from_the_inlets_meet() -> None:
    tubes, _, _, vessels = case("ring")
    n_tips = sum(t.is_leaf for t in tubes)
    # Each of the three arcs of the ring between inlets is cut once, which leaves two ends.
    assert len(leaves_of(vessels)) == n_tips + 2 * 3
    ends = leaves_of(vessels)[KDTree([t.line[-1] for t in tubes if t.is_leaf]).query(leaves_of(vessels))[0] > 2]
    # The two ends of a cut are neighbors among voxels, before smoothing moved them by half a voxel at most.
    assert KDTree(ends).query(ends, k=2)[0][:, 1].max() < 2 * EDGE * np.sqrt(3)


def test_given_inlets_are_used_and_the_rest_is_told() -> None:
    _, image, affine, _ = case("upright")
    with pytest.warns(UserWarning, match=r"^6\d % of the length of the vessels in the image is connected to no inlet"):
        vessels = trace_vessels(image, affine, inlets=np.array([[10.0, 7.0, -21.0]]))
    check_tree(vessels)
    assert vessels.root_names == ("inlet_1",)
    assert np.linalg.norm(vessels.position[vessels.roots[0]] - [11, 8, -20]) < 1.0
    third = sum(t.length for t in three_trees()[:7])
    assert length_of(vessels) == pytest.approx(third, rel=0.05)


def test_an_inlet_in_the_middle_of_a_vessel_feeds_both_sides() -> None:
    _, image, affine, whole = case("upright")
    inlets = np.array([[-11, 8, -13], [11, 8, -20], [0, -12, -20.0]])
    vessels = trace_vessels(image, affine, inlets=inlets)
    assert length_of(vessels) == pytest.approx(length_of(whole), rel=0.02)


def test_a_transform_moves_and_scales(tmp_path: Path) -> None:
    _, image, affine, vessels = case("upright")
    motion = np.diag([1.1, 1.1, 1.1, 1.0])
    motion[:3, 3] = 1, 2, 3
    np.savetxt(tmp_path / "to_template.txt", motion)
    moved = trace_vessels(image, affine, transform=tmp_path / "to_template.txt")
    np.testing.assert_allclose(moved.position, 1.1 * vessels.position + [1, 2, 3], atol=1e-9)
    np.testing.assert_allclose(moved.radius, 1.1 * vessels.radius, rtol=1e-9)


def test_a_nifti_gives_the_same(tmp_path: Path) -> None:
    _, image, affine, vessels = case("upright")
    nib.save(nib.Nifti1Image(image[..., np.newaxis], affine), tmp_path / "tof.nii.gz")
    read = trace_tof(tmp_path / "tof.nii.gz")
    np.testing.assert_array_equal(read.parent, vessels.parent)
    np.testing.assert_allclose(read.position, vessels.position, atol=1e-4)  # the header's affine is float32


def test_resampling_moves_nothing() -> None:
    affine = centered((0.5, 0.5, 0.8), (20, 22, 24), 30)
    index = np.stack(np.meshgrid(*map(np.arange, (20, 22, 24)), indexing="ij"), axis=-1)
    slope = np.array([1.0, -2.0, 3.0])
    image = (index @ affine[:3, :3].T + affine[:3, 3]) @ slope
    finer, placed = isotropic(image, affine)
    np.testing.assert_allclose(np.linalg.norm(placed[:3, :3], axis=0), 0.5)
    index = np.stack(np.meshgrid(*map(np.arange, finer.shape), indexing="ij"), axis=-1)
    expected = (index @ placed[:3, :3].T + placed[:3, 3]) @ slope
    inner = (slice(8, -8),) * 3  # splines ring a little at faces
    np.testing.assert_allclose(finer[inner], expected[inner], atol=1e-3)


def small() -> np.ndarray:
    return np.random.default_rng(0).normal(100, 5, (40, 40, 40)).astype(np.float32)


@pytest.mark.parametrize(
    ("image", "affine", "message"),
    [
        (small(), np.eye(4), r"image: found no vessel; give an angiogram whose .*"),
        (np.ones((20, 20, 20)), np.eye(4), r"image: found no vessel; .*"),
        (np.zeros((20, 20, 20)), np.eye(4), r"image: found no vessel; .*"),
        (np.ones((20, 20)), np.eye(4), r"image: found shape \(20, 20\) of float64; give one 3D volume of numbers"),
        (np.ones((9, 9, 9, 2)), np.eye(4), r"image: found shape \(9, 9, 9, 2\) of float64; give one .*"),
        (np.full((9, 9, 9), np.nan), np.eye(4), r"image: found 729 values that are NaN or infinite; replace them by 0"),
        (small(), np.diag([1, 0, 1, 1]), r"affine: found none with a scale along each axis; mend sform and qform .*"),
    ],
    ids=["noise", "constant", "zero", "2D", "two volumes", "NaN", "no scale"],
)
def test_what_is_no_angiogram_is_refused(image: np.ndarray, affine: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=rf"^{message}$"):
        trace_vessels(image, affine)


@pytest.mark.parametrize(
    ("inlets", "message"),
    [
        ([[30.0, 8, -20]], r"inlets: inlet 1 at \(30.0, 8.0, -20.0\) mm: found the nearest vessel \d+\.\d mm away; .*"),
        ([[11, 8, -20], [11.5, 8, -20]], r"inlets: inlet 2 at .* mm: found the same vessel as inlet 1; give each once"),
        ([1.0, 2.0, 3.0], r"inlets: found shape \(3,\); give x, y, z in mm for each, \(n, 3\)"),
    ],
)
def test_inlets_that_are_none_are_refused(inlets: list[list[float]], message: str) -> None:
    _, image, affine, _ = case("upright")
    with pytest.raises(InputError, match=rf"^{message}$"):
        trace_vessels(image, affine, inlets=np.array(inlets))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^.*none\.nii: no such file; give the NIfTI of a TOF angiogram$"):
        trace_tof(tmp_path / "none.nii")
    (tmp_path / "text.nii.gz").write_text("no image", encoding="utf-8")
    with pytest.raises(InputError, match=r"^.*text\.nii\.gz: not readable as NIfTI \(.*\); copy or convert it again$"):
        trace_tof(tmp_path / "text.nii.gz")
    nib.save(nib.Nifti1Image(small(), np.eye(4)), tmp_path / "noise.nii")
    with pytest.raises(InputError, match=r"^.*noise\.nii: image: found no vessel; .*$"):
        trace_tof(tmp_path / "noise.nii")
