"""A scan as it lies on disk: image, volume types and sidecar."""

import csv
import reprlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from qtmnet.scans.bids.finding import applicable, scan_prefix
from qtmnet.scans.bids.preprocessed import is_preprocessed, kept_volumes, of_kept_volumes, raw_scan, with_raw_fields
from qtmnet.scans.bids.sidecar import Sidecar, read_sidecar
from qtmnet.scans.missing_values import without_missing
from qtmnet.scans.nifti import look_at_image
from simulators.errors import InputError
from simulators.files.nifti_file import NiftiFile
from simulators.files.reading import TABLE_FILE, read_text
from simulators.files.writing import one_line

VOLUME_TYPES = ("control", "label", "m0scan", "deltam", "cbf", "noRF", "n/a")
VOXEL_MM = (0.1, 50.0)
"""Of scans of people, with room: beyond, it is another unit."""

LABELED = ("control", "label", "deltam")
"""Types of the volumes that tell of label."""


def read_context(scan_path: Path, n_volumes: int) -> tuple[Path, np.ndarray]:
    """Read the volume types of a scan from its `*_aslcontext.tsv`.

    Args:
        scan_path: the NIfTI file of the scan.
        n_volumes: volumes that the image has.

    Returns:
        The table's path, and (n_volumes,) strings out of `VOLUME_TYPES`.

    Raises:
        InputError: if the table is missing, malformed, or does not fit the image.
    """
    prefix = scan_prefix(scan_path)
    files = applicable(scan_path, set(prefix.split("_")), "aslcontext.tsv")
    if not files:
        raise InputError(
            f"{scan_path.with_name(f'{prefix}_aslcontext.tsv')}: no such file; write one with the heading volume_type "
            "and a line for each volume (m0scan, control, label or deltam)"
        )
    path = files[-1]
    types = _column(path, "volume_type")
    unknown = sorted(set(types) - set(VOLUME_TYPES))
    if unknown:
        raise InputError(f"{path}: volume_type: found {reprlib.repr(unknown)}; use {', '.join(VOLUME_TYPES)}")
    if len(types) != n_volumes:
        raise InputError(
            f"{path}: volume_type: found {len(types)} rows for the {n_volumes} volumes of {scan_path.name}; "
            "give one row for each volume"
        )
    return path, np.array(types)


def _column(path: Path, name: str) -> list[str]:
    """A column of a table, at least one row."""
    text = read_text(path, TABLE_FILE)
    try:
        heading, *rows = [row for row in csv.reader(text.splitlines(), delimiter="\t") if row] or [[]]
    except csv.Error as error:
        raise InputError(f"{path}: not readable as a table ({one_line(error)}); mend the file") from None
    heading = [column.strip() for column in heading]
    if not rows or heading.count(name) != 1:
        found = reprlib.repr(heading) if rows else "no rows"
        times = "several such columns" if heading.count(name) > 1 else "no such column"
        raise InputError(f"{path}: {name}: {times} (found {found}); give {name} and a line per volume")
    place = heading.index(name)
    return [row[place].strip() if place < len(row) else "" for row in rows]


@dataclass(frozen=True, eq=False)
class Series:
    """A scan as it lies on disk.

    Attributes:
        path: the NIfTI file.
        image: its header and affine.
        volumes: (X, Y, Z, N) float32.
        context_path: the table that `types` came from.
        types: (N,) strings out of `VOLUME_TYPES`.
        sidecar: its fields.
        missing: voxels without data, (X, Y, Z) bool, which are 0 in all volumes; None for none.
        notes: a line for each thing that was done to the volumes.
        raw: the scan that ASLPrep has preprocessed it from, where some of these are from; None if it is that itself.
    """

    path: Path
    image: nib.Nifti1Image
    volumes: np.ndarray
    context_path: Path
    types: np.ndarray
    sidecar: Sidecar
    missing: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    raw: Path | None = None


def read_series(path: Path) -> Series:
    """Read a scan's image, volume types and sidecar; the data last, as they take the longest.

    Raises:
        InputError: for a missing, unreadable or malformed file, or files that do not fit together.
    """
    file = look_at_image(path)
    size = nib.affines.voxel_sizes(file.header.affine).round(4)
    if not ((size > VOXEL_MM[0]) & (size < VOXEL_MM[1])).all():
        raise InputError(f"{path}: affine: found voxels of {size.tolist()} mm; mend the header's sform or qform")
    raw = raw_scan(path)
    sidecar, (context_path, types) = _said_of(path, raw, _n_volumes(file))
    volumes = file.voxels(finite=False)
    missing, note = without_missing(volumes)
    if not any(volumes[..., k].any() for k in range(volumes.shape[-1])):
        raise InputError(f"{path}: found 0 in every voxel of every volume; convert the scan again")
    notes = tuple(filter(None, (_preprocessing(path, raw), note)))
    return Series(path, file.image(), volumes, context_path, types, sidecar, missing, notes, raw)


def _preprocessing(path: Path, raw: Path | None) -> str:
    """What was done to a series before, if that is known."""
    if not is_preprocessed(path):
        return ""
    rest = f"; what it does not say is taken from {raw.name} of the raw dataset" if raw else ""
    return f"series: preprocessed by ASLPrep, which has put the head in one place{rest}"


def _said_of(path: Path, raw: Path | None, n_volumes: int) -> tuple[Sidecar, tuple[Path, np.ndarray]]:
    """Fields of a series, and the types of its volumes with the table that they came from.

    Args:
        path: of the series.
        raw: the scan that it was preprocessed from, whose files say what those of the series do not.
        n_volumes: of the series.
    """
    if raw is None:
        return read_sidecar(path), read_context(path, n_volumes)
    n_raw = _n_volumes(look_at_image(raw))
    sidecar, (context_path, types) = with_raw_fields(read_sidecar(path, required=False), raw), read_context(raw, n_raw)
    if n_volumes == n_raw:
        return sidecar, (context_path, types)
    kept = kept_volumes(types)
    if kept.sum() != n_volumes:
        raise InputError(
            f"{path}: dim: found {n_volumes} volumes, but {raw.name} has {n_raw}, {kept.sum()} of them of types that "
            "ASLPrep keeps; run it again without dummy volumes"
        )
    return of_kept_volumes(sidecar, kept), (context_path, types[kept])


def _n_volumes(file: NiftiFile) -> int:
    return (*file.header.shape, 1)[3]
