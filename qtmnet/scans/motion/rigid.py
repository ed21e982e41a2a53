"""Rigid motion: the six numbers that it takes, the matrix that they make, and how far it takes a head."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation

FD_RADIUS_MM = 50.0
"""Of the sphere on whose surface framewise displacement has rotations (Power et al. 2012,
10.1016/j.neuroimage.2011.10.018)."""


@dataclass(frozen=True, eq=False)
class Head:
    """The points that motion is measured at.

    A motion is six numbers in mm: the way of the points' middle, and the vector of the rotation about it, in rad, times
    the points' radius, so that all six are of one size.

    Attributes:
        points: mm, (P, 3).
    """

    points: np.ndarray

    @cached_property
    def centre(self) -> np.ndarray:
        """Middle of the points, mm, (3,)."""
        return np.asarray(self.points.mean(axis=0))

    @cached_property
    def radius(self) -> float:
        """Root mean square distance of the points from their middle, mm."""
        return float(np.sqrt(((self.points - self.centre) ** 2).sum(axis=1).mean()))

    @cached_property
    def metric(self) -> np.ndarray:
        """M of the mean square distance motionᵀ M motion that small motions take the points, (6, 6)."""
        offsets = (self.points - self.centre) / self.radius
        found = np.eye(6)
        found[3:, 3:] = np.eye(3) * (offsets**2).sum(axis=1).mean() - offsets.T @ offsets / len(offsets)
        return found

    def matrix(self, motion: np.ndarray) -> np.ndarray:
        """A motion (6,) as a matrix of mm to mm, (4, 4)."""
        found = np.eye(4)
        found[:3, :3] = Rotation.from_rotvec(motion[3:] / self.radius).as_matrix()
        found[:3, 3] = self.centre + motion[:3] - found[:3, :3] @ self.centre
        return found

    def motion(self, matrix: np.ndarray) -> np.ndarray:
        """The motion (6,) of a matrix (4, 4)."""
        way = matrix[:3, :3] @ self.centre + matrix[:3, 3] - self.centre
        return np.concatenate([way, self.radius * Rotation.from_matrix(matrix[:3, :3]).as_rotvec()])

    def after(self, second: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The motion (6,) of one after another."""
        return self.motion(self.matrix(second) @ self.matrix(first))

    def back(self, motion: np.ndarray) -> np.ndarray:
        """The motion (6,) that undoes one."""
        return self.motion(np.linalg.inv(self.matrix(motion)))

    def distance(self, motions: np.ndarray) -> np.ndarray:
        """Root mean square distance that motions (..., 6) take the points, mm, (...)."""
        return np.asarray(np.sqrt(np.einsum("...i,ij,...j", motions, self.metric, motions)))

    def spread(self, covariance: np.ndarray) -> float:
        """Root mean square distance that a motion of this covariance (6, 6) leaves unknown, mm."""
        return float(np.sqrt(np.trace(self.metric @ covariance))) if np.isfinite(covariance).all() else float("inf")


def framewise_displacement(translations: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Framewise displacement (Power et al. 2012), mm, (N,): sum of the sizes of the six changes from volume to volume.

    Args:
        translations: mm, (N, 3).
        rotations: rad, (N, 3); they count as on a sphere of `FD_RADIUS_MM`.

    Returns:
        NaN for the first volume, and where one of the two is not known.
    """
    steps = np.abs(np.diff(np.concatenate([translations, FD_RADIUS_MM * rotations], axis=1), axis=0)).sum(axis=1)
    return np.concatenate([[np.nan], steps])
