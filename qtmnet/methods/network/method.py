"""A trained network as a method."""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property

from qtmnet.limits import TrustedNames
from qtmnet.methods.base import About, Frames, Maps, Method
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.training_record import is_noiseless, phantom_of, snr_of
from qtmnet.methods.network.weights import weights_sha256
from qtmnet.methods.shipped.files import weights_file
from qtmnet.scans.words import noise
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.settings.checking import checks_arguments
from simulators.settings.limits import PathText

NAME = "qtmnet"
"""What settings and files call a network that is evaluated."""

ANY_PROTOCOL = "weights=any_scan reads any"
"""Where to turn with a scan of another protocol."""

HU = "Hu et al. 2023, QTMnet (arXiv:2311.10640)"


class OtherProtocol(InputError):
    """A network was trained for another protocol than that of a scan.

    Args:
        found: what differs, in one line.
        network: its checkpoint or weights; empty for one that was not read from a file.
    """

    def __init__(self, found: str, network: str) -> None:
        self.found, self.network = found, network or "the network"
        super().__init__(
            f"{self.network}: trained for another protocol ({found}); {ANY_PROTOCOL}, or train a network for that of "
            "the scan"
        )


class NetworkMethod(Method):
    """A network from a checkpoint.

    Args:
        ckpt: best.ckpt of a training.
        trust: dotted names of classes of your own that it may build.

    Raises:
        InputError: for a file that is no checkpoint, or none.
    """

    title = "qtmnet (network)"
    learned = True

    @checks_arguments
    def __init__(self, ckpt: PathText | None, trust: TrustedNames = ()) -> None:
        if ckpt is None:
            raise InputError("ckpt: not given; give a checkpoint, or leave qtmnet out: weights are read by themselves")
        self.ckpt, self.estimator = ckpt, load_estimator(ckpt, trusted=trust)

    @classmethod
    def of(cls, estimator: Estimator, ckpt: str = "") -> "NetworkMethod":
        """A method of an estimator that was read, or has just been trained."""
        made = cls.__new__(cls)
        made.ckpt, made.estimator = ckpt, estimator
        return made

    @property
    def quantities(self) -> tuple[str, ...]:
        return self.estimator.description.maps

    def check(self, acquisition: Acquisition) -> None:
        if differences := self.estimator.accepts(acquisition):
            raise OtherProtocol("; ".join(differences), str(self.ckpt))

    def maps(self, frames: Frames) -> Maps:
        if frames.tissue is None and is_noiseless(self.estimator.description):
            warnings.warn(
                "the network was trained without noise and blows up that of a real scan; weights=any_scan knows noise, "
                "as does a training with data.snr=[2,20]",
                stacklevel=2,
            )
        return self.estimator.maps(frames)

    def about(self, frames: Frames) -> About:
        description = self.estimator.description
        return About(
            title="qtmnet: a network trained on simulated transport",
            equation="network",
            text="A 3D U-Net with attention sees all delays of a voxel and of its surroundings, and was trained on "
            "simulated cubes of vessels whose perfusion is known. It assumes neither one arrival time nor one "
            "compartment, but knows only what its training showed: another protocol, or tissue unlike the cubes, is "
            "beyond it.",
            constants=(
                ("Network", str(description.network.get("_target_", "")).rpartition(".")[2]),
                *_training(description),
                ("Scale of input", description.normalization.replace("_", " ")),
            ),
            references=(HU,),
        )

    def sidecar(self, frames: Frames) -> dict[str, object]:
        return self.origin()

    def origin(self) -> dict[str, object]:
        return {"Weights": self.ckpt, "WeightsSHA256": self._sha256} if self.ckpt else {}

    @cached_property
    def _sha256(self) -> str:
        return weights_sha256(weights_file(str(self.ckpt)))


def _training(description: Description) -> Iterator[tuple[str, str]]:
    """What is known of a network's training."""
    with suppress(InputError):
        phantom = phantom_of(description)
        shape = " × ".join(str(size) for size in phantom.shape)
        yield "Trained on", f"cubes of {shape} simulated voxels, perfusion up to {phantom.highest_perfusion:g}"
    if "snr" in description.trained:
        with suppress(InputError):
            yield "Noise in training", noise(snr_of(description))
