"""The report of an evaluation on a simulated brain."""

from collections.abc import Iterator, Mapping

from qtmnet.evaluation.brain_estimates import BrainEstimates, RegionScores
from qtmnet.evaluation.brain_regions import Regions
from qtmnet.evaluation.metrics import Scores
from qtmnet.methods.base import Methods
from qtmnet.quantities import MAIN, QUANTITIES, number_text
from qtmnet.report.comparison import abouts, charts, counted, readers, shown_maps
from qtmnet.report.map_flags import att_flags, cbf_flags
from qtmnet.report.page import Report
from qtmnet.report.quality import Flag, coverage
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


def brain_report(
    scores: Mapping[str, RegionScores],
    estimates: BrainEstimates,
    regions: Regions,
    methods: Methods,
    asked: Settings,
) -> Report:
    """What there is to say of estimates on a brain.

    Args:
        scores: by quantity, kind of region, region and method.
        estimates: maps.
        regions: voxels of each region.
        methods: that made the maps.
        asked: further settings, such as noise and seed.
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
        flags=tuple(_flags(estimates, titles)),
        unchecked="Order of control and label and M0 are not checked: simulated images have neither.",
        viewer=Viewer(
            comparison_groups(values, titles, notes),
            (Subject("Simulated brain", inside, maps, estimates.affine, acquisition.voxel_size_mm),),
        ),
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


def _flags(estimates: BrainEstimates, titles: Mapping[str, str]) -> Iterator[Flag]:
    maps = {titles[name]: found for name, found in estimates.by_method.items()}
    yield from cbf_flags(maps, estimates.inside)
    yield coverage(estimates.inside, estimates.affine)
    yield from att_flags(maps, estimates.inside, estimates.frames.acquisition)
