"""How each method gets perfusion from the images, in words, with its equation and where that comes from."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from qtmnet.methods.kinetic import equation_of, single_delay_of
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.record import phantom_of, snr_of
from qtmnet.report.settings import noise
from simulators.constants import DENSITY_G_ML, PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

ALSOP = "Alsop et al. 2015, Magn Reson Med 73:102 (doi:10.1002/mrm.25197)"
BUXTON = "Buxton et al. 1998, Magn Reson Med 40:383 (doi:10.1002/mrm.1910400308)"
DAI = "Dai et al. 2012, Magn Reson Med 67:1252 (doi:10.1002/mrm.23103)"
HU = "Hu et al. 2023, QTMnet (arXiv:2311.10640)"


@dataclass(frozen=True)
class Method:
    """What there is to say of a method.

    Attributes:
        title: of the method.
        equation: name of an equation in `equations.html`; empty for none.
        text: how it works and what it assumes.
        constants: names and values that went into it.
        references: where it comes from.
    """

    title: str
    equation: str
    text: str
    constants: tuple[tuple[str, str], ...]
    references: tuple[str, ...]


def calibration(m0: str, efficiency: float) -> Method:
    """From a difference of signals to a concentration of label; `m0` says where M0 came from."""
    constants = (
        ("α, labeling efficiency in total", f"{efficiency:.4g}"),
        ("λ, partition coefficient", f"{PARTITION_COEFFICIENT} mL/g"),
        ("ρ, density", f"{DENSITY_G_ML} g/mL"),
    )
    text = (
        "Control less label, ΔM, is divided by M0, the signal of fully relaxed tissue: that gives C, mL of fully "
        f"labeled blood in a mL of tissue, which all methods start from. {m0}"
    )
    return Method("From signal to label: M0", "calibration", text, constants, (ALSOP,))


def simulated_calibration() -> Method:
    """What stands in for a calibration where label was simulated."""
    text = (
        "The frames are simulated as concentration of label, mL of fully labeled blood in a mL of tissue. There is no "
        "M0 to divide by, and no error of M0 or of labeling efficiency in the scores; a real scan has both."
    )
    return Method("From signal to label: no M0", "", text, (), ())


def kinetic_method(method: str, acquisition: Acquisition, constants: Mapping[str, object] | None = None) -> Method:
    """A kinetic model with the constants (T1s in s, partition coefficient in mL/g) that it was given."""
    known: dict[str, object] = {"t1_blood": T1_BLOOD, "t1_tissue": T1_GREY_MATTER}
    known |= {"partition_coefficient": PARTITION_COEFFICIENT, **(constants or {})}
    blood = ("T1 of blood", f"{known['t1_blood']} s")
    if method == "single_delay":
        return _single_delay(acquisition, blood)
    kept = known["partition_coefficient"] == np.inf
    tissue = ("T1 of tissue", f"{known['t1_tissue']}" + (" s" if not isinstance(known["t1_tissue"], str) else ""))
    coefficient = "∞ (label stays in its blood)" if kept else f"{known['partition_coefficient']} mL/g"
    return Method(
        "Multi delay: general kinetic model",
        equation_of("multi_delay", acquisition),
        "The arterial transit time is taken from the mean delay of the label, weighted by its concentration; perfusion "
        "is then what fits all delays best. The model assumes that blood arrives all at once and that label stays in "
        "the voxel, so it errs where blood arrives spread out and in voxels with large arteries. Transit times shorter "
        "than the first delay or longer than the last are set to those.",
        (blood, tissue, ("λ, partition coefficient", coefficient)),
        (BUXTON, DAI),
    )


def _single_delay(acquisition: Acquisition, blood: tuple[str, str]) -> Method:
    used = single_delay_of(acquisition)
    return Method(
        "Single delay: equation of the consensus paper",
        equation_of("single_delay", acquisition),
        f"One image is used, that of the delay of {used:g} s. The equation assumes that all label has arrived by then "
        "and is still in blood; where blood arrives later, perfusion comes out too low.",
        (blood,),
        (ALSOP,),
    )


def network_method(description: Description) -> Method:
    """A network, and what it was trained with."""
    return Method(
        "qtmnet: a network trained on simulated transport",
        "network",
        "A 3D U-Net with attention sees all delays of a voxel and of its surroundings, and was trained on simulated "
        "cubes of vessels whose perfusion is known. It assumes neither one arrival time nor one compartment, but knows "
        "only what its training showed: another protocol, or tissue unlike the cubes, is beyond it.",
        (
            ("Network", str(description.network.get("_target_", "")).rpartition(".")[2]),
            *_training(description),
            ("Scale of input", description.normalization.replace("_", " ")),
        ),
        (HU,),
    )


def _training(description: Description) -> Iterator[tuple[str, str]]:
    """What is known of a network's training."""
    with suppress(InputError):
        phantom = phantom_of(description)
        shape = " × ".join(str(size) for size in phantom.shape)
        yield "Trained on", f"cubes of {shape} simulated voxels, perfusion up to {phantom.perfusion_range[1]:g}"
    if "snr" in description.trained:
        with suppress(InputError):
            yield "Noise in training", noise(snr_of(description))
