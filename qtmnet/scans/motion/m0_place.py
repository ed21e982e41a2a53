"""M0 put where the volumes of its scan have the head."""

from dataclasses import replace

import numpy as np

from qtmnet.scans.bids.series import Series
from qtmnet.scans.calibration.m0 import M0
from qtmnet.scans.motion.estimate import LEAST_MOVED_MM, SURE, Estimate, usable_groups
from qtmnet.scans.motion.moving import moved
from qtmnet.scans.motion.offsets import by_two_models
from qtmnet.scans.motion.template import Template

MOST_CONTRASTS = 3
"""Control images, of the first, the middle and the last delay, that M0 is made up of: where inversions suppress the
background, each has another contrast of tissues, and so has M0."""


def put_m0(m0: M0, series: Series, estimate: Estimate) -> M0:
    """M0 as it looks where the scan has the head, or as it is, if it lies there, or if that cannot be told.

    Args:
        m0: on the scan's grid.
        series: the scan, its volumes in one place; those of no use marked n/a.
        estimate: of the motion in it.
    """
    if not m0.is_image or m0.stand_in:
        return m0
    groups = usable_groups(series, ("control",))
    if not groups:
        return replace(m0, notes=(*m0.notes, "M0: not moved: differences do not show where M0 has the head"))
    by_delay = sorted(groups, key=lambda rows: int(rows[0]))
    chosen = {round(place) for place in np.linspace(0, len(by_delay) - 1, MOST_CONTRASTS)}
    canvas, head = estimate.canvas, estimate.head
    images = [canvas.smoothed(series.volumes[..., by_delay[k]].mean(axis=-1)) for k in sorted(chosen)]
    even, uneven = (Template(images, canvas.affine, estimate.voxels, head, uneven=uneven) for uneven in (False, True))
    found, unknown = by_two_models(even, uneven, canvas.smoothed(m0.image), np.zeros(6))
    far = float(head.distance(found.motion))
    if not np.isfinite(unknown) or far <= max(LEAST_MOVED_MM, SURE * unknown):
        told = f"{far:.2f} mm off, which is no more than what contrast and noise leave unknown ({unknown:.2f} mm)"
        return replace(m0, notes=(*m0.notes, f"M0: not moved: found the head {told}"))
    image, shown = moved(m0.image, series.image.affine, head.matrix(found.motion))
    note = f"M0: put where the scan has the head, by {far:.2f} mm (known to {unknown:.2f} mm)"
    return replace(m0, image=np.where(shown, image, 0).astype(np.float32), notes=(*m0.notes, note))
