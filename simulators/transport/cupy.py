"""Label transport on a CUDA GPU, whole batches of cubes at once.

The same mathematics as `numba`, in kernels of one work item per thread (`simulators/transport/cuda`): closed forms in
arteries, convolution with exact impulse responses in capillary beds, running totals in outlet time in veins. Sums along
trees take one launch for each generation of nodes, whatever the number of cubes. The kernels compile for the
processor too, which is how they are tested without a GPU; it is no faster than Numba.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.errors import InputError
from simulators.settings.checking import check_fields
from simulators.settings.limits import TimeStep
from simulators.tissue.label import LabelKinetics
from simulators.transport.cuda import stages
from simulators.transport.cuda.batch import Layouts, VesselBatch
from simulators.transport.cuda.devices import Array, Device, DeviceName, open_device
from simulators.transport.cuda.flows import BloodFlow
from simulators.transport.step_response import StepResponse, checked_time
from simulators.vessels.vasculature import Vasculature


@dataclass(frozen=True)
class BatchResponse:
    """Step responses of a batch, left on the device; `torch.from_dlpack` takes them without a copy.

    Attributes:
        time: s since labeling began, (T,), on the host.
        arterial: label in arteries, (B, T, X, Y, Z), float32.
        bed: label in capillaries, tissue and veins, (B, T, X, Y, Z), float32.
        left: label that has left through the veins, mm³, (B, T), float64.
    """

    time: np.ndarray
    arterial: Array
    bed: Array
    left: Array


@dataclass(frozen=True)
class CupySimulator:
    """Label transport on a GPU.

    Attributes:
        time_step: s, of the convolution in the capillary beds; half that of the veins' time courses.
        device: `cuda`, or `host` for the same kernels compiled by g++ for this machine's processor.

    Raises:
        InputError: for settings out of range; once it is used, without CuPy or a GPU, or without g++.
    """

    time_step: TimeStep = 0.025
    device: DeviceName = "cuda"

    def __post_init__(self) -> None:
        check_fields(self)

    def step_response(self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics) -> StepResponse:
        """Step response at the given times; see `simulators.transport.step_response.Simulator`."""
        time = checked_time(time)
        response = self.step_responses(self.batch([vessels]), time, [label])
        fetch = self._opened().fetch
        return StepResponse(
            time=time,
            arterial=fetch(response.arterial)[0],
            bed=fetch(response.bed)[0],
            voxel_size_mm=vessels.arteries.voxel_size_mm,
            left=fetch(response.left)[0],
        )

    def arterial_step_response(
        self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics, *, slower_than: float = np.inf
    ) -> np.ndarray:
        """Label in arteries; see `simulators.transport.step_response.Simulator`."""
        batch, time = self.batch([vessels]), checked_time(time)
        image = stages.arterial_label(batch, batch.as_grown[0], time, label.t1_blood, slower_than)
        return self._opened().fetch(image)[0]

    def batch(self, vessels: Sequence[Vasculature], layouts: Sequence[Layouts] | None = None) -> VesselBatch:
        """Vessels of several pieces of tissue of one shape, laid out on the device.

        Args:
            vessels: of each piece of tissue.
            layouts: of the arteries and veins of each, from `TreeLayout.of`, where they are there already.
        """
        return VesselBatch(self._opened(), vessels, layouts)

    def step_responses(
        self,
        batch: VesselBatch,
        time: np.ndarray,
        labels: Sequence[LabelKinetics],
        *,
        blood: tuple[BloodFlow, BloodFlow] | None = None,
        slower_than: float = np.inf,
    ) -> BatchResponse:
        """Step responses of a batch, left on the device.

        Args:
            batch: from `batch`.
            time: s, increasing, above 0, (T,).
            labels: kinetics in each piece of tissue, (B,), with one T1 of blood.
            blood: flow in arteries and veins, from `VesselBatch.perfused`; as the vessels were grown by default.
            slower_than: mm/s; `arterial` holds the label in arteries of a mean velocity up to this.

        Raises:
            InputError: for times that do not increase from above 0, or kinetics that do not fit the batch.
        """
        time = checked_time(time)
        if len(labels) != len(batch) or len({label.t1_blood for label in labels}) != 1:
            found = [label.t1_blood for label in labels]
            raise InputError(f"labels: found {len(found)} with t1_blood {sorted(set(found))}; give one each, of one T1")
        t1, (arteries, veins) = labels[0].t1_blood, blood or batch.as_grown
        arterial = stages.arterial_label(batch, arteries, time, t1, slower_than)
        amount, venules = stages.bed_label(batch, arteries, time, labels, self.time_step)
        left = stages.venous_label(batch, veins, venules, time, self.time_step, t1, amount)
        device = self._opened()
        bed = device.empty(arterial.shape, np.float32)
        device.launch("concentration", len(batch) * len(time) * batch.n_voxels, amount, batch.voxel_volume, bed)
        return BatchResponse(time, arterial, bed, left)

    def _opened(self) -> Device:
        return open_device(self.device)
