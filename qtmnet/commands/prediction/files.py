"""The files of a scan: which there will be, and whether they can be written, looked at before the long work."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from qtmnet.quantities import DELAY, QUANTITIES
from qtmnet.scans.bids.derivatives import Place
from qtmnet.scans.motion.table import motion_path
from qtmnet.scans.nifti import map_path, sidecar_path
from qtmnet.scans.volumes.quality import table_path
from simulators.errors import InputError
from simulators.files.reading import kind_there
from simulators.files.writing import check_can_write

WRITTEN = {**QUANTITIES, DELAY.key: DELAY}
"""All that an image of a scan can be of, by key."""


def report_path(place: Place) -> Path:
    """Where the report of a scan goes."""
    return place.folder / f"{place.prefix}_report.html"


def outputs(place: Place, quantities: Iterable[str]) -> list[Path]:
    """All files that are written of a scan, with maps of these quantities."""
    images = [map_path(place.folder, place.prefix, WRITTEN[key]) for key in quantities]
    tables = [place.folder / f"{place.prefix}_desc-qc.tsv", table_path(place), motion_path(place)]
    return [*images, *map(sidecar_path, images), *tables, *map(sidecar_path, tables), report_path(place)]


def left_over(place: Place, written: Iterable[Path]) -> list[Path]:
    """Maps and tables of the same scan that an earlier run has written and this one has not, with their JSON files.

    Args:
        place: of the scan.
        written: images and tables of this run.
    """
    kept = set(written)
    endings = "|".join(re.escape(quantity.file_ending) for quantity in WRITTEN.values())
    ours = re.compile(
        rf"{re.escape(place.prefix)}(?:(?:_space-MNI[A-Za-z0-9]+)?_(?:{endings})\.nii\.gz"
        r"|_desc-qc\.tsv|_desc-confounds_timeseries\.tsv|_atlas-[A-Za-z0-9]+_regions\.tsv)"
    )
    there = sorted(place.folder.iterdir()) if place.folder.is_dir() else []
    found = [path for path in there if ours.fullmatch(path.name) and path not in kept]
    return [path for each in found if (beside := sidecar_path(each)).is_file() for path in (each, beside)]


def check_outputs(place: Place, given: Iterable[Path], quantities: Sequence[str]) -> None:
    """Make sure that the files of a scan can be written, and take the place of nothing that was put in.

    Args:
        place: of the scan's maps.
        given: other files that are read.
        quantities: of the maps.

    Raises:
        InputError: in one line, for a folder that cannot be written to or is a file, a name that is too long or taken,
            or the folder of the scan.
    """
    paths = outputs(place, quantities)
    check_can_write(paths)
    for ours in filter(Path.exists, (place.folder, place.dataset)):
        if any(os.path.samefile(ours, theirs) for theirs in (place.scan.parent, place.source)):
            raise InputError(f"{ours}: output_dir: the scan itself lies there; give another folder")
    read = [path for path in given if kind_there(path)]
    for path in filter(Path.exists, [*paths, *left_over(place, paths)]):
        if any(os.path.samefile(path, other) for other in read):
            raise InputError(f"{path}: output_dir: found a file that is read from; give another output_dir")


def refused_names(places: Sequence[Place]) -> dict[Path, str]:
    """Scans whose files would replace those of another, each with the reason; where a file system takes A for a, too.

    Args:
        places: of all scans that were found.
    """
    by_name: dict[str, list[Path]] = defaultdict(list)
    for place in places:
        by_name[str(place.folder / place.prefix).casefold()].append(place.scan)
    return {
        scan: f"{scan}: found the name of {', '.join(str(other) for other in scans if other != scan)}, so that maps of "
        "one would replace the other's; rename one of them, or give each an output_dir of its own"
        for scans in by_name.values()
        if len(scans) > 1
        for scan in scans
    }
