"""Parts of a scanned brain that are scored on their own: tissues, territories, near and far from the great vessels."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from simulators.phantoms.brain_scan import BrainScan

Regions = dict[str, dict[str, np.ndarray]]
"""Kind of region → region → its voxels (x, y, z), bool; regions without voxels are left out."""

BRAIN_SHARE = 0.5
"""A voxel counts as brain if at least this share of it is grey or white matter."""

TISSUE_SHARE = 0.7
"""It counts as grey, or as white, if at least this share is; voxels between are of neither."""

DISTANCE_EDGES = (0.0, 5.0, 10.0, 20.0, 40.0, np.inf)
"""mm from the nearest great artery."""

ATT_EDGES = (0.0, 0.7, 1.0, 1.4, np.inf)
"""s, true arterial transit time."""

BLOOD_EDGES = (0.0, 1.0, 5.0, np.inf)
"""% of the voxel that is arteries, or veins."""


def brain_voxels(scan: BrainScan) -> np.ndarray:
    """Voxels that count as brain, (x, y, z), bool."""
    return scan.grey + scan.white >= BRAIN_SHARE


def brain_regions(scan: BrainScan, territory_names: Sequence[str]) -> Regions:
    """The brain and its parts: by tissue, territory, distance from the great arteries, true transit time, and by the
    share of arteries and of veins in a voxel."""
    inside = brain_voxels(scan)
    kinds = {
        "brain": {"all": inside},
        "tissue": {"grey": scan.grey >= TISSUE_SHARE, "white": scan.white >= TISSUE_SHARE},
        "territory": {name: scan.territory == index for index, name in enumerate(territory_names)},
        "great_vessel_distance": _bins(scan.great_vessel_distance, DISTANCE_EDGES, "mm from great arteries"),
        "att": _bins(scan.att, ATT_EDGES, "s transit time"),
        "arterial_blood": _bins(100 * scan.arterial_blood, BLOOD_EDGES, "% arteries"),
        "venous_blood": _bins(100 * scan.venous_blood, BLOOD_EDGES, "% veins"),
    }
    return {
        kind: {name: inside & region for name, region in regions.items() if (inside & region).any()}
        for kind, regions in kinds.items()
    }


def _bins(values: np.ndarray, edges: Sequence[float], unit: str) -> dict[str, np.ndarray]:
    """Voxels between neighbouring edges, the lower included; NaN is in none."""
    return {
        f"over {low:g} {unit}" if np.isinf(high) else f"{low:g} to {high:g} {unit}": (values >= low) & (values < high)
        for low, high in pairwise(edges)
    }
