"""The grid of an image: how many voxels, and where each lies in mm."""

from dataclasses import dataclass
from itertools import product

import nibabel as nib
import numpy as np

SAME_PLACE = 0.1
"""Of a voxel's shortest edge: grids whose corners lie nearer to each other are one. Converters round affines to less,
and to resample by less would blur more than it mends."""

NATIVE, TEMPLATE = "scanner", "template"
_SPACES = {1: NATIVE, 2: NATIVE, 3: TEMPLATE, 4: TEMPLATE, 5: TEMPLATE}
"""What a form of NIfTI leads to, by its code: mm in the scanner or of another image, or mm in an atlas."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxels in space.

    Attributes:
        shape: voxels along each axis.
        affine: voxel indices to mm, (4, 4).
        space: that the mm are of, `NATIVE` or `TEMPLATE`; None if the header does not say where its voxels lie.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    space: str | None

    @property
    def voxel_mm(self) -> np.ndarray:
        """Edges of a voxel, (3,)."""
        return nib.affines.voxel_sizes(self.affine)

    @property
    def axes(self) -> str:
        """Where the axes point, such as `LAS`."""
        return "".join(nib.aff2axcodes(self.affine))

    @property
    def corners(self) -> np.ndarray:
        """Centers of the voxels at the eight corners, mm, (8, 3)."""
        ends = np.array(list(product(*((0, n - 1) for n in self.shape))))
        return nib.affines.apply_affine(self.affine, ends)

    def is_at(self, other: "Grid") -> bool:
        """Whether each voxel lies where the other grid has it."""
        if self.shape != other.shape or not np.allclose(self.voxel_mm, other.voxel_mm, rtol=0.02):
            return False
        farthest = np.linalg.norm(self.corners - other.corners, axis=1).max()
        return bool(farthest <= SAME_PLACE * other.voxel_mm.min())


def grids_of(image: nib.Nifti1Image, like: nib.Nifti1Image) -> tuple[Grid, Grid]:
    """The grids of two images, in mm of the same space if their headers know of one.

    A header may hold two forms, of the scanner and of a template, and the one that goes first need not be of the same
    space in both: those are taken that are.
    """
    best = _best(image), _best(like)
    if None in (best[0].space, best[1].space) or best[0].space == best[1].space or best[0].is_at(best[1]):
        return best
    for space in (NATIVE, TEMPLATE):
        common = _in_space(image, space), _in_space(like, space)
        if common[0] is not None and common[1] is not None:
            return common[0], common[1]
    return best


def _best(image: nib.Nifti1Image) -> Grid:
    """By the form that nibabel takes: sform before qform."""
    header = image.header
    code = int(header["sform_code"]) or int(header["qform_code"])
    return Grid(_shape(image), np.asarray(image.affine), _SPACES.get(code))


def _in_space(image: nib.Nifti1Image, space: str) -> Grid | None:
    """By a form that leads to this space, if there is one."""
    for affine, code in (image.header.get_sform(coded=True), image.header.get_qform(coded=True)):
        if affine is not None and _SPACES.get(int(code)) == space:
            return Grid(_shape(image), affine, space)
    return None


def _shape(image: nib.Nifti1Image) -> tuple[int, int, int]:
    x, y, z = (*image.shape, 1)[:3]
    return x, y, z
