"""Finding the scans of a BIDS dataset, and the files that belong to one."""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qtmnet.scans.bids.echoes import first_echoes
from simulators.errors import InputError
from simulators.files.reading import kind_there

NIFTI_ENDINGS = (".nii.gz", ".nii")

PREPROCESSED = "_desc-preproc"
"""Of the names of series that ASLPrep has preprocessed, which belong to the scan that is called so without it."""

SCAN_SPACES = ("aslref", "asl", "ASL", "scanner")
"""What releases of ASLPrep have called the space of a scan, in `space-` and in the names of transforms."""


PASSED_OVER = ("derivatives", "sourcedata")
"""Folders of a dataset that hold processed or unconverted images."""

NO_MAGNITUDE = ("part-phase", "part-real", "part-imag")
"""Entities of images that are a part of complex ones; perfusion is in their magnitude, `part-mag`."""


@dataclass(frozen=True)
class Found:
    """What there is to map.

    Attributes:
        scans: NIfTI files.
        left_out: others that are named like scans, each with the reason, a line.
    """

    scans: list[Path]
    left_out: list[str]


def find_scans(path: str | Path) -> list[Path]:
    """List the `*_asl.nii[.gz]` files under a folder; a file stands for itself.

    Args:
        path: a BIDS `perf` folder, a whole dataset, or one NIfTI file. Folders named derivatives or
            sourcedata below it are passed over, as they hold processed or unconverted images, and so is what is
            hidden, or was brought to another space. That of ASLPrep's derivatives is a dataset, too.
            Links to folders are followed. Of echoes in files of their own the first is listed.

    Raises:
        InputError: if there is nothing there to read.
    """
    return look_for_scans(path).scans


def look_for_scans(path: str | Path) -> Found:
    """As `find_scans`, with what was left out, such as the phase of complex images and second ways to one file.

    Raises:
        InputError: as `find_scans`.
    """
    path = Path(path)
    kind = kind_there(path)
    if kind == "a file":
        nifti_stem(path)
        if reason := _no_scan(path):
            raise InputError(f"{path}: {reason}")
        return Found([path], [])
    if kind != "a folder":
        found = f"found {kind}" if kind else "no such file or folder"
        raise InputError(f"{path}: {found}; give a BIDS folder or one *_asl.nii.gz file")
    endings = tuple(f"_asl{ending}" for ending in NIFTI_ENDINGS)
    named = sorted(file for file in files_below(path, PASSED_OVER) if file.name.endswith(endings))
    left_out = [f"{file}: {reason}" for file in named if (reason := _no_scan(file))]
    once = _each_once(file for file in named if not _no_scan(file))
    if not once.scans:
        raise InputError(
            f"{path}: no *_asl.nii or *_asl.nii.gz file in this folder; give a BIDS folder with ASL scans"
            + f" (left out: {'; '.join(left_out)})" * bool(left_out)
        )
    scans = first_echoes(once.scans)
    later = [f"{scan}: a later echo of a scan; the first is mapped" for scan in once.scans if scan not in scans]
    return Found(scans, [*left_out, *once.left_out, *later])


def _no_scan(path: Path) -> str:
    """Why a file is no scan, though it is named like one; empty if it may be one."""
    if path.name.startswith("._"):
        return "what macOS notes of a file beside it (AppleDouble), no image; give the file without ._"
    space = re.search(r"_space-([A-Za-z0-9]+)_", path.name)
    if space is not None and space[1] not in SCAN_SPACES:
        return f"space-{space[1]}: brought to another space; give the series on the scan's own grid"
    part = next((part for part in NO_MAGNITUDE if part in nifti_stem(path).split("_")), "")
    return part and f"{part}: of a complex image only the magnitude (part-mag) is mapped"


def _each_once(paths: Iterable[Path]) -> Found:
    """Files without those that are another name of one, by a link to a folder: the way without links is kept."""
    by_place: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        by_place[path.parent.resolve() / path.name].append(path)
    scans, left_out = [], []
    for place, ways in by_place.items():
        kept = next((way for way in ways if way.absolute() == place), ways[0])
        scans.append(kept)
        left_out += [f"{way}: by a link the same file as {kept}" for way in ways if way is not kept]
    return Found(sorted(scans), left_out)


def files_below(folder: Path, passed_over: Collection[str] = ()) -> Iterator[Path]:
    """All that is no folder, in a folder and those below it, and folders that are named like NIfTI files.

    Links to folders are followed, as datasets are laid together of them; hidden folders and files are none of a
    dataset's, but for what macOS notes of its own (`._name`), which can be told.

    Args:
        folder: to look in.
        passed_over: names of folders below it that are not looked into.

    Raises:
        InputError: for a folder that cannot be read: its scans would be left out unseen.
    """
    yield from _files_below(folder, passed_over, ())


def _files_below(folder: Path, passed_over: Collection[str], above: tuple[Path, ...]) -> Iterator[Path]:
    here = folder.resolve()
    if here in above:  # a link to a folder that it lies in
        return
    for name in sorted(names_in(folder)):
        path = folder / name
        if not path.is_dir():
            if not name.startswith(".") or name.startswith("._"):
                yield path
        elif name.endswith(NIFTI_ENDINGS):
            yield path
        elif name not in passed_over and not name.startswith("."):
            yield from _files_below(path, passed_over, (*above, here))


def nifti_stem(path: Path) -> str:
    """The file's name without its NIfTI ending.

    Raises:
        InputError: if the name has none.
    """
    for ending in NIFTI_ENDINGS:
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    raise InputError(f"{path}: not named as a NIfTI file; give a file that ends with .nii or .nii.gz")


def subject_folder(path: Path) -> Path | None:
    """The nearest folder above a file that is called `sub-…`, if there is one."""
    return next((folder for folder in path.absolute().parents if folder.name.startswith("sub-")), None)


def scan_prefix(path: Path) -> str:
    """What the files that belong to a scan begin with, such as `sub-01_run-1`."""
    stem = nifti_stem(path).removesuffix("_asl").removesuffix(PREPROCESSED)
    return re.sub(rf"_space-(?:{'|'.join(SCAN_SPACES)})$", "", stem)


def dataset_root(path: Path) -> Path | None:
    """The nearest folder above a file that holds a dataset_description.json, if there is one."""
    return next((folder for folder in path.absolute().parents if (folder / "dataset_description.json").is_file()), None)


def dataset_path(path: Path) -> str:
    """A file's path from its dataset's root, as the BIDS field `Sources` wants it; the bare name without a dataset."""
    root = dataset_root(path)
    return path.absolute().relative_to(root).as_posix() if root else path.name


def applicable(image_path: Path, entities: set[str], ending: str) -> list[Path]:
    """Files named `[entities_]ending` that BIDS applies to an image, from the most general to the most specific.

    They lie in the image's folder or in one above it up to the dataset's root, and name no entity
    (`sub-01`, `run-1`) that the image lacks.
    """
    image_path = image_path.absolute()
    root = dataset_root(image_path) or image_path.parent
    above = [folder for folder in reversed(image_path.parents) if folder == root or root in folder.parents]
    found = []
    for folder in above:
        files = [folder / name for name in names_in(folder) if name.endswith(ending)]
        names = {file: set(file.name.removesuffix(ending).split("_")) - {""} for file in files}
        fitting = [file for file, named in names.items() if named <= entities and _ends_an_entity(file.name, ending)]
        found += sorted(fitting, key=lambda file: len(names[file]))
    return found


def names_in(folder: Path) -> list[str]:
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
