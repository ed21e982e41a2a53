"""Scans as BIDS allows them to be written: every order, timing, M0 and table gives the true concentration."""

import numpy as np
import pytest

from qtmnet.scans.scan import read_scan
from simulators.errors import InputError

DELAYS = (0.5, 1.0, 2.0)
PAIRS = [(kind, delay) for delay in DELAYS for kind in ("control", "label")]
LABEL_FIRST = [(kind, delay) for delay in DELAYS for kind in ("label", "control")]
BLOCKS = [("control", delay) for delay in reversed(DELAYS)] + [("label", delay) for delay in DELAYS]
DELTAM = [("deltam", delay) for delay in (1.0, 0.5, 2.0)]
M0 = [("m0scan", 0.0)]
# Volumes hold about 1000 in single precision, to 6e-5, and differ by 0.5 at least.
RTOL = 3e-4


def concentration(example, **options):
    scan = read_scan(example.path, **options)
    np.testing.assert_array_equal(scan.mask, example.brain)
    np.testing.assert_allclose(scan.acquisition.post_labeling_delays, DELAYS)
    assert scan.delta_m.dtype == scan.m0.dtype == scan.concentration().dtype == np.float32
    return scan.concentration()


CONVENTIONS = {
    "control first": (M0 + PAIRS + PAIRS, {}),
    "label first": (M0 + LABEL_FIRST + LABEL_FIRST, {}),
    "controls, then labels": (M0 + BLOCKS + BLOCKS, {}),
    "M0 within": (PAIRS + M0 + PAIRS, {}),
    "two M0 volumes": (M0 + PAIRS + PAIRS + M0, {}),
    "unlike numbers of control and label": (M0 + PAIRS + [("control", 1.0)], {}),
    "one of each": (M0 + PAIRS, {}),
    "controls for M0": (PAIRS + PAIRS, {"M0Type": "Absent"}),
    "noise and unused volumes": ([("noRF", 0.0), *M0, ("n/a", 0.0), *PAIRS, ("cbf", 0.0)], {}),
    "deltam with M0": (M0 + DELTAM + DELTAM, {}),
    "CASL": (M0 + PAIRS, {"ArterialSpinLabelingType": "CASL"}),
    "durations per volume": (M0 + PAIRS, {"LabelingDuration": [0] + [1.8] * 6}),
    "repetition times per volume": (M0 + PAIRS, {"RepetitionTimePreparation": [4.0] + [5.5] * 6}),
    "fields of null": (M0 + PAIRS, {"VascularCrushing": None, "SliceTiming": None}),
    "what is no sign of PASL": (M0 + PAIRS, {"BolusDuration": 0.7, "InversionTime": 1.8, "BolusCutOffFlag": False}),
    "rounding of delays": (M0 + PAIRS, {"PostLabelingDelay": [0, 0.5, 0.50000001, 1, 1, 2, 1.9999999]}),
}


@pytest.mark.parametrize("case", CONVENTIONS)
def test_every_order_and_timing_convention_gives_the_true_concentration(new_scan, case):
    volumes, fields = CONVENTIONS[case]
    example = new_scan().write(volumes, **fields)
    np.testing.assert_allclose(concentration(example), example.truth(), rtol=RTOL)


@pytest.mark.parametrize(
    ("repetition_time", "name", "more"),
    [
        (4.0, None, {}),
        (2.0, None, {}),
        (10.0, None, {}),
        ([2.0, 4.0], None, {}),
        (4.0, "sub-01_dir-AP", {}),
        (4.0, "sub-01_dir-AP", {"IntendedFor": "perf/sub-01_asl.nii.gz"}),
        (4.0, "sub-01_dir-AP", {"IntendedFor": ["bids::sub-01/perf/sub-01_asl.nii.gz"]}),
    ],
)
@pytest.mark.parametrize("volumes", [PAIRS, DELTAM])
def test_a_separate_m0_scan_is_corrected_for_its_own_repetition_time(new_scan, volumes, repetition_time, name, more):
    example = new_scan().write(volumes, M0Type="Separate", RepetitionTimePreparation=6.0)
    # From 5 s on the consensus takes the signal as relaxed, so what is left to recover stays uncorrected.
    residue = 1 - np.exp(-10.0 / 1.3) if repetition_time == 10.0 else 1
    example.write_m0_scan(name=name, RepetitionTimePreparation=repetition_time, **more)
    np.testing.assert_allclose(concentration(example), example.truth() / residue, rtol=RTOL)


def test_m0_given_by_the_user_goes_before_the_sidecar(new_scan, tmp_path):
    example = new_scan().write(PAIRS, M0Type="Absent", BackgroundSuppression=True)
    relaxed = example.write_image(tmp_path / "calibration.nii", example.relaxed_m0)
    np.testing.assert_allclose(concentration(example, m0=relaxed), example.truth(), rtol=RTOL)
    np.testing.assert_allclose(concentration(example, m0=str(relaxed)), example.truth(), rtol=RTOL)
    seen = example.write_m0_scan(name="other", RepetitionTimePreparation=3.0)
    np.testing.assert_allclose(concentration(example, m0=seen), example.truth(), rtol=RTOL)


def test_of_a_labeled_scan_given_as_m0_its_m0_volumes_are_taken(new_scan):
    """The mean of all its volumes would be background, suppressed in most of them."""
    example = new_scan("sub-01").write(M0 + PAIRS)
    np.testing.assert_allclose(concentration(example, m0=str(example.path)), example.truth(), rtol=RTOL)
    without = new_scan("sub-02").write(PAIRS)
    with pytest.raises(InputError, match=r"sub-02_aslcontext\.tsv: volume_type: found no m0scan in the scan .* as m0"):
        concentration(example, m0=str(without.path))


def test_one_number_for_m0_is_of_tissue_if_given_and_of_blood_in_the_sidecar(new_scan):
    example = new_scan(uniform_m0=True).write(PAIRS, M0Type="Estimate", M0Estimate=1000 / 0.9)
    np.testing.assert_allclose(concentration(example), example.truth(), rtol=RTOL)
    np.testing.assert_allclose(concentration(example, m0=1000), example.truth(), rtol=RTOL)


def test_a_single_3d_deltam_volume_is_one_delay(new_scan):
    example = new_scan().write([("deltam", 2.0)], M0Type="Separate", PostLabelingDelay=2.0)
    example.spoil(lambda data: data[..., 0])
    example.write_m0_scan()
    scan = read_scan(example.path)
    np.testing.assert_allclose(scan.concentration(), example.truth([2.0]), rtol=RTOL)
    assert scan.acquisition.post_labeling_delays == (2.0,)


def test_delays_with_their_own_durations_stay_apart(new_scan):
    example = new_scan().write(M0 + PAIRS + PAIRS)
    example.set(PostLabelingDelay=[0] + [1.0] * 2 + [0.5] * 10, LabelingDuration=[0] + [1.0] * 2 + [2.0] * 10)
    acquisition = read_scan(example.path).acquisition
    assert acquisition.post_labeling_delays == (0.5, 1.0)
    assert acquisition.labeling_duration == (2.0, 1.0)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tables_of_other_systems_and_bare_files_are_read(new_scan, tmp_path, newline):
    example = new_scan(ending=".nii").write(M0 + PAIRS)
    example.context.unlink()
    example.path, example.sidecar = (
        example.path.rename(tmp_path / "brain.nii"),
        example.sidecar.rename(tmp_path / "brain.json"),
    )
    example.context = tmp_path / "brain_aslcontext.tsv"
    example.write_context([kind for kind, _ in M0 + PAIRS] + [""], newline=newline, heading="\ufeffvolume_type")
    np.testing.assert_allclose(concentration(example), example.truth(), rtol=RTOL)
    assert read_scan(example.path).prefix == "brain"
    example.write_context([f"1\t{kind}" for kind, _ in M0 + PAIRS], newline=newline, heading="number\tvolume_type")
    np.testing.assert_allclose(concentration(example), example.truth(), rtol=RTOL)


TABLES = {
    "CRLF": lambda rows: "\r\n".join(["volume_type", *rows, ""]).encode(),
    "CR": lambda rows: "\r".join(["volume_type", *rows]).encode(),
    "byte order mark": lambda rows: b"\xef\xbb\xbf" + "\n".join(["volume_type", *rows]).encode(),
    "UTF-16": lambda rows: "\n".join(["volume_type", *rows]).encode("utf-16"),
    "spaces": lambda rows: "\n".join([" volume_type ", *(f" {row} " for row in rows)]).encode(),
    "quotes": lambda rows: "\n".join(['"volume_type"', *(f'"{row}"' for row in rows)]).encode(),
    "blank lines": lambda rows: "\n\n".join(["volume_type", *rows, "", ""]).encode(),
    "other columns": lambda rows: "\n".join(["n\tvolume_type\tx", *(f"1\t{row}\ty" for row in rows)]).encode(),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_any_program_are_read(example, name):
    expected = read_scan(example.path)
    example.context.write_bytes(TABLES[name](["m0scan", *["control", "label"] * 6]))
    np.testing.assert_array_equal(read_scan(example.path).delta_m, expected.delta_m)


def test_control_and_label_that_look_swapped_are_warned_of_and_left_alone(new_scan):
    example = new_scan().write(M0 + PAIRS)
    example.write_context([kind for kind, _ in M0 + LABEL_FIRST])
    with pytest.warns(UserWarning, match=r"aslcontext\.tsv: volume_type: .*swapped.*") as caught:
        scan = read_scan(example.path)
    assert "\n" not in str(caught[0].message)
    assert caught[0].filename == __file__
    assert str(caught[0].message) in scan.notes
    np.testing.assert_allclose(scan.concentration(), -example.truth(), rtol=RTOL)
