"""How groups of volumes lie to each other: by what their mean images show, and by heads that lie still.

Volumes of one type and delay look alike, and are compared with each other alone. Between delays and types contrast
differs, most where the background is suppressed, and passes for motion: by 2 mm between the first and the last delay of
a healthy 2D scan. So the mean images of groups count by how far two models of contrast agree on them, and beside them
counts that volumes which follow each other are mostly in one place.
"""

from dataclasses import dataclass

import numpy as np

from qtmnet.scans.motion.fitting import Fit, fit
from qtmnet.scans.motion.rigid import Head
from qtmnet.scans.motion.template import Template

LEAST_SPREAD_MM = 0.02
"""Of an offset, however well models agree."""

ROUNDS = 20
"""In which links that do not fit lose weight."""

SD_PER_MEDIAN = 1.48
"""Standard deviation of a Gaussian over the median of its absolute values; a rule of thumb for distances."""

OUTLYING = 2.0
"""Standard deviations from which on links lose most of their weight."""


@dataclass(frozen=True, eq=False)
class Offsets:
    """Where G groups lie.

    Attributes:
        motion: that takes points of a group to the common place, (G, 6).
        spread: root mean square distance that it leaves unknown, mm, (G,).
    """

    motion: np.ndarray
    spread: np.ndarray


def by_two_models(even: Template, uneven: Template, image: np.ndarray, start: np.ndarray) -> tuple[Fit, float]:
    """The motion of an image of other contrast, and the root mean square distance that it leaves unknown, mm.

    Args:
        even: what it should look like, with one share for the whole head.
        uneven: the same, with shares that vary in space; its motion is taken.
        image: smoothed, (X, Y, Z).
        start: a motion near it, (6,).
    """
    found = fit(uneven, image, start)
    other = fit(even, image, found.motion)
    head = even.head
    known = max(float(head.distance(found.motion - other.motion)), head.spread(found.covariance))
    return found, max(known, LEAST_SPREAD_MM)


def solve(
    head: Head, direct: np.ndarray, spread: np.ndarray, steps: np.ndarray, groups: tuple[np.ndarray, np.ndarray]
) -> Offsets:
    """Offsets of groups, from what their images tell and from volumes that follow each other.

    Robust least squares (Cauchy's weights) of the distances from `direct` over `spread`, and of the steps from volume
    to volume over their own typical size. Where groups have too few volumes for steps to tell, `direct` is taken.

    Args:
        head: that is moved.
        direct: motion of each group by its mean image, (G, 6).
        spread: mm that it leaves unknown, (G,); 0 of the group that the others are compared with.
        steps: motion of a volume less that of the one before, each within its group, (L, 6).
        groups: of the volume before and of the volume, (L,) each.
    """
    n, (before, behind) = len(direct), groups
    links = before != behind
    if links.sum() < 2 * (n - 1) or n == 1:
        return Offsets(direct, spread)
    steps, before, behind = steps[links], before[links], behind[links]
    design = np.zeros((len(steps), n))
    design[np.arange(len(steps)), behind] += 1
    design[np.arange(len(steps)), before] -= 1
    certainty = 1 / np.maximum(spread, LEAST_SPREAD_MM / 10) ** 2
    offsets, weight = direct, np.ones(len(steps))
    for _ in range(ROUNDS):
        left = head.distance(steps + design @ offsets)
        size = max(SD_PER_MEDIAN * float(np.median(left)), LEAST_SPREAD_MM)
        weight = 1 / (size**2 * (1 + (left / (OUTLYING * size)) ** 2))
        normal = design.T @ (weight[:, None] * design) + np.diag(certainty)
        offsets = np.linalg.solve(normal, certainty[:, None] * direct - design.T @ (weight[:, None] * steps))
    return Offsets(offsets, np.sqrt(np.diag(np.linalg.inv(normal))))
