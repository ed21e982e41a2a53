"""A small brain and methods that know it, for tests."""

import nibabel as nib
import numpy as np

from qtmnet.methods.base import About, Frames, Maps, Method, Methods
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.single_delay import SingleDelay
from simulators import Acquisition, CubeParameters, simulate_cube
from simulators.phantoms.brain_scan import NO_TERRITORY, BrainScan
from simulators.phantoms.simulated_brain import Brain
from simulators.tissue.anatomy import GREY, WHITE, Anatomy

PROTOCOL = Acquisition(voxel_size_mm=(2.0, 2.0, 2.0))
KINETIC = Methods(compared={"single_delay": SingleDelay(), "multi_delay": MultiDelay()})
AFFINE = nib.affines.from_matvec(np.diag([1.0, 1.0, 1.0]), [-7.0, -20.0, 11.0])


def small_brain() -> Brain:
    """A cube that passes for a brain: grey around white, nothing on one side, left and right supplied apart."""
    shape = (16, 16, 8)
    cube = simulate_cube(3, parameters=CubeParameters(shape=shape, n_regions=8, perfusion_range=(20.0, 80.0)))
    x, y, z = np.indices(shape)
    tissue = np.where((y >= 4) & (y < 12) & (z >= 2), WHITE, GREY).astype(np.uint8)
    tissue[x >= 13] = 0
    return Brain(
        anatomy=Anatomy(tissue=tissue, shell=tissue == 0, affine=AFFINE),
        perfusion=np.where(tissue > 0, cube.perfusion, 0).astype(np.float32),
        vessels=cube.vessels,
        label=cube.label,
        response=cube.response,
        territory=np.where(tissue > 0, x >= 8, NO_TERRITORY).astype(np.uint8),
        territory_names=("MCA_L", "MCA_R", "BA"),
        great_vessel_distance=(2.0 * x).astype(np.float32),
        inlet_names=("ICA_L",),
        outlet_names=("SigTrans_L",),
        arterial_level=np.zeros(0, np.uint8),
        venous_level=np.zeros(0, np.uint8),
    )


class ThreeMaps(Method):
    """A method from outside that knows the truth but for what it adds, and how far that is."""

    title = "three maps"
    quantities = ("cbf", "att", "cbf_sd")

    def __init__(self, scan: BrainScan) -> None:
        self.scan = scan

    def maps(self, frames: Frames) -> Maps:
        made = {"cbf": self.scan.perfusion + 3.0, "att": np.nan_to_num(self.scan.att) + 0.25}
        made["cbf_sd"] = np.full_like(made["cbf"], 3.0)
        return {key: np.where(frames.inside, values, 0) for key, values in made.items()}

    def about(self, frames: Frames) -> About:
        return About("Three maps", "Truth and a little more.", equation="CBF = Q + 3 < 4")
