"""A trained network as a method."""

import warnings

import numpy as np

from qtmnet.methods.base import About, Frames, Maps, Method
from qtmnet.methods.network.accepts import Accepts
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.estimator import Estimator
from qtmnet.scans.words import noise
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import PathText

NAME = "qtmnet"
"""What settings and files call a network that is evaluated."""

HU = "Hu et al. 2023, QTMnet (arXiv:2311.10640)"


class OtherProtocol(InputError):
    """A network was trained for another protocol than that of a scan.

    Attributes:
        found: what differs, in one line.
    """

    def __init__(self, found: str) -> None:
        super().__init__(f"ckpt: trained for another protocol ({found}); train a network for that of the scan")
        self.found = found


class NetworkMethod(Method):
    """A network from a checkpoint.

    Args:
        ckpt: best.ckpt of a training.

    Raises:
        InputError: for a file that is no checkpoint, or none.
    """

    title = "qtmnet (network)"
    learned = True

    @checks_arguments
    def __init__(self, ckpt: PathText | None) -> None:
        if ckpt is None:
            raise InputError(
                "ckpt: not given; give a checkpoint, or a method that needs none: method=multi_delay or "
                "method=single_delay"
            )
        self.ckpt, self.estimator = ckpt, load_estimator(ckpt)

    @classmethod
    def of(cls, estimator: Estimator, ckpt: str = "") -> "NetworkMethod":
        """A method of an estimator that was read, or has just been trained."""
        made = cls.__new__(cls)
        made.ckpt, made.estimator = ckpt, estimator
        return made

    @property
    def quantities(self) -> tuple[str, ...]:
        return ("cbf",)

    def check(self, acquisition: Acquisition) -> None:
        if differences := Accepts(self.estimator.recipe.acquisition).differences(acquisition):
            raise OtherProtocol("; ".join(differences))

    def maps(self, frames: Frames) -> Maps:
        if frames.tissue is None and self.estimator.recipe.snr is None:
            warnings.warn(
                "the network was trained without noise and blows up that of a real scan; train it with data.snr=[2,20]",
                stacklevel=2,
            )
        timing = np.asarray(frames.acquisition.slice_timing) if frames.acquisition.slice_timing else None
        found = self.estimator.perfusion(frames.concentration, timing)
        return {"cbf": found if frames.mask is None else np.where(frames.mask, found, 0)}

    def about(self, frames: Frames) -> About:
        recipe = self.estimator.recipe
        shape = " × ".join(str(size) for size in recipe.phantom.shape)
        return About(
            title="qtmnet: a network trained on simulated transport",
            equation="network",
            text="A 3D U-Net with attention sees all delays of a voxel and of its surroundings, and was trained on "
            "simulated cubes of vessels whose perfusion is known. It assumes neither one arrival time nor one "
            "compartment, but knows only what its training showed: another protocol, or tissue unlike the cubes, is "
            "beyond it.",
            constants=(
                ("Network", str(recipe.network.get("_target_", "")).rpartition(".")[2]),
                (
                    "Trained on",
                    f"cubes of {shape} simulated voxels, perfusion up to {recipe.phantom.perfusion_range[1]:g}",
                ),
                ("Noise in training", noise(recipe.snr)),
                ("Scale of input", recipe.normalization.replace("_", " ")),
            ),
            references=(HU,),
        )

    def sidecar(self, frames: Frames) -> dict[str, object]:
        return {"Checkpoint": self.ckpt}
