"""Which M0 a scan is divided by: by what its files say of each other, held against a known concentration."""

import json
from pathlib import Path

import numpy as np
import pytest

from qtmnet.scans.calibration.m0_file import find_m0_file
from qtmnet.scans.scan import read_scan
from simulators.errors import InputError
from tests.qtmnet.conftest import PAIRS, ExampleScan

M0 = [("m0scan", 0.0)]
RTOL = 3e-4  # volumes hold about 1000 in single precision, to 6e-5, and differ by 0.5 at least


def session(root: Path, name: str = "", prefix: str = "sub-01", **fields: object) -> ExampleScan:
    """A scan with a separate M0 in a session of a dataset."""
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}', encoding="utf-8")
    return ExampleScan(root / "sub-01" / name / "perf", prefix).write(PAIRS, M0Type="Separate", **fields)


def wrong(scan: ExampleScan) -> np.ndarray:
    """Another image than the scan's M0, of half its signal."""
    return scan.m0_scan() / 2


def read_right(scan: ExampleScan) -> bool:
    found = read_scan(scan.path).concentration()
    return bool(np.allclose(found, scan.truth(), rtol=RTOL, atol=1e-9))


@pytest.mark.parametrize(
    "intended",
    [
        "bids::sub-01/ses-2/perf/sub-01_ses-2_asl.nii.gz",
        "ses-2/perf/sub-01_ses-2_asl.nii.gz",
        "sub-01/ses-2/perf/sub-01_ses-2_asl.nii.gz",
        "bids:raw:sub-01/ses-2/perf/sub-01_ses-2_asl.nii",
        ["./ses-1/perf/sub-01_ses-1_asl.nii.gz", "./ses-2/perf/sub-01_ses-2_asl.nii.gz"],
    ],
)
def test_m0_of_another_session_names_the_scan(tmp_path: Path, intended: object) -> None:
    session(tmp_path, "ses-1", "sub-01_ses-1").write_m0_scan(IntendedFor=intended)
    second = session(tmp_path, "ses-2", "sub-01_ses-2")
    assert read_right(second)


def test_m0_of_another_session_that_names_nobody_is_not_taken(tmp_path: Path) -> None:
    session(tmp_path, "ses-1", "sub-01_ses-1").write_m0_scan()
    second = session(tmp_path, "ses-2", "sub-01_ses-2")
    with pytest.raises(InputError, match=r"ses-2_m0scan\.nii\.gz: M0Type: no such file.*found sub-01_ses-1_m0scan"):
        read_scan(second.path)


def test_sessions_whose_scans_have_one_name_keep_their_own(tmp_path: Path) -> None:
    """Folders tell them apart."""
    for name in ("before", "after"):
        scan = session(tmp_path, name)
        scan.write_m0_scan(None if name == "before" else wrong(scan), IntendedFor=["before/perf/sub-01_asl.nii.gz"])
    assert read_right(ExampleScan(tmp_path / "sub-01" / "before" / "perf"))


def test_one_that_names_the_scan_goes_before_one_of_its_name(tmp_path: Path) -> None:
    """M0 scans of two runs that were exchanged in the scanner's list, as their IntendedFor says."""
    scans = [session(tmp_path, prefix=f"sub-01_run-{run}") for run in (1, 2)]
    scans[0].write_m0_scan(wrong(scans[0]), IntendedFor="perf/sub-01_run-2_asl.nii.gz")
    scans[1].write_m0_scan(IntendedFor="perf/sub-01_run-1_asl.nii.gz")
    assert read_right(scans[0])
    assert any("its IntendedFor names the scan" in note for note in read_scan(scans[0].path).notes)


def test_one_of_the_scans_name_that_names_another_is_doubted(tmp_path: Path) -> None:
    scans = [session(tmp_path, prefix=f"sub-01_run-{run}") for run in (1, 2)]
    scans[0].write_m0_scan(IntendedFor="perf/sub-01_run-2_asl.nii.gz")
    with pytest.warns(UserWarning, match=r"run-1_m0scan\.nii\.gz: IntendedFor: found perf/sub-01_run-2_asl"):
        assert read_right(scans[0])


def test_one_whose_intended_scans_are_not_there_is_the_scans(tmp_path: Path) -> None:
    """IntendedFor is of before a renaming."""
    scan = session(tmp_path)
    scan.write_m0_scan(IntendedFor="perf/sub-X001_asl.nii.gz")
    assert read_right(scan)


def test_of_several_that_name_the_scan_the_nearest_is_taken_and_told(tmp_path: Path) -> None:
    scan = session(tmp_path, "ses-2", "sub-01_ses-2")
    other = session(tmp_path, "ses-1", "sub-01_ses-1")
    intended = "ses-2/perf/sub-01_ses-2_asl.nii.gz"
    other.write_m0_scan(wrong(other), IntendedFor=intended)
    scan.write_m0_scan(IntendedFor=intended)
    assert read_right(scan)
    assert any("of 2 that do: sub-01_ses-1_m0scan.nii.gz, sub-01_ses-2" in note for note in read_scan(scan.path).notes)


@pytest.mark.parametrize("own", ["sub-01_dir-AP", "sub-01_dir-PA"])
def test_of_two_phase_encodings_the_scans_is_taken(tmp_path: Path, own: str) -> None:
    scan = session(tmp_path, PhaseEncodingDirection="j" if own.endswith("PA") else "j-")
    for name, direction in (("sub-01_dir-AP", "j-"), ("sub-01_dir-PA", "j")):
        scan.write_m0_scan(None if name == own else wrong(scan), name=name, PhaseEncodingDirection=direction)
    assert read_right(scan)


def test_of_two_acquisitions_the_one_that_has_the_scans_is_taken(tmp_path: Path) -> None:
    scan = session(tmp_path, prefix="sub-01_acq-long_run-1")
    scan.write_m0_scan(name="sub-01_acq-long")
    scan.write_m0_scan(wrong(scan), name="sub-01_acq-short")
    assert read_right(scan)


def test_two_that_can_both_be_meant_are_refused(tmp_path: Path) -> None:
    scan = session(tmp_path)
    for name in ("sub-01_run-1", "sub-01_run-2"):
        scan.write_m0_scan(name=name)
    with pytest.raises(InputError, match=r"sub-01_asl\.nii\.gz: M0Type: found sub-01_run-1_m0scan.*run-2_m0scan"):
        read_scan(scan.path)


def test_the_one_of_another_run_is_taken_and_told(tmp_path: Path) -> None:
    """Of two runs of a session only the first has an M0."""
    session(tmp_path, prefix="sub-01_run-1").write_m0_scan()
    second = session(tmp_path, prefix="sub-01_run-2")
    assert read_right(second)
    assert any("sub-01_run-1_m0scan.nii.gz taken" in note for note in read_scan(second.path).notes)


def test_what_macos_notes_and_fieldmaps_are_no_m0(tmp_path: Path) -> None:
    scan = session(tmp_path)
    image = scan.write_m0_scan()
    (image.parent / f"._{image.name}").write_bytes(b"\0\5\x16\7")
    (tmp_path / "sub-01" / "fmap").mkdir()
    reversed_ = tmp_path / "sub-01" / "fmap" / "sub-01_dir-PA_m0scan.nii.gz"
    scan.write_image(reversed_, wrong(scan))
    reversed_.with_name("sub-01_dir-PA_m0scan.json").write_text(
        json.dumps({"IntendedFor": "bids::sub-01/perf/sub-01_asl.nii.gz"}), encoding="utf-8"
    )
    assert read_right(scan)


def test_the_magnitude_of_a_complex_scan_has_the_m0_of_its_name(tmp_path: Path) -> None:
    scan = session(tmp_path, prefix="sub-01_part-mag")
    scan.write_m0_scan(name="sub-01")
    scan.write_m0_scan(wrong(scan), name="sub-01_acq-other")
    assert read_right(scan)


def test_without_a_folder_of_the_subject_only_those_beside_are_seen(tmp_path: Path) -> None:
    scan = ExampleScan(tmp_path / "scans").write(PAIRS, M0Type="Separate")
    (tmp_path / "scans" / "deep").mkdir()
    scan.write_image(tmp_path / "scans" / "deep" / "sub-01_m0scan.nii.gz", scan.m0_scan())
    assert find_m0_file(scan.path) is None


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        ({"M0Type": "Absent"}, True),
        ({"M0Type": "Absent", "BackgroundSuppression": True}, True),
        ({"M0Type": "Absent"}, False),
        ({"M0Type": "Estimate", "M0Estimate": 10.0}, True),
        ({"M0Type": "Estimate"}, True),
        ({"M0Type": "Estimate", "M0Estimate": 10.0}, False),
        ({"M0Type": "Separate"}, True),
        ({"M0Type": "Included"}, False),
    ],
)
def test_an_image_that_is_there_goes_before_what_m0type_says_and_is_told(new_scan, fields, rows) -> None:
    """Control is half relaxed, and a number is the same for all voxels: either would be wrong without a word."""
    example = new_scan().write([*(M0 if rows else []), *PAIRS], **fields)
    if not rows:
        example.write_m0_scan()
    with pytest.warns(UserWarning, match=rf"sub-01_asl\.json: M0Type: found {fields['M0Type']}, but .*mend M0Type"):
        scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL, atol=1e-9)
    assert any("mend M0Type" in note for note in scan.notes)


def test_volumes_beside_a_separate_m0_are_left_out_and_told(new_scan) -> None:
    example = new_scan().write(M0 + list(PAIRS), M0Type="Separate")
    example.write_m0_scan()
    example.spoil(lambda data: np.concatenate([data[..., :1] / 2, data[..., 1:]], axis=-1))
    assert read_right(example)
    assert any("1 m0scan volumes of the scan left out" in note for note in read_scan(example.path).notes)
