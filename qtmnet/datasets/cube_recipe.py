"""What the cubes of a dataset are made from."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

import numpy as np

from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import DEFAULT_TIME, simulated_time
from simulators.phantoms.cube import CubeParameters
from simulators.tissue.exchange.flat import flat
from simulators.transport.step_response import Simulator
from simulators.vessels.vasculature import LAMINAR

FORMAT = 2

PERMEABILITY = (100.0, 200.0)
"""mL/100g/min; version 0.2.0 named it in datasets without exchange, too."""

SPLITS = ("train", "test")


@dataclass(frozen=True)
class CubeRecipe:
    """What cubes are made from; cube i is a function of the recipe and i alone.

    Attributes:
        phantom: parameters of the cubes.
        simulator: of the label's transport.
        seed: of all cubes.
        split: `train`, or `test` for cubes that no training has seen.
        time: s since labeling began.
        crushing: mm/s; velocities for which label in slower arteries is kept, beside that in all arteries.
    """

    phantom: CubeParameters
    simulator: Simulator
    seed: int
    split: str = "train"
    time: tuple[float, ...] = DEFAULT_TIME
    crushing: tuple[float, ...] = ()

    def settings(self) -> dict[str, object]:
        """All that a cube depends on, as plain data."""
        simulator = {"name": type(self.simulator).__name__, **asdict(self.simulator)}  # type: ignore[call-overload]
        simulator.pop("n_threads", None)  # which no cube depends on
        phantom = flat(asdict(self.phantom), permeability=PERMEABILITY)
        if self.phantom.bluntness == LAMINAR:
            del phantom["bluntness"]  # so that datasets made before there was one are found
        if self.phantom.layout.is_regions_alone:
            del phantom["layout"]  # likewise
        if self.phantom.passing.probability == 0:
            del phantom["passing"]
        plain = {
            "phantom": phantom,
            "simulator": simulator,
            "seed": self.seed,
            "split": self.split,
            "time": self.time,
            "crushing": self.crushing,
        }
        return json.loads(json.dumps(plain))

    def fingerprint(self) -> str:
        """Sixteen letters and digits that tell recipes, and ways to keep their cubes, apart."""
        return fingerprint({"format": FORMAT, **self.settings()})

    def cube_seed(self, index: int) -> tuple[int, int, int]:
        """Seed of cube `index`."""
        return self.seed, SPLITS.index(self.split), index

    def bluntness(self, index: int) -> float:
        """Bluntness of the velocity profile in cube `index`."""
        return LAMINAR if self.phantom.bluntness == LAMINAR else self.phantom.draw(self.cube_seed(index))["bluntness"]


def fingerprint(settings: dict[str, object]) -> str:
    """Sixteen letters and digits that tell settings apart."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def recipe_for(
    acquisition: Acquisition, *, phantom: CubeParameters, simulator: Simulator, seed: int, split: str = "train"
) -> CubeRecipe:
    """A recipe whose cubes can be read with a protocol.

    Most protocols share one: it differs where readouts come later than 5 s, where vascular crushing drops label above
    some velocity, and where the acquired voxel is finer than the phantom's.
    """
    crushing = acquisition.vascular_crushing
    return CubeRecipe(
        phantom=fitted(phantom, acquisition),
        simulator=simulator,
        seed=seed,
        split=split,
        time=simulated_time(acquisition),
        crushing=() if crushing is None or crushing == 0 else (crushing,),
    )


def fitted(phantom: CubeParameters, acquisition: Acquisition) -> CubeParameters:
    """The phantom with voxels no larger than the acquired ones; as it is, if they are not."""
    simulated, acquired = np.asarray(phantom.voxel_size_mm), np.asarray(acquisition.voxel_size_mm)
    if not (acquired < simulated * (1 - 1e-6)).any():
        return phantom
    size = np.minimum(simulated, acquired)
    x, y, z = np.maximum(np.round(np.asarray(phantom.shape) * simulated / size).astype(int), 1).tolist()
    return replace(phantom, voxel_size_mm=(float(size[0]), float(size[1]), float(size[2])), shape=(x, y, z))
