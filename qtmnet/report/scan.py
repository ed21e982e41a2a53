"""The report of a real scan."""

from collections.abc import Iterator

import numpy as np

from qtmnet.methods.base import About, Maps, Method
from qtmnet.quantities import MAIN, QUANTITIES
from qtmnet.report.calibration import calibration
from qtmnet.report.charts import Chart, histogram
from qtmnet.report.comparison import listed
from qtmnet.report.lines import INK, Line
from qtmnet.report.map_flags import att_flags, cbf_flags
from qtmnet.report.page import Report
from qtmnet.report.quality import Flag, coverage, label_order, low_m0, m0_scale, suppression_loss
from qtmnet.report.settings import Settings, origin, protocol
from qtmnet.report.viewer import Viewer, estimate_groups, rounded_up
from qtmnet.report.volumes import Subject
from qtmnet.scans.scan import AslScan


def scan_report(scan: AslScan, method: Method, about: About, maps: Maps, asked: Settings) -> Report:
    """What there is to say of the maps of a scan.

    Args:
        scan: the scan.
        method: that the maps came from.
        about: what there is to say of it.
        maps: (X, Y, Z), by quantity.
        asked: further settings, such as the checkpoint.
    """
    inside = scan.mask
    values = {key: found[inside] for key, found in maps.items()}
    m0 = next((note for note in scan.notes if note.startswith("M0")), "")
    subject = Subject(scan.prefix, inside, maps, scan.affine, scan.acquisition.voxel_size_mm)
    made = listed(QUANTITIES[key].name for key in maps)
    return Report(
        title=f"Perfusion of {scan.prefix}",
        summary=f"{made[0].upper()}{made[1:]} by {method.title}: {median_of(maps, inside)} in the {inside.sum():,} "
        "voxels of the brain mask.",
        flags=tuple(_flags(scan, maps)),
        viewer=Viewer(estimate_groups(method.title, values), (subject,)),
        charts=tuple(_chart(key, found, method.title) for key, found in values.items()),
        methods=(calibration(f"{m0}.", scan.labeling_efficiency), about),
        notes=scan.notes,
        settings=(("Scan", str(scan.path)), *protocol(scan.acquisition), *asked),
        provenance=origin(),
    )


def median_of(maps: Maps, inside: np.ndarray) -> str:
    """The median of the main quantity, or else of the first, where it counts: `median CBF 50.0 mL/100g/min`."""
    key = MAIN if MAIN in maps else next(iter(maps))
    quantity = QUANTITIES[key]
    return f"median {quantity.abbreviation} {np.nanmedian(maps[key][inside]):.{quantity.digits}f} {quantity.unit}"


def _flags(scan: AslScan, maps: Maps) -> Iterator[Flag]:
    inside = scan.mask
    difference, m0 = scan.delta_m[:, inside], scan.m0[inside]
    control = None if scan.control is None else scan.control[inside]
    yield from cbf_flags({"": maps}, inside)
    yield label_order(difference.mean(axis=1, dtype=float).tolist())
    yield m0_scale(difference.mean(axis=0), m0, control, scan.background_suppression)
    yield low_m0(m0, scan.n_without_m0)
    yield coverage(inside, scan.affine)
    yield suppression_loss(scan.background_suppression, scan.suppression_accounted, scan.labeling_efficiency)
    yield from att_flags({"": maps}, inside, scan.acquisition)


def _chart(key: str, values: np.ndarray, title: str) -> Chart:
    """How values (V,) of a quantity are distributed: perfusion, which noise spreads, without its outer ends."""
    quantity, low = QUANTITIES[key], 0.0
    if key == MAIN:
        low, high = (float(np.nanpercentile(values, share)) for share in (0.5, 99.5))
        low, high = min(low, 0.0), rounded_up(max(high, 1.0))
    else:
        high = rounded_up(max(float(np.nanmax(values)), quantity.scale / 10))
    heading = f"{quantity.sentence} in the mask"
    return histogram(heading, quantity.label, {"": values}, low, high, {"": Line(title, INK)})
