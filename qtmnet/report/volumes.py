"""Maps as a page carries them: 16 bits a voxel, inside the mask alone, with axes that run right, anterior, superior.

A page must hold its maps itself, so they have to be small: they are cropped to the mask's bounding box, voxels outside
the mask take one bit, and those inside two bytes.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import nibabel as nib
import numpy as np

from qtmnet.figures.brain_maps import Cuts

HIGHEST_CODE = 65535
"""Codes 1 to this one stand for values; 0 for one that is not finite."""

MARGIN = 1
"""Voxels that are kept around the mask."""

Limits = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is shown together: maps of one cube, brain or scan.

    Attributes:
        name: what it is chosen by.
        inside: voxels that are shown, (X, Y, Z) bool, at least one.
        maps: values (X, Y, Z) by name.
        affine: voxel index to mm, (4, 4); None where there is no left or right, as in a cube.
        voxel_size_mm: edge lengths along the axes of the maps.
    """

    name: str
    inside: np.ndarray
    maps: Mapping[str, np.ndarray]
    affine: np.ndarray | None
    voxel_size_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Quantised:
    """Values as codes: value = low + (code − 1) · step.

    Attributes:
        codes: (V,) uint16; 0 where the value is not finite.
        low: value of code 1.
        step: between neighbouring codes; half of it is the largest error within the limits.
    """

    codes: np.ndarray
    low: float
    step: float


def quantise(values: np.ndarray, limits: Limits) -> Quantised:
    """Codes of values (V,), as fine as their own range allows; what lies beyond the limits gets those."""
    finite = np.isfinite(values)
    kept = np.clip(np.where(finite, values, limits[0]).astype(float), *limits)
    low, high = (float(kept[finite].min()), float(kept[finite].max())) if finite.any() else (0.0, 0.0)
    step = (high - low) / (HIGHEST_CODE - 1) or 1.0
    codes = np.where(finite, np.rint((kept - low) / step) + 1, 0)
    return Quantised(codes.astype("<u2"), low, step)


def pack(subject: Subject, limits: Mapping[str, Limits]) -> dict[str, object]:
    """A subject as plain data for the page.

    Args:
        subject: what to pack.
        limits: range of the values of each map that is to be packed; see `quantise`.

    Returns:
        `shape` of the cropped box, of `whole` and voxel size along axes that run right, anterior and superior; `inside`
        as base64 of bits, the first voxel in the highest; `maps` as base64 of little-endian 16-bit codes of the voxels
        inside, in C order; `to_voxel` and `to_mm`, rows of matrices that take an index of the box to that in the file
        and to mm (None without an affine); and `start`, the index to show first.
    """
    turn, affine = _orientation(subject)
    inside = nib.apply_orientation(subject.inside, turn).astype(bool)
    box = bounding_box(inside)
    low = [side.start for side in box]
    to_voxel = nib.orientations.inv_ornt_aff(turn, subject.inside.shape) @ nib.affines.from_matvec(np.eye(3), low)
    start = Cuts.through(subject.inside, affine).index  # of the turned image, where its planes are full
    packed = {}
    for name, held in limits.items():
        cropped = nib.apply_orientation(subject.maps[name], turn)[box]
        coded = quantise(cropped[inside[box]], held)
        packed[name] = {"codes": _base64(coded.codes.tobytes()), "low": coded.low, "step": coded.step}
    return {
        "name": subject.name,
        "shape": [side.stop - side.start for side in box],
        "whole": list(inside.shape),
        "size_mm": nib.affines.voxel_sizes(affine @ to_voxel).tolist(),
        "inside": _base64(np.packbits(inside[box]).tobytes()),
        "maps": packed,
        "to_voxel": to_voxel[:3].tolist(),
        "to_mm": (affine @ to_voxel)[:3].tolist() if subject.affine is not None else None,
        "start": [int(index - first) for index, first in zip(start, low, strict=True)],
    }


def bounding_box(inside: np.ndarray) -> tuple[slice, slice, slice]:
    """The smallest box that holds all voxels inside, and a margin as far as the image goes."""
    sides = []
    for axis in range(3):
        there = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        sides.append(slice(max(int(there[0]) - MARGIN, 0), min(int(there[-1]) + 1 + MARGIN, inside.shape[axis])))
    return sides[0], sides[1], sides[2]


def _orientation(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """How to turn and flip the axes, and the affine; without one the axes stay as they are."""
    affine = np.diag([*subject.voxel_size_mm, 1.0]) if subject.affine is None else np.asarray(subject.affine, float)
    return nib.io_orientation(affine), affine


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
