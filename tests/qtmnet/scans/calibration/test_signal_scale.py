"""Scans as GE's 3D FSE stores them, made by GE's own equation, and M0 on other scales are read back."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.methods.base import Frames
from qtmnet.methods.single_delay import SingleDelay
from qtmnet.scans.calibration.signal_scale import SignalScale
from qtmnet.scans.scan import read_scan
from tests.qtmnet.made_scans import ball

T1_BLOOD, T1_TISSUE, SATURATION, PARTITION = 1.65, 1.2, 2.0, 0.9
GE = {"Manufacturer": "GE MEDICAL SYSTEMS", "PulseSequenceDetails": "3dasl", "NumberOfAverages": 3}
WITHIN = 0.01  # as asked for; the equation holds to rounding, 1e-6


def ge_scan(folder: Path, *, cbf: float = 60.0, nex: int = 3, gain: float = 32.0, order=("deltam", "m0scan"), **fields):
    """ΔM and proton density of a ball by GE's equation, solved for PW; whole numbers, as DICOM has them."""
    delay, duration, efficiency = 2.025, 1.45, 0.6
    inside = ball((16, 16, 10)) > 0
    proton_density = np.where(inside, 4000.0 + 500 * np.indices(inside.shape)[0] / 16, 0.0)
    factor = 6000 * PARTITION * -np.expm1(-SATURATION / T1_TISSUE) * np.exp(delay / T1_BLOOD)
    factor /= 2 * T1_BLOOD * -np.expm1(-duration / T1_BLOOD) * efficiency
    weighted = cbf / factor * proton_density * gain * nex
    folder.mkdir(parents=True)
    images = {"deltam": weighted, "m0scan": proton_density}
    path = folder / "sub-01_asl.nii.gz"
    data = np.stack([images[kind] for kind in order], axis=-1)
    nib.Nifti1Image(data.astype(np.float32), np.diag([3.5, 3.5, 4.0, 1.0])).to_filename(path)
    (folder / "sub-01_aslcontext.tsv").write_text("\n".join(["volume_type", *order, ""]), encoding="utf-8")
    sidecar = {
        "ArterialSpinLabelingType": "PCASL",
        "PostLabelingDelay": [delay if kind == "deltam" else 0 for kind in order],
        "LabelingDuration": [duration if kind == "deltam" else 0 for kind in order],
        "LabelingEfficiency": efficiency,
        "BackgroundSuppression": True,
        "M0Type": "Included",
        "MRAcquisitionType": "3D",
        "MagneticFieldStrength": 3,
        "RepetitionTimePreparation": SATURATION,
        "VascularCrushing": False,
        **GE,
        **fields,
    }
    sidecar = {name: value for name, value in sidecar.items() if value is not None}
    (folder / "sub-01_asl.json").write_text(json.dumps(sidecar), encoding="utf-8")
    return path


def median_cbf(scan) -> float:
    method = SingleDelay()
    maps = method.maps(Frames(scan.concentration(), scan.acquisition, scan.mask, path=scan.path, affine=scan.affine))
    return float(np.median(maps["cbf"][scan.mask]))


GIVEN = {
    "both": (SignalScale(3, 32.0), {}),
    "gain, with NEX of the sidecar": (SignalScale(gain=32.0), {}),
    "both, beside nothing in the sidecar": (
        SignalScale(3, 32.0),
        {"Manufacturer": None, "NumberOfAverages": None, "PulseSequenceDetails": None},
    ),
    "both, with the repetition time of the labeling": (SignalScale(3, 32.0), {"RepetitionTimePreparation": 4.8}),
    "both, without a repetition time": (SignalScale(3, 32.0), {"RepetitionTimePreparation": None}),
}


@pytest.mark.parametrize("cbf", [30.0, 60.0, 90.0])
@pytest.mark.parametrize("case", GIVEN)
def test_what_is_given_is_divided_by(tmp_path, case, cbf):
    scale, fields = GIVEN[case]
    scan = read_scan(ge_scan(tmp_path / "perf", cbf=cbf, **fields), scale=scale)
    assert median_cbf(scan) == pytest.approx(cbf, rel=WITHIN)
    assert any("divided by NEX 3 and a gain of 32" in note for note in scan.notes)
    assert scan.level == pytest.approx(cbf, rel=WITHIN)


@pytest.mark.parametrize("nex", [1, 2, 3, 4])
@pytest.mark.parametrize("order", [("deltam", "m0scan"), ("m0scan", "deltam")])
def test_what_the_scan_tells_is_found_and_said(tmp_path, nex, order):
    path = ge_scan(tmp_path / "perf", nex=nex, order=order, NumberOfAverages=nex)
    with pytest.warns(UserWarning, match=rf"Manufacturer: found a 3D scan of GE's .* scan\.nex={nex} scan\.gain=32"):
        scan = read_scan(path)
    assert median_cbf(scan) == pytest.approx(60, rel=WITHIN)


UNTOUCHED = {
    "already divided": ({"nex": 1, "gain": 1.0}, 60.0),
    "of another maker": ({"Manufacturer": "Siemens"}, 5760.0),
    "2D": ({"MRAcquisitionType": "2D", "SliceTiming": [0.001 * k for k in range(10)]}, 5760.0),
    "of another sequence": ({"PulseSequenceDetails": "epi2"}, 5760.0),
    "NEX not told": ({"NumberOfAverages": None}, 5760.0),
    "NEX alone": ({"gain": 1.0}, 180.0),
    "no brain's level, even then": ({"cbf": 600.0}, 57600.0),
}


@pytest.mark.parametrize("case", UNTOUCHED)
def test_nothing_is_divided_by_what_is_not_known(tmp_path, recwarn, case):
    """The level then stands in the report, as a warning; saturation is by T1 of 1.3 s, as for every other scan."""
    settings, expected = UNTOUCHED[case]
    scan = read_scan(ge_scan(tmp_path / "perf", **settings))
    usual = -np.expm1(-SATURATION / 1.3) / -np.expm1(-SATURATION / T1_TISSUE)
    assert median_cbf(scan) == pytest.approx(usual * expected, rel=0.004)  # up to 9 ms of slices
    assert not [warning for warning in recwarn if "GE" in str(warning.message)]


def test_a_gain_of_one_leaves_differences_as_they_are(tmp_path, recwarn):
    scan = read_scan(ge_scan(tmp_path / "perf"), scale=SignalScale(gain=1.0))
    assert median_cbf(scan) > 5000
    assert not recwarn


@pytest.mark.parametrize("factor", [0.1, 10.0, 0.333])
def test_m0_on_another_scale_is_put_right_by_its_factor(example, factor):
    example.set(M0Type="Separate")
    example.write_m0_scan(example.relaxed_m0 / factor, RepetitionTimePreparation=6.0)
    scan = read_scan(example.path, m0_scale=factor)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=3e-4)
    assert f"M0: times {factor:g}, as given (m0_scale)" in scan.notes


def test_nex_alone_divides_and_leaves_m0_to_its_repetition_time(example):
    plain = read_scan(example.path)
    scan = read_scan(example.path, scale=SignalScale(nex=3))
    np.testing.assert_allclose(scan.concentration(), plain.concentration() / 3, rtol=1e-6)


@pytest.mark.parametrize("setting", ["scan.nex=0", "scan.nex=2.5", "scan.gain=0", "scan.gain=-32", "m0_scale=0"])
def test_settings_that_cannot_be_are_refused_in_one_line(command, example_scan, setting):
    outcome = command("predict", f"input={example_scan}", "output_dir=out", "method=single_delay", setting)
    assert outcome.status == 2
    assert len(outcome.told) == 1
    assert setting.split("=")[0] in outcome.told[0]


def test_the_command_takes_them_and_the_report_says_so(command, tmp_path):
    path = ge_scan(tmp_path / "perf")
    settings = ("method=single_delay", "scan.nex=3", "scan.gain=32")
    outcome = command("predict", f"input={path}", "output_dir=out", *settings)
    assert outcome.status == 0
    cbf = nib.load(next((tmp_path / "out").rglob("sub-01_cbf.nii.gz"))).get_fdata()
    assert np.median(cbf[cbf != 0]) == pytest.approx(60, rel=WITHIN)
    page = next((tmp_path / "out").rglob("sub-01_report.html")).read_text(encoding="utf-8")
    assert "NEX, as given" in page
    assert "divided by NEX 3 and a gain of 32" in page
    outcome = command("predict", f"input={path}", "output_dir=other", "method=single_delay", "scan.gain=1")
    assert "warning: Level of perfusion: median" in outcome.out
    assert "scan.nex=3 scan.gain=32" in outcome.out
