"""The report of an evaluation on cubes."""

import numpy as np

from qtmnet.evaluation.cubes import QuantityScores
from qtmnet.evaluation.estimates import Estimates
from qtmnet.evaluation.intervals import IntervalScores
from qtmnet.methods.base import Frames, Methods
from qtmnet.quantities import MAIN, QUANTITIES, number_text
from qtmnet.report.comparison import abouts, charts, counted, readers, shown_maps
from qtmnet.report.page import Report
from qtmnet.report.quality import cbf_flags, interval_coverage
from qtmnet.report.settings import Settings, origin, protocol
from qtmnet.report.tables import ScoreTable, score_table
from qtmnet.report.viewer import Viewer, comparison_groups
from qtmnet.report.volumes import Subject

N_SHOWN = 4
"""Cubes to choose from: enough to see that one is not the other, few enough for a small page."""


def cubes_report(
    estimates: Estimates,
    scores: QuantityScores,
    methods: Methods,
    frames: Frames,
    asked: Settings,
    intervals: IntervalScores | None = None,
) -> Report:
    """What there is to say of estimates on cubes.

    Args:
        estimates: maps, (n, X, Y, Z).
        scores: by quantity and method.
        methods: that made the maps.
        frames: that stand for those of all cubes.
        asked: further settings, such as the checkpoint and the seed.
        intervals: scores of the intervals, by quantity, region and method.
    """
    whole: np.ndarray = np.ones(next(iter(estimates.truth.values())).shape, bool)
    values, titles = counted(estimates, whole), methods.titles
    notes = {name: f"NRMSE {number_text(found.nrmse, '.3f')}" for name, found in scores.get(MAIN, {}).items()}
    shape = " × ".join(str(size) for size in whole.shape[1:])
    return Report(
        title="Perfusion of simulated cubes",
        summary=f"{len(whole)} simulated cubes of {shape} voxels that training never saw, read by {readers(methods)} "
        "from the same images, and held against what they were made with.",
        tables=tuple(_table(key, scores, titles) for key in scores),
        flags=(
            *cbf_flags({titles[name]: maps for name, maps in estimates.by_method.items()}, whole),
            *interval_coverage(intervals or {}, "all", titles),
        ),
        unchecked="Order of control and label, M0 and coverage are not checked: simulated cubes have no such thing.",
        viewer=Viewer(comparison_groups(values, titles, notes), _subjects(estimates, whole, frames)),
        charts=charts(values, methods, "all cubes"),
        methods=abouts(methods, frames),
        settings=(*protocol(frames.acquisition), *asked),
        provenance=origin(),
    )


def _table(key: str, scores: QuantityScores, titles: dict[str, str]) -> ScoreTable:
    quantity = QUANTITIES[key]
    caption = "All cubes" if key == MAIN else f"All cubes, {quantity.name}"
    return score_table(caption, {"": scores[key]}, titles, quantity=quantity)


def _subjects(estimates: Estimates, whole: np.ndarray, frames: Frames) -> tuple[Subject, ...]:
    """The first cubes, all of whose voxels count."""
    return tuple(
        Subject(
            name=f"Test cube {index + 1} of {len(whole)}",
            inside=whole[index],
            maps=shown_maps(estimates, index),
            affine=None,
            voxel_size_mm=frames.acquisition.voxel_size_mm,
        )
        for index in range(min(N_SHOWN, len(whole)))
    )
