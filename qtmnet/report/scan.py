"""The report of a real scan."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from qtmnet.evaluation.scan_numbers.regions import Row
from qtmnet.methods.base import About, Maps, Method, Methods
from qtmnet.quantities import CBF, MAIN, NOISE, OUTSIDE, QUANTITIES, TEMPORAL_SNR
from qtmnet.report.agreement import Beside, agreement
from qtmnet.report.calibration import calibration
from qtmnet.report.charts import Chart, histogram
from qtmnet.report.checks.doubts import doubt_flags
from qtmnet.report.checks.level import perfusion_level
from qtmnet.report.checks.m0 import low_m0, m0_scale
from qtmnet.report.checks.premises import premise, resting_on
from qtmnet.report.comparison import listed
from qtmnet.report.lines import Lines, lines_of
from qtmnet.report.page import Report
from qtmnet.report.pairs.motion import motion_chart, motion_flag
from qtmnet.report.pairs.strip import pairs_flag, strip
from qtmnet.report.quality import (
    Flag,
    att_flags,
    cbf_flags,
    coverage,
    label_order,
    outside_range,
)
from qtmnet.report.scan_numbers.checks import flow_flags
from qtmnet.report.scan_numbers.lines import known_numbers, region_table
from qtmnet.report.settings import Settings, origin, protocol
from qtmnet.report.viewer import Group, Viewer, beside_name, estimate_groups, group_of, rounded_up
from qtmnet.report.volumes import Subject
from qtmnet.scans.protocol.readout import TIMES_OF_SLICES
from qtmnet.scans.scan import AslScan

LEAST_SNR = 2.0
"""Of all pairs of a scan together, in the median voxel: perfusion is then known to half of itself. A judgement."""

OWN = ""
"""Stands for the method whose maps the report is of, among those beside it."""


def scan_report(
    scan: AslScan,
    method: Method,
    about: About,
    maps: Maps,
    asked: Settings,
    *,
    beside: Mapping[str, Beside] | None = None,
    outside: Sequence[str] = (),
    doubts: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Report:
    """What there is to say of the maps of a scan.

    Args:
        scan: the scan.
        method: that the maps came from.
        about: what there is to say of it.
        maps: (X, Y, Z), by quantity.
        asked: further settings, such as the checkpoint.
        beside: methods whose maps of the same scan are shown beside these, by name.
        outside: what of the scan the method was not trained for.
        doubts: warnings that were given when it was read and mapped; those that a check says are said by that alone.
        notes: lines on how it was mapped, besides those on how it was read. Those that a check warns of are left out.
    """
    inside, beside = scan.mask, beside or {}
    values = {key: found[inside] for key, found in maps.items()}
    m0 = "; ".join(note for note in scan.notes if note.startswith("M0: "))
    others = {beside_name(name, key): found for name, other in beside.items() for key, found in other.maps.items()}
    noise = noise_maps(scan)
    subject = Subject(scan.prefix, inside, {**maps, **others, **noise}, scan.affine, scan.acquisition.voxel_size_mm)
    made = listed(QUANTITIES[key].name for key in maps if QUANTITIES[key].is_own) if maps else ""
    return Report(
        title=f"Perfusion of {scan.prefix}",
        summary=f"{made[0].upper()}{made[1:]} by {method.title}: {median_of(maps, inside)} in the {inside.sum():,} "
        "voxels of the brain mask.",
        flags=(
            *doubt_flags([doubt for doubt in doubts if doubt not in scan.said_by_checks]),
            *_flags(scan, maps, noise, outside),
            *(flag for other in beside.values() for flag in _flags_beside(other, inside)),
        ),
        viewer=Viewer(
            (*estimate_groups(method.title, values, _values(beside, inside)), *_noise_groups(scan, noise)), (subject,)
        ),
        agreement=agreement(method, values, beside, inside),
        charts=(
            *_charts(values, method, beside, inside),
            *([strip(scan.quality)] if scan.quality else []),
            *([motion_chart(scan.motion)] if scan.motion else []),
        ),
        methods=(calibration(f"{m0}.", scan.labeling_efficiency), about, *(other.about for other in beside.values())),
        notes=tuple(note for note in (*scan.notes, *notes) if note not in _warned_of(scan, doubts)),
        settings=(("Scan", str(scan.path)), *protocol(scan.acquisition), *asked),
        provenance=origin(),
    )


def with_numbers(report: Report, numbers: Mapping[str, float], atlas: str = "", regions: Sequence[Row] = ()) -> Report:
    """A report that also tells numbers.

    Args:
        report: of a scan.
        numbers: of the whole, by column of `qtmnet.evaluation.scan_numbers.columns`.
        atlas: that regions are of.
        regions: rows of `qtmnet.evaluation.scan_numbers.regions`.
    """
    return replace(
        report,
        flags=(*report.flags, *flow_flags(numbers)),
        numbers=known_numbers(numbers),
        regions=(region_table(f"Regions of {atlas}", regions),) if regions else (),
    )


def _warned_of(scan: AslScan, doubts: Sequence[str]) -> set[str]:
    """Notes that checks say, as warnings."""
    return {*doubts, *scan.said_by_checks, *(each.note for each in scan.premises if each.standing == "unknown")}


def _values(beside: Mapping[str, Beside], inside: np.ndarray) -> dict[str, tuple[str, dict[str, np.ndarray]]]:
    """Title and values (V,) in the mask of the methods beside, by name."""
    return {
        name: (other.method.title, {key: found[inside] for key, found in other.maps.items()})
        for name, other in beside.items()
    }


def noise_maps(scan: AslScan) -> dict[str, np.ndarray]:
    """Noise of a scan's frames (median over frames, 1e-3 mL/mL) and its temporal signal-to-noise ratio, (X, Y, Z) by
    quantity; empty where the noise is not known."""
    noise = scan.noise()
    if noise is None:
        return {}
    of_pair = noise * np.sqrt(np.array(scan.pairs, np.float32))[:, None, None, None]
    ratio = np.divide(scan.concentration(), of_pair, out=np.zeros_like(noise), where=of_pair > 0)
    return {NOISE.key: 1000 * np.median(noise, axis=0), TEMPORAL_SNR.key: ratio.mean(axis=0)}


def _noise_groups(scan: AslScan, maps: Maps) -> Iterator[Group]:
    note = next((note.partition(": ")[2] for note in scan.notes if note.startswith("noise: ")), "")
    for quantity, title in ((NOISE, "median over delays"), (TEMPORAL_SNR, "mean over delays")):
        if quantity.key in maps:
            yield group_of(quantity, title, maps[quantity.key][scan.mask], f"Told {note}.")


def _noise_flag(scan: AslScan, maps: Maps) -> Iterator[Flag]:
    """Whether label stands out of the noise in single voxels."""
    if TEMPORAL_SNR.key not in maps or not maps[NOISE.key][scan.mask].any():
        return
    pairs = sum(scan.pairs)
    one = float(np.median(maps[TEMPORAL_SNR.key][scan.mask]))
    every = one * np.sqrt(pairs)
    low = every < LEAST_SNR
    yield Flag(
        "Noise",
        "warning" if low else "ok",
        f"temporal signal-to-noise ratio {one:.2g} in the median voxel, about {every:.2g} by all {pairs:.3g} pairs "
        f"(warning below {LEAST_SNR:g})",
        "Single voxels say little: their values are mostly noise." if low else "Label stands out of the noise.",
        "Average over regions, or over more pairs; look for motion." if low else "",
    )


def median_of(maps: Maps, inside: np.ndarray) -> str:
    """The median of the main quantity, or else of the first, where it counts: `median CBF 50.0 mL/100g/min`."""
    key = MAIN if MAIN in maps else next(iter(maps))
    quantity = QUANTITIES[key]
    return f"median {quantity.abbreviation} {np.nanmedian(maps[key][inside]):.{quantity.digits}f} {quantity.unit}"


def _flags(scan: AslScan, maps: Maps, noise: Maps, outside: Sequence[str]) -> Iterator[Flag]:
    inside = scan.mask
    yield from _trained_range(maps, inside, outside)
    difference, m0 = scan.delta_m[:, inside], scan.m0[inside]
    control = None if scan.control is None else scan.control[inside]
    if CBF.key in maps:
        yield perfusion_level(maps[CBF.key][inside], scan.level)
    yield from cbf_flags({"": maps}, inside)
    yield label_order(difference.mean(axis=1, dtype=float).tolist())
    for flag in (
        m0_scale(difference.mean(axis=0), m0, control, scan.background_suppression),
        low_m0(m0, scan.n_without_m0),
    ):
        yield _resting(flag, scan, "M0")
    if scan.quality is not None:
        yield pairs_flag(scan.quality)
    if scan.motion is not None:
        yield motion_flag(scan.motion)
    yield from _noise_flag(scan, noise)
    yield coverage(inside, scan.affine)
    yield from map(premise, scan.premises)
    for flag in att_flags({"": maps}, inside, scan.acquisition):
        yield _resting(flag, scan, TIMES_OF_SLICES)


def _flags_beside(of: Beside, inside: np.ndarray) -> Iterator[Flag]:
    """What a method beside was warned of."""
    yield from doubt_flags(of.doubts, of.method.title)
    yield from _trained_range(of.maps, inside, of.outside, of.method.title)


def _trained_range(maps: Maps, inside: np.ndarray, outside: Sequence[str], of: str = "") -> Iterator[Flag]:
    if OUTSIDE.key in maps or outside:
        yield outside_range(maps[OUTSIDE.key][inside] if OUTSIDE.key in maps else None, outside, of)


def _resting(flag: Flag, scan: AslScan, name: str) -> Flag:
    """A check that is in order only if a premise of this name is known."""
    of = next((each for each in scan.premises if each.name == name), None)
    return flag if of is None else resting_on(flag, of)


def _charts(
    values: Mapping[str, np.ndarray], method: Method, beside: Mapping[str, Beside], inside: np.ndarray
) -> Iterator[Chart]:
    """How values (V,) of each quantity are distributed, those of the methods beside on the same axis."""
    lines = lines_of(Methods({OWN: method}, {name: other.method for name, other in beside.items()}))
    for key, found in values.items():
        if QUANTITIES[key].is_mask or QUANTITIES[key].bound_of:
            continue
        others = {name: other.maps[key][inside] for name, other in beside.items() if key in other.maps}
        yield _chart(key, {OWN: found, **others}, lines)


def _chart(key: str, values: Mapping[str, np.ndarray], lines: Lines) -> Chart:
    """How values (V,) of a quantity are distributed: perfusion, which noise spreads, without its outer ends."""
    quantity, low, own = QUANTITIES[key], 0.0, values[OWN]
    if key == MAIN:
        low, high = (float(np.nanpercentile(own, share)) for share in (0.5, 99.5))
        low, high = min(low, 0.0), rounded_up(max(high, 1.0))
    else:
        high = rounded_up(max(float(np.nanmax(own)), quantity.scale / 10))
    heading = f"{quantity.sentence} in the mask"
    return histogram(heading, quantity.label, values, low, high, lines)
