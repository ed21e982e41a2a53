"""Constants of the kinetic models: as given, else the tissue's own, else those of the field, else those at 3 T."""

from collections.abc import Mapping
from types import MappingProxyType

import nibabel as nib
import numpy as np

from qtmnet.methods.base import Frames, Tissue
from qtmnet.scans.grids.placing import place
from qtmnet.scans.nifti import read_image
from simulators.constants import PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER
from simulators.errors import InputError

USUAL: Mapping[str, float] = MappingProxyType(
    {"t1_blood": T1_BLOOD, "t1_tissue": T1_GREY_MATTER, "partition_coefficient": PARTITION_COEFFICIENT}
)
"""T1s in s, partition coefficient in mL/g."""

ALSOP = "Alsop et al. 2015, Magn Reson Med 73:102 (doi:10.1002/mrm.25197)"
BUXTON = "Buxton et al. 1998, Magn Reson Med 40:383 (doi:10.1002/mrm.1910400308)"
CHAPPELL = "Chappell et al. 2010, Magn Reson Med 63:1357 (doi:10.1002/mrm.22320)"
DAI = "Dai et al. 2012, Magn Reson Med 67:1252 (doi:10.1002/mrm.23103)"
TIPPING = "Tipping and Faul 2003, Proc 9th Int Workshop Artif Intell Stat (AISTATS)"


def kinetic_constants(frames: Frames, **given: object) -> dict[str, object]:
    """T1 of blood and of tissue (s) and partition coefficient (mL/g); what is given as None is not given."""
    of_scan = {"t1_blood": frames.t1_blood, "t1_tissue": frames.t1_tissue}
    asked = {**of_scan, **of_tissue(frames.tissue)} | {name: v for name, v in given.items() if v is not None}
    return {**USUAL, **{name: value for name, value in asked.items() if value is not None}}


def stated(constants: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The constants of a fit with their units, as reports state them."""
    tissue, coefficient = constants["t1_tissue"], constants["partition_coefficient"]
    kept = "∞ (label stays in its blood)" if coefficient == np.inf else f"{coefficient} mL/g"
    return (
        ("T1 of blood", f"{constants['t1_blood']} s"),
        ("T1 of tissue", tissue if isinstance(tissue, str) else f"{tissue} s"),
        ("λ, partition coefficient", kept),
    )


def of_tissue(tissue: Tissue | None) -> dict[str, float]:
    """What is known of a tissue: label that stays in its blood decays with it, and never fills the tissue."""
    if tissue is None:
        return {}
    if tissue.exchange.keeps_label_in_blood:
        return {"t1_blood": tissue.t1_blood, "t1_tissue": tissue.t1_blood, "partition_coefficient": np.inf}
    return {"t1_blood": tissue.t1_blood, "t1_tissue": tissue.t1_tissue}


def tissue_t1(given: float | str, frames: Frames) -> float | np.ndarray:
    """T1 of tissue in s: a number, or a map (X, Y, Z) from an image, resampled to the scan's grid if it has another.

    Raises:
        InputError: for an image that cannot be read, or does not cover the mask of the scan.
    """
    if not isinstance(given, str):
        return given
    image, data = read_image(given, n_dimensions=(3,))
    if frames.affine is None or frames.path is None:
        raise InputError(f"t1_tissue: found {given}, but the frames lie on no grid of an image's; give a number")
    like = nib.Nifti1Image(frames.inside.astype(np.uint8), frames.affine)
    known = np.concatenate([data, data > 0], axis=-1, dtype=np.float32)  # 0 is no T1: it counts for no mean
    t1, share = np.moveaxis(place(given, image, known, frames.path, like).volumes, -1, 0)
    if n_missing := int((frames.inside & (share <= 0)).sum()):
        raise InputError(
            f"{given}: t1_tissue: found no T1 in {n_missing} of {int(frames.inside.sum())} voxels of the mask; give a "
            "map that covers it, or a mask within the map"
        )
    return np.divide(t1, share, out=np.zeros_like(t1), where=share > 0)
