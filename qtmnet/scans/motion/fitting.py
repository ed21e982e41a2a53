"""The motion of a volume by least squares, and how sure it is."""

from dataclasses import dataclass

import numpy as np

from qtmnet.scans.motion.template import Template

BLOCK_MM = 15.0
"""Edge of the blocks of a head that are taken to differ by chance: noise and what else is unlike in two volumes
reaches less far."""

MOST_STEPS = 25

LONGEST_STEP_MM = 5.0
"""Of the smoothing, about: further, the slopes of a template say nothing."""

STILL_MM = 0.005
"""A step of less is the last; what noise leaves unknown is of that size at best."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A motion that was fitted.

    Attributes:
        motion: that takes points of the volume to those of the template, see `qtmnet.scans.motion.rigid.Head`, (6,).
        covariance: of it, (6, 6); infinite where the head does not tell it.
    """

    motion: np.ndarray
    covariance: np.ndarray


def fit(template: Template, volume: np.ndarray, start: np.ndarray) -> Fit:
    """Fit the motion of a volume, by steps of Gauss and Newton.

    The covariance is the one that is robust to neighbours that differ alike (Huber's sandwich, over blocks of the
    head), so that unlike contrast, pulsation and a noise of any kind count.

    Args:
        template: what it should look like.
        volume: smoothed, (X, Y, Z).
        start: a motion near it, (6,).
    """
    values = volume[tuple(template.voxels.T)].astype(float)
    motion = start
    try:
        for _ in range(MOST_STEPS):
            residual, jacobian = template.compare(motion, values)
            step = -np.linalg.solve(jacobian.T @ jacobian, jacobian.T @ residual)
            far = float(template.head.distance(step))
            if not np.isfinite(far):
                break
            motion = motion + step * min(1.0, LONGEST_STEP_MM / max(far, STILL_MM))
            if far < STILL_MM:
                return Fit(motion, _covariance(template, residual, jacobian))
    except np.linalg.LinAlgError:  # no structure to tell it by, or nothing left in the field of view
        pass
    return Fit(start, np.full((6, 6), np.inf))


def _covariance(template: Template, residual: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    offsets = template.head.points - template.head.points.min(axis=0)
    places = (offsets // BLOCK_MM).astype(int)
    block = np.ravel_multi_index(tuple(places.T), places.max(axis=0) + 1)
    sums = np.stack([np.bincount(block, column * residual) for column in jacobian.T], axis=-1)
    bread = np.linalg.inv(jacobian.T @ jacobian)
    return np.asarray(bread @ (sums.T @ sums) @ bread)
