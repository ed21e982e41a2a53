"""Perfusion and arterial transit time from all delays, by the general kinetic model."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from qtmnet.limits import DecayTime
from qtmnet.methods import kinetic_fit
from qtmnet.methods.base import About, Frames, Maps, Method
from qtmnet.methods.kinetic_constants import BUXTON, DAI, kinetic_constants, stated, tissue_t1
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import check_fields
from simulators.settings.limits import PathText, Within


@dataclass(frozen=True)
class MultiDelay(Method):
    """Buxton 1998 (10.1002/mrm.1910400308), ATT by Dai 2012 (10.1002/mrm.23103); see `kinetic_fit.multi_delay`.

    Attributes:
        t1_blood: s, T1 of label in blood; None for a simulated tissue's own, else that of the field, 1.65 at 3 T.
        t1_tissue: s, T1 of label in tissue, a number or an image on the scan's grid; None for a simulated tissue's
            own, else that of the field, 1.3 at 3 T.
        partition_coefficient: mL/g; None for 0.9, or infinity where simulated label stays in its blood.

    Raises:
        InputError: for values that no tissue has.
    """

    title = "multi delay"
    quantities = ("cbf", "att")

    t1_blood: DecayTime | None = None
    t1_tissue: DecayTime | PathText | None = None
    partition_coefficient: Annotated[float, Within(0.1, 10, "mL/g", why="brain has 0.9")] | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def check(self, acquisition: Acquisition) -> None:
        voxel = np.zeros((acquisition.n_frames, 1, 1, max(len(acquisition.slice_timing), 1)))
        kinetic_fit.fit(voxel, acquisition, method="multi_delay")

    def maps(self, frames: Frames) -> Maps:
        constants = self._constants(frames)
        found = kinetic_fit.fit(
            frames.concentration,
            frames.acquisition,
            method="multi_delay",
            mask=frames.mask,
            **constants | {"t1_tissue": tissue_t1(constants["t1_tissue"], frames)},
        )
        assert found.att is not None
        return {"cbf": found.cbf, "att": found.att}

    def about(self, frames: Frames) -> About:
        constants = self._constants(frames)
        return About(
            title="Multi delay: general kinetic model",
            equation=kinetic_fit.equation_of("multi_delay", frames.acquisition),
            text="The arterial transit time is taken from the mean delay of the label, weighted by its concentration; "
            "perfusion is then what fits all delays best. The model assumes that blood arrives all at once and that "
            "label stays in the voxel, so it errs where blood arrives spread out and in voxels with large arteries. "
            "Transit times shorter than the first delay or longer than the last are set to those.",
            constants=stated(constants),
            references=(BUXTON, DAI),
        )

    def sidecar(self, frames: Frames) -> dict[str, object]:
        constants = self._constants(frames)
        return {"T1Blood": constants["t1_blood"], "T1Tissue": constants["t1_tissue"]}

    def _constants(self, frames: Frames) -> dict[str, Any]:
        return kinetic_constants(
            frames,
            t1_blood=self.t1_blood,
            t1_tissue=self.t1_tissue,
            partition_coefficient=self.partition_coefficient,
        )
