"""NIfTI files in and out: an image is read with its defects named, a map is written whole or not at all."""

import contextlib
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import nibabel as nib
import numpy as np

from qtmnet.quantities import INTERVAL_LEVEL, Quantity
from simulators.files.json_files import json_text
from simulators.files.nifti_file import NiftiFile, look_at
from simulators.files.writing import Drafts, writing_together


class InSpace(Protocol):
    """Whatever knows where its voxels are: an `AslScan`, or an image of nibabel's."""

    @property
    def header(self) -> nib.Nifti1Header: ...


def read_image(path: str | Path, n_dimensions: Sequence[int] = (3, 4)) -> tuple[nib.Nifti1Image, np.ndarray]:
    """Read a NIfTI image and make sure that it can be reckoned with.

    Args:
        path: `.nii` or `.nii.gz`.
        n_dimensions: how many dimensions are allowed.

    Returns:
        The image, for its header and affine, and its data (X, Y, Z, N) float32; N is 1 for a 3D image. NaN and
        infinity, by which other programs mark what has no data, are 0.

    Raises:
        InputError: if the file is missing, unreadable, cut short, of another shape, larger than the memory, or holds
            nothing but NaN and infinity.
    """
    file = look_at_image(path, n_dimensions)
    return file.image(), np.nan_to_num(file.voxels(finite=False), copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def look_at_image(path: str | Path, n_dimensions: Sequence[int] = (3, 4)) -> NiftiFile:
    """Judge a NIfTI image by its header, before its data are read.

    Raises:
        InputError: as `read_image`, but for what only the data show.
    """
    missing = "check the name (with DataLad, get the file's content first)"
    return look_at(path, tuple(n_dimensions), missing=missing)


def mean_volume(volumes: np.ndarray, rows: np.ndarray | None = None, factors: np.ndarray | None = None) -> np.ndarray:
    """Mean of volumes in double precision, (X, Y, Z), one by one: copies of a long scan may not fit the memory.

    Args:
        volumes: (X, Y, Z, N).
        rows: which of them, (N,) bool; all by default.
        factors: of each of those; 1 by default.
    """
    chosen = np.arange(volumes.shape[-1]) if rows is None else np.flatnonzero(rows)
    total = np.zeros_like(volumes[..., 0], dtype=float)  # in the order in which the volumes lie
    for k, volume in enumerate(chosen):
        total += volumes[..., volume] if factors is None else volumes[..., volume] * factors[k]
    return total / len(chosen)


def map_path(folder: str | Path, prefix: str, quantity: Quantity) -> Path:
    """Where a map goes, named as ASLPrep does: `<prefix>_cbf.nii.gz`, `<prefix>_att.nii.gz`."""
    return Path(folder) / f"{prefix}_{quantity.file_ending}.nii.gz"


def map_sidecar(quantity: Quantity, *, sources: Sequence[str], algorithm: str, **fields: object) -> dict[str, object]:
    """The JSON that goes beside a map.

    Args:
        quantity: that it is of.
        sources: images it was made from, as paths from the dataset's root (`bids.dataset_path`).
        algorithm: how it was estimated (BIDS `EstimationAlgorithm`).
        **fields: further BIDS fields, such as `EstimationReference`, or our own.
    """
    return {
        **({"Units": quantity.bids_units} if quantity.bids_units else {}),
        "Description": f"{quantity.description}.",
        **({"Quantile": quantity.level, "IntervalLevel": INTERVAL_LEVEL} if quantity.bound_of else {}),
        "Sources": list(sources),
        "EstimationAlgorithm": algorithm,
        **fields,
    }


def write_map(
    path: str | Path, data: np.ndarray, like: InSpace, sidecar: dict[str, object], drafts: Drafts | None = None
) -> Path:
    """Write a map as float32, a mask as uint8, with its sidecar; both appear whole, or nothing does.

    The same map gives the same bytes. Of the scan's header only the geometry (sform, qform, their
    codes, voxel size) is taken over: no descriptions, no vendor extensions.

    Args:
        path: ends with `.nii.gz`; the sidecar goes beside it as `.json`. Existing files are replaced.
        data: (X, Y, Z), the grid of `like`, or (X, Y, Z, N); bool for a mask.
        like: the scan that the map belongs to.
        sidecar: fields for the JSON, see `map_sidecar`.
        drafts: files that are to appear together with these, and when.

    Returns:
        The path of the image.

    Raises:
        InputError: if it cannot be written, for instance because the disk is full.
    """
    path = Path(path)
    if not path.name.endswith(".nii.gz"):
        raise ValueError(f"{path}: maps are written as .nii.gz")
    if data.shape[:3] != tuple(like.header.get_data_shape()[:3]) or data.ndim > 4:
        raise ValueError(f"{path}: a map of {data.shape} does not lie on a grid of {like.header.get_data_shape()[:3]}")
    image = _in_space(np.asarray(data, dtype=np.uint8 if data.dtype == bool else np.float32), like.header)
    with contextlib.nullcontext(drafts) if drafts else writing_together() as together:
        together.write(sidecar_path(path), json_text(sidecar, indent=2).encode())
        together.write(path, gzip.compress(image.to_bytes(), mtime=0))
    return path


def sidecar_path(path: Path) -> Path:
    """Where the JSON of a map or of a table goes."""
    return path.with_name(path.name.removesuffix(".nii.gz").removesuffix(".tsv") + ".json")


def _in_space(data: np.ndarray, header: nib.Nifti1Header) -> nib.Nifti1Image:
    image = nib.Nifti1Image(data, header.get_best_affine())
    image.header.set_zooms((*header.get_zooms()[:3], *[1.0] * (data.ndim - 3)))
    image.header.set_xyzt_units(xyz="mm")
    image.set_qform(*_form(header.get_qform(), header["qform_code"]))
    image.set_sform(*_form(header.get_sform(), header["sform_code"]))
    return image


def _form(affine: np.ndarray, code: np.ndarray) -> tuple[np.ndarray | None, int]:
    return (affine, int(code)) if code > 0 else (None, 0)
