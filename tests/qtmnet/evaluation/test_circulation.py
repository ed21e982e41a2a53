"""Flow and evenness by territory against closed forms, on a made-up map of a few voxels."""

import numpy as np
import pytest

from qtmnet.evaluation.circulation import circulation, variation_of
from simulators.phantoms.brain_scan import BrainScan, scan_brain
from simulators.phantoms.simulated_brain import NO_TERRITORY
from tests.qtmnet.commands.brains import PROTOCOL, small_brain

NAMES = ("MCA_L", "MCA_R", "ACA_L", "PCA_R", "CB_L", "BA", "else")
VOXEL_MM = (2.0, 3.0, 5.0)
"""30 mm³, 31.5 mg of tissue."""


def scan_of(territory: np.ndarray, grey: np.ndarray, perfusion: np.ndarray) -> BrainScan:
    nothing = np.zeros(perfusion.shape, np.float32)
    return BrainScan(
        concentration=np.zeros((0, *perfusion.shape), np.float32),
        perfusion=perfusion,
        grey=grey,
        white=1 - grey,
        territory=territory,
        att=nothing,
        great_vessel_distance=nothing,
        arterial_blood=nothing,
        venous_blood=nothing,
        affine=np.diag([-VOXEL_MM[0], VOXEL_MM[1], VOXEL_MM[2], 1.0]),  # however the voxels are stored
    )


def line(values, kind=np.float32) -> np.ndarray:
    """Voxels in a row."""
    return np.array(values, kind)[:, None, None]


TERRITORY = line([0, 0, 1, 2, 2, 3, 3, 4, 5, 6, NO_TERRITORY, 3], np.uint8)
GREY = line([1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1])
TRUTH = line([60, 60, 60, 50, 20, 70, 50, 40, 30, 90, 90, 1000])
INSIDE = line([True] * 11 + [False], bool)


def test_flow_is_perfusion_times_mass_of_what_an_artery_feeds() -> None:
    found = circulation({"truth": TRUTH, "half": TRUTH / 2}, scan_of(TERRITORY, GREY, TRUTH), INSIDE, NAMES)
    of_one = 1.05 * 0.030 / 100  # 100 g of tissue in a voxel: 1.05 g/mL, 0.030 mL
    assert list(found.flow_ml_min) == ["anterior", "posterior"]
    assert found.flow_ml_min["anterior"]["truth"] == pytest.approx((60 + 60 + 60 + 50 + 20) * of_one)
    assert found.flow_ml_min["posterior"]["truth"] == pytest.approx((70 + 50 + 40 + 30) * of_one)
    for flows in found.flow_ml_min.values():
        assert flows["half"] == pytest.approx(flows["truth"] / 2)
    assert found.n_voxels["posterior"] == 4  # not that of another name, of none, or off the brain


def test_variation_is_of_grey_matter_of_both_sides() -> None:
    uneven = TRUTH + line([3, -3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    found = circulation({"truth": TRUTH, "uneven": uneven}, scan_of(TERRITORY, GREY, TRUTH), INSIDE, NAMES)
    assert list(found.grey_variation) == ["ACA", "MCA", "PCA"]
    assert found.grey_variation["MCA"]["truth"] == 0
    assert found.grey_variation["MCA"]["uneven"] == pytest.approx(np.sqrt(6) / 60)  # of 63, 57 and 60
    assert found.grey_variation["PCA"] == pytest.approx({"truth": 10 / 60, "uneven": 10 / 60})  # of 70 and 50
    assert found.grey_variation["ACA"] == {"truth": 0, "uneven": 0}  # white matter is left out
    assert (found.n_voxels["MCA"], found.n_voxels["PCA"], found.n_voxels["ACA"]) == (3, 2, 1)


def test_flow_through_a_simulated_brain_is_what_its_voxels_are_fed() -> None:
    """All simulated voxels together: blood comes by two arteries, and averaging loses none."""
    brain = small_brain()
    scan = scan_brain(brain, PROTOCOL)
    names = ("ICA_L", "BA")
    everywhere = np.ones(scan.perfusion.shape, bool)
    fed = brain.territory < 2
    simulated = brain.perfusion[fed].sum(dtype=float) * 1.05 * 0.001 / 100  # voxels of 1 mm³
    found = circulation({"truth": scan.perfusion}, scan, everywhere, names).flow_ml_min
    assert found["anterior"]["truth"] + found["posterior"]["truth"] == pytest.approx(simulated, rel=1e-5)  # float32


def test_without_a_mean_there_is_no_variation() -> None:
    assert np.isnan(variation_of(np.array([-1.0, 1.0])))
    found = circulation({"truth": 0 * TRUTH}, scan_of(TERRITORY, GREY, TRUTH), INSIDE, NAMES)
    assert found.as_dict()["grey_variation"]["MCA"] == {"truth": None}
    none = circulation({"truth": TRUTH}, scan_of(TERRITORY, GREY, TRUTH), INSIDE, ("inlet_1",) * 7)
    assert none.flow_ml_min == none.grey_variation == {}
