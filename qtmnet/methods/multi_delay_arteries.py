"""Perfusion, transit time and arterial blood volume from all delays: tissue, and arteries that label passes through."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from qtmnet.limits import DecayTime
from qtmnet.methods.arteries.fit import fit_arteries
from qtmnet.methods.arteries.model import ArrivalPriors
from qtmnet.methods.base import About, Frames, Maps, Method
from qtmnet.methods.decoding import boluses_of
from qtmnet.methods.kinetic_constants import BUXTON, CHAPPELL, TIPPING, kinetic_constants, stated, tissue_t1
from qtmnet.methods.kinetic_fit import equation_of
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import check_fields
from simulators.settings.limits import PathText, Within

TransitTime = Annotated[float, Within(0.05, 10, "s", why="not ms")]


@dataclass(frozen=True)
class MultiDelayArteries(Method):
    """Tissue and arteries of Chappell 2010 (10.1002/mrm.22320); see `arteries.fit.fit_arteries`.

    The priors of transit times are those of FSL's `oxford_asl` for several delays.

    Attributes:
        t1_blood: s, T1 of label in blood; None for a simulated tissue's own, else that of the field, 1.65 at 3 T.
        t1_tissue: s, T1 of label in tissue, a number or an image on the scan's grid; None for a simulated tissue's
            own, else that of the field, 1.3 at 3 T.
        partition_coefficient: mL/g; None for 0.9, or infinity where simulated label stays in its blood.
        att: s, mean of the prior of the arterial transit time; None for 1.3, or 0.7 where all labeling is pulsed, whose
            slab reaches closer to the tissue.
        att_sd: s, standard deviation of that prior.
        arterial_lead: s, by which the mean of the prior of the time to the arteries is shorter.
        arterial_att_sd: s, standard deviation of that prior.
        noise: mL/mL, standard deviation of the frames' noise; None for what the residuals say.

    Raises:
        InputError: for values that no tissue has.
    """

    title = "multi delay with arteries"
    quantities = ("cbf", "att", "abv")

    t1_blood: DecayTime | None = None
    t1_tissue: DecayTime | PathText | None = None
    partition_coefficient: Annotated[float, Within(0.1, 10, "mL/g", why="brain has 0.9")] | None = None
    att: TransitTime | None = None
    att_sd: TransitTime = 1.0
    arterial_lead: Annotated[float, Within(0, 10, "s", why="not ms")] = 0.3
    arterial_att_sd: TransitTime = 1.0
    noise: Annotated[float, Within(0, 1, "mL/mL", above=True)] | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def check(self, acquisition: Acquisition) -> None:
        voxel = np.zeros((acquisition.n_frames, 1, 1, max(len(acquisition.slice_timing), 1)))
        fit_arteries(voxel, acquisition, self._priors(acquisition))

    def maps(self, frames: Frames) -> Maps:
        constants = self._constants(frames)
        found = fit_arteries(
            frames.concentration,
            frames.acquisition,
            self._priors(frames.acquisition),
            noise=self.noise,
            mask=frames.mask,
            **constants | {"t1_tissue": tissue_t1(constants["t1_tissue"], frames)},
        )
        return {"cbf": found.cbf, "att": found.att, "abv": found.abv}

    def about(self, frames: Frames) -> About:
        constants, priors = self._constants(frames), self._priors(frames.acquisition)
        few = (
            " There are two delays, which tell perfusion and transit time at most: what is arterial is decided by the "
            "priors."
            if len(set(boluses_of(frames.acquisition).frame_delays)) == 2
            else ""
        )
        return About(
            title="Multi delay with arteries: general kinetic model and macrovascular component",
            equation=equation_of("multi_delay_arteries", frames.acquisition),
            text="Each voxel is tissue that keeps its label and arteries that label passes through on its way "
            "elsewhere. Perfusion, arterial blood volume and the two transit times are the most probable ones, given "
            "normal priors of the transit times and a prior that leaves arteries out where the frames do not call for "
            "them. The model assumes that blood arrives all at once; label that arrives spread out, or stays in veins, "
            f"is still read as perfusion.{few}",
            constants=(
                *stated(constants),
                ("Prior of the transit time δ", f"{priors.att:g} ± {priors.att_sd:g} s"),
                ("Prior of the time to the arteries δa", f"{priors.arterial_att:g} ± {priors.arterial_att_sd:g} s"),
                ("Noise of the frames", "from the residuals" if self.noise is None else f"{self.noise:g} mL/mL"),
            ),
            references=(CHAPPELL, BUXTON, TIPPING),
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

    def _priors(self, acquisition: Acquisition) -> ArrivalPriors:
        att = (0.7 if boluses_of(acquisition).pulsed.all() else 1.3) if self.att is None else self.att
        return ArrivalPriors(att, self.att_sd, max(att - self.arterial_lead, 0.0), self.arterial_att_sd)
