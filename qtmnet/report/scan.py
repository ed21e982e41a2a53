"""The report of a real scan."""

import numpy as np

from qtmnet.report.charts import Chart, histogram
from qtmnet.report.methods import Method, calibration
from qtmnet.report.page import Report
from qtmnet.report.quality import (
    Flag,
    coverage,
    impossible_cbf,
    label_order,
    low_m0,
    m0_scale,
    negative_cbf,
    suppression_loss,
    transit_times,
)
from qtmnet.report.settings import Settings, origin, protocol
from qtmnet.report.tables import title_of
from qtmnet.report.viewer import PERFUSION_UNIT, Viewer, estimate_groups, rounded_up
from qtmnet.report.volumes import Subject
from qtmnet.scans.scan import AslScan


def scan_report(
    scan: AslScan, method: str, computed: Method, cbf: np.ndarray, att: np.ndarray | None, asked: Settings
) -> Report:
    """What there is to say of the maps of a scan.

    Args:
        scan: the scan.
        method: that the maps came from.
        computed: what there is to say of it.
        cbf: mL/100g/min, (X, Y, Z).
        att: s, (X, Y, Z), if the method finds it.
        asked: further settings, such as the checkpoint.
    """
    inside = scan.mask
    maps = {"cbf": cbf} if att is None else {"cbf": cbf, "att": att}
    groups = estimate_groups(method, cbf[inside], None if att is None else att[inside])
    m0 = next((note for note in scan.notes if note.startswith("M0")), "")
    return Report(
        title=f"Perfusion of {scan.prefix}",
        summary=f"Perfusion{'' if att is None else ' and arterial transit time'} by {title_of(method)}: "
        f"median {np.nanmedian(cbf[inside]):.1f} {PERFUSION_UNIT} in the {inside.sum():,} voxels of the brain mask.",
        flags=_flags(scan, cbf, att),
        viewer=Viewer(groups, (Subject(scan.prefix, inside, maps, scan.affine, scan.acquisition.voxel_size_mm),)),
        charts=_charts(method, cbf[inside], None if att is None else att[inside]),
        methods=(calibration(f"{m0}.", scan.labeling_efficiency), computed),
        notes=scan.notes,
        settings=(("Scan", str(scan.path)), *protocol(scan.acquisition), *asked),
        provenance=origin(),
    )


def _flags(scan: AslScan, cbf: np.ndarray, att: np.ndarray | None) -> tuple[Flag, ...]:
    inside = scan.mask
    difference, m0 = scan.delta_m[:, inside], scan.m0[inside]
    control = None if scan.control is None else scan.control[inside]
    return (
        negative_cbf(cbf[inside]),
        impossible_cbf(cbf[inside]),
        label_order(difference.mean(axis=1, dtype=float).tolist()),
        m0_scale(difference.mean(axis=0), m0, control, scan.background_suppression),
        low_m0(m0, scan.n_without_m0),
        coverage(inside, scan.affine),
        suppression_loss(scan.background_suppression, scan.suppression_accounted, scan.labeling_efficiency),
        *(() if att is None else (transit_times(att, inside, scan.acquisition),)),
    )


def _charts(method: str, cbf: np.ndarray, att: np.ndarray | None) -> tuple[Chart, ...]:
    low, high = (float(np.nanpercentile(cbf, share)) for share in (0.5, 99.5))
    label = f"perfusion ({PERFUSION_UNIT})"
    charts = [histogram("Perfusion in the mask", label, {method: cbf}, min(low, 0.0), rounded_up(max(high, 1.0)))]
    if att is not None:
        longest = rounded_up(max(float(np.nanmax(att)), 0.1))
        charts.append(
            histogram("Arterial transit time in the mask", "arterial transit time (s)", {method: att}, 0.0, longest)
        )
    return tuple(charts)
