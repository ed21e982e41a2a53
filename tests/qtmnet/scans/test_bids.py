"""Scans as BIDS allows them to be written, and as users get them wrong."""

import gzip
import json

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.bids import dataset_path, find_scans
from qtmnet.scans.m0 import saturation_correction
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


def test_control_and_label_that_look_swapped_are_warned_of_and_left_alone(new_scan):
    example = new_scan().write(M0 + PAIRS)
    example.write_context([kind for kind, _ in M0 + LABEL_FIRST])
    with pytest.warns(UserWarning, match=r"aslcontext\.tsv: volume_type: .*swapped.*") as caught:
        scan = read_scan(example.path)
    assert "\n" not in str(caught[0].message)
    assert caught[0].filename == __file__
    assert str(caught[0].message) in scan.notes
    np.testing.assert_allclose(scan.concentration(), -example.truth(), rtol=RTOL)


@pytest.mark.parametrize(
    ("fields", "name"), [({"MRAcquisitionType": "2D"}, "SliceTiming"), ({"MagneticFieldStrength": 1.5}, "3 T")]
)
def test_doubts_are_warned_of(example, fields, name):
    example.set(**fields)
    with pytest.warns(UserWarning, match=rf"sub-01_asl\.json: .*{name}.*"):
        read_scan(example.path)


def fields(**values):
    """A way to spoil the sidecar of the example."""
    return lambda example: example.set(**values)


def types(*changed, heading="volume_type"):
    """A way to spoil the table: other types in the first rows, or another number of rows."""

    def spoil(example):
        given = ["m0scan", *["control", "label"] * 6]
        example.write_context([*changed, *given[len(changed) :]], heading=heading)

    return spoil


def data(change):
    """A way to spoil the image."""
    return lambda example: example.spoil(change)


def separate(shape=(6, 7, 5), **given):
    """A separate M0 scan of ones."""

    def spoil(example):
        example.set(M0Type="Separate")
        example.write_m0_scan(np.ones(shape), **given)

    return spoil


def two_separate(example):
    example.set(M0Type="Separate")
    for name in ("sub-01_dir-AP", "sub-01_dir-PA"):
        example.write_m0_scan(name=name)


def truncate(example):
    path = example.path
    path.write_bytes(path.read_bytes()[:-40])


def corrupt(example):
    """Valid at the beginning, so that only the access to the data finds out."""
    content = bytearray(example.path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    example.path.write_bytes(bytes(content))


def truncate_inside(example):
    example.path.write_bytes(gzip.compress(gzip.decompress(example.path.read_bytes())[:-400]))


def with_a_nan(values):
    values[0, 0, 0, 3:5] = np.nan, np.inf
    return values


def complex_image(example):
    nib.Nifti1Image(np.ones((6, 7, 5, 13), dtype=np.complex64), example.affine).to_filename(example.path)


def huge_voxels(example):
    nib.Nifti1Image(nib.load(example.path).get_fdata(dtype=np.float32), np.diag([3000, 3000, 4000, 1])).to_filename(
        example.path
    )


def flipped_m0(example):
    separate()(example)
    affine = example.affine * np.array([-1, 1, 1, 1])
    image = nib.Nifti1Image(np.ones((6, 7, 5), dtype=np.float32), affine)
    image.to_filename(example.folder / "sub-01_m0scan.nii.gz")


def mask_of(values):
    return lambda example: example.write_image(example.folder / "sub-01_desc-brain_mask.nii.gz", values, np.uint8)


NIFTI, JSON, TSV, M0SCAN = "sub-01_asl.nii.gz", "sub-01_asl.json", "sub-01_aslcontext.tsv", "sub-01_m0scan.nii.gz"
ERRORS = {
    # The image.
    "no image": (lambda example: example.path.unlink(), NIFTI, "no such file"),
    "no NIfTI": (lambda example: example.path.write_bytes(b"GIF89a"), NIFTI, "not readable"),
    "an empty file": (lambda example: example.path.write_bytes(b""), NIFTI, "not readable"),
    "cut short": (truncate, NIFTI, "not readable"),
    "corrupt": (corrupt, NIFTI, "not readable"),
    "cut short before compression": (truncate_inside, NIFTI, "not readable"),
    "two dimensions": (data(lambda values: values[:, :, 0, 0]), NIFTI, "dim: found (6, 7)"),
    "five dimensions": (data(lambda values: values[..., None]), NIFTI, "dim: found (6, 7, 5, 13, 1)"),
    "complex numbers": (complex_image, NIFTI, "complex64"),
    "NaN": (data(with_a_nan), NIFTI, "found 2 values that are NaN"),
    "only zeros": (data(lambda values: 0 * values), NIFTI, "found 0 in every voxel"),
    "no difference": (data(np.ones_like), NIFTI, "found a difference of 0 in every voxel"),
    "micrometers": (huge_voxels, NIFTI, "affine: found voxels of [3000.0, 3000.0, 4000.0] mm"),
    # The table.
    "no table": (lambda example: example.context.unlink(), TSV, "volume_type"),
    "no volume_type": (types(heading="type"), TSV, "volume_type: no such column (found ['type'])"),
    "no heading": (
        lambda e: e.context.write_text("control\nlabel\n", encoding="utf-8"),
        TSV,
        "volume_type: no such column",
    ),
    "an empty table": (lambda e: e.context.write_text("", encoding="utf-8"), TSV, "volume_type: no such column"),
    "a binary table": (lambda e: e.context.write_bytes(b"\xff\xfe\x00"), TSV, "not readable"),
    "columns twice": (types(heading="volume_type\tvolume_type"), TSV, "volume_type: several such columns"),
    "another case": (types("M0Scan"), TSV, "volume_type: found ['M0Scan']"),
    "latin-1": (lambda e: e.context.write_bytes(b"volume_type\ncaf\xe9\n"), TSV, "no UTF-8 text: byte 15 is 0xe9"),
    "an open quote": (
        lambda e: e.context.write_text('volume_type\n"control\nlabel\n', encoding="utf-8"),
        TSV,
        "volume_type: found",
    ),
    "a field without end": (
        lambda e: e.context.write_text("volume_type\n" + "x" * 10**6, encoding="utf-8"),
        TSV,
        "not readable as a table",
    ),
    "a million rows": (
        lambda e: e.context.write_text("volume_type\n" + "control\n" * 10**6, encoding="utf-8"),
        TSV,
        "found 8000012 bytes, but a table has at most 4194304",
    ),
    "an unknown type": (types("M0"), TSV, "volume_type: found ['M0']"),
    "a row too many": (types(*["control", "label"] * 7), TSV, "volume_type: found 14 rows for the 13 volumes"),
    "rows missing": (lambda e: e.write_context(["control"] * 3), TSV, "volume_type: found 3 rows for the 13 volumes"),
    "only maps": (types(*["cbf"] * 13), TSV, "volume_type: found cbf, nothing to fit"),
    "no label": (types(*["control"] * 13), TSV, "volume_type: found no label at PostLabelingDelay 0 s"),
    "a delay without control": (
        types("m0scan", *["control", "label", "n/a", "label", "control", "label"] * 2),
        TSV,
        "found no control at PostLabelingDelay 1 s",
    ),
    # The sidecar.
    "no sidecar": (lambda example: example.sidecar.unlink(), JSON, "no such file"),
    "no JSON": (
        lambda example: example.sidecar.write_text("{'a': 1,\n}", encoding="utf-8"),
        JSON,
        "not readable as JSON",
    ),
    "no text": (lambda example: example.sidecar.write_bytes(b"\xff\xfe\xfd"), JSON, "not readable as JSON"),
    "no object": (lambda example: example.sidecar.write_text("[1, 2]", encoding="utf-8"), JSON, "found [1, 2]"),
    "no labeling type": (fields(ArterialSpinLabelingType=...), JSON, "ArterialSpinLabelingType: not found"),
    "PASL": (fields(ArterialSpinLabelingType="PASL"), JSON, "ArterialSpinLabelingType: found 'PASL'"),
    "bolus cut-off": (fields(BolusCutOffFlag=True), JSON, "BolusCutOffFlag: found True"),
    "cut-off technique": (fields(BolusCutOffTechnique="Q2TIPS"), JSON, "BolusCutOffTechnique: found 'Q2TIPS'"),
    "Look-Locker": (fields(LookLocker=True), JSON, "LookLocker: found True"),
    "Hadamard": (fields(HadamardMatrixSize=8), JSON, "HadamardMatrixSize: found 8"),
    "time-encoded": (fields(TimeEncodedMatrixType="Walsh"), JSON, "TimeEncodedMatrixType: found 'Walsh'"),
    "no delay": (fields(PostLabelingDelay=...), JSON, "PostLabelingDelay: not found"),
    "too few delays": (
        fields(PostLabelingDelay=[0.5, 1.0, 2.0]),
        JSON,
        "PostLabelingDelay: found [0.5, 1.0, 2.0]; 3 values",
    ),
    "no list of delays": (fields(PostLabelingDelay=[]), JSON, "PostLabelingDelay: found []"),
    "delays in ms": (fields(PostLabelingDelay=1800), JSON, "PostLabelingDelay: found 1800; give seconds"),
    "a negative delay": (fields(PostLabelingDelay=-1), JSON, "PostLabelingDelay: found -1"),
    "a delay as text": (fields(PostLabelingDelay="1.8"), JSON, "PostLabelingDelay: found '1.8'"),
    "text among delays": (fields(PostLabelingDelay=[0, "n/a"]), JSON, "PostLabelingDelay: found [0, 'n/a']"),
    "a delay of NaN": (fields(PostLabelingDelay=float("nan")), JSON, "PostLabelingDelay: found nan"),
    "a delay of true": (fields(PostLabelingDelay=True), JSON, "PostLabelingDelay: found True"),
    "a delay beyond floats": (fields(PostLabelingDelay=10**400), JSON, "PostLabelingDelay: found 1000"),
    "no duration": (fields(LabelingDuration=...), JSON, "LabelingDuration: not found"),
    "a duration of 0": (fields(LabelingDuration=0), JSON, "LabelingDuration: found 0; give seconds, at least 0.01"),
    "a duration of 0 in a pair": (fields(LabelingDuration=[0] * 13), JSON, "LabelingDuration: found [0, 0,"),
    "durations in ms": (fields(LabelingDuration=1800), JSON, "LabelingDuration: found 1800; give seconds"),
    "too many durations": (fields(LabelingDuration=[1.8] * 14), JSON, "14 values for 13 volumes"),
    "no repetition time": (fields(RepetitionTimePreparation=...), JSON, "RepetitionTimePreparation: not found"),
    "a repetition time of 0": (fields(RepetitionTimePreparation=0), JSON, "RepetitionTimePreparation: found 0"),
    "a repetition time of 0 for M0": (
        fields(RepetitionTimePreparation=[0] + [4.0] * 12),
        JSON,
        "RepetitionTimePreparation: found [0, 4.0,",
    ),
    "repetition times in ms": (fields(RepetitionTimePreparation=4000), JSON, "RepetitionTimePreparation: found 4000"),
    "too few repetition times": (fields(RepetitionTimePreparation=[4.0]), JSON, "1 values for 13 volumes"),
    "a negative efficiency": (fields(LabelingEfficiency=-0.85), JSON, "LabelingEfficiency: found -0.85"),
    "an efficiency in percent": (fields(LabelingEfficiency=85), JSON, "LabelingEfficiency: found 85"),
    "several efficiencies": (fields(LabelingEfficiency=[0.8, 0.9]), JSON, "LabelingEfficiency: found [0.8, 0.9]"),
    "half a pulse": (
        fields(LabelingEfficiency=..., BackgroundSuppressionNumberPulses=1.5),
        JSON,
        "BackgroundSuppressionNumberPulses: found 1.5",
    ),
    "a flag as text": (fields(VascularCrushing="yes"), JSON, "VascularCrushing: found 'yes'; give true or false"),
    "changing crushers": (
        fields(VascularCrushing=True, VascularCrushingVENC=[0, 0] + [4] * 11),
        JSON,
        "VascularCrushingVENC: found [0, 0, 4,",
    ),
    "a negative velocity": (
        fields(VascularCrushing=True, VascularCrushingVENC=-4),
        JSON,
        "VascularCrushingVENC: found -4",
    ),
    "too few slice times": (fields(SliceTiming=[0, 0.1], MRAcquisitionType="2D"), JSON, "2 times for 5 slices"),
    "slice times in ms": (
        fields(SliceTiming=[0, 45, 90, 135, 180], MRAcquisitionType="2D"),
        JSON,
        "SliceTiming: found [0, 45,",
    ),
    "slices along another axis": (
        fields(SliceTiming=[0, 0.1, 0.2, 0.3, 0.4], MRAcquisitionType="2D", SliceEncodingDirection="j-"),
        JSON,
        "SliceEncodingDirection: found 'j-'",
    ),
    # M0.
    "no M0 type": (fields(M0Type=...), JSON, "M0Type: not found"),
    "an unknown M0 type": (fields(M0Type="included"), JSON, "M0Type: found 'included'"),
    "an M0 type of another kind": (fields(M0Type=["Included"]), JSON, "M0Type: found ['Included']; give a string"),
    "M0 not included": (types("n/a"), TSV, "volume_type: found no m0scan, but M0Type is Included"),
    "no M0 and suppression": (
        fields(M0Type="Absent", BackgroundSuppression=True),
        JSON,
        "BackgroundSuppression: found True",
    ),
    "no M0 and no word of suppression": (
        fields(M0Type="Absent", BackgroundSuppression=...),
        JSON,
        "BackgroundSuppression: not found",
    ),
    "no M0 and no control": (
        lambda example: (example.set(M0Type="Absent"), types(*["deltam"] * 13)(example)),
        TSV,
        "volume_type: found no control to take as M0",
    ),
    "no estimate": (fields(M0Type="Estimate"), JSON, "M0Estimate: not found"),
    "an estimate of 0": (fields(M0Type="Estimate", M0Estimate=0), JSON, "M0Estimate: found 0"),
    "estimates": (fields(M0Type="Estimate", M0Estimate=[1, 2]), JSON, "M0Estimate: found [1, 2]"),
    "no M0 scan": (fields(M0Type="Separate"), M0SCAN, "M0Type: no such file"),
    "two M0 scans": (two_separate, M0SCAN, "M0Type: found sub-01_dir-AP_m0scan.nii.gz, sub-01_dir-PA"),
    "M0 scan of another shape": (
        separate((6, 7, 4)),
        M0SCAN,
        "dim: found (6, 7, 4), but sub-01_asl.nii.gz has (6, 7, 5)",
    ),
    "M0 scan flipped": (flipped_m0, M0SCAN, "affine: found axes RAS, but sub-01_asl.nii.gz has LAS"),
    "M0 scan without repetition time": (
        separate(RepetitionTimePreparation=...),
        "sub-01_m0scan.json",
        "RepetitionTimePreparation: not found",
    ),
    "M0 of zeros": (data(lambda values: values * (np.arange(13) > 0)), NIFTI, "M0: found no voxel above 0"),
    "a tiny efficiency": (
        fields(LabelingEfficiency=1e-9),
        JSON,
        "LabelingEfficiency: found 1e-09; give a fraction from",
    ),
    "a thousand pulses": (
        fields(LabelingEfficiency=..., BackgroundSuppression=True, BackgroundSuppressionNumberPulses=1000),
        JSON,
        "BackgroundSuppressionNumberPulses: found 1000",
    ),
    "a repetition time of a nanosecond": (
        fields(RepetitionTimePreparation=1e-9),
        JSON,
        "RepetitionTimePreparation: found 1e-09; give the repetition time in s, at least 0.1",
    ),
    "a duration of a nanosecond": (fields(LabelingDuration=1e-9), JSON, "LabelingDuration: found 1e-09"),
    "a tiny estimate": (fields(M0Type="Estimate", M0Estimate=1e-300), JSON, "M0Estimate: found 1e-300"),
    "an enormous estimate": (fields(M0Type="Estimate", M0Estimate=1e200), JSON, "M0Estimate: found 1e+200"),
    "a tiny velocity": (fields(VascularCrushing=True, VascularCrushingVENC=1e-9), JSON, "VascularCrushingVENC: found"),
    "a number as text": (fields(PostLabelingDelay="1.8"), JSON, "PostLabelingDelay: found '1.8'; give a number"),
    "a truth as a number": (fields(PostLabelingDelay=True), JSON, "PostLabelingDelay: found True; give a number"),
    "truths": (fields(LabelingDuration=[True] * 13), JSON, "LabelingDuration: found [True,"),
    "lists in lists": (fields(PostLabelingDelay=[[1.8]] * 13), JSON, "PostLabelingDelay: found [[1.8],"),
    "a dictionary": (fields(PostLabelingDelay={"s": 1.8}), JSON, "PostLabelingDelay: found {'s': 1.8}"),
    "a million delays": (fields(PostLabelingDelay=[1.8] * 10**6), JSON, "1000000 values for 13 volumes"),
    "a number as a truth": (
        fields(BackgroundSuppression=0),
        JSON,
        "BackgroundSuppression: found 0; give true or false",
    ),
    "text as a truth": (fields(VascularCrushing="false"), JSON, "VascularCrushing: found 'false'; give true or false"),
    "a number as text of a type": (fields(M0Type=1), JSON, "M0Type: found 1; give a string"),
    "a field twice": (
        lambda e: e.sidecar.write_text(
            e.sidecar.read_text(encoding="utf-8")[:-1] + ', "M0Type": "Absent"}', encoding="utf-8"
        ),
        JSON,
        "'M0Type' is there twice",
    ),
    # The mask.
    "mask of another shape": (mask_of(np.ones((6, 7, 6))), "desc-brain_mask.nii.gz", "dim: found (6, 7, 6)"),
    "an empty mask": (mask_of(np.zeros((6, 7, 5))), "desc-brain_mask.nii.gz", "mask: found no voxel"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_is_wrong_is_said_in_one_line_with_file_and_field(example, case):
    spoil, file, complaint = ERRORS[case]
    spoil(example)
    with pytest.raises(InputError) as error:
        read_scan(example.path)
    message = str(error.value)
    assert "\n" not in message
    assert file in message.split(": ")[0]
    assert complaint in message
    assert ";" in message  # what to do


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"m0": 0}, "m0: found 0"),
        ({"m0": float("inf")}, "m0: found inf"),
        ({"m0": True}, "m0: found True"),
        ({"m0": "nowhere.nii.gz"}, "nowhere.nii.gz: no such file"),
        ({"m0": "nowhere.mgz"}, "nowhere.mgz: not named as a NIfTI file"),
        ({"mask": "nowhere.nii.gz"}, "nowhere.nii.gz: no such file"),
        ({"labeling_efficiency": -0.5}, "labeling_efficiency: found -0.5"),
        ({"labeling_efficiency": "high"}, "labeling_efficiency: found 'high'"),
    ],
)
def test_options_that_cannot_be_are_refused(example, options, complaint):
    with pytest.raises(InputError, match=complaint) as error:
        read_scan(example.path, **options)
    assert "\n" not in str(error.value)


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
