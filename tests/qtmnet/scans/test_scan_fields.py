"""What is made of the fields and files of a scan."""

import json

import numpy as np
import pytest

from qtmnet.scans.bids.finding import dataset_path, find_scans
from qtmnet.scans.calibration.saturation import saturation_correction
from qtmnet.scans.scan import read_scan
from simulators.errors import InputError

DELAYS = (0.5, 1.0, 2.0)
PAIRS = [(kind, delay) for delay in DELAYS for kind in ("control", "label")]
M0 = [("m0scan", 0.0)]


def test_acquisition_and_notes(example):
    scan = read_scan(str(example.path))
    assert scan.prefix == "sub-01"
    assert scan.acquisition.voxel_size_mm == (3.0, 3.5, 4.0)
    assert scan.acquisition.labeling_duration == 1.8
    assert scan.acquisition.slice_timing == ()
    assert scan.acquisition.vascular_crushing is None
    assert scan.delta_m.shape == (3, 6, 7, 5)
    np.testing.assert_allclose(scan.m0, example.relaxed_m0, rtol=1e-6)
    np.testing.assert_allclose(scan.affine, example.affine)
    assert any("6 control, 6 label" in note for note in scan.notes)
    assert any("M0" in note and "1.048 for saturation" in note for note in scan.notes)
    assert not any("\n" in note for note in scan.notes)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"VascularCrushing": False, "VascularCrushingVENC": 4.0}, None),
        ({"VascularCrushing": ..., "VascularCrushingVENC": ...}, None),
        ({"VascularCrushing": True}, 0.0),
        ({"VascularCrushing": True, "VascularCrushingVENC": 4.0}, 40.0),
        ({"VascularCrushing": True, "VascularCrushingVENC": [0] + [4.0] * 12}, 40.0),
        ({"VascularCrushing": ..., "VascularCrushingVENC": 4.0}, 40.0),
        ({"VascularCrushing": True, "VascularCrushingVENC": 0}, None),
    ],
)
def test_vascular_crushing_in_mm_per_s(example, fields, expected):
    example.set(**fields)
    assert read_scan(example.path).acquisition.vascular_crushing == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"MRAcquisitionType": "2D", "SliceTiming": [0, 0.1, 0.2, 0.3, 0.4]}, (0, 0.1, 0.2, 0.3, 0.4)),
        ({"MRAcquisitionType": ..., "SliceTiming": [0, 0.1, 0.2, 0.3, 0.4]}, (0, 0.1, 0.2, 0.3, 0.4)),
        ({"MRAcquisitionType": "3D", "SliceTiming": [0, 0.1, 0.2, 0.3, 0.4]}, ()),
        ({"MRAcquisitionType": "2D", "SliceTiming": [0.2, 0, 0.2, 0, 0.2]}, (0.2, 0, 0.2, 0, 0.2)),  # multiband
        ({"MRAcquisitionType": "2D", "SliceTiming": [0.5, 0.6, 0.7, 0.8, 0.9]}, (0, 0.1, 0.2, 0.3, 0.4)),
        (
            {"MRAcquisitionType": "2D", "SliceTiming": [0, 0.1, 0.2, 0.3, 0.5], "SliceEncodingDirection": "k-"},
            (0.5, 0.3, 0.2, 0.1, 0),
        ),
    ],
)
def test_slice_timing_counts_from_the_first_slice_read(example, fields, expected):
    example.set(**fields)
    assert read_scan(example.path).acquisition.slice_timing == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"LabelingEfficiency": 0.7, "BackgroundSuppression": True, "BackgroundSuppressionNumberPulses": 2}, 0.7),
        ({"LabelingEfficiency": ...}, 0.85),
        ({"LabelingEfficiency": ..., "BackgroundSuppression": True}, 0.85),
        (
            {"LabelingEfficiency": ..., "BackgroundSuppression": True, "BackgroundSuppressionNumberPulses": 2},
            0.85 * 0.95**2,
        ),
        ({"LabelingEfficiency": ..., "BackgroundSuppression": False, "BackgroundSuppressionNumberPulses": 2}, 0.85),
    ],
)
def test_labeling_efficiency_in_total(example, fields, expected):
    example.set(**fields)
    assert read_scan(example.path).labeling_efficiency == pytest.approx(expected)
    assert read_scan(example.path, labeling_efficiency=0.6).labeling_efficiency == 0.6


def test_saturation_correction_holds_below_five_seconds():
    # 1 / (1 - exp(-1)) at TR = T1; and 1 from 5 s on.
    np.testing.assert_allclose(saturation_correction([1.3, 5.0, 10.0]), [1.5819767, 1.0, 1.0], rtol=1e-7)


def test_a_mask_beside_the_scan_is_taken_where_m0_is_above_zero(example):
    mask = np.zeros((6, 7, 5))
    mask[2:4, 2, 2] = 1
    example.write_image(example.folder / "sub-01_desc-brain_mask.nii.gz", mask, np.uint8)
    scan = read_scan(example.path)
    assert scan.mask.sum() == 2
    np.testing.assert_array_equal(scan.concentration().all(axis=0), mask)
    other = example.write_image(example.folder / "other.nii", np.ones((6, 7, 5)), np.uint8)
    assert read_scan(example.path, mask=other).mask.all()
    example.spoil(lambda data: data * (np.arange(6) != 3)[:, None, None, None])
    assert read_scan(example.path).mask.sum() == 1


def test_a_derived_mask_fills_holes_and_leaves_out_lesser_parts(new_scan):
    example = new_scan()
    example.relaxed_m0[3, 3, 2] = 1.0  # a hole, such as an aneurysm's signal void
    example.relaxed_m0[0, 0, 0] = 1000.0  # a bright speck
    np.testing.assert_array_equal(read_scan(example.write(M0 + PAIRS).path).mask, example.brain)


def test_sidecars_are_inherited_and_the_nearest_wins(example):
    root = example.folder.parents[1]
    everything = dict(example.fields)
    (root / "asl.json").write_text(
        json.dumps(everything | {"LabelingDuration": 1.1, "LabelingEfficiency": 0.3}), encoding="utf-8"
    )
    (root / "sub-02_asl.json").write_text(json.dumps({"LabelingDuration": 0.9}), encoding="utf-8")
    (root / "sub-01" / "sub-01_asl.json").write_text(json.dumps({"LabelingEfficiency": 0.4}), encoding="utf-8")
    example.sidecar.unlink()
    example.context.rename(root / "aslcontext.tsv")
    scan = read_scan(example.path)
    assert (scan.labeling_efficiency, scan.acquisition.labeling_duration) == (0.4, 1.1)
    example.sidecar.write_text(json.dumps({"LabelingEfficiency": 0.5}), encoding="utf-8")
    assert read_scan(example.path).labeling_efficiency == 0.5
    (root / "asl.json").write_text(json.dumps(everything | {"LabelingDuration": "long"}), encoding="utf-8")
    with pytest.raises(InputError, match=r"[/\\]asl\.json: LabelingDuration: found 'long'"):
        read_scan(example.path)


def test_scans_are_found_in_a_dataset_but_not_among_derivatives(new_scan, tmp_path):
    first = new_scan("sub-01_run-1").write(M0 + PAIRS)
    second = new_scan("sub-01_run-2", ending=".nii").write(M0 + PAIRS)
    derivatives = tmp_path / "derivatives" / "tool"
    derivatives.mkdir(parents=True)
    (derivatives / "sub-01_desc-preproc_asl.nii.gz").touch()
    assert find_scans(tmp_path) == find_scans(str(first.folder)) == [first.path, second.path]
    assert find_scans(second.path) == [second.path]
    assert find_scans(derivatives) == [derivatives / "sub-01_desc-preproc_asl.nii.gz"]
    assert dataset_path(first.path) == "sub-01/perf/sub-01_run-1_asl.nii.gz"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("nowhere", "no such file or folder"), ("empty", "no .*_asl.nii"), ("text.txt", "not named")],
)
def test_nothing_to_find_is_an_error(tmp_path, name, complaint):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").touch()
    with pytest.raises(InputError, match=rf"{name}: {complaint}"):
        find_scans(tmp_path / name)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"MRAcquisitionType": "2D"}, "SliceTiming"),
        ({"MRAcquisitionType": ...}, "MRAcquisitionType: not found, nor SliceTiming"),
        ({"MagneticFieldStrength": ...}, "MagneticFieldStrength: not found; T1 of blood is taken to be that of 3 T"),
        ({"MagneticFieldStrength": 4.7}, "MagneticFieldStrength: found 4.7, of which T1s are not well known"),
    ],
)
def test_doubts_are_warned_of(example, fields, name):
    example.set(**fields)
    with pytest.warns(UserWarning, match=rf"sub-01_asl\.json: .*{name}.*"):
        read_scan(example.path)


@pytest.mark.parametrize(
    "intended",
    [
        "sub-01/perf/sub-01_asl.nii.gz",
        ["perf/sub-01_asl.nii.gz", "perf/other_asl.nii.gz"],
        "bids::sub-01/perf/sub-01_asl.nii.gz",
        ["bids:raw:sub-01_asl.nii.gz"],
        "sub-01_asl.nii.gz",
    ],
)
def test_an_m0_scan_names_its_scan_as_a_path_or_a_uri(example, intended):
    example.set(M0Type="Separate")
    example.write_m0_scan(name="sub-01_dir-AP", IntendedFor=intended)
    example.write_m0_scan(np.ones((6, 7, 5)), name="sub-01_dir-PA", IntendedFor="other_asl.nii.gz")
    assert "sub-01_dir-AP_m0scan" in " ".join(read_scan(example.path).notes)


@pytest.mark.parametrize("intended", [1, [["sub-01_asl.nii.gz"]], {"a": 1}, [None], True])
def test_an_m0_scan_that_names_no_path_is_refused(example, intended):
    example.set(M0Type="Separate")
    example.write_m0_scan(name="sub-01_dir-AP", IntendedFor=intended)
    with pytest.raises(InputError, match=r"sub-01_dir-AP_m0scan\.json: IntendedFor: found .*; give the path of a scan"):
        read_scan(example.path)
