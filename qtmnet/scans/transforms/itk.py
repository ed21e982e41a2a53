"""Transforms as ANTs and ITK keep them, read and carried out by SimpleITK.

A transform that brings images from A to B takes points of B to points of A: each voxel of B looks up where its value
lies in A. SimpleITK counts mm to the left and to the back, NIfTI to the right and to the front.
"""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from simulators.errors import InputError
from simulators.files.reading import FileKind, check_file
from simulators.files.writing import one_line

TRANSFORM_FILE = FileKind("a transform", 4 * 2**30)
"""A warp of a head of 1 mm takes 100 MB."""

_TURNED = np.diag([-1.0, -1.0, 1.0])


def read_transform(path: Path) -> sitk.Transform:
    """A transform from a text file of ITK's (`.txt`, `.mat`) or an HDF5 file of several (`.h5`).

    Raises:
        InputError: if it is missing or no such file.
    """
    check_file(path, TRANSFORM_FILE)
    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        said = one_line(error).rpartition("ITK ERROR: ")[2] or one_line(error)
        raise InputError(f"{path}: not readable as a transform ({said}); give one that ANTs has written") from None
    if transform.GetDimension() != 3:
        raise InputError(f"{path}: found a transform of {transform.GetDimension()} dimensions; give one of 3")
    return transform


def inverse(path: Path, transform: sitk.Transform) -> sitk.Transform:
    """The transform the other way.

    Raises:
        InputError: for one that has none that can be computed, such as a warp.
    """
    try:
        return transform.GetInverse()
    except RuntimeError:
        raise InputError(f"{path}: found a transform without an inverse; give an affine one") from None


def chained(transforms: Sequence[sitk.Transform]) -> sitk.Transform:
    """Several transforms as one; points are taken through the last first."""
    return sitk.CompositeTransform(list(transforms))


def resampled(
    data: np.ndarray,
    affine: np.ndarray,
    shape: tuple[int, ...],
    target: np.ndarray,
    transform: sitk.Transform,
    *,
    nearest: bool = False,
) -> np.ndarray:
    """A volume on another grid, 0 where it does not reach.

    Args:
        data: (X, Y, Z).
        affine: of its voxels, index to mm, (4, 4).
        shape: of the target grid.
        target: affine of its voxels, (4, 4).
        transform: from mm of the target to mm of the data.
        nearest: take the nearest voxel's value, not the trilinear mean of neighbours.

    Returns:
        (X', Y', Z') float32.
    """
    image = _image(np.asarray(data, np.float32), affine)
    spacing, origin, direction = _geometry(target)
    kind = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    found = sitk.Resample(image, shape, transform, kind, origin, spacing, direction, 0.0, sitk.sitkFloat32)
    return sitk.GetArrayFromImage(found).transpose(2, 1, 0)


def _image(data: np.ndarray, affine: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    spacing, origin, direction = _geometry(affine)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image


def _geometry(affine: np.ndarray) -> tuple[list[float], list[float], list[float]]:
    """Edges of voxels, mm of the first and directions of axes, as ITK has them."""
    spacing = nib.affines.voxel_sizes(affine)
    direction = _TURNED @ affine[:3, :3] / spacing
    return spacing.tolist(), (_TURNED @ affine[:3, 3]).tolist(), direction.ravel().tolist()
