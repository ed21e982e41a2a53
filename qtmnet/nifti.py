"""NIfTI files in and out: an image is read with its defects named, a map is written whole or not at all."""

import contextlib
import gzip
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from simulators.errors import InputError

# Suffix to unit and meaning, as ASLPrep writes them.
MAPS = {
    "cbf": ("mL/100 g/min", "Cerebral blood flow"),
    "att": ("s", "Arterial transit time: how long labeled blood takes from the labeling plane to the voxel"),
}

# What gzip, numpy and nibabel raise for damaged files.
_UNREADABLE = (OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error, ImageFileError, HeaderDataError)


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
        The image, for its header and affine, and its data (X, Y, Z, N) float32; N is 1 for a 3D image.

    Raises:
        InputError: if the file is missing, unreadable, cut short, of another shape, or holds NaN or infinity.
    """
    try:
        _check_compression(path)
        image = nib.load(path)
        data = None
        if isinstance(image, nib.Nifti1Image) and image.ndim in n_dimensions and image.get_data_dtype().kind in "iuf":
            data = image.get_fdata(dtype=np.float32, caching="unchanged")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name (with DataLad, get the file's content first)") from None
    except _UNREADABLE as error:
        what = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: not readable as NIfTI ({what}); copy or convert the file again") from None
    if not isinstance(image, nib.Nifti1Image):
        raise InputError(f"{path}: found {type(image).__name__}; give a NIfTI image")
    if data is None:
        wanted = " or ".join(f"{n}D" for n in n_dimensions)
        raise InputError(f"{path}: dim: found {image.shape} {image.get_data_dtype()}; give a {wanted} image of numbers")
    n_missing = data.size - np.count_nonzero(np.isfinite(data))
    if n_missing:
        raise InputError(
            f"{path}: found {n_missing} values that are NaN or infinite; replace them (by 0 outside the head)"
        )
    return image, data[..., np.newaxis] if data.ndim == 3 else data


def _check_compression(path: str | Path) -> None:
    """Read a compressed file to its end, where its checksum is: nibabel stops before it."""
    if str(path).endswith(".gz"):
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass


def check_same_grid(path: str | Path, image: nib.Nifti1Image, like_path: Path, like: nib.Nifti1Image) -> None:
    """Make sure that an image lies voxel by voxel on another one; small shifts between scans are let pass.

    Raises:
        InputError: if shapes differ, or axes point elsewhere (a flipped image would fit unnoticed).
    """
    if image.shape[:3] != like.shape[:3]:
        raise InputError(
            f"{path}: dim: found {image.shape[:3]}, but {like_path.name} has {like.shape[:3]}; resample it to that grid"
        )
    ours, theirs = image.affine[:3, :3], like.affine[:3, :3]
    aligned = (ours * theirs).sum(axis=0) >= 0.7 * np.linalg.norm(ours, axis=0) * np.linalg.norm(theirs, axis=0)
    placed = all(header["sform_code"] > 0 or header["qform_code"] > 0 for header in (image.header, like.header))
    if placed and not aligned.all():
        raise InputError(
            f"{path}: affine: found axes {''.join(nib.aff2axcodes(image.affine))}, but {like_path.name} has "
            f"{''.join(nib.aff2axcodes(like.affine))}; reorient it to that grid"
        )


def map_path(folder: str | Path, prefix: str, suffix: str) -> Path:
    """Where a map goes, named as ASLPrep does: `<prefix>_cbf.nii.gz`, `<prefix>_att.nii.gz`."""
    return Path(folder) / f"{prefix}_{suffix}.nii.gz"


def map_sidecar(suffix: str, *, sources: Sequence[str], algorithm: str, **fields: object) -> dict[str, object]:
    """The JSON that goes beside a map.

    Args:
        suffix: one of `MAPS`.
        sources: images it was made from, as paths from the dataset's root (`bids.dataset_path`).
        algorithm: how it was estimated (BIDS `EstimationAlgorithm`).
        **fields: further BIDS fields, such as `EstimationReference`, or our own.
    """
    units, description = MAPS[suffix]
    return {
        "Units": units,
        "Description": f"{description}.",
        "Sources": list(sources),
        "EstimationAlgorithm": algorithm,
        **fields,
    }


def write_map(path: str | Path, data: np.ndarray, like: InSpace, sidecar: dict[str, object]) -> Path:
    """Write a map as float32 with its sidecar; both appear whole, or nothing does.

    The same map gives the same bytes. Of the scan's header only the geometry (sform, qform, their
    codes, voxel size) is taken over: no descriptions, no vendor extensions.

    Args:
        path: ends with `.nii.gz`; the sidecar goes beside it as `.json`. Existing files are replaced.
        data: (X, Y, Z), the grid of `like`.
        like: the scan that the map belongs to.
        sidecar: fields for the JSON, see `map_sidecar`.

    Returns:
        The path of the image.

    Raises:
        InputError: if it cannot be written, for instance because the disk is full.
    """
    path = Path(path)
    if not path.name.endswith(".nii.gz"):
        raise ValueError(f"{path}: maps are written as .nii.gz")
    if data.shape != tuple(like.header.get_data_shape()[:3]):
        raise ValueError(f"{path}: a map of {data.shape} does not lie on a grid of {like.header.get_data_shape()[:3]}")
    image = _in_space(np.asarray(data, dtype=np.float32), like.header)
    description = json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n"
    contents = {
        path.with_name(path.name.removesuffix(".nii.gz") + ".json"): description.encode(),
        path: gzip.compress(image.to_bytes(), mtime=0),
    }
    try:
        _write_together(contents)
    except OSError as error:
        raise InputError(
            f"{path}: could not be written ({error.strerror or error}); make room, or choose another folder"
        ) from None
    return path


def _in_space(data: np.ndarray, header: nib.Nifti1Header) -> nib.Nifti1Image:
    image = nib.Nifti1Image(data, header.get_best_affine())
    image.header.set_zooms(header.get_zooms()[:3])
    image.header.set_xyzt_units(xyz="mm")
    image.set_qform(*_form(header.get_qform(), header["qform_code"]))
    image.set_sform(*_form(header.get_sform(), header["sform_code"]))
    return image


def _form(affine: np.ndarray, code: np.ndarray) -> tuple[np.ndarray | None, int]:
    return (affine, int(code)) if code > 0 else (None, 0)


def _write_together(contents: dict[Path, bytes]) -> None:
    """Write all files under temporary names beside them, then rename; leave no temporary behind."""
    parts = {target: target.with_name(f".{target.name}.{os.getpid()}.part") for target in contents}
    try:
        for target, content in contents.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            with parts[target].open("wb") as part:
                part.write(content)
                part.flush()
                os.fsync(part.fileno())  # a full disk may not show before
        for target, part_path in parts.items():
            part_path.replace(target)
    finally:
        for part_path in parts.values():
            with contextlib.suppress(OSError):
                part_path.unlink()
