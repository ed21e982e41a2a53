"""Fields of sidecars that users get wrong: each is refused in one line."""

import pytest

from qtmnet.scans.scan import read_scan
from simulators.errors import InputError


def fields(**values):
    """A way to spoil the sidecar of the example."""
    return lambda example: example.set(**values)


JSON = "sub-01_asl.json"


ERRORS = {
    "no sidecar": (lambda example: example.sidecar.unlink(), JSON, "no such file"),
    "no JSON": (
        lambda example: example.sidecar.write_text("{'a': 1,\n}", encoding="utf-8"),
        JSON,
        "not readable as JSON",
    ),
    "no text": (lambda example: example.sidecar.write_bytes(b"\xff\xfe\xfd"), JSON, "not readable as JSON"),
    "no object": (lambda example: example.sidecar.write_text("[1, 2]", encoding="utf-8"), JSON, "found [1, 2]"),
    "no labeling type": (fields(ArterialSpinLabelingType=...), JSON, "ArterialSpinLabelingType: not found"),
    "other labeling": (fields(ArterialSpinLabelingType="VSASL"), JSON, "ArterialSpinLabelingType: found 'VSASL'"),
    "PASL without a bolus": (fields(ArterialSpinLabelingType="PASL"), JSON, "BolusCutOffFlag: not found; PASL needs"),
    "bolus cut-off": (fields(BolusCutOffFlag=True), JSON, "BolusCutOffFlag: found True"),
    "cut-off technique": (fields(BolusCutOffTechnique="Q2TIPS"), JSON, "BolusCutOffTechnique: found 'Q2TIPS'"),
    "Look-Locker": (fields(LookLocker=True), JSON, "LookLocker: found True"),
    "Hadamard": (fields(HadamardMatrixSize=8), JSON, "TimeEncodedMatrix: not found"),
    "time-encoded": (fields(TimeEncodedMatrixType="Walsh"), JSON, "TimeEncodedMatrix: not found"),
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
