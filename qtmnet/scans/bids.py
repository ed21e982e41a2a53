"""The BIDS border: finding ASL scans and reading what lies beside them, with every defect named.

BIDS field names stay on this side; see https://bids-specification.readthedocs.io (1.10, arterial spin
labeling). Every complaint is one line: file, field, what was found, what to do.
"""

import csv
import os
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np

from qtmnet.scans.nifti import look_at_image
from simulators.errors import InputError
from simulators.files.json_files import read_json
from simulators.files.nifti_file import NiftiFile
from simulators.files.reading import TABLE_FILE, kind_there, read_text
from simulators.files.writing import one_line

VOLUME_TYPES = ("control", "label", "m0scan", "deltam", "cbf", "noRF", "n/a")
NIFTI_ENDINGS = (".nii.gz", ".nii")
LONGEST_DELAY_S = 20.0  # anything longer is milliseconds
LONGEST_REPETITION_TIME_S = 100.0
_HUGE = 1e300  # NaN, infinity and integers that no float holds are not below it


def find_scans(path: str | Path) -> list[Path]:
    """List the `*_asl.nii[.gz]` files under a folder; a file stands for itself.

    Args:
        path: a BIDS `perf` folder, a whole dataset, or one NIfTI file. Folders named derivatives or
            sourcedata below it are passed over, as they hold processed or unconverted images.

    Raises:
        InputError: if there is nothing there to read.
    """
    path = Path(path)
    kind = kind_there(path)
    if kind == "a file":
        nifti_stem(path)
        return [path]
    if kind != "a folder":
        found = f"found {kind}" if kind else "no such file or folder"
        raise InputError(f"{path}: {found}; give a BIDS folder or one *_asl.nii.gz file")
    scans = list(_scans_below(path))
    if not scans:
        raise InputError(f"{path}: no *_asl.nii or *_asl.nii.gz file in this folder; give a BIDS folder with ASL scans")
    return sorted(scans)


def _scans_below(folder: Path) -> Iterator[Path]:
    """Names that a scan has, in a folder and those below it.

    Raises:
        InputError: for a folder that cannot be read: its scans would be left out unseen.
    """

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror}); give a folder that can, or its parts")

    for root, below, names in os.walk(folder, onerror=refuse):
        below[:] = [name for name in below if name not in ("derivatives", "sourcedata")]
        for name in (*names, *below):
            if name.endswith(tuple(f"_asl{ending}" for ending in NIFTI_ENDINGS)):
                yield Path(root, name)


def nifti_stem(path: Path) -> str:
    """The file's name without its NIfTI ending.

    Raises:
        InputError: if the name has none.
    """
    for ending in NIFTI_ENDINGS:
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    raise InputError(f"{path}: not named as a NIfTI file; give a file that ends with .nii or .nii.gz")


def scan_prefix(path: Path) -> str:
    """What the files that belong to a scan begin with, such as `sub-01_run-1`."""
    return nifti_stem(path).removesuffix("_asl")


def dataset_root(path: Path) -> Path | None:
    """The nearest folder above a file that holds a dataset_description.json, if there is one."""
    return next((folder for folder in path.absolute().parents if (folder / "dataset_description.json").is_file()), None)


def dataset_path(path: Path) -> str:
    """A file's path from its dataset's root, as the BIDS field `Sources` wants it; the bare name without a dataset."""
    root = dataset_root(path)
    return path.absolute().relative_to(root).as_posix() if root else path.name


@dataclass(frozen=True)
class Sidecar:
    """The fields that apply to one image, merged from all sidecars that BIDS lets it inherit.

    Attributes:
        path: the image's own sidecar, blamed for what is missing.
        fields: field name to value as JSON gave it; null counts as missing.
        origins: field name to the file that its value came from.
    """

    path: Path
    fields: dict[str, object] = field(default_factory=dict)
    origins: dict[str, Path] = field(default_factory=dict)

    def error(self, name: str, advice: str) -> InputError:
        """The complaint about a field: its file, what was found there, and what to do."""
        if name not in self.fields:
            return InputError(f"{self.path}: {name}: not found; {advice}")
        return InputError(f"{self.origins[name]}: {name}: found {reprlib.repr(self.fields[name])}; {advice}")

    def text(self, name: str) -> str | None:
        """A string, or None where the field is missing."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise self.error(name, "give a string")
        return value

    def flag(self, name: str) -> bool | None:
        """A boolean, or None where the field is missing."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, "give true or false")
        return value

    def number(self, name: str) -> float | None:
        """A single number, or None where the field is missing."""
        values = self.numbers(name)
        if values is not None and isinstance(self.fields[name], list):
            raise self.error(name, "give one number, not a list")
        return None if values is None else float(values[0])

    def numbers(self, name: str) -> np.ndarray | None:
        """A number or a list of numbers as a 1-D array, or None where the field is missing."""
        if name not in self.fields:
            return None
        value = self.fields[name]
        values = value if isinstance(value, list) else [value]
        if not values or not all(_is_number(item) for item in values):
            raise self.error(name, "give a number, or a list of numbers")
        return np.asarray(values, dtype=float)

    def seconds(self, name: str, at_most: float = LONGEST_DELAY_S) -> np.ndarray | None:
        """Durations in s as a 1-D array, or None where the field is missing."""
        values = self.numbers(name)
        if values is not None and values.min() < 0:
            raise self.error(name, "give seconds, 0 or more")
        if values is not None and values.max() > at_most:
            raise self.error(name, f"give seconds, at most {at_most:g}: this looks like milliseconds")
        return values

    def seconds_per_volume(self, name: str, n_volumes: int, at_most: float = LONGEST_DELAY_S) -> np.ndarray | None:
        """Durations in s, (n_volumes,): BIDS gives one number for all volumes or one for each."""
        values = self.seconds(name, at_most)
        if values is None:
            return None
        return self.per_volume(name, values, n_volumes)

    def per_volume(self, name: str, values: np.ndarray, n_volumes: int) -> np.ndarray:
        """Spread a field's values over the volumes, (n_volumes,)."""
        if isinstance(self.fields[name], list) and len(values) != n_volumes:
            raise self.error(name, f"{len(values)} values for {n_volumes} volumes: give one number, or one for each")
        return np.broadcast_to(values, n_volumes)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE


def read_sidecar(image_path: Path, *, required: bool = True) -> Sidecar:
    """Merge the JSON sidecars that apply to an image; the most specific wins (BIDS inheritance).

    Args:
        image_path: the NIfTI file.
        required: whether it is an error that there is none.

    Raises:
        InputError: if there is no sidecar though one is required, or one cannot be parsed.
    """
    stem = nifti_stem(image_path)
    *entities, suffix = stem.split("_")
    own = image_path.with_name(f"{stem}.json")
    files = _applicable(image_path, set(entities), f"{suffix}.json")
    if required and not files:
        raise InputError(f"{own}: no such file; put the scan's JSON sidecar beside the image")
    fields: dict[str, object] = {}
    origins: dict[str, Path] = {}
    for file in files:
        given = {name: value for name, value in read_json(file, only_finite=False).items() if value is not None}
        fields |= given
        origins |= dict.fromkeys(given, file)
    return Sidecar(files[-1] if files else own, fields, origins)


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
    files = _applicable(scan_path, set(prefix.split("_")), "aslcontext.tsv")
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
    """

    path: Path
    image: nib.Nifti1Image
    volumes: np.ndarray
    context_path: Path
    types: np.ndarray
    sidecar: Sidecar


def read_series(path: Path) -> Series:
    """Read a scan's image, volume types and sidecar; the data last, as they take the longest.

    Raises:
        InputError: for a missing, unreadable or malformed file, or files that do not fit together.
    """
    file = look_at_image(path)
    sidecar = read_sidecar(path)
    context_path, types = read_context(path, _n_volumes(file))
    volumes = file.voxels()
    if not any(volumes[..., k].any() for k in range(volumes.shape[-1])):
        raise InputError(f"{path}: found 0 in every voxel of every volume; convert the scan again")
    return Series(path, file.image(), volumes, context_path, types, sidecar)


def _n_volumes(file: NiftiFile) -> int:
    return (*file.header.shape, 1)[3]


def _applicable(image_path: Path, entities: set[str], ending: str) -> list[Path]:
    """Files named `[entities_]ending` that BIDS applies to an image, from the most general to the most specific.

    They lie in the image's folder or in one above it up to the dataset's root, and name no entity
    (`sub-01`, `run-1`) that the image lacks.
    """
    image_path = image_path.absolute()
    root = dataset_root(image_path) or image_path.parent
    above = [folder for folder in reversed(image_path.parents) if folder == root or root in folder.parents]
    found = []
    for folder in above:
        files = [folder / name for name in _names_in(folder) if name.endswith(ending)]
        names = {file: set(file.name.removesuffix(ending).split("_")) - {""} for file in files}
        fitting = [file for file, named in names.items() if named <= entities and _ends_an_entity(file.name, ending)]
        found += sorted(fitting, key=lambda file: len(names[file]))
    return found


def _names_in(folder: Path) -> list[str]:
    """What lies in a folder.

    Raises:
        InputError: if that cannot be seen: what applies to a scan would be left out.
    """
    try:
        return os.listdir(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror}); give a folder that can") from None


def _ends_an_entity(name: str, ending: str) -> bool:
    return name == ending or name.endswith(f"_{ending}")
