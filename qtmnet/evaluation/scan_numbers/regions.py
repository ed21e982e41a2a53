"""Numbers of the regions of a scan."""

from collections.abc import Mapping

import numpy as np

from qtmnet.quantities import BOUNDS, INTERVAL_LEVEL, QUANTITIES, Quantity, bound_of
from qtmnet.scans.regions.atlas import Atlas

Row = dict[str, str | float]


def region_rows(
    maps: Mapping[str, np.ndarray], inside: np.ndarray, atlas: Atlas, voxel_mm: tuple[float, float, float]
) -> list[Row]:
    """Size, and mean, median and spread of each quantity, in the part of each region that lies in the brain.

    Args:
        maps: by quantity, (X, Y, Z).
        inside: the brain, (X, Y, Z) bool.
        atlas: regions on that grid.
        voxel_mm: edges of a voxel.

    Returns:
        A row for each region, in the order of the atlas; see `region_dictionary`.
    """
    voxel_ml = float(np.prod(voxel_mm)) / 1000
    counted = np.bincount(atlas.labels.ravel())
    rows: list[Row] = []
    for label, name in atlas.names.items():
        here = inside & (atlas.labels == label)
        n, whole = int(here.sum()), int(counted[label]) if label < counted.size else 0
        row: Row = {
            "index": str(label),
            "name": name,
            "n_voxels": n,
            "volume": n * voxel_ml,
            "coverage": n / whole if whole else float("nan"),
        }
        for quantity in _own(maps):
            row |= _numbers(quantity, maps, here)
        rows.append(row)
    return rows


def region_dictionary(maps: Mapping[str, np.ndarray]) -> dict[str, object]:
    """What there is to say of the columns of `region_rows`, of these maps."""
    said: dict[str, object] = {
        "index": {"Description": "Label of the region in the atlas."},
        "name": {"Description": "Of the region."},
        "n_voxels": {"Description": "Voxels of the region that lie in the brain mask; the numbers are of these."},
        "volume": {"Description": "Of these voxels.", "Units": "mL"},
        "coverage": {"Description": "Share of the region's voxels on the scan's grid that lie in the brain mask."},
    }
    for quantity in _own(maps):
        units = {"Units": quantity.unit} if quantity.unit else {}
        for key, words in (("mean", "Mean"), ("median", "Median"), ("sd", "Standard deviation over voxels")):
            said[f"{quantity.key}_{key}"] = {"Description": f"{words} of {quantity.name}.", **units}
        for end, level in BOUNDS.items():
            if bound_of(quantity, end).key in maps:
                said[f"{quantity.key}_{end}"] = {
                    "Description": f"Mean of the voxels' {100 * level:.0f}th percentiles of {quantity.name}: the {end} "
                    f"end of a {INTERVAL_LEVEL:.0%} interval of the mean if the errors of all voxels go together. "
                    "Where they do not, the interval is narrower.",
                    **units,
                }
    return said


def _own(maps: Mapping[str, np.ndarray]) -> list[Quantity]:
    return [QUANTITIES[key] for key in maps if key in QUANTITIES and QUANTITIES[key].is_own]


def _numbers(quantity: Quantity, maps: Mapping[str, np.ndarray], here: np.ndarray) -> dict[str, float]:
    """Of a quantity in the voxels of a region; NaN where there are none."""
    values = maps[quantity.key][here]
    values = values[np.isfinite(values)].astype(float)
    known = values.size > 0
    found = {
        f"{quantity.key}_mean": float(values.mean()) if known else float("nan"),
        f"{quantity.key}_median": float(np.median(values)) if known else float("nan"),
        f"{quantity.key}_sd": float(values.std(ddof=1)) if values.size > 1 else float("nan"),
    }
    for end in BOUNDS:
        if (bound := bound_of(quantity, end).key) in maps:
            ends = maps[bound][here]
            found[f"{quantity.key}_{end}"] = float(ends.mean(dtype=float)) if ends.size else float("nan")
    return found
