"""What a forest's nodes tell of its trees: flow that adds up, depth, volume, territories and where these meet."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from simulators.vessels.forest import Forest
from simulators.vessels.tree_order import accumulate_from_inlets, flow_from_terminals


@dataclass(frozen=True)
class Conservation:
    """Worst relative mismatch of flow: at any node, and between the inlets' sum and the voxels'."""

    at_nodes: float
    at_inlets: float


def conservation(forest: Forest, flow: np.ndarray) -> Conservation:
    """How far a forest's flows are from adding up.

    Args:
        forest: of N nodes.
        flow: mm³/s that each voxel needs, (X, Y, Z).
    """
    served, fed = forest.terminal >= 0, forest.parent >= 0
    out = np.bincount(forest.terminal[served], flow[served], forest.n_nodes)
    out += np.bincount(forest.parent[fed], forest.flow[fed], forest.n_nodes)
    larger = np.maximum(forest.flow, out)
    mismatch = np.divide(np.abs(forest.flow - out), larger, out=np.zeros(forest.n_nodes), where=larger > 0)
    total = float(flow.sum())
    return Conservation(float(mismatch.max()), abs(float(forest.flow[forest.inlets].sum()) - total) / total)


def depth(forest: Forest) -> np.ndarray:
    """Segments between the inlet and each node, (N,)."""
    segments = (forest.parent >= 0).astype(float)
    accumulate_from_inlets(forest.parent, segments)
    return segments.astype(np.int64)


def vessel_volume(forest: Forest) -> float:
    """Volume of all segments, mm³, those outside the domain too."""
    return float(np.pi * (forest.radius**2 * forest.length).sum())


def log_histogram(values: np.ndarray, n_bins: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """How many values lie in each of some bins of equal ratio.

    Args:
        values: of any shape; those that are not above 0 or not finite are left out.
        n_bins: bins from the least to the greatest value.

    Returns:
        Edges of the bins (n_bins + 1,) and counts (n_bins,).
    """
    logarithm = np.log(values[np.isfinite(values) & (values > 0)])
    count, edge = np.histogram(logarithm, n_bins)
    return np.exp(edge), count


def territory_of_nodes(
    forest: Forest, territory: np.ndarray, n_territories: int, least_share: float = 0.9
) -> np.ndarray:
    """Territory that each node feeds, −1 where no one territory takes `least_share` of its flow, (N,) int16.

    Args:
        forest: of N nodes.
        territory: of each voxel, 0 to n_territories − 1, anything else for none, (X, Y, Z).
        n_territories: how many there are.
        least_share: above a half, so that it can only be one.
    """
    found = np.full(forest.n_nodes, -1, np.int16)
    served = forest.terminal >= 0
    # Each terminal's own flow: what reaches it less what goes on.
    own = forest.flow.copy()
    fed = forest.parent >= 0
    own -= np.bincount(forest.parent[fed], forest.flow[fed], forest.n_nodes)
    for index in range(n_territories):
        terminal = forest.terminal[served & (territory == index)]
        supply = np.zeros(forest.n_nodes)
        supply[terminal] = own[terminal]
        found[(flow_from_terminals(forest.parent, supply) > least_share * forest.flow) & (forest.flow > 0)] = index
    return found


def distance_to_watershed(
    territory: np.ndarray, names: tuple[str, ...], voxel_size_mm: tuple[float, float, float]
) -> np.ndarray:
    """Distance (mm) to the nearest place where the territories of two arteries meet, those of two sides aside.

    Args:
        territory: index into `names`, other values where there is none, (X, Y, Z).
        names: such as "MCA_L".
        voxel_size_mm: edge lengths of a voxel.

    Returns:
        (X, Y, Z), infinite if nothing meets.
    """
    _, artery = np.unique([name.removesuffix("_L").removesuffix("_R") for name in names], return_inverse=True)
    of_voxel = np.append(artery, -1)[np.minimum(territory, len(names))]
    meets = np.zeros(territory.shape, bool)
    for axis in range(3):
        here, there = (np.moveaxis(of_voxel, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        differ = (here != there) & (here >= 0) & (there >= 0)
        along = np.moveaxis(meets, axis, 0)
        along[:-1] |= differ
        along[1:] |= differ
    if not meets.any():
        return np.full(territory.shape, np.inf)
    return distance_transform_edt(~meets, sampling=voxel_size_mm)
