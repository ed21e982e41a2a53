"""What reading and mapping real scans takes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qtmnet.costs.cost import Cost, times
from qtmnet.costs.networks import OPERATIONS_PER_SECOND, network_size
from qtmnet.scans.scan import AslScan
from simulators.errors import InputError
from simulators.files.nifti_file import look_at

if TYPE_CHECKING:  # it takes torch, which simulating does without
    from qtmnet.methods.network.estimator import Estimator

# `python benchmarks/costs.py` measures all coefficients of this file.

BYTES_OF_A_VOLUME_VOXEL = 13
"""Of a voxel in each volume, while a scan is read: in float32, and what is made of it on the way. Eight pairs of each
delay take 8, one or two up to 16, as their noise is estimated for as many frames."""

KEPT_BYTES_OF_A_VOXEL = 40
"""Of a voxel of a scan that has been read, beside its frames and their noise: M0, mask, control."""

BYTES_OF_A_FIT = 130
"""Of a voxel in the fit of the kinetic models."""

BYTES_OF_A_FRAME = 88
"""Of a voxel in each frame in that fit, most of it the models' times and decays in float64."""

SECONDS_OF_A_FRAME = 5e-6
"""Of a voxel in each frame in that fit, a core's."""


@dataclass(frozen=True)
class ImageShape:
    """What a NIfTI header says of an image: numbers along each axis, and the volume of a voxel."""

    shape: tuple[int, ...]
    voxel_mm3: float


def image_shape(path: str | Path) -> ImageShape | None:
    """Shape of an image by its header alone; None for what cannot be read, which others refuse."""
    try:
        header = look_at(path).header
    except InputError:
        return None
    return ImageShape(header.shape, abs(float(np.linalg.det(header.affine[:3, :3]))))


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
            kept += 2 * 4 * numbers / 2 + KEPT_BYTES_OF_A_VOXEL * math.prod(image.shape[:3])


def mapping_costs(scans: Sequence[AslScan], network: "Estimator | None") -> Iterator[Cost]:
    """What mapping scans takes, each after the other, by a network or else by a kinetic model."""
    for scan in scans:
        inside, n_frames = int(scan.mask.sum()), len(scan.delta_m)
        if network is None:
            yield Cost(
                f"fitting {n_frames} frames of {scan.path.name}",
                "input",
                "give a smaller image or mask",
                memory_bytes=fit_bytes(inside, n_frames),
                seconds=inside * n_frames * SECONDS_OF_A_FRAME,
            )
        else:
            yield network_cost(network, scan.m0.shape, scan.path.name, setting="input")


def network_cost(network: "Estimator", shape: tuple[int, ...], name: str, *, setting: str) -> Cost:
    """What a network takes for a whole image, (X, Y, Z)."""
    x, y, z = shape
    size = network_size(lambda: type(network)(network.description), 1, (x, y, z))
    return Cost(
        f"the network on {times(shape)} voxels of {name}",
        setting,
        "give a smaller image, or larger voxels",
        memory_bytes=size.kept_bytes + size.weight_bytes,
        seconds=size.operations / OPERATIONS_PER_SECOND,
    )


def fit_bytes(n_voxels: float, n_frames: int) -> float:
    """Most memory that the fit of a kinetic model takes at once."""
    return n_voxels * (BYTES_OF_A_FIT + BYTES_OF_A_FRAME * n_frames)
