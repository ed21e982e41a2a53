"""The default simulator: closed forms where there are any, one pass over vessels and voxels where not.

See `arteries`, `beds` and `veins` for what it does in each.
"""

from dataclasses import dataclass

import numpy as np

from simulators.settings.checking import check_fields
from simulators.settings.limits import Threads, TimeStep
from simulators.tissue.label import LabelKinetics
from simulators.transport.arteries import add_arterial_label
from simulators.transport.beds import bed_label
from simulators.transport.pieces import Sites, cut_at_voxel_faces
from simulators.transport.step_response import StepResponse, checked_time
from simulators.transport.veins import venous_label
from simulators.vessels.vasculature import Vasculature


@dataclass(frozen=True)
class NumbaSimulator:
    """Label transport on the CPU, compiled by Numba.

    Attributes:
        time_step: s, of the convolution in the capillary beds; half that of the veins' time courses.
        n_threads: threads that share the work on beds and veins, one for each core in a brain and one in a cube by
            default; the result is the same for any number.
    """

    time_step: TimeStep = 0.025
    n_threads: Threads | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def step_response(self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics) -> StepResponse:
        """Step response at the given times; see `simulators.transport.step_response.Simulator`."""
        time = checked_time(time)
        arterial = self.arterial_step_response(vessels, time, label)
        pieces = cut_at_voxel_faces(vessels.veins)
        sites = Sites.of(arterial[0].size, pieces.voxel, np.flatnonzero(vessels.arteries.terminal.ravel() >= 0))
        amount, venous_inflow = bed_label(vessels, sites, time, label, self.time_step, self.n_threads or 1)
        left = venous_label(
            vessels.veins,
            pieces,
            sites,
            venous_inflow,
            time,
            self.time_step,
            label.t1_blood,
            amount,
            self.n_threads or 1,
            vessels.bluntness,
        )
        return StepResponse(
            time=time,
            arterial=arterial,
            bed=sites.images(amount, vessels.shape, vessels.voxel_volume),
            voxel_size_mm=vessels.arteries.voxel_size_mm,
            left=left,
        )

    def arterial_step_response(
        self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics, *, slower_than: float = np.inf
    ) -> np.ndarray:
        """Label in arteries; see `simulators.transport.step_response.Simulator`."""
        time = checked_time(time)
        pieces = cut_at_voxel_faces(vessels.arteries)
        sites = Sites.of(int(np.prod(vessels.shape)), pieces.voxel)
        amount = np.zeros((len(sites.voxel), len(time)))
        add_arterial_label(vessels, pieces, sites, time, label.t1_blood, slower_than, amount)
        return sites.images(amount, vessels.shape, vessels.voxel_volume)
