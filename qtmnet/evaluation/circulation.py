"""What maps of a brain say of its arteries: flow through anterior and posterior circulation, and how even it is.

A territory is that of the artery that feeds most of a voxel; voxels that count as brain are looked at, the same of the
truth and of all methods.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from qtmnet.evaluation.brain_regions import TISSUE_SHARE
from simulators.arrays import Bool, Float, Shaped
from simulators.constants import DENSITY_G_ML
from simulators.phantoms.brain_scan import BrainScan

CIRCULATIONS = {"anterior": ("ICA", "ACA", "MCA"), "posterior": ("BA", "PCA", "CB")}
"""Arteries, without side, of the territories that the carotids feed, and of those that the basilar artery does."""

CEREBRAL = ("ACA", "MCA", "PCA")
"""Territories, both sides together, whose grey matter is looked at for how even its perfusion is."""

TRUTH = "truth"
"""What the truth is called beside methods."""


@dataclass(frozen=True)
class Circulation:
    """Numbers of the truth and of each method, by what each is called; `TRUTH` comes first.

    Attributes:
        flow_ml_min: by circulation, mL/min; those without a voxel are left out.
        grey_variation: standard deviation over mean of grey matter's perfusion, by territory; NaN where that is 0.
        n_voxels: of each circulation, and of the grey matter of each territory.
    """

    flow_ml_min: dict[str, dict[str, float]]
    grey_variation: dict[str, dict[str, float]]
    n_voxels: dict[str, int]

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON, which has no NaN: None where a number is not defined."""
        plain = asdict(self)
        for by_place in (plain["flow_ml_min"], plain["grey_variation"]):
            for name, found in by_place.items():
                by_place[name] = {method: value if np.isfinite(value) else None for method, value in found.items()}
        return plain


def circulation(
    perfusion: Mapping[str, Float[np.ndarray, "X Y Z"]],
    scan: BrainScan,
    inside: Bool[np.ndarray, "X Y Z"],
    territory_names: Sequence[str],
) -> Circulation:
    """Numbers of maps of perfusion.

    Args:
        perfusion: mL/100g/min, the truth's and each method's, by name.
        scan: of the brain, that says what is grey matter and which artery feeds what.
        inside: voxels that count as brain.
        territory_names: of the indices in `scan.territory`, such as "MCA_L"; other names are in no circulation.
    """
    volume_ml = abs(float(np.linalg.det(scan.affine[:3, :3]))) / 1000
    flow, variation, n_voxels = {}, {}, {}
    for name, arteries in CIRCULATIONS.items():
        fed = inside & _fed(scan.territory, territory_names, arteries)
        if n := int(fed.sum()):
            flow[name] = {
                of: float(values[fed].sum(dtype=float)) * DENSITY_G_ML * volume_ml / 100
                for of, values in perfusion.items()
            }
            n_voxels[name] = n
    for name in CEREBRAL:
        grey = inside & (scan.grey >= TISSUE_SHARE) & _fed(scan.territory, territory_names, (name,))
        if n := int(grey.sum()):
            variation[name] = {of: variation_of(values[grey]) for of, values in perfusion.items()}
            n_voxels[name] = n
    return Circulation(flow, variation, n_voxels)


def variation_of(values: Float[np.ndarray, " V"]) -> float:
    """Coefficient of variation, standard deviation over mean of values (V,); NaN where the mean is not above 0."""
    mean = float(values.mean(dtype=float))
    return float(values.std(dtype=float)) / mean if mean > 0 else np.nan


def _fed(
    territory: Shaped[np.ndarray, "X Y Z"], names: Sequence[str], arteries: Sequence[str]
) -> Bool[np.ndarray, "X Y Z"]:
    """Voxels of the territories of some arteries, of either side."""
    wanted = [index for index, name in enumerate(names) if name.removesuffix("_L").removesuffix("_R") in arteries]
    return np.isin(territory, wanted)
