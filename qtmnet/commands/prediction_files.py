"""Where the maps and reports of scans go, looked at before the long work."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from qtmnet.quantities import QUANTITIES
from qtmnet.scans.nifti import map_path, sidecar_path
from qtmnet.scans.scan import AslScan
from simulators.errors import InputError
from simulators.files.reading import kind_there
from simulators.files.writing import check_can_write


def report_path(folder: str | Path, prefix: str) -> Path:
    """Where the report of a scan goes."""
    return Path(folder) / f"{prefix}_report.html"


def outputs(folder: str | Path, prefix: str, quantities: Iterable[str]) -> list[Path]:
    """All files that are written of a scan, with maps of these quantities."""
    images = [map_path(folder, prefix, QUANTITIES[key]) for key in quantities]
    return [*images, *map(sidecar_path, images), report_path(folder, prefix)]


def check_outputs(
    folder: str | Path, scans: Sequence[AslScan], given: Iterable[Path], quantities: Sequence[str]
) -> None:
    """Make sure that what is to be written can be, and takes the place of nothing that was put in.

    Args:
        folder: to write into.
        scans: that there will be maps of.
        given: other files that were read.
        quantities: of the maps.

    Raises:
        InputError: in one line, for two scans of one name, a folder that cannot be written to or is a file, a name that
            is too long or taken, or the folder of a scan.
    """
    _check_names(scans)
    targets = {scan: outputs(folder, scan.prefix, quantities) for scan in scans}
    check_can_write([path for paths in targets.values() for path in paths])
    read = [path for path in given if kind_there(path)]
    for scan, paths in targets.items():
        if Path(folder).exists() and os.path.samefile(folder, scan.path.parent):
            raise InputError(f"{folder}: output_dir: the scan itself lies there; give another folder")
        for path in filter(Path.exists, paths):
            if any(os.path.samefile(path, other) for other in read):
                raise InputError(f"{path}: output_dir: found a file that is read from; give another output_dir")


def _check_names(scans: Sequence[AslScan]) -> None:
    """Refuse two scans whose maps would have one name, also where a file system takes A for a."""
    seen: dict[str, Path] = {}
    for scan in scans:
        other = seen.setdefault(scan.prefix.casefold(), scan.path)
        if other != scan.path:
            raise InputError(
                f"{scan.path}: found the name of {other}, so that maps of one would replace the other's; "
                "give each an output_dir of its own"
            )
