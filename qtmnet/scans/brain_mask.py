"""Where the brain is: a mask that is given, that lies beside the scan, or else the bright part of M0."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from qtmnet.scans.bids.finding import NIFTI_ENDINGS, scan_prefix
from qtmnet.scans.bids.series import LABELED, Series
from qtmnet.scans.grids.placing import place
from qtmnet.scans.nifti import read_image
from simulators.errors import InputError
from simulators.files.reading import kind_there

MASK_THRESHOLD = 0.35  # of the 98th percentile; 0.93 Dice with a brain mask on a 2D-EPI M0 scan

INSIDE_FROM = 0.5
"""Of a mask's probability, or of the share of a voxel that a mask on a finer grid fills."""

FULL_SCALES = (1.0, 100.0, 255.0)
"""What stands for certainty in masks of probabilities, which are stored as fractions, percent or bytes."""

OVERSHOOT = 0.25
"""Beyond 0 and 1, by which splines pass a step; more is no mask."""

_ROUNDING = 1e-3
"""Of values that stand for whole numbers, scaled by the header."""


@dataclass(frozen=True, eq=False)
class BrainMask:
    """The voxels that count.

    Attributes:
        inside: where M0 is above 0 and the scan has data, (X, Y, Z) bool.
        n_without_m0: voxels that were left out because that is not so.
        note: where it came from and what was done to it.
        path: of the image it was read from; None if it was made of M0 or the scan.
    """

    inside: np.ndarray
    n_without_m0: int
    note: str
    path: Path | None = None


def read_brain_mask(series: Series, given: str | os.PathLike | None, m0: np.ndarray) -> BrainMask:
    """The brain of a scan.

    Args:
        series: the scan.
        given: a mask of 0 and 1, of probabilities, which are cut at a half, or of labels, of which all but 0 count.
            By default `<prefix>_desc-brain_mask.nii[.gz]` beside the scan, else the largest bright part of M0.
        m0: (X, Y, Z).

    Raises:
        InputError: for a mask that cannot be read, holds what is no mask, lies elsewhere, or leaves nothing.
    """
    names = [series.path.with_name(f"{scan_prefix(series.path)}_desc-brain_mask{ending}") for ending in NIFTI_ENDINGS]
    path = next((name for name in names if kind_there(name)), None) if given is None else Path(given)
    if path is not None:
        mask, done = _from_file(path, series)
        note = f"mask: {', '.join([path.name, *done])}"
    else:
        source, name = _anatomy(series, m0)
        mask, note = bright_part(source), f"mask: largest bright part of {name}"
    with_m0 = mask & (m0 > 0) if series.missing is None else mask & (m0 > 0) & ~series.missing
    if not with_m0.any():
        raise InputError(f"{path or series.path}: mask: found no voxel in which M0 is above 0; give another mask or m0")
    return BrainMask(with_m0, int(mask.sum() - with_m0.sum()), note, path)


def _from_file(path: Path, series: Series) -> tuple[np.ndarray, list[str]]:
    """A mask on the scan's grid, (X, Y, Z) bool, and what was done to it."""
    image, volumes = read_image(path, n_dimensions=(3,))
    share, cut = _share_inside(path, volumes[..., 0])
    placed = place(path, image, share[..., None], series.path, series.image)
    return placed.volumes[..., 0] >= INSIDE_FROM, [phrase for phrase in (cut, placed.note) if phrase]


def _share_inside(path: Path, values: np.ndarray) -> tuple[np.ndarray, str]:
    """Values of a mask as probabilities of being inside, (X, Y, Z) float32 from 0 to 1, and what was made of them."""
    low, high = float(values.min()), float(values.max())
    distinct = np.unique(values[np.abs(values) > _ROUNDING])
    if distinct.size <= 1 and low >= 0:
        return (values > _ROUNDING).astype(np.float32), ""
    scale = next((full for full in FULL_SCALES if abs(high - full) <= _ROUNDING * full), 1.0)
    whole = bool((np.abs(distinct - np.rint(distinct)) <= _ROUNDING).all())
    if whole and low >= 0 and scale == 1:
        return (values > INSIDE_FROM).astype(np.float32), f"all {distinct.size} labels count as brain"
    if low < -OVERSHOOT * scale or high > (1 + OVERSHOOT) * scale:
        raise InputError(
            f"{path}: mask: found values from {low:.4g} to {high:.4g}; give a mask of 0 and 1, or of probabilities "
            "from 0 to 1"
        )
    return (values / scale).astype(np.float32), f"a soft mask, cut at {INSIDE_FROM * scale:g}"


def _anatomy(series: Series, m0: np.ndarray) -> tuple[np.ndarray, str]:
    """An image (X, Y, Z) that shows where the head is."""
    if m0.min() < m0.max():
        return m0, "M0"
    return mean_signal(series), "the mean volume, as M0 is one number"


def mean_signal(series: Series) -> np.ndarray:
    """Mean magnitude over labels, controls and differences, (X, Y, Z)."""
    rows = np.flatnonzero(np.isin(series.types, LABELED))
    total = sum(np.abs(series.volumes[..., row], dtype=float) for row in rows)
    return np.asarray(total / len(rows))


def bright_part(image: np.ndarray) -> np.ndarray:
    """Largest connected part above a fraction of the image's brightness, its holes filled, (X, Y, Z) bool."""
    labels, n_parts = ndimage.label(image > MASK_THRESHOLD * np.percentile(image[image > 0], 98))
    sizes = np.bincount(labels.ravel(), minlength=n_parts + 1)[1:]
    return ndimage.binary_fill_holes(labels == 1 + sizes.argmax())
