"""A dataset of cubes of a world, kept as coefficients of their step response: all that frames of any protocol are.

What is kept of S are coefficients of a few functions of time, of arteries and of the rest apart, 16 numbers for 58: the
frames of a protocol are sums of them, so making a sample is a small matrix product. The functions are the principal
components of the dataset's first cubes, and stand in its manifest.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from qtmnet.coefficients.basis import Basis, principal
from qtmnet.datasets.cube_recipe import FORMAT, SPLITS, fingerprint
from qtmnet.datasets.cube_store import MANIFEST, claim
from qtmnet.datasets.shard import Fields, ShardFormat
from qtmnet.datasets.shard_files import Records
from qtmnet.datasets.sharded_dataset import ShardedDataset
from qtmnet.datasets.storage.storage import storage_at
from simulators.phantoms.world import World, WorldCube, simulate_world_cube
from simulators.transport.step_response import Simulator

SHARD_SIZE = 16
"""Cubes; 40 MB of 32³ voxels."""

N_PILOT = 32
"""Cubes whose step responses the functions are made from: a million voxels."""

TYPICAL = 0.003
"""mL/mL, root mean square over time of S in tissue: the functions are for errors relative to it, or to S where this is
more, so that tissue counts as much as arteries with ten times the label."""

UNITS = {
    "voxel_mm": "mm, edge of a voxel",
    "t1_blood": "s",
    "perfusion": "mL/100g/min, (X, Y, Z)",
    "att": "s, time by which half of the arriving label has arrived, NaN where none does, (X, Y, Z)",
    "arterial_blood_volume": "mL/mL, (X, Y, Z)",
    "arterial": "coefficients of the label in arteries, (R, X, Y, Z)",
    "bed": "coefficients of the label in capillaries, tissue and veins, (R, X, Y, Z)",
}
"""Of each array of a record."""

MAPS = ("perfusion", "att", "arterial_blood_volume")
"""Maps of the truth."""


@dataclass(frozen=True)
class WorldRecipe:
    """What cubes of a world are made from; cube i is a function of the recipe and i alone.

    Attributes:
        world: that they are drawn from.
        simulator: of the label's transport.
        seed: of all cubes.
        split: `train` or `test`.
        step: s, between the times that S is simulated at.
        last: s, the last of them.
        n_functions: R, of time, that S is kept in.
    """

    world: World
    simulator: Simulator
    seed: int
    split: str = "train"
    step: float = 0.125
    last: float = 7.25
    n_functions: int = 16

    @property
    def time(self) -> np.ndarray:
        """s since labeling began, (T,)."""
        return self.step * np.arange(1, round(self.last / self.step) + 1)

    def settings(self) -> dict[str, object]:
        """All that a cube depends on, as plain data."""
        simulator = {"name": type(self.simulator).__name__, **asdict(self.simulator)}  # type: ignore[call-overload]
        simulator.pop("n_threads", None)  # which no cube depends on
        own = {name: getattr(self, name) for name in ("seed", "split", "step", "last", "n_functions")}
        world = asdict(self.world)
        if self.world.passing.probability == 0:
            del world["passing"]  # so that cubes made before there was one are found
        return json.loads(json.dumps({"world": world, "simulator": simulator, **own}))

    def fingerprint(self) -> str:
        """Sixteen letters and digits that tell recipes apart."""
        return fingerprint({"format": FORMAT, **self.settings()})

    def cube(self, index: int) -> WorldCube:
        """Simulate cube `index`."""
        seed = (self.seed, SPLITS.index(self.split), index)
        return simulate_world_cube(seed, world=self.world, time=self.time, simulator=self.simulator)

    def basis(self) -> Basis:
        """Functions for the training cubes' step responses, from the first cubes of them."""
        pilot = [self.cube(index).response for index in range(N_PILOT)]
        parts = [part.reshape(len(self.time), -1)[:, ::5] for cube in pilot for part in (cube.arterial, cube.bed)]
        responses = np.concatenate(parts, axis=1).astype(float)
        responses = responses[:, (responses > 0).any(axis=0)]
        weights = 1 / ((responses**2).mean(axis=0) + TYPICAL**2)
        return principal(responses, self.time, self.n_functions, weights=weights)


@dataclass(frozen=True, eq=False)
class KeptCube:
    """A cube as it is kept.

    Attributes:
        voxel_mm: edge of a voxel.
        t1_blood: s.
        maps: truth by name (`MAPS`), each (X, Y, Z).
        arterial, bed: coefficients, (R, X, Y, Z), float16.
    """

    voxel_mm: float
    t1_blood: float
    maps: Mapping[str, np.ndarray]
    arterial: np.ndarray
    bed: np.ndarray


class WorldCubes(ShardedDataset):
    """Cubes of one recipe in a folder or an object store.

    Args:
        url: a folder, or a URL that fsspec knows; made if missing.
        recipe: what its cubes are made from.
        basis: functions to keep S in; by default those in the manifest, or for a new folder the recipe's own.

    Raises:
        InputError: if there are cubes of another recipe.
    """

    def __init__(self, url: str | Path, recipe: WorldRecipe, basis: Basis | None = None) -> None:
        self.url, self.recipe = str(url), recipe
        storage = storage_at(url)
        mark = recipe.fingerprint()
        manifest: dict[str, object] = {
            "format": FORMAT,
            "fingerprint": mark,
            "settings": recipe.settings(),
            "units": UNITS,
            "functions": None,
        }
        try:
            storage.read(MANIFEST)
        except FileNotFoundError:
            manifest["functions"] = (basis or recipe.basis()).functions.tolist()
        kept = claim(storage, manifest, fixed=("settings",))
        functions = np.array(kept["functions"], float)
        self.basis = Basis(recipe.time, np.zeros(len(recipe.time)), functions)
        self.records = Records(storage, ShardFormat(kept_fields(recipe), mark, SHARD_SIZE))

    def __getitem__(self, index: int) -> KeptCube:
        """Cube `index`.

        Raises:
            InputError: if it is missing, damaged or of another dataset.
        """
        record = self.records[index]
        maps = {name: record[name] for name in MAPS}
        return KeptCube(float(record["voxel_mm"]), float(record["t1_blood"]), maps, record["arterial"], record["bed"])

    def edge_mm(self, index: int) -> float:
        """Edge of a voxel of cube `index`, mm, without reading more of it."""
        return float(self.records[index]["voxel_mm"])

    def mean_att(self, index: int) -> float:
        """Mean transit time of the blood that arrives in cube `index`, s."""
        record = self.records[index]
        flow, att = (np.asarray(record[name], np.float64) for name in ("perfusion", "att"))
        return float((flow * np.nan_to_num(att)).sum() / flow.sum())

    def arrays(self, index: int) -> Mapping[str, np.ndarray]:
        """Simulate cube `index`; what is kept of it."""
        cube = self.recipe.cube(index)
        return {
            "voxel_mm": np.asarray(cube.voxel_mm),
            "t1_blood": np.asarray(cube.t1_blood),
            "perfusion": cube.perfusion,
            "att": cube.att,
            "arterial_blood_volume": cube.arterial_blood_volume,
            "arterial": self.basis.coefficients(cube.response.arterial),
            "bed": self.basis.coefficients(cube.response.bed),
        }


def kept_fields(recipe: WorldRecipe) -> Fields:
    """Arrays of a cube's record."""
    shape = recipe.world.shape
    maps = tuple((name, "<f4", shape) for name in MAPS)
    coefficients = tuple((name, "<f2", (recipe.n_functions, *shape)) for name in ("arterial", "bed"))
    return (("voxel_mm", "<f8", ()), ("t1_blood", "<f8", ()), *maps, *coefficients)
