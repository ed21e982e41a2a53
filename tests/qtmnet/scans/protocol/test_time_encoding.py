"""Time-encoded scans, volume by volume a sum of sub-boluses, are read back; what does not fit is refused."""

import json
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.linalg import hadamard

from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.scans.scan import read_scan
from simulators import PCASL, InputError
from tests.qtmnet.made_scans import write_scan
from tests.qtmnet.scans.protocol.integrals import ATT, CBF, INSIDE, M0, Tissue, continuous, frames
from tests.qtmnet.scans.protocol.test_labeling import RTOL, maps

WALSH_4 = [[1, 1, 1, 1], [1, -1, 1, -1], [1, -1, -1, 1], [1, 1, -1, -1]]
EIGHT = hadamard(8).tolist()
THREE = (0.9, 0.7, 0.5)
SEVEN = (0.5,) * 7
LAST = 0.5


def delays_of(durations: Sequence[float], last: float = LAST) -> list[float]:
    """From the end of each sub-bolus to the readout."""
    return [last + sum(durations[j + 1 :]) for j in range(len(durations))]


def write(
    path: Path,
    signs: Sequence[Sequence[int]],
    durations: Sequence[float],
    *,
    cycles: int = 2,
    m0_first: bool = True,
    **fields: object,
) -> Path:
    """Volumes as encoded: all of the static signal, less each sub-bolus that is label."""
    boluses = [continuous(d, w) for d, w in zip(durations, delays_of(durations), strict=True)]
    delta_m = frames(boluses, 0.85, Tissue())
    static = np.where(INSIDE, M0, 0.0)
    is_label = (1 - np.array(signs)[-len(durations) :]) / 2
    encoded = [static - np.tensordot(column, delta_m, 1) for column in is_label.T] * cycles
    m0_rows = ["m0scan"]
    types = ["control", *["label"] * (len(encoded) // cycles - 1)] * cycles
    volumes, types = ([static, *encoded], m0_rows + types) if m0_first else ([*encoded, static], types + m0_rows)
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    nib.Nifti1Image(np.stack(volumes, axis=-1).astype(np.float32), affine).to_filename(path)
    nib.Nifti1Image(INSIDE.astype(np.uint8), affine).to_filename(path.parent / "sub-01_desc-brain_mask.nii.gz")
    table = "\n".join(["volume_type", *types, ""])
    (path.parent / "sub-01_aslcontext.tsv").write_text(table, encoding="utf-8")
    sidecar = {
        "ArterialSpinLabelingType": "PCASL",
        "MagneticFieldStrength": 3,
        "MRAcquisitionType": "3D",
        "M0Type": "Included",
        "BackgroundSuppression": False,
        "RepetitionTimePreparation": 10.0,
        "VascularCrushing": False,
        "TimeEncodedMatrix": signs,
        "PostLabelingDelay": LAST,
        "LabelingDuration": sum(durations),
        **fields,
    }
    kept = {name: value for name, value in sidecar.items() if value is not None}
    (path.parent / "sub-01_asl.json").write_text(json.dumps(kept), encoding="utf-8")
    return path


def own(values: Sequence[float], cycles: int = 2) -> list[float]:
    """One for each volume, the M0 and the first of each encoding aside."""
    return [0.0, *[values[0], *values] * cycles]


CASES = {
    "Hadamard 8, total duration": (EIGHT, SEVEN, {}),
    "without the row of ones": (EIGHT[1:], SEVEN, {}),
    "Walsh 4, a duration of each": (WALSH_4, THREE, {"LabelingDuration": own(THREE)}),
    "Walsh 4, delay and duration of each": (
        WALSH_4,
        THREE,
        {"LabelingDuration": own(THREE), "PostLabelingDelay": own(delays_of(THREE))},
    ),
    "delay of each, one duration": (
        EIGHT,
        SEVEN,
        {"LabelingDuration": 0.5, "PostLabelingDelay": own(delays_of(SEVEN))},
    ),
    "one encoding": (EIGHT, SEVEN, {"cycles": 1}),
    "M0 last": (EIGHT, SEVEN, {"m0_first": False}),
    "repetition time of each volume": (EIGHT, SEVEN, {"RepetitionTimePreparation": [10.0, *[4.5] * 16]}),
    "with type and size": (EIGHT, SEVEN, {"TimeEncodedMatrixType": "Hadamard", "TimeEncodedMatrixSize": 8}),
}


@pytest.mark.parametrize("case", CASES)
def test_volumes_as_encoded_are_read_back(case, tmp_path):
    signs, durations, options = CASES[case]
    scan = read_scan(write(tmp_path / "sub-01_asl.nii.gz", signs, durations, **options))
    labeling, delays = scan.acquisition.labeling, scan.acquisition.post_labeling_delays
    assert isinstance(labeling, PCASL)
    assert delays == pytest.approx(sorted(delays_of(durations)))
    assert np.broadcast_to(labeling.duration, len(delays)) == pytest.approx(durations[::-1])
    assert any(note.startswith("time encoding: ") for note in scan.notes)
    found = maps(MultiDelay(), scan)
    # Sums of eight volumes have the rounding of one, on sub-boluses that leave a third of a PCASL scan's difference.
    np.testing.assert_allclose(found["cbf"][INSIDE], CBF, rtol=3 * RTOL)
    np.testing.assert_allclose(found["att"][INSIDE], ATT, atol=0.01)


def test_decoded_volumes_need_no_matrix(tmp_path):
    delays = delays_of(SEVEN)
    delta_m = frames([continuous(0.5, delay) for delay in delays], 0.85, Tissue())
    path = tmp_path / "sub-01_asl.nii.gz"
    write_scan(path, delta_m, np.where(INSIDE, M0, 0.0), tuple(delays), mask=INSIDE, LabelingDuration=0.5)
    image = nib.load(path).get_fdata()
    decoded = np.concatenate([image[..., :1], image[..., 1::2] - image[..., 2::2]], axis=-1)
    nib.Nifti1Image(decoded.astype(np.float32), np.diag([3.0, 3.0, 4.0, 1.0])).to_filename(path)
    table = "\n".join(["volume_type", "m0scan", *["deltam"] * 7, ""])
    (tmp_path / "sub-01_aslcontext.tsv").write_text(table, encoding="utf-8")
    sidecar = json.loads((tmp_path / "sub-01_asl.json").read_text(encoding="utf-8"))
    sidecar |= {"PostLabelingDelay": [0.0, *delays], "TimeEncodedMatrixType": "Hadamard", "TimeEncodedMatrixSize": 8}
    (tmp_path / "sub-01_asl.json").write_text(json.dumps(sidecar), encoding="utf-8")
    scan = read_scan(path)
    assert any("decoded before" in note for note in scan.notes)
    np.testing.assert_allclose(maps(MultiDelay(), scan)["cbf"][INSIDE], CBF, rtol=3 * RTOL)
    (tmp_path / "sub-01_asl.json").write_text(json.dumps(sidecar | {"PostLabelingDelay": 0.3}), encoding="utf-8")
    with pytest.raises(InputError, match=r"PostLabelingDelay: found 0\.3; TimeEncodedMatrixType says"):
        read_scan(path)


def test_a_matrix_of_the_other_sign_is_warned_of(tmp_path):
    inverse = (-np.array(EIGHT)).tolist()
    path = write(tmp_path / "sub-01_asl.nii.gz", EIGHT, SEVEN, TimeEncodedMatrix=inverse)
    with pytest.warns(UserWarning, match="control and label may be swapped"):
        read_scan(path)


REFUSED = {
    "type alone": (
        {"TimeEncodedMatrix": None, "TimeEncodedMatrixType": "Walsh"},
        "TimeEncodedMatrix: not found; TimeE",
    ),
    "another field's name": (
        {"TimeEncodedMatrix": None, "HadamardMatrixSize": 8},
        "TimeEncodedMatrix: not found; Hada",
    ),
    "no matrix": ({"TimeEncodedMatrix": "Hadamard"}, "TimeEncodedMatrix: found 'Hadamard'; give a row"),
    "zeros": ({"TimeEncodedMatrix": np.zeros((8, 8)).tolist()}, "TimeEncodedMatrix: found .*; give a row"),
    "rows of two lengths": ({"TimeEncodedMatrix": [[1, 1], [1]]}, "TimeEncodedMatrix: found .*; give a row"),
    "text in it": ({"TimeEncodedMatrix": [["a", "b"]] * 2}, "TimeEncodedMatrix: found .*; give a row"),
    "no way back": ({"TimeEncodedMatrix": [[1, -1] * 4] * 8}, "TimeEncodedMatrix: found .*; its volumes"),
    "a sub-bolus missing": ({"TimeEncodedMatrix": EIGHT[:7]}, "TimeEncodedMatrix: found .*; its volumes"),
    "another size": (
        {"TimeEncodedMatrix": hadamard(32).tolist()},
        "volume_type: found 16 control and label",
    ),
    "a sub-bolus's duration": ({"LabelingDuration": 0.3}, "LabelingDuration: found 0.3; makes sub-boluses"),
    "no duration": ({"LabelingDuration": None}, "LabelingDuration: not found; give s"),
    "no delay": ({"PostLabelingDelay": None}, "PostLabelingDelay: not found; give s"),
    "delays that do not follow": (
        {"LabelingDuration": 0.2, "PostLabelingDelay": own(delays_of(SEVEN))},
        "PostLabelingDelay: found .*; does not fit LabelingDuration",
    ),
    "encodings with other delays": (
        {"PostLabelingDelay": [0.0, *[0.3] * 8, *[0.6] * 8]},
        "PostLabelingDelay: found .*; times of the encodings",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case, tmp_path):
    fields, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        read_scan(write(tmp_path / "sub-01_asl.nii.gz", EIGHT, SEVEN, **fields))
