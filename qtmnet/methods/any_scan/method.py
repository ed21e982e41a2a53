"""The network for any scan as a method: with the weights that come with the package, or others."""

import math
from collections.abc import Iterator
from typing import Annotated

import numpy as np

from qtmnet import __version__
from qtmnet.limits import TrustedNames, WeightsText
from qtmnet.methods.base import About, Frames, Maps
from qtmnet.methods.network.any_scan.description import AnyScanDescription
from qtmnet.methods.network.any_scan.estimator import AnyScanEstimator
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.method import HU, NetworkMethod
from qtmnet.methods.shipped.files import weights_file
from qtmnet.quantities import INTERVAL_LEVEL
from simulators.constants import T1_BLOOD
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import Within

T1Blood = Annotated[float, Within(0.05, 20, "s", why="not ms")]

KOENKER = "Koenker and Bassett 1978, Regression quantiles (doi:10.2307/1913643)"


class AnyScan(NetworkMethod):
    """The network for any scan.

    Args:
        weights: name of those that come with the package, or a checkpoint or weights file of a training.
        t1_blood: s, of label in blood; None: a simulated tissue's own, else that of the scan's field, 1.65 at 3 T.
        trust: dotted names of classes of your own that the weights may build.

    Raises:
        InputError: for weights that are not there, damaged, or of a network for one protocol.
    """

    title = "qtmnet (any scan)"

    @checks_arguments
    def __init__(
        self, weights: WeightsText = "any_scan", t1_blood: T1Blood | None = None, trust: TrustedNames = ()
    ) -> None:
        estimator = load_estimator(weights_file(weights), "weights", trust)
        if not isinstance(estimator, AnyScanEstimator):
            raise InputError(f"{weights}: weights: of a network for one protocol, which NetworkMethod reads")
        self.ckpt, self.estimator, self.t1_blood = str(weights), estimator, t1_blood

    @classmethod
    def of(cls, estimator: Estimator, ckpt: str = "", t1_blood: float | None = None) -> "AnyScan":
        made = cls.__new__(cls)
        made.ckpt, made.estimator, made.t1_blood = ckpt, estimator, t1_blood
        return made

    @property
    def description(self) -> AnyScanDescription:
        """Of the network."""
        assert isinstance(self.estimator.description, AnyScanDescription)
        return self.estimator.description

    def check(self, acquisition: Acquisition) -> None:
        acquisition.check_shows_arrival()
        if differences := self.estimator.accepts(acquisition):
            raise InputError(f"{'; '.join(differences)}; leave out what is read later, or take method=multi_delay")

    def maps(self, frames: Frames) -> Maps:
        self.check(frames.acquisition)
        if frames.noise is None:
            raise InputError("noise: of the frames, not known; give Frames.noise, 0 for none")
        assert isinstance(self.estimator, AnyScanEstimator)
        return self.estimator.maps_with(frames, self._t1_blood(frames))

    def about(self, frames: Frames) -> About:
        outside = tuple(self.outside(frames))
        return About(
            title="qtmnet: one network for any scan, trained on simulated transport",
            equation="network",
            text="The frames of a scan tell some of the step response of each voxel, the label that is there a time "
            "after labeling began: its coefficients, and how sure they are, are what a 3D U-Net with attention is "
            "given, the same for any delays, labeling and slice times. It was trained on simulated scans of cubes: "
            "some with arteries, capillaries and veins, some as kinetic models assume them. Its "
            f"{INTERVAL_LEVEL:.0%} interval says what the noise as told, and all that varies in its training, leave "
            "open; a labeling efficiency or M0 that is off by a factor is not in it, and scales perfusion and interval "
            "alike.",
            constants=(
                ("Weights", str(self.ckpt) or "just trained"),
                ("T1 of blood", f"{self._t1_blood(frames):g} s"),
                ("Outside of the trained range", "; ".join(outside) or "nothing of the protocol"),
            ),
            references=(HU, KOENKER),
        )

    def outside(self, frames: Frames) -> Iterator[str]:
        """What of a scan's protocol the network was not trained for, a phrase for each."""
        trained = self.description.trained_range
        if trained is not None:
            noise = None if frames.noise is None else np.broadcast_to(frames.noise, frames.concentration.shape)
            inside = None if noise is None else noise[:, frames.inside]
            yield from trained.of_scan(frames.acquisition, self._t1_blood(frames), inside)

    def sidecar(self, frames: Frames) -> dict[str, object]:
        return {
            **self.origin(),
            "ArterialBloodT1": self._t1_blood(frames),
            "OutsideTrainedRange": list(self.outside(frames)),
        }

    def origin(self) -> dict[str, object]:
        return {**super().origin(), "WeightsVersion": __version__}

    def _t1_blood(self, frames: Frames) -> float:
        if self.t1_blood is not None:
            return self.t1_blood
        own = (frames.t1_blood or T1_BLOOD) if frames.tissue is None else frames.tissue.t1_blood
        return own if math.isfinite(own) else T1_BLOOD
