"""Kinetic models on a digital reference object of asldro: an independent simulator, and perfusion that is known.

The object lies outside the project. Grey matter has 60 mL/100g/min, ATT 0.8 s and T1 1.3307 s, white matter 20, 1.2 s
and 0.83 s; a voxel is pure where resampling has left all of its truth at those values.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from qtmnet.methods.kinetic import fit
from qtmnet.scans.calibration import calibrate
from simulators.imaging.acquisition import Acquisition

SHARED = Path(os.environ.get("QTMNET_SHARED", Path(__file__).parents[3].parent / "shared"))
DRO = SHARED / "data" / "asl" / "dro"
ACQUISITION = Acquisition(labeling_duration=1.45, post_labeling_delays=(1.025, 1.525, 2.025, 2.525))

pytestmark = pytest.mark.skipif(not DRO.is_dir(), reason=f"no digital reference object in {DRO}")


class Object:
    def __init__(self):
        nibabel = pytest.importorskip("nibabel")
        names = {"delta_m": "desc-mean_deltam", "m0": "desc-mean_m0scan", "att": "desc-perfusionWeighted_att"}
        for name in ("cbf", "dseg", "T1map"):
            names[name] = name
        maps = {k: nibabel.load(DRO / f"sub-noisefree_{v}.nii.gz").get_fdata() for k, v in names.items()}
        self.cbf, self.att, self.t1, self.tissue = maps["cbf"], maps["att"], maps["T1map"], maps["dseg"]
        self.m0 = maps["m0"]
        self.concentration = calibrate(np.moveaxis(maps["delta_m"], -1, 0), self.m0, labeling_efficiency=0.85)

    def pure(self, tissue, **truth):
        """Voxels of one class in which each map of the truth is within 0.1 % of its value, and M0 of its median."""
        voxels = self.tissue == tissue
        for name, value in truth.items():
            voxels &= np.abs(getattr(self, name) - value) < 1e-3 * value
        return voxels & (np.abs(self.m0 - np.median(self.m0[voxels])) < 1e-3 * self.m0)


@pytest.fixture(scope="module")
def dro():
    return Object()


@pytest.fixture(scope="module")
def grey(dro):
    voxels = dro.pure(1, cbf=60, att=0.8, t1=1.3307)
    assert voxels.sum() > 3000
    return voxels


def test_multi_delay_with_the_true_att(dro, grey):
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, att=dro.att, mask=grey)
    np.testing.assert_allclose(found.cbf[grey], 60, rtol=0.01)
    assert np.median(found.cbf[grey]) == pytest.approx(60, rel=1e-3)


def test_free_att_lies_before_the_first_delay_and_says_so(dro, grey):
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, mask=grey)
    assert not found.att_resolved[grey].any()
    np.testing.assert_allclose(found.att[grey], 1.025, atol=0.01)
    stated = 60 * np.exp(-(1.025 - 0.8) * (1 / 1.3307 + 0.01 / 0.9 - 1 / 1.65))
    np.testing.assert_allclose(found.cbf[grey], stated, rtol=0.01)
    assert np.median(found.cbf[grey]) == pytest.approx(57.9, abs=0.1)


def test_another_att_below_the_first_delay_is_further_off(dro, grey):
    for att, cbf in ((0.0, 68.26), (1.025 / 2, 62.85)):
        found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, att=att, mask=grey)
        assert np.median(found.cbf[grey]) == pytest.approx(cbf, abs=0.1)


@pytest.mark.parametrize(("delay", "cbf"), [(1.525, 48.7), (2.025, 45.0)])
def test_single_delay_has_its_known_bias(dro, grey, delay, cbf):
    found = fit(dro.concentration, ACQUISITION, method="single_delay", single_delay_pld=delay, mask=grey)
    np.testing.assert_allclose(found.cbf[grey], cbf, rtol=0.01)


def test_white_matter_whose_att_lies_between_the_delays(dro):
    white = dro.pure(2, cbf=20, att=1.2, t1=0.83)
    assert white.sum() > 900
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, mask=white)
    assert found.att_resolved[white].all()
    np.testing.assert_allclose(found.att[white], 1.2, rtol=0.01)
    np.testing.assert_allclose(found.cbf[white], 20, rtol=0.01)


def test_whole_brain_is_finite(dro):
    brain = (dro.cbf > 0) & (dro.t1 > 0.3)
    found = fit(dro.concentration, ACQUISITION, t1_tissue=dro.t1, mask=brain)
    assert np.isfinite(found.cbf).all()
    assert found.att[brain].min() >= 1.025
    assert not found.cbf[~brain].any()
