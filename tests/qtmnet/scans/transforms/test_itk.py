"""Transforms of ITK's files, against what they do to points, which is known."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from qtmnet.scans.transforms.itk import chained, inverse, read_transform, resampled
from simulators.errors import InputError

SHAPE = (20, 18, 16)
AFFINE = nib.affines.from_matvec(np.diag([2.0, 2.5, 3.0]), [-19.0, -21.0, -22.0])
LINEAR = 1e-3  # of fields of some 100 mm in single precision, which trilinear interpolation keeps


def field(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """mm to the right of 0, plus twice those to the front, less half of those to the top, plus 100."""
    x, y, z = places(affine, shape)
    return x + 2 * y - z / 2 + 100


def places(affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    return np.moveaxis(nib.affines.apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1)), -1, 0)


def itk_text(matrix: np.ndarray, shift: np.ndarray, kind: str) -> str:
    """An affine of RAS points as ANTs writes it, in LPS."""
    turn = np.diag([-1.0, -1.0, 1.0])
    numbers = [*(turn @ matrix @ turn).ravel(), *(turn @ shift)]
    return (
        f"#Insight Transform File V1.0\n#Transform 0\nTransform: {kind}\n"
        f"Parameters: {' '.join(f'{number:.12g}' for number in numbers)}\nFixedParameters: 0 0 0\n"
    )


@pytest.fixture
def moved(tmp_path: Path):
    """Write a text file of a turn by 10 degrees about z and a shift of (3, -2, 1) mm, from target to data."""
    matrix, shift = nib.eulerangles.euler2mat(z=np.radians(10)), np.array([3.0, -2.0, 1.0])

    def write(kind: str = "AffineTransform_double_3_3") -> tuple[Path, np.ndarray, np.ndarray]:
        path = tmp_path / "sub-01_from-aslref_to-T1w_mode-image_xfm.txt"
        path.write_text(itk_text(matrix, shift, kind), encoding="utf-8")
        return path, matrix, shift

    return write


@pytest.mark.parametrize(
    "kind", ["AffineTransform_double_3_3", "AffineTransform_float_3_3", "MatrixOffsetTransformBase_double_3_3"]
)
def test_points_go_where_the_file_says(moved, kind: str) -> None:
    path, matrix, shift = moved(kind)
    target = nib.affines.from_matvec(np.diag([1.0, 1.5, 2.0]), [-5.0, -6.0, -7.0])
    found = resampled(field(AFFINE, SHAPE), AFFINE, (9, 8, 7), target, read_transform(path))
    x, y, z = np.einsum("ij,j...->i...", matrix, places(target, (9, 8, 7))) + shift[:, None, None, None]
    np.testing.assert_allclose(found, x + 2 * y - z / 2 + 100, rtol=LINEAR)


@pytest.mark.parametrize("turned", [np.diag([-1.0, 1, 1]), np.array([[0, 0, 1.0], [1, 0, 0], [0, -1, 0]])])
def test_axes_of_the_image_may_point_anywhere(turned: np.ndarray) -> None:
    """The same field, by voxels in another order."""
    affine = nib.affines.from_matvec(2.0 * turned, -2.0 * turned @ np.full(3, 9.5))
    target = nib.affines.from_matvec(np.eye(3), [-4.0, -4.0, -4.0])
    found = resampled(field(affine, (20,) * 3), affine, (8,) * 3, target, sitk.TranslationTransform(3))
    np.testing.assert_allclose(found, field(target, (8,) * 3), rtol=LINEAR)


def test_the_inverse_leads_back(moved) -> None:
    transform = read_transform(moved()[0])
    point = (11.0, -5.0, 7.0)
    back = inverse(Path("x.txt"), transform).TransformPoint(transform.TransformPoint(point))
    np.testing.assert_allclose(back, point, atol=1e-9)


def test_the_last_of_a_chain_goes_first(moved) -> None:
    """As in a chain of ASL to T1w and T1w to MNI: a point of MNI is taken through the second first."""
    turn = read_transform(moved()[0])
    scale = sitk.AffineTransform(3)
    scale.Scale((2.0, 2.0, 2.0))
    expected = turn.TransformPoint(scale.TransformPoint((1.0, 2.0, 3.0)))
    np.testing.assert_allclose(chained([turn, scale]).TransformPoint((1.0, 2.0, 3.0)), expected)


def test_a_warp_in_an_hdf5_file_is_read_and_has_no_inverse(tmp_path: Path) -> None:
    displacement = np.zeros((12, 12, 12, 3))
    displacement[..., 1] = np.arange(12)[:, None, None] / 4  # mm to the back, more towards the top
    image = sitk.GetImageFromArray(displacement, isVector=True)
    image.SetSpacing((5.0, 5.0, 5.0))
    image.SetOrigin((-30.0, -30.0, -30.0))
    warp = sitk.DisplacementFieldTransform(image)
    path = tmp_path / "from-T1w_to-MNI152NLin2009cAsym_mode-image_xfm.h5"
    both = sitk.CompositeTransform([sitk.TranslationTransform(3, (1.0, 2.0, 3.0)), warp])
    sitk.WriteTransform(both, str(path))
    found = read_transform(path)
    up = (4.0 + 30.0) / 5  # of the layers of 5 mm
    np.testing.assert_allclose(found.TransformPoint((2.0, 3.0, 4.0)), (3.0, 5.0 + up / 4, 7.0))
    with pytest.raises(InputError, match="found a transform without an inverse"):
        inverse(path, found)


@pytest.mark.parametrize("content", ["", "not a transform", "#Insight Transform File V1.0\nTransform: Nonsense_3\n"])
def test_what_is_no_transform_is_refused_in_a_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "xfm.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="not readable as a transform") as caught:
        read_transform(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_transform(tmp_path / "xfm.h5")
