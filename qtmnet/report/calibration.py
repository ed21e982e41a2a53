"""The step before all methods, in words: from a difference of signals to a concentration of label."""

from qtmnet.methods.base import About
from qtmnet.methods.kinetic_constants import ALSOP
from simulators.constants import DENSITY_G_ML, PARTITION_COEFFICIENT


def calibration(m0: str, efficiency: float) -> About:
    """From a difference of signals to a concentration of label; `m0` says where M0 came from."""
    return About(
        title="From signal to label: M0",
        equation="calibration",
        text="Control less label, ΔM, is divided by M0, the signal of fully relaxed tissue: that gives C, mL of fully "
        f"labeled blood in a mL of tissue, which all methods start from. {m0}",
        constants=(
            ("α, labeling efficiency in total", f"{efficiency:.4g}"),
            ("λ, partition coefficient", f"{PARTITION_COEFFICIENT} mL/g"),
            ("ρ, density", f"{DENSITY_G_ML} g/mL"),
        ),
        references=(ALSOP,),
    )


def simulated_calibration() -> About:
    """What stands in for a calibration where label was simulated."""
    return About(
        title="From signal to label: no M0",
        text="The frames are simulated as concentration of label, mL of fully labeled blood in a mL of tissue. There "
        "is no M0 to divide by, and no error of M0 or of labeling efficiency in the scores; a real scan has both.",
    )
