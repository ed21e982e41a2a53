"""Constants of the kinetic models: as given, else the tissue's own where it is known, else the usual ones."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from qtmnet.methods.base import Tissue
from simulators.constants import PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER

USUAL: Mapping[str, float] = MappingProxyType(
    {"t1_blood": T1_BLOOD, "t1_tissue": T1_GREY_MATTER, "partition_coefficient": PARTITION_COEFFICIENT}
)
"""T1s in s, partition coefficient in mL/g."""

ALSOP = "Alsop et al. 2015, Magn Reson Med 73:102 (doi:10.1002/mrm.25197)"
BUXTON = "Buxton et al. 1998, Magn Reson Med 40:383 (doi:10.1002/mrm.1910400308)"
DAI = "Dai et al. 2012, Magn Reson Med 67:1252 (doi:10.1002/mrm.23103)"


def kinetic_constants(tissue: Tissue | None, **given: object) -> dict[str, object]:
    """T1 of blood and of tissue (s) and partition coefficient (mL/g); what is given as None is not given."""
    return {**USUAL, **of_tissue(tissue), **{name: value for name, value in given.items() if value is not None}}


def of_tissue(tissue: Tissue | None) -> dict[str, float]:
    """What is known of a tissue: label that stays in its blood decays with it, and never fills the tissue."""
    if tissue is None:
        return {}
    if tissue.exchange.keeps_label_in_blood:
        return {"t1_blood": tissue.t1_blood, "t1_tissue": tissue.t1_blood, "partition_coefficient": np.inf}
    return {"t1_blood": tissue.t1_blood, "t1_tissue": tissue.t1_tissue}
