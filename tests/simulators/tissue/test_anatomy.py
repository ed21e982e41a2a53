"""Anatomy: the rule of the classes, and that a place in the head is the same however its maps are stored."""

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from simulators.errors import InputError
from simulators.tissue.anatomy import (
    CSF,
    GREY,
    OUTSIDE,
    SHELL_MM,
    WHITE,
    Anatomy,
    TissueMaps,
    _grid,
    _resampled,
    place_on_grid,
)

NOTHING = np.zeros((1, 3))
"""A point within all of the heads below."""


def random_shares(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Shares of grey matter, white matter and fluid that add up to at most 1, (3, X, Y, Z)."""
    drawn = np.random.default_rng(seed).dirichlet([0.4, 0.4, 0.4, 0.4], shape)
    return np.moveaxis(drawn[..., :3], -1, 0).astype(np.float32)


def affine_of(size: tuple[float, float, float], low: tuple[float, float, float]) -> np.ndarray:
    """Of voxels along the scanner's axes, the first one's low corner at a place in mm."""
    affine = np.diag([*size, 1.0])
    affine[:3, 3] = np.array(low) + 0.5 * np.array(size)
    return affine


def classes_of(shares: np.ndarray) -> np.ndarray:
    """The rule, voxel by voxel."""
    tissue = np.empty(shares.shape[1:], int)
    for voxel in np.ndindex(tissue.shape):
        grey, white, csf = shares[(slice(None), *voxel)]
        if grey + white > 0.5:
            tissue[voxel] = GREY if grey > white else WHITE
        else:
            tissue[voxel] = CSF if grey + white + csf > 0.5 else OUTSIDE
    return tissue


def first_voxel(anatomy_affine: np.ndarray, low: tuple[float, float, float]) -> np.ndarray:
    """Voxel of the grid whose low corner is at `low`; they have to coincide."""
    size = np.diag(anatomy_affine)[:3]
    index = (np.array(low) - (anatomy_affine[:3, 3] - size / 2)) / size
    np.testing.assert_allclose(index, np.round(index), atol=1e-9)
    return np.round(index).astype(int)


def cut_out(image: np.ndarray, first: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return image[tuple(slice(a, a + n) for a, n in zip(first, shape, strict=True))]


def ball(affine: np.ndarray, shape: tuple[int, int, int], middle: tuple[float, float, float]) -> np.ndarray:
    """Shares of a head of white matter to 12 mm, grey to 18 mm and fluid to 22 mm, edges as soft as 2 mm."""
    index = np.moveaxis(np.indices(shape), 0, -1)
    away = np.linalg.norm(index @ affine[:3, :3].T + affine[:3, 3] - middle, axis=-1)
    within = [np.clip((radius - away) / 2 + 0.5, 0, 1) for radius in (12, 18, 22)]
    return np.stack([within[1] - within[0], within[0], within[2] - within[1]]).astype(np.float32)


# --- on the maps' own grid ------------------------------------------------------------------------------------

LOWS = [(0.0, 0.0, 0.0), (-37.3, 11.7, -4.1)]


@pytest.mark.parametrize("low", LOWS)
@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (1.1, 1.1, 1.1), (0.9, 1.25, 2.3)])
def test_on_their_own_grid_maps_are_reproduced(
    size: tuple[float, float, float], low: tuple[float, float, float]
) -> None:
    """To the outermost voxels, that the maps fill to their edges."""
    shares, affine = random_shares((9, 10, 11)), affine_of(size, low)
    grid, shape = _grid(shares, affine, np.array(size), NOTHING + affine[:3, 3])
    first = first_voxel(grid, low)
    for share in shares:
        found = _resampled(share, affine, grid, shape)
        # Weights of 1 and 0 but for the rounding of coordinates in mm: some 1e-14.
        np.testing.assert_allclose(cut_out(found, first, share.shape), share, atol=1e-6)
        assert found.sum(dtype=float) == pytest.approx(share.sum(dtype=float), rel=1e-6)  # and nothing around it


@pytest.mark.parametrize("low", LOWS)
def test_classes_follow_the_rule(low: tuple[float, float, float]) -> None:
    shares, size = random_shares((9, 10, 11)), (1.5, 1.5, 2.0)
    expected = classes_of(shares)
    assert set(np.unique(expected)) == {OUTSIDE, GREY, WHITE, CSF}
    anatomy = place_on_grid(shares, affine_of(size, low), size, NOTHING + low)
    first = first_voxel(anatomy.affine, low)
    np.testing.assert_array_equal(cut_out(anatomy.tissue, first, expected.shape), expected)
    assert np.count_nonzero(anatomy.tissue) == np.count_nonzero(expected)
    np.testing.assert_array_equal(anatomy.in_tissue, np.isin(anatomy.tissue, [GREY, WHITE]))
    assert anatomy.tissue.dtype == np.uint8
    assert anatomy.voxel_size_mm == size
    np.testing.assert_allclose(anatomy.corner_mm, np.array(low) - first * size, atol=1e-9)


def test_ties_are_settled_by_the_rule() -> None:
    """Half of it tissue is not tissue; as much grey as white is white; half of it brain is outside."""
    shares = np.zeros((3, 5, 1, 1), np.float32)
    shares[:, :, 0, 0] = np.array([[0.5, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.25, 0.25], [0.0, 0.5, 0.0], [1, 0, 0]]).T
    anatomy = place_on_grid(shares, affine_of((1, 1, 1), (0, 0, 0)), (1.0, 1.0, 1.0), NOTHING)
    first = first_voxel(anatomy.affine, (0, 0, 0))
    assert cut_out(anatomy.tissue, first, (5, 1, 1)).ravel().tolist() == [OUTSIDE, WHITE, CSF, OUTSIDE, GREY]


# --- on coarser and finer grids -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "factor"),
    [
        ((1.0, 1.0, 1.0), (2, 2, 2)),
        ((1.0, 1.0, 1.0), (2, 3, 4)),
        ((1.0, 1.0, 3.0), (3, 3, 1)),  # slices, onto cubes
        ((0.7, 0.7, 0.7), (2, 2, 3)),
        ((0.9, 1.2, 2.5), (4, 3, 2)),
    ],
)
@pytest.mark.parametrize("low", LOWS)
def test_multiples_of_the_maps_voxels_are_means_of_blocks(
    size: tuple[float, float, float], factor: tuple[int, int, int], low: tuple[float, float, float]
) -> None:
    shares, affine, shape = random_shares((12, 12, 12)), affine_of(size, low), 12 // np.array(factor)
    coarse = np.array(size) * factor
    grid, grid_shape = _grid(shares, affine, coarse, NOTHING + low)
    first = first_voxel(grid, low)
    for share in shares:
        blocks = share.reshape(shape[0], factor[0], shape[1], factor[1], shape[2], factor[2]).mean(axis=(1, 3, 5))
        found = _resampled(share, affine, grid, grid_shape)
        np.testing.assert_allclose(cut_out(found, first, tuple(shape)), blocks, atol=1e-6)  # single precision


def test_classes_of_blocks_follow_the_rule() -> None:
    shares = random_shares((12, 12, 12))
    blocks = shares.reshape(3, 6, 2, 6, 2, 6, 2).mean(axis=(2, 4, 6))
    anatomy = place_on_grid(shares, affine_of((1, 1, 1), (-5, 2, 3)), (2.0, 2.0, 2.0), np.array([[0.0, 5, 5]]))
    first = first_voxel(anatomy.affine, (-5, 2, 3))
    np.testing.assert_array_equal(cut_out(anatomy.tissue, first, (6, 6, 6)), classes_of(blocks))


def test_between_the_maps_voxels_values_are_interpolated() -> None:
    """A ramp stays a ramp on a grid of half the size, away from the map's edges."""
    ramp = np.broadcast_to(np.linspace(0.1, 0.9, 9)[:, None, None], (9, 6, 6)).astype(np.float32)
    affine = affine_of((2, 2, 2), (0, 0, 0))
    grid, shape = _grid(np.stack([ramp] * 3), affine, np.ones(3), NOTHING + 1)
    found = cut_out(_resampled(ramp, affine, grid, shape), first_voxel(grid, (0, 0, 0)), (18, 12, 12))
    middles = np.arange(18) + 0.5
    expected = 0.1 + 0.8 * (middles / 2 - 0.5) / 8
    np.testing.assert_allclose(found[1:-1, 3:-3, 3:-3], expected[1:-1, None, None] * np.ones((16, 6, 6)), atol=1e-6)


# --- how maps are stored --------------------------------------------------------------------------------------


def stored_otherwise(
    shares: np.ndarray, affine: np.ndarray, order: tuple[int, ...], flip: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The same maps with their axes in another order, and some of them the other way round."""
    there = np.zeros((4, 4))
    there[3, 3] = 1
    for axis in range(3):
        there[order[axis], axis] = -1.0 if flip[axis] else 1.0
        there[order[axis], 3] += shares.shape[1 + order[axis]] - 1 if flip[axis] else 0
    stored = np.transpose(shares, (0, *(1 + axis for axis in order)))
    for axis in range(3):
        stored = np.flip(stored, 1 + axis) if flip[axis] else stored
    return stored, affine @ there


@pytest.mark.parametrize("flip", list(product([0, 1], repeat=3)))
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_and_direction_of_axes_mean_nothing(order: tuple[int, ...], flip: tuple[int, ...]) -> None:
    """All 48 ways to store a map, on a grid of another size and shape."""
    shares, affine = random_shares((7, 9, 8)), affine_of((1.1, 0.9, 2.0), (-3.3, 10.0, -7.7))
    size, to_hold = (2.2, 1.8, 2.0), np.array([[0.0, 12, 0]])
    expected = place_on_grid(shares, affine, size, to_hold)
    stored, its_affine = stored_otherwise(shares, affine, order, flip)
    for voxel in ((0, 0, 0), (3, 2, 5)):  # the test's own affine: the same value at the same place
        back = np.linalg.inv(affine) @ its_affine @ [*voxel, 1]
        assert (stored[(slice(None), *voxel)] == shares[(slice(None), *np.round(back[:3]).astype(int))]).all()
    found = place_on_grid(stored, its_affine, size, to_hold)
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-9)
    np.testing.assert_array_equal(found.tissue, expected.tissue)
    np.testing.assert_array_equal(found.shell, expected.shell)


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 1.5, 2.0)])
def test_an_oblique_map_gives_the_same_tissue_in_mm(size: tuple[float, float, float]) -> None:
    """A ball is where it is, in maps that are turned by 25° and by 40°, of voxels of three lengths."""
    a, b = np.deg2rad([25, 40])
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine, middle, shape = np.eye(4), (5.0, -8.0, 20.0), (60, 48, 40)
    affine[:3, :3] = turn * [1.0, 1.2, 1.5]
    affine[:3, 3] = middle - affine[:3, :3] @ (np.array(shape) / 2)
    anatomy = place_on_grid(ball(affine, shape, middle), affine, size, NOTHING + middle)
    index = np.moveaxis(np.indices(anatomy.tissue.shape), 0, -1)
    away = np.linalg.norm(index * size + anatomy.affine[:3, 3] - middle, axis=-1)
    # Only within half a voxel's diagonal and the maps' own voxel of a boundary may the class be another.
    slack = np.linalg.norm(size) / 2 + 1
    for tissue, low, high in ((WHITE, -1.0, 12.0), (GREY, 12.0, 18.0), (CSF, 18.0, 22.0), (OUTSIDE, 22.0, 1e9)):
        surely = (away > low + (slack if low > 0 else 0)) & (away < high - slack)
        assert surely.sum() > 20 or tissue == CSF  # of fluid there is but a thin layer
        assert (anatomy.tissue[surely] == tissue).all()
    # A ball of 18 mm: what is cut at its surface evens out.
    assert anatomy.in_tissue.sum() * np.prod(size) == pytest.approx(4 / 3 * np.pi * 18**3, rel=0.02)


# --- the grid and the shell -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[(2.0, 2.0, 2.0), (1.7, 2.4, 3.1)], ids=["cubes", "bricks"])
def head(request: pytest.FixtureRequest) -> Anatomy:
    affine = affine_of((2, 2, 2), (-30, -30, -30))
    return place_on_grid(ball(affine, (30, 30, 30), (0, 0, 0)), affine, request.param, NOTHING)


def middles(anatomy: Anatomy, which: np.ndarray) -> np.ndarray:
    return np.argwhere(which) * anatomy.voxel_size_mm + anatomy.affine[:3, 3]


def test_the_shell_is_what_lies_within_4_mm_outside_of_tissue(head: Anatomy) -> None:
    """Brute force: all but tissue that is brain, or no further than 4 mm from its nearest voxel."""
    brain = middles(head, head.tissue != OUTSIDE)
    everywhere = middles(head, np.ones(head.tissue.shape, bool))
    apart = np.concatenate([cdist(part, brain).min(axis=1) for part in np.array_split(everywhere, 20)])
    near = (apart <= SHELL_MM + 1e-9).reshape(head.tissue.shape)
    np.testing.assert_array_equal(head.shell, near & ~head.in_tissue)
    assert SHELL_MM == 4
    assert not (head.shell & head.in_tissue).any()
    assert head.shell[head.tissue == CSF].all()


def test_the_grid_holds_the_shell_and_no_more(head: Anatomy) -> None:
    """No shell is cut off at a face: 4 mm fit between the brain and it; nor is there much room to spare."""
    brain = np.argwhere(head.tissue != OUTSIDE)
    size = np.array(head.voxel_size_mm)
    low, high = brain.min(axis=0) * size, (np.array(head.tissue.shape) - 1 - brain.max(axis=0)) * size
    # A voxel that is brain reaches at most half an edge past what is brain in the map, whose voxels have 2 mm.
    for room in (low, high):
        assert (room >= SHELL_MM - size / 2 - 1e-9).all()
        assert (room < SHELL_MM + 2 * size + 2).all()


@pytest.mark.parametrize("points", [[[0.0, 0.0, -80.0]], [[55.0, 3.0, 2.0], [-61.7, 40.4, 0.1]]])
def test_the_grid_holds_given_points(points: list[list[float]]) -> None:
    """Great vessels that come from below the brain, in voxels of the same classes as before."""
    affine = affine_of((2, 2, 2), (-30, -30, -30))
    shares = ball(affine, (30, 30, 30), (0, 0, 0))
    plain = place_on_grid(shares, affine, (2.0, 2.0, 3.0), NOTHING)
    most = [[0.0, 0.0, 0.0]] * 3  # more vessels than not lie in the brain
    anatomy = place_on_grid(shares, affine, (2.0, 2.0, 3.0), np.array(points + most))
    within = np.array(points) - anatomy.corner_mm
    assert (within >= 1 - 1e-9).all()
    assert (within <= anatomy.tissue.shape * np.array(anatomy.voxel_size_mm) - 1 + 1e-9).all()
    offset = (plain.corner_mm - anatomy.corner_mm) / plain.voxel_size_mm
    np.testing.assert_allclose(offset, np.round(offset), atol=1e-9)
    np.testing.assert_array_equal(
        cut_out(anatomy.tissue, np.round(offset).astype(int), plain.tissue.shape), plain.tissue
    )
    assert np.count_nonzero(anatomy.tissue) == np.count_nonzero(plain.tissue)
    assert anatomy.shell.sum() == plain.shell.sum()


@pytest.mark.parametrize(
    "points",
    [[[0.0, 0, 0], [1, 1, 1], [0, 0, -200]], [[30.0, 30, 30], [40, 40, 40], [0, 0, 0]], [[1e5, 1e5, 1e5]]],
    ids=["far below", "mostly beside", "in micrometres"],
)
def test_points_of_another_head_are_said_in_one_line(points: list[list[float]]) -> None:
    affine = affine_of((2, 2, 2), (-30, -30, -30))
    with pytest.raises(InputError, match="angiography: found vessels up to") as caught:
        place_on_grid(ball(affine, (30, 30, 30), (0, 0, 0)), affine, (2.0, 2.0, 2.0), np.array(points))
    assert "\n" not in str(caught.value)


def test_maps_without_tissue_are_said_in_one_line() -> None:
    shares = np.zeros((3, 4, 4, 4), np.float32)
    shares[2] = 1
    with pytest.raises(InputError, match="anatomy: found no voxel") as caught:
        place_on_grid(shares, np.eye(4), (1.0, 1.0, 1.0), NOTHING)
    assert "\n" not in str(caught.value)


# --- files ----------------------------------------------------------------------------------------------------


def write_maps(folder: Path, shares: np.ndarray, affine: np.ndarray) -> dict[str, str]:
    files = {name: str(folder / f"{name}.nii.gz") for name in ("grey", "white", "csf")}
    for share, file in zip(shares, files.values(), strict=True):
        nib.Nifti1Image(share, affine).to_filename(file)
    return files


def test_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    """In single precision, with an oblique affine; and stored as bytes with a scale."""
    shares, affine = (
        random_shares((5, 6, 7)),
        np.array([[0, -1.5, 0.1, 3], [1.5, 0, 0, -4], [0, 0.1, 2, 5], [0, 0, 0, 1]]),
    )
    maps = TissueMaps(**write_maps(tmp_path, shares, affine))
    assert maps.files == tuple(str(tmp_path / f"{name}.nii.gz") for name in ("grey", "white", "csf"))
    found, its_affine = maps.read()
    np.testing.assert_array_equal(found, shares)
    np.testing.assert_allclose(its_affine, affine, atol=1e-5)  # kept in single precision
    scaled = nib.Nifti1Image(shares[1], affine)
    scaled.set_data_dtype(np.uint8)
    scaled.to_filename(maps.files[1])
    # Half of a step of 1/255, and what of the step is lost in single precision.
    np.testing.assert_allclose(maps.read()[0][1], shares[1], atol=0.51 / 255)


@pytest.mark.parametrize("given", [("grey",), ("white", "csf"), ("grey", "csf"), ("grey", "white")])
def test_some_of_the_files_are_refused(given: tuple[str, ...]) -> None:
    missing = next(name for name in ("grey", "white", "csf") if name not in given)
    with pytest.raises(InputError, match=f"^{missing}: found none") as caught:
        TissueMaps(**dict.fromkeys(given, "file.nii"))
    assert "\n" not in str(caught.value)


def shifted(share: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
    other = affine.copy()
    other[0, 3] += 0.5
    return nib.Nifti1Image(share, other)


def with_value(value: float) -> object:
    def make(share: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
        wrong = share.copy()
        wrong[1, 2, 3] = value
        return nib.Nifti1Image(wrong, affine)

    return make


BAD_MAPS = {
    "another affine": (shifted, "another grid"),
    "another shape": (lambda share, affine: nib.Nifti1Image(share[:-1], affine), "another grid"),
    "4D": (lambda share, affine: nib.Nifti1Image(share[..., None], affine), r"dim: found \(5, 6, 7, 1\)"),
    "2D": (lambda share, affine: nib.Nifti1Image(share[0], affine), r"dim: found \(6, 7\)"),
    "percent": (lambda share, affine: nib.Nifti1Image(100 * share, affine), "values 0 to"),
    "above 1": (with_value(1.01), "1.01"),
    "below 0": (with_value(-0.01), "-0.01"),
    "NaN": (with_value(np.nan), "found 1 values that are NaN"),
    "infinite": (with_value(np.inf), "NaN or infinite"),
    "all NaN": (lambda share, affine: nib.Nifti1Image(share * np.nan, affine), "found 210 values that are NaN"),
}


@pytest.mark.parametrize("name", ["grey", "white", "csf"])
@pytest.mark.parametrize("bad", BAD_MAPS)
def test_a_bad_map_is_said_in_one_line_with_file_and_field(tmp_path: Path, bad: str, name: str) -> None:
    shares, affine = random_shares((5, 6, 7)), affine_of((2, 2, 2), (0, 0, 0))
    shares[:, 0, 0, 0] = 0
    files = write_maps(tmp_path, shares, affine)
    make, found = BAD_MAPS[bad]
    make(shares[0], affine).to_filename(files[name])
    # A first map of another grid is told of the second, that differs from it.
    told = "white" if found == "another grid" and name == "grey" else name
    with pytest.raises(InputError, match=found) as caught:
        TissueMaps(**files).read()
    assert str(caught.value).startswith(f"{files[told]}: anatomy.{told}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"no NIfTI", b"\x1f\x8b" + bytes(100), "truncated", "folder"])
def test_an_unreadable_map_is_said_in_one_line_with_file_and_field(tmp_path: Path, content: bytes | str | None) -> None:
    files = write_maps(tmp_path, random_shares((5, 6, 7)), np.eye(4))
    file = Path(files["white"])
    whole = file.read_bytes()
    file.unlink()
    if content == "truncated":
        file.write_bytes(whole[: len(whole) // 2])
    elif content == "folder":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"no such file|not readable|found a folder") as caught:
        TissueMaps(**files).read()
    assert str(caught.value).startswith(f"{file}: anatomy.white: ")
    assert "\n" not in str(caught.value)


# --- MNI152 ---------------------------------------------------------------------------------------------------


def test_mni152_has_its_volumes_where_they_should_be() -> None:
    """At 1 mm the same rule gives 1,091,787 mm³ of grey and 637,788 mm³ of white matter.

    A voxel counts whole for the class of its larger part, so at 4 mm the blades of white matter in the gyri, thinner
    than that, go to the grey matter about them: 3 % less white, 3 % more grey. Their sum has fewer thin parts.
    """
    shares, affine = TissueMaps().read()
    anatomy = place_on_grid(shares, affine, (4.0, 4.0, 4.0), np.array([[0.0, -20, -70], [0, 0, 0], [1, 1, 1]]))
    at_1_mm = [1_091_787, 637_788]
    in_tissue, is_grey = shares[0] + shares[1] > 0.5, shares[0] > shares[1]
    assert [np.count_nonzero(in_tissue & is_grey), np.count_nonzero(in_tissue & ~is_grey)] == at_1_mm
    at_4_mm = [64 * np.count_nonzero(anatomy.tissue == tissue) for tissue in (GREY, WHITE)]
    assert at_4_mm == pytest.approx(at_1_mm, rel=0.05)
    assert sum(at_4_mm) == pytest.approx(sum(at_1_mm), rel=0.02)
    # Both centra semiovalia, the heads of both caudate nuclei, the third ventricle; and air.
    for place, tissue in (
        ((-26, -20, 34), WHITE),
        ((26, -20, 34), WHITE),
        ((-10, 14, 8), GREY),
        ((10, 14, 8), GREY),
        ((0, -20, 12), CSF),
        ((60, 0, 60), OUTSIDE),
    ):
        voxel = np.floor((np.array(place) - anatomy.corner_mm) / anatomy.voxel_size_mm).astype(int)
        assert anatomy.tissue[tuple(voxel)] == tissue
