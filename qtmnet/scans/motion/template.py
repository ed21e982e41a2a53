"""What a volume should look like after a motion, and how that changes with the motion."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from qtmnet.scans.motion.rigid import Head


class Template:
    """One or several images whose sum a volume is, but for a motion.

    Args:
        images: smoothed, (X, Y, Z) each, of one head in one place.
        affine: of their voxels, (4, 4), that of a `Canvas`.
        voxels: that are compared, indices, (P, 3).
        head: their places in mm.
        uneven: whether the share of each image may vary in space, as a polynomial of second degree without mixed terms:
            between images of different contrast it does, as inversion and saturation differ from slice to slice.
    """

    def __init__(
        self, images: Sequence[np.ndarray], affine: np.ndarray, voxels: np.ndarray, head: Head, *, uneven: bool = False
    ) -> None:
        self.head, self.shape = head, np.array(images[0].shape)
        self.voxels, self.to_voxel = voxels, np.linalg.inv(affine)
        self.coefficients = [ndimage.spline_filter(image, 3, np.float32, mode="mirror") for image in images]
        self.slopes = [[np.asarray(slope, np.float32) for slope in np.gradient(image)] for image in images]
        offsets = (head.points - head.centre) / head.radius
        ramps = [offsets, offsets**2] if uneven else []
        self.shares = np.column_stack([np.ones(len(voxels)), *ramps])

    def compare(self, motion: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How a volume differs from the images, moved and scaled as fits best.

        Args:
            motion: that takes points of the volume to those of the images, (6,).
            values: of the smoothed volume, (P,).

        Returns:
            Values less those of the images, (P,), and their change with the motion, (P, 6), both without what shares of
            the images and a constant explain; 0 where the images do not reach.
        """
        offsets = Rotation.from_rotvec(motion[3:] / self.head.radius).apply(self.head.points - self.head.centre)
        places = (offsets + self.head.centre + motion[:3]) @ self.to_voxel[:3, :3].T + self.to_voxel[:3, 3]
        inside = ((places >= 0) & (places <= self.shape - 1)).all(axis=1)
        places, offsets, shares = places[inside].T, offsets[inside], self.shares[inside]
        found = [_at(image, places, 3)[:, None] * shares for image in self.coefficients]
        explained = np.column_stack([*found, np.ones(len(offsets))])
        basis, triangle = np.linalg.qr(explained)
        weights = np.linalg.lstsq(triangle, basis.T @ values[inside], rcond=None)[0]
        change = np.zeros((len(offsets), 6))
        for slopes, weight in zip(self.slopes, weights[:-1].reshape(len(found), -1), strict=True):
            gradient = np.column_stack([_at(slope, places, 1) for slope in slopes]) @ self.to_voxel[:3, :3]
            gradient *= (shares @ weight)[:, None]
            change[:, :3] -= gradient
            change[:, 3:] -= np.cross(offsets, gradient) / self.head.radius
        residual, jacobian = np.zeros(len(inside)), np.zeros((len(inside), 6))
        residual[inside] = values[inside] - explained @ weights
        jacobian[inside] = change - basis @ (basis.T @ change)
        return residual, jacobian


def _at(image: np.ndarray, places: np.ndarray, order: int) -> np.ndarray:
    """Values between voxels, at places (3, P) in voxels: of spline coefficients, or for order 1 linear."""
    return ndimage.map_coordinates(image, places, np.float64, order, mode="mirror", prefilter=False)
