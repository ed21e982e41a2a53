"""Images that belong to a scan lie where their affines say, whatever their matrix."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.grids.grid import grids_of
from qtmnet.scans.grids.placing import place
from qtmnet.scans.grids.resampling import resample
from simulators.errors import InputError

SHAPE, SCAN = (12, 14, 10), Path("sub-01_asl.nii.gz")
AFFINE = np.diag([-3.75, 3.75, 5.0, 1.0])
AFFINE[:3, 3] = 21.0, -24.0, -22.0
LINEAR = 1e-3  # of 200 mm, in single precision, by weights that are kept in double

TURNED = nib.affines.from_matvec(nib.eulerangles.euler2mat(z=0.15, x=-0.1))


def field(affine: np.ndarray, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """What any grid is to show of one object: x + 2 y − z mm + 100, which trilinear interpolation keeps."""
    x, y, z = np.moveaxis(nib.affines.apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1)), -1, 0)
    return x + 2 * y - z + 100


def image_of(affine: np.ndarray, shape: tuple[int, int, int] = SHAPE, code: int = 1) -> nib.Nifti1Image:
    image = nib.Nifti1Image(np.zeros(shape, np.float32), affine)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    return image


def placed(affine: np.ndarray, shape: tuple[int, int, int] = SHAPE, data: np.ndarray | None = None, code: int = 1):
    data = field(affine, shape) if data is None else data
    return place("m0.nii.gz", image_of(affine, shape, code), data[..., None], SCAN, image_of(AFFINE))


def scaled(factor: float) -> np.ndarray:
    """The affine of voxels so many times as large, about the middle of the field of view."""
    matrix = AFFINE[:3, :3] * factor
    middle = nib.affines.apply_affine(AFFINE, (np.array(SHAPE) - 1) / 2)
    return nib.affines.from_matvec(matrix, middle - matrix @ ((np.array(SHAPE) - 1) / 2))


def shifted(*mm: float) -> np.ndarray:
    return nib.affines.from_matvec(np.eye(3), mm) @ AFFINE


def flipped(axis: int) -> tuple[np.ndarray, tuple[int, int, int]]:
    """The same voxels, kept in the other order along an axis."""
    turn = np.eye(4)
    turn[axis, axis], turn[axis, 3] = -1, SHAPE[axis] - 1
    return AFFINE @ turn, SHAPE


def reordered() -> tuple[np.ndarray, tuple[int, int, int]]:
    """The same voxels, with axes in the order z, x, y."""
    order = np.zeros((4, 4))
    order[2, 0] = order[0, 1] = order[1, 2] = order[3, 3] = 1
    return AFFINE @ order, (SHAPE[2], SHAPE[0], SHAPE[1])


GRIDS = {
    "larger voxels, same matrix": (scaled(1.333), SHAPE, "not 12×14×10 voxels of 3.75×3.75×5 mm"),
    "twice as large": (scaled(2.0), SHAPE, "7.5×7.5×10 mm"),
    "slab 10 mm higher": (shifted(0, 0, 10), SHAPE, "its middle 10 mm away"),
    "half a voxel aside": (shifted(1.9, 0, 0), SHAPE, "its middle 1.9 mm away"),
    "flipped left to right": (*flipped(0), "axes RAS, not LAS"),
    "flipped front to back": (*flipped(1), "axes LPS, not LAS"),
    "upside down": (*flipped(2), "axes LAI, not LAS"),
    "axes in another order": (*reordered(), "axes SLA, not LAS"),
    "turned": (TURNED @ AFFINE, SHAPE, "turned by"),
    "turned in larger voxels": (TURNED @ scaled(1.4), SHAPE, "5.25×5.25×7 mm"),
    "fewer slices": (AFFINE, (12, 14, 8), "12×14×8 voxels"),
    "more slices": (shifted(0, 0, -10), (12, 14, 14), "12×14×14 voxels"),
    "1 mm": (nib.affines.from_matvec(np.eye(3), AFFINE[:3, 3] - [45, 4, 4]), (60, 60, 60), "60×60×60 voxels of 1×1×1"),
}


@pytest.mark.parametrize("name", GRIDS)
def test_an_image_of_another_grid_shows_the_same_object(name: str) -> None:
    affine, shape, phrase = GRIDS[name]
    found = placed(affine, shape)
    inside = found.reached & _well_inside(affine, shape)
    assert inside.sum() > 100
    np.testing.assert_allclose(found.volumes[..., 0][inside], field(AFFINE)[inside], atol=LINEAR)
    assert not found.volumes[~found.reached].any()
    assert phrase in found.note


def _well_inside(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Voxels of the scan that lie wholly between centers of the image's: beyond, the outermost value is kept."""
    centers = nib.affines.apply_affine(np.linalg.inv(affine) @ AFFINE, np.moveaxis(np.indices(SHAPE), 0, -1))
    half = np.abs(np.linalg.inv(affine)[:3, :3] @ AFFINE[:3, :3]).sum(axis=1) / 2
    finer = half > 0.7
    return ((centers >= half * finer) & (centers <= np.array(shape) - 1 - half * finer)).all(axis=-1)


def test_the_share_that_an_image_reaches_is_told() -> None:
    found = placed(shifted(0, 0, 10))  # two of ten slices
    assert found.reached.mean() == pytest.approx(0.8)
    assert not found.reached[..., :2].any()
    assert not found.volumes[..., :2, 0].any()
    assert found.note.endswith("of which it reaches 80%")


@pytest.mark.parametrize("mm", [0.0, 0.05, 0.3])
def test_affines_that_differ_by_rounding_are_one_grid(mm: float) -> None:
    data = np.random.default_rng(1).random(SHAPE)
    found = placed(shifted(mm, 0, mm / 10), data=data)
    np.testing.assert_array_equal(found.volumes[..., 0], data)
    assert (found.note, found.reached.all()) == ("", True)


def test_small_voxels_are_averaged_not_skipped() -> None:
    """Of a pattern of single voxels a fifth as large, a scan shows the mean."""
    fine = nib.affines.from_matvec(np.eye(3))
    coarse = nib.affines.from_matvec(5 * np.eye(3), [7.0, 7.0, 7.0])
    pattern = (np.indices((40, 40, 40)).sum(axis=0) % 2).astype(float)
    source, target = grids_of(image_of(fine, (40, 40, 40)), image_of(coarse, (5, 5, 5)))
    found, share = resample(pattern[..., None], source, target)
    assert share.min() == 1
    # 5³ voxels of which 62 or 63 are 1.
    np.testing.assert_allclose(found[..., 0], 0.5, atol=0.005)


REFUSED = {
    "above the head": (shifted(0, 0, 60), SHAPE, 1, r"affine: found an image that reaches 0% of the field of view"),
    "beside the head": (shifted(200, 0, 0), SHAPE, 1, "affine: found an image that reaches 0%"),
    "in a template's space": (shifted(5, 5, 5), SHAPE, 4, "sform_code: found mm of a template"),
    "the identity": (np.eye(4), SHAPE, 2, "affine: found the identity"),
    "nowhere, of other voxels": (scaled(1.333), SHAPE, 0, "dim: found 12×14×10 voxels of 5×5×6.66 mm"),
    "nowhere, of another matrix": (AFFINE, (12, 14, 9), 0, "dim: found 12×14×9 voxels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_lies_elsewhere_is_refused_in_one_line(name: str) -> None:
    affine, shape, code, complaint = REFUSED[name]
    with pytest.raises(InputError, match=complaint) as error:
        placed(affine, shape, np.ones(shape), code)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("m0.nii.gz: ")
    assert ";" in str(error.value)


def test_headers_that_tell_no_place_go_voxel_by_voxel() -> None:
    data = np.random.default_rng(1).random(SHAPE)
    found = placed(flipped(0)[0], data=data, code=0)
    np.testing.assert_array_equal(found.volumes[..., 0], data)
    assert "voxel by voxel" in found.note


def test_of_two_forms_those_of_one_space_are_taken() -> None:
    """A sform to MNI in one image and to the scanner in the other; both have the scanner's as qform."""
    image = image_of(shifted(0, 0, 10))
    image.set_sform(np.diag([2.0, 2.0, 2.0, 1.0]), 4)
    found = place("m0.nii.gz", image, field(shifted(0, 0, 10))[..., None], SCAN, image_of(AFFINE))
    np.testing.assert_allclose(found.volumes[..., 2:, 0], field(AFFINE)[..., 2:], atol=LINEAR)
