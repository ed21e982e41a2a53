"""The kinetic models as the network is compared with them: both, and with the constants of the tissue at hand."""

from typing import Protocol

import numpy as np

from qtmnet.methods import kinetic
from qtmnet.methods.kinetic import KineticMaps
from simulators.imaging.acquisition import Acquisition
from simulators.tissue.exchange.base import Exchange

KINETIC_METHODS = ("single_delay", "multi_delay")


class Tissue(Protocol):
    """What says how label fares: `LabelKinetics`, or the parameters of a phantom."""

    @property
    def exchange(self) -> Exchange: ...
    @property
    def t1_blood(self) -> float: ...
    @property
    def t1_tissue(self) -> float: ...


def kinetic_parameters(tissue: Tissue) -> dict[str, float]:
    """Constants that the kinetic models would be given if the tissue's own were known."""
    if tissue.exchange.keeps_label_in_blood:
        return {"t1_blood": tissue.t1_blood, "t1_tissue": tissue.t1_blood, "partition_coefficient": np.inf}
    return {"t1_blood": tissue.t1_blood, "t1_tissue": tissue.t1_tissue}


def fit_baselines(
    concentration: np.ndarray, acquisition: Acquisition, tissue: Tissue, mask: np.ndarray | None = None
) -> dict[str, KineticMaps]:
    """Maps (X, Y, Z) of each of `KINETIC_METHODS` from frames (K, X, Y, Z), 0 outside the mask (X, Y, Z).

    Raises:
        InputError: if the delays do not tell ATT, or slices and slice times differ in number.
    """
    constants = kinetic_parameters(tissue)
    return {
        method: kinetic.fit(concentration, acquisition, method=method, mask=mask, **constants)
        for method in KINETIC_METHODS
    }
