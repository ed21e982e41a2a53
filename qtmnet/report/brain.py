"""The report of an evaluation on a simulated brain."""

from collections.abc import Mapping

import numpy as np

from qtmnet.evaluation.brain_estimates import BrainEstimates, RegionScores
from qtmnet.evaluation.brain_regions import Regions
from qtmnet.evaluation.metrics import Scores
from qtmnet.methods.baselines import kinetic_parameters
from qtmnet.methods.network.estimator import Estimator
from qtmnet.quantities import number_text
from qtmnet.report.charts import Chart, histogram, scatter
from qtmnet.report.methods import Method, kinetic_method, network_method, simulated_calibration
from qtmnet.report.page import Report
from qtmnet.report.quality import Flag, coverage, impossible_cbf, negative_cbf, transit_times
from qtmnet.report.settings import Settings, origin, protocol
from qtmnet.report.tables import KINDS, ScoreTable, score_table, title_of
from qtmnet.report.viewer import PERFUSION_UNIT, Viewer, comparison_groups, rounded_up
from qtmnet.report.volumes import Subject
from simulators.imaging.acquisition import Acquisition
from simulators.tissue.label import LabelKinetics

SAID_BY_CAPTION = {
    "great_vessel_distance": " from great arteries",
    "att": " transit time",
    "arterial_blood": " arteries",
    "venous_blood": " veins",
}
"""Ends of regions' names, by kind."""

QUANTITY = f"perfusion ({PERFUSION_UNIT})"


def brain_report(
    scores: RegionScores,
    estimates: BrainEstimates,
    regions: Regions,
    acquisition: Acquisition,
    label: LabelKinetics,
    estimator: Estimator | None,
    asked: Settings,
) -> Report:
    """What there is to say of estimates on a brain.

    Args:
        scores: by kind of region, region and method.
        estimates: maps.
        regions: voxels of each region.
        acquisition: protocol of the scan.
        label: what the kinetic models took their constants from.
        estimator: the network, if there is one.
        asked: further settings, such as noise and seed.
    """
    inside = estimates.inside
    truth = estimates.truth[inside]
    notes = {name: f"NRMSE {number_text(scores['brain']['all'][name].nrmse, '.3f')}" for name in estimates.by_method}
    att = {"truth_att": estimates.true_att, "multi_delay_att": estimates.att}
    groups = comparison_groups(truth, notes, {name: values[inside] for name, values in att.items()})
    maps = {"truth": estimates.truth, **estimates.by_method, **att}
    readers = "the network and the kinetic models" if estimator else "the kinetic models"
    return Report(
        title="Perfusion of a simulated brain",
        summary=f"A simulated brain of {inside.sum():,} voxels, read by {readers} from the same images, and held "
        "against the perfusion that it was made with: as a whole, in its parts, and voxel by voxel.",
        tables=_tables(scores, regions),
        flags=_flags(estimates, acquisition),
        unchecked="Order of control and label and M0 are not checked: simulated images have neither.",
        viewer=Viewer(groups, (Subject("Simulated brain", inside, maps, estimates.affine, acquisition.voxel_size_mm),)),
        charts=_charts(estimates, truth),
        methods=_methods(estimates, acquisition, label, estimator),
        settings=(*protocol(acquisition), *asked),
        provenance=origin(),
    )


def _tables(scores: RegionScores, regions: Regions) -> tuple[ScoreTable, ...]:
    counts = {kind: {name: int(voxels.sum()) for name, voxels in named.items()} for kind, named in regions.items()}
    whole = score_table("Whole brain", {"": scores["brain"]["all"]})
    return (
        whole,
        *(_table_of(kind, scores[kind], counts.get(kind)) for kind in KINDS if scores.get(kind)),
    )


def _table_of(kind: str, scores: Mapping[str, Mapping[str, Scores]], counts: dict[str, int] | None) -> ScoreTable:
    """A table of one kind of region, whose caption says what its regions' names then need not."""
    short = {name: name.removesuffix(SAID_BY_CAPTION.get(kind, "")) for name in scores}
    n_voxels = None if counts is None else {short[name]: number for name, number in counts.items()}
    return score_table(KINDS[kind], {short[name]: by_method for name, by_method in scores.items()}, n_voxels)


def _flags(estimates: BrainEstimates, acquisition: Acquisition) -> tuple[Flag, ...]:
    found: Mapping[str, np.ndarray] = {name: maps[estimates.inside] for name, maps in estimates.by_method.items()}
    by_method = (
        check(values, title_of(name)) for name, values in found.items() for check in (negative_cbf, impossible_cbf)
    )
    times = transit_times(estimates.att, estimates.inside, acquisition)
    return (*by_method, coverage(estimates.inside, estimates.affine), times)


def _charts(estimates: BrainEstimates, truth: np.ndarray) -> tuple[Chart, ...]:
    inside = estimates.inside
    values = {name: maps[inside] for name, maps in estimates.by_method.items()}
    times = {"truth": estimates.true_att[inside], "multi_delay": estimates.att[inside]}
    high = rounded_up(1.3 * float(np.percentile(truth, 99.5)) or 1.0)
    latest = rounded_up(max(float(np.percentile(found, 99.5)) for found in times.values()) or 1.0)
    return (
        histogram("Perfusion of the brain", QUANTITY, {"truth": truth, **values}, 0.0, high),
        scatter(truth, values, QUANTITY, high),
        histogram("Arterial transit time of the brain", "arterial transit time (s)", times, 0.0, latest),
    )


def _methods(
    estimates: BrainEstimates, acquisition: Acquisition, label: LabelKinetics, estimator: Estimator | None
) -> tuple[Method, ...]:
    constants = kinetic_parameters(label)
    kinetic = (kinetic_method(name, acquisition, constants) for name in estimates.by_method if name != "qtmnet")
    network = (network_method(estimator.description),) if estimator else ()
    return (simulated_calibration(), *network, *kinetic)
