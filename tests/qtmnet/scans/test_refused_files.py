"""Images, tables, M0 scans and masks that users get wrong: each is refused in one line."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.scan import read_scan
from simulators.errors import InputError


def fields(**values):
    """A way to spoil the sidecar of the example."""
    return lambda example: example.set(**values)


def without_m0(**values):
    """A way to spoil the sidecar of the example whose table names no M0 volume."""
    return lambda example: (example.set(**values), types("n/a")(example))


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


def complex_image(example):
    nib.Nifti1Image(np.ones((6, 7, 5, 13), dtype=np.complex64), example.affine).to_filename(example.path)


def huge_voxels(example):
    nib.Nifti1Image(nib.load(example.path).get_fdata(dtype=np.float32), np.diag([3000, 3000, 4000, 1])).to_filename(
        example.path
    )


def flipped_m0(example):
    separate()(example)
    affine = example.affine * np.array([-1, 1, 1, 1])
    affine[0, 3] += 3.0  # the mirror lies where the first slice ends
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
    "nothing but NaN": (data(lambda values: values * np.nan), NIFTI, "found 2730 values that are NaN"),
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
    # M0.
    "no M0 type": (fields(M0Type=...), JSON, "M0Type: not found"),
    "an unknown M0 type": (fields(M0Type="included"), JSON, "M0Type: found 'included'"),
    "an M0 type of another kind": (fields(M0Type=["Included"]), JSON, "M0Type: found ['Included']; give a string"),
    "M0 not included": (types("n/a"), TSV, "volume_type: found no m0scan, but M0Type is Included"),
    "no M0 and suppression": (
        without_m0(M0Type="Absent", BackgroundSuppression=True),
        JSON,
        "BackgroundSuppression: found True",
    ),
    "no M0 and no word of suppression": (
        without_m0(M0Type="Absent", BackgroundSuppression=...),
        JSON,
        "BackgroundSuppression: not found",
    ),
    "no M0 and no control": (
        lambda example: (example.set(M0Type="Absent"), types(*["deltam"] * 13)(example)),
        TSV,
        "volume_type: found no control to take as M0",
    ),
    "no estimate": (without_m0(M0Type="Estimate"), JSON, "M0Estimate: not found"),
    "an estimate of 0": (without_m0(M0Type="Estimate", M0Estimate=0), JSON, "M0Estimate: found 0"),
    "estimates": (fields(M0Type="Estimate", M0Estimate=[1, 2]), JSON, "M0Estimate: found [1, 2]"),
    "no M0 scan": (without_m0(M0Type="Separate"), M0SCAN, "M0Type: no such file"),
    "two M0 scans": (two_separate, NIFTI, "M0Type: found sub-01_dir-AP_m0scan.nii.gz, sub-01_dir-PA"),
    "M0 scan flipped beside the head": (
        flipped_m0,
        M0SCAN,
        "affine: found an image that reaches 0% of the field of view of sub-01_asl.nii.gz",
    ),
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
    "a tiny estimate": (without_m0(M0Type="Estimate", M0Estimate=1e-300), JSON, "M0Estimate: found 1e-300"),
    "an enormous estimate": (without_m0(M0Type="Estimate", M0Estimate=1e200), JSON, "M0Estimate: found 1e+200"),
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
