"""How images of other grids get onto that of a scan: tissue maps as shares, atlases label by label."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import nibabel as nib
import numpy as np
from scipy import ndimage

from qtmnet.scans.grids.grid import grids_of
from qtmnet.scans.grids.placing import Placed, place


class Onto(Protocol):
    """Brings images onto the grid of a scan."""

    def shares(self, path: Path, image: nib.Nifti1Image, data: np.ndarray) -> Placed:
        """Values (X, Y, Z, N) as means over the scan's voxels.

        Raises:
            InputError: if it cannot be told where the image lies, or it lies elsewhere.
        """
        ...

    def labels(self, path: Path, image: nib.Nifti1Image, data: np.ndarray) -> Placed:
        """Labels (X, Y, Z, 1) as each voxel's middle has them, 0 where the image does not reach.

        Raises:
            InputError: as `shares`.
        """
        ...


@dataclass(frozen=True, eq=False)
class ByAffine:
    """Onto a scan whose mm are the image's own.

    Attributes:
        path: of the scan, for complaints.
        like: its header and affine.
    """

    path: Path
    like: nib.Nifti1Image

    def shares(self, path: Path, image: nib.Nifti1Image, data: np.ndarray) -> Placed:
        """See `Onto`."""
        return place(path, image, data, self.path, self.like)

    def labels(self, path: Path, image: nib.Nifti1Image, data: np.ndarray) -> Placed:
        """See `Onto`."""
        placed = place(path, image, (data > 0).astype(np.float32), self.path, self.like)  # refuses what lies elsewhere
        if not placed.note or None in (source.space for source in grids_of(image, self.like)):
            return Placed(data, placed.reached, placed.note)
        source, target = grids_of(image, self.like)
        step = np.linalg.inv(source.affine) @ target.affine
        found = ndimage.affine_transform(
            data[..., 0], step[:3, :3], step[:3, 3], target.shape, order=0, mode="constant"
        )
        return Placed(found[..., None], placed.reached, placed.note)
