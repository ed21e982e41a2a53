"""Perfusion from the images of one delay, by the equation of the consensus paper."""

from dataclasses import dataclass
from typing import Annotated, Any

from qtmnet.limits import DecayTime
from qtmnet.methods import kinetic_fit
from qtmnet.methods.base import About, Frames, Maps, Method
from qtmnet.methods.kinetic_constants import ALSOP, kinetic_constants
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import check_fields
from simulators.settings.limits import Within


@dataclass(frozen=True)
class SingleDelay(Method):
    """Alsop 2015 (10.1002/mrm.25197), eq. 1; see `kinetic_fit.single_delay`.

    Attributes:
        t1_blood: s, T1 of label in blood; None for a simulated tissue's own, else that of the field, 1.65 at 3 T.
        post_labeling_delay: s; the delay of the scan that is nearest to it is read.

    Raises:
        InputError: for values that no blood and no scan has.
    """

    title = "single delay"
    quantities = ("cbf",)

    t1_blood: DecayTime | None = None
    post_labeling_delay: Annotated[float, Within(0, 10, "s", why="not ms")] = kinetic_fit.SINGLE_DELAY

    def __post_init__(self) -> None:
        check_fields(self)

    def maps(self, frames: Frames) -> Maps:
        found = kinetic_fit.fit(
            frames.concentration,
            frames.acquisition,
            method="single_delay",
            single_delay_pld=self.post_labeling_delay,
            t1_blood=self._t1_blood(frames),
            mask=frames.mask,
        )
        return {"cbf": found.cbf}

    def about(self, frames: Frames) -> About:
        used = self._delay(frames.acquisition)
        return About(
            title="Single delay: equation of the consensus paper",
            equation=kinetic_fit.equation_of("single_delay", frames.acquisition),
            text=f"One image is used, that of the delay of {used:g} s. The equation assumes that all label has arrived "
            "by then and is still in blood; where blood arrives later, perfusion comes out too low.",
            constants=(("T1 of blood", f"{self._t1_blood(frames)} s"),),
            references=(ALSOP,),
            chosen=(f"single delay: frames of {used:g} s, of {frames.acquisition.n_frames}",),
        )

    def sidecar(self, frames: Frames) -> dict[str, object]:
        return {"T1Blood": self._t1_blood(frames), "PostLabelingDelayUsed": self._delay(frames.acquisition)}

    def _t1_blood(self, frames: Frames) -> Any:
        return kinetic_constants(frames, t1_blood=self.t1_blood)["t1_blood"]

    def _delay(self, acquisition: Acquisition) -> float:
        return kinetic_fit.single_delay_of(acquisition, self.post_labeling_delay)
