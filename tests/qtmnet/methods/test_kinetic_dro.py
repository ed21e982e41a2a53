"""Kinetic models on a digital reference object: perfusion that is known, imaged by an independent simulator.

It is made here, from the general kinetic model as an equation to integrate and asldro's parameters: grey matter has
60 mL/100g/min, ATT 0.8 s and T1 1.3307 s, white matter 20, 1.2 s and 0.83 s. As in asldro's, voxels are means over
finer ones; a voxel is pure where that has left all of its truth at those values. Where asldro's own object lies beside
the project, the same is asked of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy.optimize import brentq

from qtmnet.methods.kinetic_fit import fit
from qtmnet.scans.calibration.concentration import calibrate
from qtmnet.scans.scan import read_scan
from simulators.imaging.acquisition import Acquisition
from tests.outside import REFERENCE_OBJECT
from tests.qtmnet.made_scans import ASLDRO, EFFICIENCY, T1_BLOOD, ball, coarsened, difference_signal, write_scan

DURATION, DELAYS = 1.45, (1.025, 1.525, 2.025, 2.525)
ACQUISITION = Acquisition(labeling_duration=DURATION, post_labeling_delays=DELAYS)
GREY, WHITE = ASLDRO[1], ASLDRO[2]


@dataclass(frozen=True)
class ReferenceObject:
    """Truth (X, Y, Z) and concentration (K, X, Y, Z).

    Attributes:
        rtol: relative error of the concentration in pure voxels.
    """

    cbf: np.ndarray
    att: np.ndarray
    t1: np.ndarray
    tissue: np.ndarray
    m0: np.ndarray
    concentration: np.ndarray
    rtol: float

    def pure(self, tissue: int, at_least: int = 100) -> np.ndarray:
        """Voxels of one class in which each map of the truth is within 0.1 % of its value, and M0 of its median."""
        voxels = self.tissue == tissue
        for name in ("cbf", "att", "t1"):
            value = getattr(ASLDRO[tissue], name)
            voxels &= np.abs(getattr(self, name) - value) < 1e-3 * value
        voxels &= np.abs(self.m0 - np.median(self.m0[voxels])) < 1e-3 * self.m0
        assert voxels.sum() > at_least
        return voxels


def made(folder: Path) -> ReferenceObject:
    """By the equation, through the files that a scanner would leave and their reader."""
    kinds = ball((48, 48, 36))
    fine = {name: np.zeros(kinds.shape) for name in ("cbf", "att", "t1", "m0")}
    signal = np.zeros((*kinds.shape, len(DELAYS)))
    for kind, tissue in ASLDRO.items():
        for name, values in fine.items():
            values[kinds == kind] = getattr(tissue, name)
        signal[kinds == kind] = difference_signal(tissue, DURATION, DURATION + np.array(DELAYS))
    truth = {name: coarsened(values, 3) for name, values in fine.items()}
    shares = np.stack([coarsened((kinds == kind).astype(float), 3) for kind in range(4)])
    delta_m = np.moveaxis(coarsened(signal, 3), -1, 0)
    brain = truth["m0"] > 0
    fields = {"LabelingDuration": DURATION, "LabelingEfficiency": EFFICIENCY}
    scan = read_scan(write_scan(folder / "sub-made_asl.nii.gz", delta_m, truth["m0"], DELAYS, mask=brain, **fields))
    assert (scan.acquisition.labeling_duration, scan.acquisition.post_labeling_delays) == (DURATION, DELAYS)
    # The reader keeps single precision: 4e-6 of M0 in a ΔM that is 5e-4 of it at least.
    return ReferenceObject(**truth, tissue=shares.argmax(axis=0), concentration=scan.concentration(), rtol=2e-4)


def asldros(_: Path) -> ReferenceObject:
    """asldro 2.2.0's; resampling moves the signals of voxels that count as pure by up to 1.3 %."""
    names = {"delta_m": "desc-mean_deltam", "m0": "desc-mean_m0scan", "att": "desc-perfusionWeighted_att"}
    names |= {"cbf": "cbf", "tissue": "dseg", "t1": "T1map"}
    maps = {
        name: nibabel.load(REFERENCE_OBJECT / f"sub-noisefree_{file}.nii.gz").get_fdata()
        for name, file in names.items()
    }
    frames = calibrate(np.moveaxis(maps.pop("delta_m"), -1, 0), maps["m0"], labeling_efficiency=EFFICIENCY)
    return ReferenceObject(**maps, concentration=frames, rtol=0.013)


OBJECTS: dict[str, Callable[[Path], ReferenceObject]] = {"made": made} | (
    {"asldro's": asldros} if REFERENCE_OBJECT.is_dir() else {}
)


@pytest.fixture(scope="module", params=OBJECTS)
def dro(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ReferenceObject:
    return OBJECTS[request.param](tmp_path_factory.mktemp("dro"))


@pytest.fixture(scope="module")
def grey(dro: ReferenceObject) -> np.ndarray:
    return dro.pure(1)


def test_multi_delay_with_the_true_att(dro: ReferenceObject, grey: np.ndarray) -> None:
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, att=dro.att, mask=grey)
    np.testing.assert_allclose(found.cbf[grey], GREY.cbf, rtol=dro.rtol)
    assert np.median(found.cbf[grey]) == pytest.approx(GREY.cbf, rel=dro.rtol / 10)


def test_free_att_lies_before_the_first_delay_and_says_so(dro: ReferenceObject, grey: np.ndarray) -> None:
    """ATT is then set to the first delay, and CBF is off by what label would have decayed more slowly in tissue."""
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, mask=grey)
    assert not found.att_resolved[grey].any()
    np.testing.assert_allclose(found.att[grey], DELAYS[0], rtol=dro.rtol)
    assert_attributed(found.cbf[grey], DELAYS[0], dro.rtol)


@pytest.mark.parametrize("att", [0.0, DELAYS[0] / 2])
def test_another_att_below_the_first_delay_is_further_off(dro: ReferenceObject, grey: np.ndarray, att: float) -> None:
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, att=att, mask=grey)
    assert_attributed(found.cbf[grey], att, dro.rtol)


def assert_attributed(cbf: np.ndarray, att: float, rtol: float) -> None:
    """CBF is what makes up for an ATT that no delay contradicts: least squares over the four, with T1' of that CBF."""
    times = DURATION + np.array(DELAYS)
    signal = difference_signal(GREY, DURATION, times)

    def excess(flow: float) -> float:
        unit = difference_signal(replace(GREY, cbf=flow, att=att), DURATION, times) / flow
        return flow - float(signal @ unit / (unit @ unit))

    np.testing.assert_allclose(cbf, brentq(excess, 10, 200, rtol=1e-8), rtol=rtol)


@pytest.mark.parametrize(("delay", "cbf"), [(1.525, 48.7), (2.025, 45.0)])
def test_single_delay_has_its_known_bias(dro: ReferenceObject, grey: np.ndarray, delay: float, cbf: float) -> None:
    """The consensus formula takes label to stay in blood, with its longer T1 (Alsop 2015, eq. 1)."""
    found = fit(dro.concentration, ACQUISITION, method="single_delay", single_delay_pld=delay, mask=grey)
    (signal,) = difference_signal(GREY, DURATION, np.array([DURATION + delay]))
    formula = 6000 * 0.9 * signal * np.exp(delay / T1_BLOOD)
    formula /= 2 * EFFICIENCY * T1_BLOOD * GREY.m0 * (1 - np.exp(-DURATION / T1_BLOOD))
    assert formula == pytest.approx(cbf, abs=0.05)
    np.testing.assert_allclose(found.cbf[grey], formula, rtol=dro.rtol)


def test_white_matter_whose_att_lies_between_the_delays(dro: ReferenceObject) -> None:
    white = dro.pure(2)
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, mask=white)
    assert found.att_resolved[white].all()
    np.testing.assert_allclose(found.att[white], WHITE.att, rtol=dro.rtol)
    np.testing.assert_allclose(found.cbf[white], WHITE.cbf, rtol=dro.rtol)


def test_nothing_flows_outside_of_the_mask(dro: ReferenceObject) -> None:
    """Mixed voxels have no single truth, but their ATT is one that delays tell, and all is finite."""
    brain = (dro.cbf > 0) & (dro.t1 > 0.3)
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, mask=brain)
    assert np.isfinite(found.cbf).all()
    assert found.att[brain].min() == DELAYS[0]  # grey matter's
    assert found.att[brain].max() <= DELAYS[-1]
    assert (found.cbf[~brain] == 0).all()
    assert (found.att[~brain] == 0).all()
