"""From a difference of signals to a concentration of label."""

import numpy as np

from qtmnet.scans.voxelwise import fit_to, positive
from simulators.arrays import Array, ArrayLike, Float
from simulators.constants import DENSITY_G_ML, PARTITION_COEFFICIENT
from simulators.errors import InputError


def calibrate(
    delta_m: ArrayLike,
    m0: ArrayLike,
    *,
    labeling_efficiency: float,
    partition_coefficient: float = PARTITION_COEFFICIENT,
    density: float = DENSITY_G_ML,
) -> Float[Array, "*frames"]:
    """Concentration C = ρ λ ΔM / (2 α M0), (K, *spatial) or (*spatial) as ΔM; 0 where M0 (*spatial) is not above 0.

    It is what Alsop 2015 (10.1002/mrm.25197), eq. 1, scales by. `labeling_efficiency` (α) takes in what background
    suppression loses.

    Raises:
        InputError: for an efficiency outside (0, 1] or a shape that does not fit.
    """
    if not 0 < labeling_efficiency <= 1:
        raise InputError(f"labeling_efficiency: found {labeling_efficiency}; give a fraction above 0, at most 1")
    delta_m = np.asarray(delta_m, float)
    m0 = fit_to("m0", m0, delta_m.shape)
    scale = positive("density", density) * positive("partition_coefficient", partition_coefficient)
    ratio = np.divide(delta_m, m0, out=np.zeros(delta_m.shape), where=m0 > 0)
    return scale / (2 * labeling_efficiency) * ratio
