"""An image that belongs to a scan, on the scan's grid: as it is, resampled by its affine, or refused."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from qtmnet.scans.grids.grid import Grid, grids_of
from qtmnet.scans.grids.resampling import resample
from simulators.errors import InputError

LEAST_OVERLAP = 0.1
"""Of the scan's field of view that another image must reach; less is no overlap, whatever the images show."""

SAME_SIZE = 0.02
"""Relative; voxels of headers that do not say where they lie are one size within it."""


@dataclass(frozen=True, eq=False)
class Placed:
    """An image on the grid of a scan.

    Attributes:
        volumes: (X, Y, Z, N) float32, 0 where the image does not reach.
        reached: whether the image reaches at least half of each voxel, (X, Y, Z) bool.
        note: what was done to it, a phrase; empty if nothing was.
    """

    volumes: np.ndarray
    reached: np.ndarray
    note: str = ""


def place(
    path: str | Path, image: nib.Nifti1Image, volumes: np.ndarray, like_path: Path, like: nib.Nifti1Image
) -> Placed:
    """Bring an image onto the grid of a scan.

    Args:
        path: of the image, for complaints.
        image: its header and affine.
        volumes: its data, (X, Y, Z, N).
        like_path: of the scan.
        like: header and affine of the scan.

    Raises:
        InputError: if nothing says where one of them lies and they do not look like one grid, or if they do not
            overlap.
    """
    source, target = grids_of(image, like)
    if source.space is None or target.space is None:
        return _voxel_by_voxel(path, source, volumes, like_path, target)
    if source.is_at(target):
        return Placed(volumes, np.ones(target.shape, bool))
    if source.space != target.space:
        raise InputError(
            f"{path}: sform_code: found mm of a {source.space}, but {like_path.name} has those of a {target.space}; "
            "give an image in the scan's space"
        )
    if source.shape == target.shape and np.array_equal(source.affine, np.eye(4)):
        raise InputError(
            f"{path}: affine: found the identity, though the image has the matrix of {like_path.name}; save it with "
            "the affine of that file"
        )
    resampled, share = resample(volumes, source, target)
    reached = share >= 0.5
    if reached.mean() < LEAST_OVERLAP:
        raise InputError(
            f"{path}: affine: found an image that reaches {reached.mean():.0%} of the field of view of "
            f"{like_path.name}; give one that overlaps with it, or mend the affine"
        )
    note = f"resampled by its affine to the scan's grid ({', '.join(_differences(source, target))})"
    if not reached.all():
        note += f", of which it reaches {reached.mean():.0%}"
    return Placed(np.where(reached[..., None], resampled, 0), reached, note)


def _voxel_by_voxel(path: str | Path, source: Grid, volumes: np.ndarray, like_path: Path, target: Grid) -> Placed:
    """Of headers that do not say where voxels lie: the same matrix of the same voxels is the same grid."""
    if source.shape != target.shape or not np.allclose(source.voxel_mm, target.voxel_mm, rtol=SAME_SIZE):
        unknown = path if source.space is None else like_path
        raise InputError(
            f"{path}: dim: found {_described(source)}, but {like_path.name} has {_described(target)}, and {unknown} "
            "does not say where its voxels lie (sform_code and qform_code are 0); set its affine, or resample"
        )
    return Placed(
        volumes, np.ones(target.shape, bool), "taken voxel by voxel, as a header does not say where its voxels lie"
    )


def _differences(source: Grid, target: Grid) -> list[str]:
    """In what two grids differ, a phrase each."""
    phrases = []
    if source.shape != target.shape or not np.allclose(source.voxel_mm, target.voxel_mm, rtol=SAME_SIZE):
        phrases.append(f"{_described(source)}, not {_described(target)}")
    if source.axes != target.axes:
        phrases.append(f"axes {source.axes}, not {target.axes}")
    elif angle := _angle(source, target):
        phrases.append(f"turned by {angle:.3g} degrees")
    middle = [nib.affines.apply_affine(grid.affine, (np.array(grid.shape) - 1) / 2) for grid in (source, target)]
    if (distance := float(np.linalg.norm(middle[0] - middle[1]))) > 0.05:
        phrases.append(f"its middle {distance:.3g} mm away")
    return phrases


def _described(grid: Grid) -> str:
    size = "×".join(f"{edge:.3g}" for edge in grid.voxel_mm)
    return f"{'×'.join(map(str, grid.shape))} voxels of {size} mm"


def _angle(source: Grid, target: Grid) -> float:
    """Largest angle between axes of the same index, degrees; 0 if below a tenth."""
    ours, theirs = (grid.affine[:3, :3] / grid.voxel_mm for grid in (source, target))
    angle = float(np.degrees(np.arccos(np.clip((ours * theirs).sum(axis=0), -1, 1))).max())
    return angle if angle >= 0.1 else 0.0
