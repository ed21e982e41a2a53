"""Trees to borrow: a dataset of forests that streamed cubes take theirs from."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from qtmnet.datasets.cube_recipe import FORMAT, fingerprint
from qtmnet.datasets.cube_store import claim
from qtmnet.datasets.shard import Fields, ShardFormat
from qtmnet.datasets.shard_files import Records
from qtmnet.datasets.sharded_dataset import ShardedDataset
from qtmnet.datasets.storage.storage import storage_at
from simulators.phantoms.cube import CubeParameters, draw_perfusion, grow_trees
from simulators.tissue.perfusion import LEAST_PERFUSION, flow_from_perfusion
from simulators.vessels.borrowed_trees import Trees
from simulators.vessels.forest import Forest

SHARD_SIZE = 8
"""Pairs of forests; 19 MB of the paper's cubes."""

KINDS = ("arteries", "veins")

GROWTH = (
    "shape",
    "voxel_size_mm",
    "n_regions",
    "perfusion_range",
    "perfusion_fluctuation",
    "new_inlet_probability",
    "reach_mm",
    "n_candidates",
)
"""Parameters of a cube that decide how its trees grow, beside a layout other than regions."""

UNITS = {
    "arteries_position": "mm from the corner of the block, (N, 3)",
    "arteries_parent": "node before each node, −1 at inlets, (N,)",
    "arteries_terminal": "node that supplies each voxel, (X, Y, Z)",
}
"""Of each array of a record; of the veins alike."""


class VesselPool(ShardedDataset):
    """Trees grown for perfusion maps of one kind; pair i is a function of the settings and i alone.

    Args:
        url: folder, or URL that fsspec knows; made if missing.
        phantom: whose trees they are; what does not concern growth is left aside.
        seed: of the trees.

    Raises:
        InputError: if there are trees of other settings.
    """

    def __init__(self, url: str | Path, phantom: CubeParameters, seed: int) -> None:
        self.url, self.phantom, self.seed = str(url), phantom, seed
        settings = growth_settings(phantom, seed)
        mark = fingerprint({"format": FORMAT, **settings})
        storage = storage_at(url)
        manifest = {"format": FORMAT, "fingerprint": mark, "settings": settings, "units": UNITS}
        claim(storage, manifest, fixed=("settings",))
        self.records = Records(storage, ShardFormat(pool_fields(phantom), mark, SHARD_SIZE))

    def __getitem__(self, index: int) -> Trees:
        """Trees `index`; their flows and radii are 1 throughout, to be given.

        Raises:
            InputError: if they are missing, damaged or of another pool.
        """
        record = self.records[index]
        return Trees(*(_forest(record, kind, self.phantom) for kind in KINDS))

    def arrays(self, index: int) -> Mapping[str, np.ndarray]:
        """Grow trees `index`: into every voxel, since the cubes that they serve have none elsewhere than this one."""
        seed = (self.seed, index)
        perfusion = np.maximum(draw_perfusion(seed, self.phantom)[0], LEAST_PERFUSION)
        flow = flow_from_perfusion(perfusion, np.asarray(self.phantom.voxel_size_mm, float))
        trees = grow_trees(seed, self.phantom, flow)
        return {
            f"{kind}_{name}": getattr(getattr(trees, kind), name)
            for kind in KINDS
            for name in ("position", "parent", "terminal")
        }


def growth_settings(phantom: CubeParameters, seed: int) -> dict[str, object]:
    """All that trees depend on, as plain data."""
    names = GROWTH if phantom.layout.is_regions_alone else (*GROWTH, "layout")
    growth = {name: asdict(phantom)[name] for name in names}
    return json.loads(json.dumps({"trees": growth, "seed": seed}))


def pool_fields(phantom: CubeParameters) -> Fields:
    """Arrays of a record."""
    n_nodes = 2 * int(np.prod(phantom.shape))  # each terminal brings a bifurcation or an inlet with it
    own = (("position", "<f4", (n_nodes, 3)), ("parent", "<i4", (n_nodes,)), ("terminal", "<i4", phantom.shape))
    return tuple((f"{kind}_{name}", code, shape) for kind in KINDS for name, code, shape in own)


def _forest(record: np.void, kind: str, phantom: CubeParameters) -> Forest:
    parent = np.array(record[f"{kind}_parent"])
    return Forest(
        position=record[f"{kind}_position"].astype(float),
        parent=parent,
        flow=np.ones(len(parent)),
        radius=np.ones(len(parent)),
        terminal=np.array(record[f"{kind}_terminal"]),
        voxel_size_mm=phantom.voxel_size_mm,
    )
