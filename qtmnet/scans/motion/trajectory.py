"""How the head lay in each volume of a scan."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from qtmnet.scans.motion.canvas import Canvas
from qtmnet.scans.motion.fitting import fit
from qtmnet.scans.motion.offsets import Offsets, by_two_models, solve
from qtmnet.scans.motion.rigid import Head
from qtmnet.scans.motion.template import Template

ROUNDS = 5
"""At most. The templates of one are of volumes that the one before has put in one place."""

STILL_MM = 0.05
"""Where no volume moves further in a round, it was the last."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """How the head lay in N volumes.

    Attributes:
        motion: that takes points of a volume to the common place, (N, 6); 0 where it is not known.
        spread: root mean square distance that it leaves unknown, mm, (N,); infinite where it is not known.
    """

    motion: np.ndarray
    spread: np.ndarray


class Tracker:
    """Follows a head through groups of volumes that look alike.

    Args:
        volumes: (X, Y, Z, N).
        canvas: that they are compared on.
        groups: volumes (int) of each contrast, the first the one that the others are compared with.
        voxels: of the canvas that are compared, (P, 3) indices.
        head: their places.
    """

    def __init__(
        self, volumes: np.ndarray, canvas: Canvas, groups: Sequence[np.ndarray], voxels: np.ndarray, head: Head
    ) -> None:
        self.affine, self.groups, self.voxels, self.head = canvas.affine, groups, voxels, head
        self.images = {int(row): canvas.smoothed(volumes[..., row]) for rows in groups for row in rows}
        self.order = np.array(sorted(self.images))
        self.group_of = {int(row): k for k, rows in enumerate(groups) for row in rows}
        self.motion = {row: np.zeros(6) for row in self.images}
        self.spread = dict.fromkeys(self.images, np.inf)

    def follow(self, n_volumes: int) -> Trajectory:
        """Find how the head lay in each volume that is of a group."""
        for turn in range(ROUNDS):
            before = dict(self.motion)
            means = [self._within(rows, first=turn == 0) for rows in self.groups]
            offsets = self._between(means)
            for row, k in self.group_of.items():
                self.motion[row] = self.head.after(offsets.motion[k], self.motion[row])
            if max(self.head.distance(self.motion[row] - before[row]) for row in before) < STILL_MM:
                break
        motion, spread = np.zeros((n_volumes, 6)), np.full(n_volumes, np.inf)
        for row, k in self.group_of.items():
            if len(self.groups[k]) > 1:
                motion[row], spread[row] = self.motion[row], np.hypot(self.spread[row], offsets.spread[k])
            else:
                motion[row], spread[row] = self.motion[row], offsets.spread[k]
        return Trajectory(motion, spread)

    def _within(self, rows: np.ndarray, *, first: bool) -> np.ndarray:
        """Motion of each volume to the mean of the others of its group; returns the mean of all, (X, Y, Z)."""
        placed = {int(row): self._placed(int(row), first=first) for row in rows}
        total, n = np.sum(list(placed.values()), axis=0), len(rows)
        for row, image in placed.items() if n > 1 else ():
            others = Template([(total - image) / (n - 1)], self.affine, self.voxels, self.head)
            found = fit(others, self.images[row], self.motion[row])
            # The others lie, in the mean, as far to the other side of the mean of all.
            self.motion[row] = found.motion * ((n - 1) / n if first else 1)
            self.spread[row] = self.head.spread(found.covariance)
        return np.asarray(total / n)

    def _placed(self, row: int, *, first: bool) -> np.ndarray:
        """A volume as it is now thought to look in the common place."""
        if first:
            return self.images[row]
        step = np.linalg.inv(self.affine) @ np.linalg.inv(self.head.matrix(self.motion[row])) @ self.affine
        return ndimage.affine_transform(self.images[row], step[:3, :3], step[:3, 3], order=3, mode="nearest")

    def _between(self, means: Sequence[np.ndarray]) -> Offsets:
        """Motion of each group to the first."""
        n = len(means)
        direct, spread = np.zeros((n, 6)), np.zeros(n)
        even, uneven = (
            Template(means[:1], self.affine, self.voxels, self.head, uneven=uneven) for uneven in (False, True)
        )
        for k in range(1, n):
            found, spread[k] = by_two_models(even, uneven, means[k], np.zeros(6))
            direct[k] = found.motion
        motions = np.stack([self.motion[row] for row in self.order.tolist()])
        group = np.array([self.group_of[row] for row in self.order.tolist()])
        return solve(self.head, direct, spread, np.diff(motions, axis=0), (group[:-1], group[1:]))
