"""What reading and mapping real scans takes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtmnet.costs.cost import Cost

# `python benchmarks/costs.py` measures all coefficients of this file.

BYTES_OF_A_VOLUME_VOXEL = 16
"""Of a voxel in each volume, while a scan is read: as stored, in float32, and those of one kind together."""

KEPT_BYTES_OF_A_VOXEL = 40
"""Of a voxel of a scan that has been read, beside its frames: M0, mask, control."""

BYTES_OF_A_FIT = 130
"""Of a voxel in the fit of the kinetic models."""

BYTES_OF_A_FRAME = 88
"""Of a voxel in each frame in that fit, most of it the models' times and decays in float64."""

SECONDS_OF_A_FRAME = 1e-5
"""Of a voxel in each frame in that fit, a core's."""


@dataclass(frozen=True)
class ImageShape:
    """What a NIfTI header says of an image: numbers along each axis, and the volume of a voxel."""

    shape: tuple[int, ...]
    voxel_mm3: float


def image_shape(path: str | Path) -> ImageShape | None:
    """Shape of an image by its header alone; None for what cannot be read, which others refuse."""
    import nibabel as nib

    try:
        header = nib.load(path).header
        return ImageShape(tuple(header.get_data_shape()), math.prod(map(float, header.get_zooms()[:3])))
    except Exception:  # nibabel, gzip and zlib each have errors of their own; the reader of the scan tells them
        return None


def reading_costs(paths: Sequence[Path]) -> Iterator[Cost]:
    """What reading scans takes, by their headers; all are kept until the last is mapped."""
    kept = 0.0
    for path in paths:
        image = image_shape(path)
        if image is not None:
            numbers = math.prod(image.shape)
            yield Cost(
                f"reading {' × '.join(str(n) for n in image.shape)} values of {path.name}",
                "input",
                "give a smaller image, or fewer scans at once",
                memory_bytes=kept + BYTES_OF_A_VOLUME_VOXEL * numbers,
            )
            kept += 4 * numbers / 2 + KEPT_BYTES_OF_A_VOXEL * math.prod(image.shape[:3])


def fit_costs(n_voxels: float, n_frames: int, name: str) -> Cost:
    """What fitting a kinetic model to the frames of some voxels takes."""
    return Cost(
        f"fitting {n_frames} frames of {name}",
        "input",
        "give a smaller image or mask",
        memory_bytes=fit_bytes(n_voxels, n_frames),
        seconds=n_voxels * n_frames * SECONDS_OF_A_FRAME,
    )


def fit_bytes(n_voxels: float, n_frames: int) -> float:
    """Most memory that the fit of a kinetic model takes at once."""
    return n_voxels * (BYTES_OF_A_FIT + BYTES_OF_A_FRAME * n_frames)
