"""The report of an evaluation on a simulated brain."""

from collections.abc import Iterator, Mapping

from qtmnet.evaluation.brain_estimates import BrainEstimates, RegionScores
from qtmnet.evaluation.brain_regions import Regions
from qtmnet.evaluation.circulation import TRUTH, Circulation
from qtmnet.evaluation.intervals import IntervalScores
from qtmnet.evaluation.metrics import Scores
from qtmnet.methods.base import Methods
from qtmnet.quantities import MAIN, OUTSIDE, QUANTITIES, number_text
from qtmnet.report.comparison import abouts, charts, counted, readers, shown_maps
from qtmnet.report.page import Report
from qtmnet.report.quality import Flag, att_flags, cbf_flags, coverage, interval_coverage, outside_range
from qtmnet.report.scan_numbers.lines import RegionTable
from qtmnet.report.settings import Settings, origin, protocol
from qtmnet.report.tables import KINDS, ScoreTable, score_table
from qtmnet.report.viewer import Viewer, comparison_groups
from qtmnet.report.volumes import Subject

SAID_BY_CAPTION = {
    "great_vessel_distance": " from great arteries",
    "att": " transit time",
    "arterial_blood": " arteries",
    "venous_blood": " veins",
}
"""Ends of regions' names, by kind."""

FLOW_NOTE = (
    "Perfusion times mass of all voxels that count as brain: anterior, those that the carotids feed; posterior, those "
    "that the basilar artery feeds."
)

VARIATION_NOTE = (
    "Standard deviation over mean of the voxels of grey matter, both sides together: the truth varies, too, and what a "
    "method shows beyond it is its own."
)


def brain_report(
    scores: Mapping[str, RegionScores],
    estimates: BrainEstimates,
    regions: Regions,
    methods: Methods,
    asked: Settings,
    intervals: IntervalScores | None = None,
    flows: Circulation | None = None,
) -> Report:
    """What there is to say of estimates on a brain.

    Args:
        scores: by quantity, kind of region, region and method.
        estimates: maps.
        regions: voxels of each region.
        methods: that made the maps.
        asked: further settings, such as noise and seed.
        intervals: scores of the intervals, by quantity, region and method.
        flows: what the maps of perfusion say of the arteries.
    """
    inside, acquisition = estimates.inside, estimates.frames.acquisition
    values, titles = counted(estimates, inside), methods.titles
    main = scores[MAIN]["brain"]["all"] if MAIN in scores else {}
    notes = {name: f"NRMSE {number_text(found.nrmse, '.3f')}" for name, found in main.items()}
    maps = shown_maps(estimates)
    return Report(
        title="Perfusion of a simulated brain",
        summary=f"A simulated brain of {inside.sum():,} voxels, read by {readers(methods)} from the same images, and "
        "held against what it was made with: as a whole, in its parts, and voxel by voxel.",
        tables=tuple(_wholes(scores, titles)),
        parts=tuple(_parts(scores.get(MAIN, {}), regions, titles)),
        flags=(*_flags(estimates, methods), *interval_coverage(intervals or {}, "all", titles)),
        unchecked="Order of control and label and M0 are not checked: simulated images have neither.",
        viewer=Viewer(
            comparison_groups(values, titles, notes),
            (Subject("Simulated brain", inside, maps, estimates.affine, acquisition.voxel_size_mm),),
        ),
        regions=() if flows is None else tuple(_arteries(flows, titles)),
        charts=charts(values, methods, "the brain"),
        methods=abouts(methods, estimates.frames),
        settings=(*protocol(acquisition), *asked),
        provenance=origin(),
    )


def _wholes(scores: Mapping[str, RegionScores], titles: Mapping[str, str]) -> Iterator[ScoreTable]:
    """The whole brain, by quantity."""
    for key, by_kind in scores.items():
        quantity = QUANTITIES[key]
        caption = "Whole brain" if key == MAIN else f"Whole brain: {quantity.name}"
        yield score_table(caption, {"": by_kind["brain"]["all"]}, titles, quantity=quantity)


def _parts(scores: RegionScores, regions: Regions, titles: Mapping[str, str]) -> Iterator[ScoreTable]:
    """Its parts, of one quantity."""
    for kind in KINDS:
        if named := scores.get(kind):
            counts = {name: int(voxels.sum()) for name, voxels in regions[kind].items()} if kind in regions else None
            yield _table_of(kind, named, counts, titles)


def _table_of(
    kind: str,
    scores: Mapping[str, Mapping[str, Scores]],
    counts: Mapping[str, int] | None,
    titles: Mapping[str, str],
) -> ScoreTable:
    """A table of one kind of region, whose caption says what its regions' names then need not."""
    short = {name: name.removesuffix(SAID_BY_CAPTION.get(kind, "")) for name in scores}
    n_voxels = None if counts is None else {short[name]: number for name, number in counts.items()}
    return score_table(KINDS[kind], {short[name]: by_method for name, by_method in scores.items()}, titles, n_voxels)


def _arteries(flows: Circulation, titles: Mapping[str, str]) -> Iterator[RegionTable]:
    """Flow through the circulations, and how even grey matter is within territories: truth beside each method."""
    for caption, unit, by_place, form, factor, note in (
        ("Flow through the circulations", "mL/min", flows.flow_ml_min, ",.0f", 1, FLOW_NOTE),
        ("Variation of grey perfusion within territories", "%", flows.grey_variation, ".1f", 100, VARIATION_NOTE),
    ):
        if by_place:
            names = [*dict.fromkeys(name for values in by_place.values() for name in values)]
            headings = [("truth" if name == TRUTH else titles[name], unit) for name in names]
            rows = (
                (
                    place,
                    (f"{flows.n_voxels[place]:,}", *(number_text(factor * values[name], form) for name in names)),
                )
                for place, values in by_place.items()
            )
            yield RegionTable(caption, (("Voxels", ""), *headings), tuple(rows), note)


def _flags(estimates: BrainEstimates, methods: Methods) -> Iterator[Flag]:
    maps = {methods.titles[name]: found for name, found in estimates.by_method.items()}
    for method in methods.learned.values():
        marked = maps[method.title].get(OUTSIDE.key)
        reasons = tuple(method.outside(estimates.frames))
        if marked is not None or reasons:
            yield outside_range(None if marked is None else marked[estimates.inside], reasons, method.title)
    yield from cbf_flags(maps, estimates.inside)
    yield coverage(estimates.inside, estimates.affine)
    yield from att_flags(maps, estimates.inside, estimates.frames.acquisition)
