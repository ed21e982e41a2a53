"""T1s by the field: those published, and what they make of a scan whose M0 is saturated."""

from pathlib import Path

import numpy as np
import pytest

from qtmnet.methods.base import Frames
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.scans.bids.sidecar import Sidecar
from qtmnet.scans.protocol.field_strength import read_relaxation_times
from qtmnet.scans.scan import read_scan
from simulators import InputError
from tests.qtmnet.made_scans import write_scan
from tests.qtmnet.scans.protocol.integrals import CBF, INSIDE, M0, Tissue, continuous, frames


def times_at(tesla: object, **given: float):
    path = Path("sub-01_asl.json")
    return read_relaxation_times(
        Sidecar(path, {"MagneticFieldStrength": tesla}, {"MagneticFieldStrength": path}), **given
    )


@pytest.mark.parametrize(
    ("tesla", "blood"), [(1.5, 1.35), (1.494, 1.35), (3, 1.65), (2.89, 1.65), (7, 2.1), (6.98, 2.1)]
)
def test_published_t1s(tesla, blood):
    found = times_at(tesla)
    assert found.t1_blood == blood
    assert found.premise.standing == "known"
    assert not found.premise.doubts


def test_t1_of_tissue_rises_with_the_field():
    fields = (0.55, 1.0, 1.5, 2.0, 3.0, 4.7, 7.0)
    assert (np.diff([times_at(tesla).t1_tissue for tesla in fields]) >= 0).all()
    assert times_at(3).t1_tissue == pytest.approx(1.3)
    assert times_at(1.5).t1_tissue / times_at(3).t1_tissue == pytest.approx(1.197 / 1.607)  # Wright 2008
    assert times_at(4.7).t1_blood == pytest.approx(1.316 + 0.11 * 4.7)  # Zhang 2013
    assert times_at(4.7).premise.standing == "unknown"
    assert times_at(4.7, given_blood=1.9).premise.standing == "known"


@pytest.mark.parametrize("tesla", [0, -3, 3000, 30000])
def test_no_field_of_a_scanner(tesla):
    with pytest.raises(InputError, match=r"MagneticFieldStrength: found .*; give tesla, from 0.1 to 20"):
        times_at(tesla)


@pytest.mark.parametrize("tesla", [1.5, 3, 7])
def test_a_saturated_m0_is_relaxed_by_the_tissue_of_its_field(tesla, tmp_path):
    t1 = times_at(tesla)
    delays = (0.4, 0.9, 1.4, 1.9)
    tissue = Tissue(t1.t1_blood, t1.t1_tissue)
    delta_m = frames([continuous(1.8, delay) for delay in delays], 0.85, tissue)
    seen = np.where(INSIDE, M0, 0.0) * (1 - np.exp(-2.0 / t1.t1_tissue))
    path = tmp_path / "sub-01_asl.nii.gz"
    fields = {"RepetitionTimePreparation": [2.0, *[4.0] * 8], "MagneticFieldStrength": tesla, "LabelingDuration": 1.8}
    scan = read_scan(write_scan(path, delta_m, seen, delays, mask=INSIDE, **fields))
    found = MultiDelay().maps(Frames.of_scan(scan))
    # Volumes hold 1000 in single precision, to 6e-5, and differences are 1 at least.
    np.testing.assert_allclose(found["cbf"][INSIDE], CBF, rtol=3e-4)
