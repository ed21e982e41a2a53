"""Motion of all volumes of a scan, where it can be told."""

from dataclasses import dataclass
from functools import cached_property

import nibabel as nib
import numpy as np
from scipy import ndimage

from qtmnet.scans.bids.series import LABELED, Series
from qtmnet.scans.brain_mask import bright_part
from qtmnet.scans.motion.canvas import Canvas
from qtmnet.scans.motion.rigid import Head, framewise_displacement
from qtmnet.scans.motion.trajectory import Tracker
from qtmnet.scans.protocol.time_encoding import MATRIX
from qtmnet.scans.protocol.timing import timing
from qtmnet.scans.volumes.signals import Signals

LEAST_MOVED_MM = 0.3
"""Root mean square distance in the head up to which volumes are left as they are: to look them up between voxels would
change them more than so small a motion does."""

SURE = 4.0
"""Times what is left unknown of a motion, that it must be to count as one."""

LEAST_SLICES = 4
"""Along any axis; fewer do not tell three rotations."""

MOST_POINTS = 10_000
"""Voxels that are compared: smoothed as they are, more of them tell little more."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """How the head lay in N volumes, by the place that most of them have it in.

    Attributes:
        head: that motion is of.
        canvas: that volumes were compared on.
        voxels: of the canvas that it consists of, (P, 3) indices.
        motion: that takes points of a volume to that place, (N, 6), see `Head`; NaN where nothing was found.
        spread: root mean square distance that it leaves unknown, mm, (N,); infinite where nothing was found.
        groups: volumes (int) of one contrast each.
    """

    head: Head
    canvas: Canvas
    voxels: np.ndarray
    motion: np.ndarray
    spread: np.ndarray
    groups: tuple[np.ndarray, ...]

    @cached_property
    def distance(self) -> np.ndarray:
        """Root mean square distance of the head's points from that place, mm, (N,); NaN where it is not known."""
        return self.head.distance(self.motion)

    @cached_property
    def has_moved(self) -> np.ndarray:
        """Volumes that lie elsewhere, by more than what noise explains, (N,) bool."""
        known = np.isfinite(self.spread)
        return known & (self.distance > np.maximum(LEAST_MOVED_MM, SURE * np.where(known, self.spread, 0)))

    @cached_property
    def of_head(self) -> tuple[np.ndarray, np.ndarray]:
        """How the head has moved from that place: way of its middle, mm (N, 3), and rotation about it, rad (N, 3)."""
        back = np.array([self.head.back(motion) if np.isfinite(motion).all() else motion for motion in self.motion])
        return back[:, :3], back[:, 3:] / self.head.radius

    @cached_property
    def framewise(self) -> np.ndarray:
        """Framewise displacement from the labeled volume before, mm, (N,); NaN for the first and where not known."""
        known = np.flatnonzero(np.isfinite(self.motion).all(axis=1))
        found = np.full(len(self.motion), np.nan)
        translations, rotations = self.of_head
        if known.size:
            found[known] = framewise_displacement(translations[known], rotations[known])
        return found


def estimate_motion(series: Series, kinds: tuple[str, ...] = LABELED) -> Estimate | str:
    """Find how the head moved.

    Args:
        series: before label and control are made a difference; encoded volumes are best not decoded.
        kinds: of the volumes that are followed.

    Returns:
        The motion; or why it cannot be told, a phrase.
    """
    shape = series.volumes.shape[:3]
    if min(shape) < LEAST_SLICES:
        return f"{min(shape)} {'slice does' if min(shape) == 1 else 'slices do'} not tell a rigid motion"
    groups = usable_groups(series, kinds)
    rows = np.concatenate(groups) if groups else np.empty(0, int)
    if rows.size < 2:
        return "fewer than two volumes can be used"
    mean = sum(np.abs(series.volumes[..., row], dtype=float) for row in rows) / rows.size
    canvas = Canvas(shape, series.image.affine)
    voxels = _points(canvas.averaged(np.asarray(mean)))
    head = Head(nib.affines.apply_affine(canvas.affine, voxels))
    found = Tracker(series.volumes, canvas, groups, voxels, head).follow(len(series.types))
    motion = np.where(np.isfinite(found.spread)[:, None], found.motion, np.nan)
    return Estimate(head, canvas, voxels, _from_most(head, motion, found.spread), found.spread, tuple(groups))


def usable_groups(series: Series, kinds: tuple[str, ...] = LABELED) -> list[np.ndarray]:
    """Volumes (int) that look alike: of one type, delay and duration, the largest group of the first type in front.

    Those that are of no use by themselves, as they are empty or lack slices, are of none.
    """
    chosen = np.isin(series.types, kinds)
    numbers = np.zeros((len(chosen), 2))
    if chosen.any() and set(kinds) <= set(LABELED):
        numbers = timing(series, chosen)
    encodings = _encodings(series)
    keys = [
        (kinds.index(kind), *numbers[row].tolist(), int(encodings[row])) if chosen[row] else ()
        for row, kind in enumerate(series.types.tolist())
    ]
    distinct = sorted({key for key in keys if key})
    groups = [np.array([row for row, key in enumerate(keys) if key == each]) for each in distinct]
    if not groups:
        return []
    faults = Signals.of(series.volumes, np.concatenate(groups)).faults(series.volumes, groups)
    groups = [rows for group in groups if (rows := np.array([row for row in group if row not in faults], int)).size]
    return sorted(groups, key=len, reverse=True)


def _encodings(series: Series) -> np.ndarray:
    """Place of each volume in its encoding, (N,) int; 0 where none is."""
    matrix = series.sidecar.fields.get(MATRIX)
    rows = np.flatnonzero(np.isin(series.types, ("control", "label")))
    found = np.zeros(len(series.types), int)
    if isinstance(matrix, list) and matrix and isinstance(matrix[0], list) and matrix[0]:
        found[rows] = np.arange(rows.size) % len(matrix[0])
    return found


def _points(mean: np.ndarray) -> np.ndarray:
    """Voxels of the head and next to it, or as many of them as are needed, (P, 3)."""
    voxels = np.argwhere(ndimage.binary_dilation(bright_part(mean)))
    if len(voxels) <= MOST_POINTS:
        return voxels
    chosen = np.random.default_rng(0).choice(len(voxels), MOST_POINTS, replace=False)
    return voxels[np.sort(chosen)]


def _from_most(head: Head, motion: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Motions (N, 6) to the place that most volumes have the head in: the mean of the largest set that lies close."""
    known = np.isfinite(spread) & np.isfinite(motion).all(axis=1)
    if not known.any():
        return motion
    apart = head.distance(motion[known][:, None] - motion[known][None])
    near = apart < LEAST_MOVED_MM + spread[known][:, None] + spread[known][None]
    close = near[near.sum(axis=1).argmax()]
    place = head.back(motion[known][close].mean(axis=0))
    return np.array([head.after(place, each) if np.isfinite(each).all() else each for each in motion])
