"""Numbers of a scan's maps, and of its regions, in files; and of all scans of an output, on a page."""

import os
from dataclasses import dataclass
from pathlib import Path

from qtmnet.commands.prediction.surroundings import Surroundings
from qtmnet.evaluation.scan_numbers.numbers import Measured, scan_numbers
from qtmnet.evaluation.scan_numbers.regions import Row, region_dictionary, region_rows
from qtmnet.evaluation.scan_numbers.tables import SCAN, number_dictionary, number_row, read_numbers, write_table
from qtmnet.methods.base import Maps
from qtmnet.quantities import CBF, TEMPORAL_SNR
from qtmnet.report.cohort.page import cohort_of, write_cohort
from qtmnet.report.scan import noise_maps
from qtmnet.report.settings import origin
from qtmnet.scans.bids.derivatives import Place
from qtmnet.scans.scan import AslScan
from simulators.errors import InputError, printable
from simulators.files.writing import Drafts, writing_together

NUMBERS = "_desc-qc.tsv"
"""What the table of a scan's numbers ends with."""

GROUP = "group_qc"
"""What the files of all scans of an output are called, as MRIQC calls its own."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """What there is to tell of a scan's maps in numbers.

    Attributes:
        whole: a number for each column.
        atlas: name of the atlas; empty for none.
        regions: a row for each of its regions.
    """

    whole: dict[str, float]
    atlas: str = ""
    regions: tuple[Row, ...] = ()


def numbers_path(place: Place) -> Path:
    """Where the numbers of a scan go."""
    return place.folder / f"{place.prefix}{NUMBERS}"


def regions_path(place: Place, atlas: str) -> Path:
    """Where those of its regions go."""
    return place.folder / f"{place.prefix}_atlas-{atlas}_regions.tsv"


def number_tables(place: Place, numbers: Numbers) -> list[Path]:
    """Where the tables of a scan go."""
    return [numbers_path(place), *([regions_path(place, numbers.atlas)] if numbers.regions else [])]


def numbers_of(scan: AslScan, maps: Maps, around: Surroundings) -> Numbers | None:
    """Numbers of a scan; None of maps without perfusion."""
    if CBF.key not in maps:
        return None
    size = scan.acquisition.voxel_size_mm
    measured = Measured(
        maps,
        scan.mask,
        size,
        around.tissue,
        noise_maps(scan).get(TEMPORAL_SNR.key),
        around.displacement_mm if scan.motion is None else scan.motion.framewise,
        around.phase_contrast_ml_min,
    )
    if around.atlas is None:
        return Numbers(scan_numbers(measured))
    rows = region_rows(maps, scan.mask, around.atlas, size)
    return Numbers(scan_numbers(measured), around.atlas.name, tuple(rows))


def write_numbers(place: Place, method: str, maps: Maps, numbers: Numbers, drafts: Drafts) -> list[Path]:
    """Write the numbers of a scan and of its regions, each table with its dictionary.

    Returns:
        The tables.

    Raises:
        InputError: if they cannot be written.
    """
    whole, *regions = number_tables(place, numbers)
    write_table(whole, [number_row(place.name, method, numbers.whole)], number_dictionary(), drafts)
    for path in regions:
        write_table(path, numbers.regions, region_dictionary(maps), drafts)
    return [whole, *regions]


def write_group(folder: Path) -> Path | None:
    """Write the numbers of all scans below a folder, those of earlier runs included, as a table and as a page.

    Returns:
        The page; None where there are fewer than two scans.

    Raises:
        InputError: if they cannot be written.
    """
    rows: list[dict[str, str | float]] = []
    links: dict[str, str] = {}
    for path in _tables_below(folder):
        try:
            found = read_numbers(path)
        except InputError as error:
            print(printable(f"{GROUP}: left out: {error}"))
            continue
        rows += found
        report = path.with_name(path.name.replace(NUMBERS, "_report.html"))
        if report.is_file():
            links |= {str(row[SCAN]): report.relative_to(folder).as_posix() for row in found}
    if len(rows) < 2:
        return None
    with writing_together() as drafts:
        write_table(folder / f"{GROUP}.tsv", rows, number_dictionary(), drafts)
        return write_cohort(folder / f"{GROUP}.html", cohort_of(rows, links, origin()), drafts)


def _tables_below(folder: Path) -> list[Path]:
    return sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names if name.endswith(NUMBERS))
