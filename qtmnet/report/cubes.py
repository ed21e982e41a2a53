"""The report of an evaluation on cubes."""

from collections.abc import Mapping

import numpy as np

from qtmnet.evaluation.metrics import Scores
from qtmnet.methods.baselines import kinetic_parameters
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.record import snr_of
from qtmnet.quantities import number_text
from qtmnet.report.charts import histogram, scatter
from qtmnet.report.methods import kinetic_method, network_method, simulated_calibration
from qtmnet.report.page import Report
from qtmnet.report.quality import impossible_cbf, negative_cbf
from qtmnet.report.settings import Settings, noise, origin, protocol
from qtmnet.report.tables import score_table, title_of
from qtmnet.report.viewer import PERFUSION_UNIT, Viewer, comparison_groups, rounded_up
from qtmnet.report.volumes import Subject
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.cube import CubeParameters

N_SHOWN = 4
"""Cubes to choose from: enough to see that one is not the other, few enough for a small page."""

QUANTITY = f"perfusion ({PERFUSION_UNIT})"


def cubes_report(
    truth: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    scores: Mapping[str, Scores],
    description: Description,
    phantom: CubeParameters,
    asked: Settings,
) -> Report:
    """What there is to say of estimates on cubes.

    Args:
        truth: mL/100g/min, (n, X, Y, Z).
        estimates: the same, by method.
        scores: by method.
        description: of the network.
        phantom: what the cubes were drawn from.
        asked: further settings, such as the checkpoint and the seed.
    """
    values = {name: maps.ravel() for name, maps in estimates.items()}
    notes = {name: f"NRMSE {number_text(scores[name].nrmse, '.3f')}" for name in estimates}
    high = rounded_up(1.3 * float(np.percentile(truth, 99.5)) or 1.0)
    shape = " × ".join(str(size) for size in truth.shape[1:])
    return Report(
        title="Perfusion of simulated cubes",
        summary=f"{len(truth)} simulated cubes of {shape} voxels that training never saw, read by the network and by "
        "the kinetic models from the same images, and held against the perfusion that they were made with.",
        tables=(score_table("All cubes", {"": scores}),),
        flags=tuple(
            check(found, title_of(name)) for name, found in values.items() for check in (negative_cbf, impossible_cbf)
        ),
        unchecked="Order of control and label, M0 and coverage are not checked: simulated cubes have no such thing.",
        viewer=Viewer(comparison_groups(truth.ravel(), notes), _subjects(truth, estimates, description.acquisition)),
        charts=(
            histogram("Perfusion of all cubes", QUANTITY, {"truth": truth.ravel(), **values}, 0.0, high),
            scatter(truth.ravel(), values, QUANTITY, high),
        ),
        methods=(
            simulated_calibration(),
            network_method(description),
            *(
                kinetic_method(name, description.acquisition, kinetic_parameters(phantom))
                for name in estimates
                if name != "qtmnet"
            ),
        ),
        settings=(*protocol(description.acquisition), *asked, ("Noise", noise(snr_of(description)))),
        provenance=origin(),
    )


def _subjects(truth: np.ndarray, estimates: Mapping[str, np.ndarray], acquisition: Acquisition) -> tuple[Subject, ...]:
    """The first cubes, all of whose voxels count."""
    return tuple(
        Subject(
            name=f"Test cube {index + 1} of {len(truth)}",
            inside=np.ones(truth.shape[1:], bool),
            maps={"truth": truth[index], **{name: maps[index] for name, maps in estimates.items()}},
            affine=None,
            voxel_size_mm=acquisition.voxel_size_mm,
        )
        for index in range(min(N_SHOWN, len(truth)))
    )
