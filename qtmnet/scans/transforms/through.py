"""Images of the subject's anatomy or of a template on the grid of a scan, and maps of a scan on a template's grid."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from qtmnet.scans.grids.placing import Placed
from qtmnet.scans.nifti import look_at_image
from qtmnet.scans.transforms.finding import Links, m0_transform, template_image
from qtmnet.scans.transforms.itk import chained, inverse, read_transform, resampled
from simulators.errors import InputError

LEAST_OVERLAP = 0.1
"""Of a scan's field of view that an image must reach."""

MOST_POINTS = 8
"""Along an edge of a voxel, at which finer images are looked up."""

HALF = 0.5

TEMPLATE_GRIDS = {
    "MNI152NLin2009cAsym": ((97, 115, 97), (-96.0, -132.0, -78.0)),
    "MNI152NLin6Asym": ((91, 109, 91), (-90.0, -126.0, -72.0)),
}
"""Voxels of 2 mm, and mm of the first, that fill the templates' own fields of view; axes to right, front and top."""

TEMPLATE_VOXEL_MM = 2.0


@dataclass(frozen=True, eq=False)
class Through:
    """Onto the grid of a scan, from a space that a transform leads to.

    Attributes:
        shape: of the scan.
        affine: of the scan.
        transform: from mm of the scan to mm of the images.
        space: that they are in, as notes call it.
    """

    shape: tuple[int, ...]
    affine: np.ndarray
    transform: sitk.Transform
    space: str

    def shares(self, path: Path, image: nib.Nifti1Image, data: np.ndarray) -> Placed:
        """Values (X, Y, Z, N) as means over the scan's voxels; see `qtmnet.scans.grids.onto.Onto`."""
        ratio = nib.affines.voxel_sizes(self.affine) / nib.affines.voxel_sizes(image.affine)
        counts = np.clip(np.ceil(ratio - 0.25), 1, MOST_POINTS).astype(int)
        reached = self._mean(np.ones(data.shape[:3], np.float32), image.affine, counts)
        volumes = [self._mean(data[..., k], image.affine, counts) for k in range(data.shape[-1])]
        return self._placed(path, np.stack(volumes, axis=-1), reached)

    def labels(self, path: Path, image: nib.Nifti1Image, data: np.ndarray) -> Placed:
        """Labels (X, Y, Z, 1) as each voxel's middle has them; see `qtmnet.scans.grids.onto.Onto`."""
        there = np.ones(data.shape[:3], np.float32)
        found, reached = (
            resampled(values, image.affine, self.shape, self.affine, self.transform, nearest=True)
            for values in (data[..., 0], there)
        )
        return self._placed(path, found[..., None], reached)

    def _mean(self, values: np.ndarray, affine: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Mean over so many points along each edge of a voxel, (X, Y, Z)."""
        finer = self.affine @ np.diag([*(1 / counts), 1.0])
        finer[:3, 3] = nib.affines.apply_affine(self.affine, -0.5 + 0.5 / counts)
        n, m, k = counts.tolist()
        x, y, z = self.shape
        fine = resampled(values, affine, (x * n, y * m, z * k), finer, self.transform)
        return fine.reshape(x, n, y, m, z, k).mean(axis=(1, 3, 5))

    def _placed(self, path: Path, volumes: np.ndarray, share: np.ndarray) -> Placed:
        reached = share >= HALF
        if reached.mean() < LEAST_OVERLAP:
            raise InputError(
                f"{path}: found an image that reaches {reached.mean():.0%} of the scan by its transform; give one in "
                f"{self.space}"
            )
        return Placed(np.where(reached[..., None], volumes, 0), reached, f"brought from {self.space} by its transform")


def from_m0_scan(scan: Path, shape: tuple[int, ...], affine: np.ndarray) -> Through | None:
    """Onto a scan from its M0 scan, by the transform that ASLPrep has found; None if there is none.

    Raises:
        InputError: for a transform that cannot be read.
    """
    path = m0_transform(scan)
    return None if path is None else Through(shape, affine, read_transform(path), "the M0 scan")


def from_anatomy(links: Links, shape: tuple[int, ...], affine: np.ndarray) -> Through | None:
    """Onto a scan from its subject's anatomy; None if no transform leads there.

    Raises:
        InputError: for a transform that cannot be read, or that has no inverse.
    """
    if links.to_anatomy is None:
        return None
    transform = inverse(links.to_anatomy, read_transform(links.to_anatomy))
    return Through(shape, affine, transform, links.anatomy)


def from_template(links: Links, template: str, shape: tuple[int, ...], affine: np.ndarray) -> Through | None:
    """Onto a scan from a template; None if no transform leads there.

    Raises:
        InputError: as `from_anatomy`.
    """
    to_anatomy, warp = from_anatomy(links, shape, affine), links.from_template.get(template)
    if to_anatomy is None or warp is None:
        return None
    return Through(shape, affine, chained([read_transform(warp), to_anatomy.transform]), template)


@dataclass(frozen=True, eq=False)
class ToTemplate:
    """From a scan to a template.

    Attributes:
        template: its name.
        image: header and affine of its grid.
        transform: from mm of the template to mm of the scan.
        transforms: the files that it was read from, first the one that the scan's images go through first.
    """

    template: str
    image: nib.Nifti1Image
    transform: sitk.Transform
    transforms: tuple[Path, ...]

    def map(self, values: np.ndarray, inside: np.ndarray, affine: np.ndarray) -> np.ndarray:
        """A map on the template's grid, (X', Y', Z') float32, 0 outside of the brain.

        Trilinear among voxels of the brain: those around it, which hold 0, do not dim its edge.

        Args:
            values: of a map, (X, Y, Z), bool for a mask, which stays one.
            inside: the brain, (X, Y, Z) bool.
            affine: of the scan.
        """
        x, y, z = self.image.shape[:3]
        shape, target = (x, y, z), self.image.affine
        if values.dtype == bool:
            return resampled(values & inside, affine, shape, target, self.transform, nearest=True) > 0
        share = resampled(inside, affine, shape, target, self.transform)
        total = resampled(np.where(inside, values, 0), affine, shape, target, self.transform)
        return np.divide(total, share, out=np.zeros_like(total), where=share >= HALF)


def to_template(links: Links, template: str, scan: Path) -> ToTemplate | None:
    """From a scan to a template, on the grid that ASLPrep has used for it if there is one; None without transforms.

    Raises:
        InputError: for a transform or image that cannot be read, or a template whose grid is not known.
    """
    warp = links.to_template.get(template)
    if links.to_anatomy is None or warp is None:
        return None
    transform = chained([read_transform(links.to_anatomy), read_transform(warp)])
    return ToTemplate(template, _grid_of(template, scan, warp), transform, (links.to_anatomy, warp))


def _grid_of(template: str, scan: Path, warp: Path) -> nib.Nifti1Image:
    if path := template_image(scan, template):
        return look_at_image(path, (3,)).image()
    if template not in TEMPLATE_GRIDS:
        raise InputError(
            f"{warp}: found a transform to {template}, whose grid is not known; put an image on it, "
            f"{scan.name.partition('_')[0]}_space-{template}_desc-brain_mask.nii.gz, beside the scan"
        )
    shape, origin = TEMPLATE_GRIDS[template]
    affine = np.diag([TEMPLATE_VOXEL_MM] * 3 + [1.0])
    affine[:3, 3] = origin
    image = nib.Nifti1Image(np.broadcast_to(np.float32(0), shape), affine)
    image.set_sform(affine, 4)
    image.set_qform(affine, 4)
    return image
