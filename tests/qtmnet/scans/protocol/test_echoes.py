"""Of several echoes the first is mapped, whether they are volumes of a scan or scans of their own."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.methods.single_delay import SingleDelay
from qtmnet.scans.bids.finding import find_scans
from qtmnet.scans.scan import read_scan
from simulators import InputError
from tests.qtmnet.scans.protocol.integrals import CBF, INSIDE, M0, Tissue, continuous, frames, write
from tests.qtmnet.scans.protocol.test_labeling import RTOL, maps

TES = (0.014, 0.036, 0.058)
T2_TISSUE, T2_LABEL = 0.05, 0.03
"""s, of all signal and of label: unlike, so that later echoes have another perfusion."""
DELTA_M = frames([continuous(1.8, 1.8)], 0.85, Tissue(in_blood=True))[0]
STATIC = np.where(INSIDE, M0, 0.0)


def volume(kind: str, te: float) -> np.ndarray:
    since = te - TES[0]  # M0 and ΔM are those at the first echo
    tissue, label = STATIC * np.exp(-since / T2_TISSUE), DELTA_M * np.exp(-since / T2_LABEL)
    return tissue - label if kind == "label" else tissue


def write_volumes(path: Path, volumes: list[tuple[str, float]], **fields: object) -> Path:
    """A scan of these types and echo times."""
    write(path, DELTA_M[None], (1.8,), LabelingDuration=1.8, LabelingEfficiency=0.85)
    made = np.stack([volume(kind, te) for kind, te in volumes], axis=-1)
    nib.Nifti1Image(made.astype(np.float32), np.diag([3.0, 3.0, 4.0, 1.0])).to_filename(path)
    stem = path.name.removesuffix("_asl.nii.gz")
    table = "\n".join(["volume_type", *(kind for kind, _ in volumes), ""])
    (path.parent / f"{stem}_aslcontext.tsv").write_text(table, encoding="utf-8")
    sidecar = json.loads((path.parent / f"{stem}_asl.json").read_text(encoding="utf-8"))
    sidecar |= {"PostLabelingDelay": 1.8, "EchoTime": [te for _, te in volumes], **fields}
    (path.parent / f"{stem}_asl.json").write_text(json.dumps(sidecar), encoding="utf-8")
    return path


def pairs(*tes: float) -> list[tuple[str, float]]:
    return [(kind, te) for te in tes for kind in ("control", "label")]


ORDERS = {
    "echo after echo": [("m0scan", TES[0]), *pairs(*TES)],
    "echoes of each volume": [("m0scan", TES[0]), *((kind, te) for kind in ("control", "label") for te in TES)],
    "repeated": [("m0scan", TES[0]), *pairs(*TES, *TES)],
    "M0 of each echo": [*(("m0scan", te) for te in TES), *pairs(*TES)],
    "last echo first": [("m0scan", TES[0]), *pairs(*TES[::-1])],
    "two echoes": [("m0scan", TES[0]), *pairs(*TES[:2])],
    "jitter of 0.1 ms": [("m0scan", TES[0]), *pairs(0.014, 0.0141, *TES[1:])],
}


@pytest.mark.parametrize("case", ORDERS)
def test_the_first_echo_of_a_series_is_taken(case, tmp_path):
    scan = read_scan(write_volumes(tmp_path / "sub-01_asl.nii.gz", ORDERS[case]))
    assert any(note.startswith("echoes: ") for note in scan.notes)
    # A tenth of a ms changes label by 0.3 %.
    rtol = 5e-3 if "jitter" in case else RTOL
    np.testing.assert_allclose(maps(SingleDelay(), scan)["cbf"][INSIDE], CBF, rtol=rtol)


def test_one_echo_time_in_a_list_is_that_of_all(tmp_path):
    scan = read_scan(write_volumes(tmp_path / "sub-01_asl.nii.gz", [("m0scan", TES[0]), *pairs(TES[0], TES[0])]))
    assert not any(note.startswith("echoes: ") for note in scan.notes)
    np.testing.assert_allclose(maps(SingleDelay(), scan)["cbf"][INSIDE], CBF, rtol=RTOL)


def test_echo_times_that_are_not_one_for_each_volume_are_refused(tmp_path):
    path = write_volumes(tmp_path / "sub-01_asl.nii.gz", ORDERS["echo after echo"], EchoTime=TES)
    with pytest.raises(InputError, match=r"EchoTime: found .*; 3 values for 7 volumes"):
        read_scan(path)


def test_the_first_of_echoes_in_files_of_their_own_is_taken(tmp_path):
    for number, te in enumerate(TES, start=1):
        volumes = [("m0scan", te), *pairs(te)]
        write_volumes(tmp_path / f"sub-01_echo-{number}_asl.nii.gz", volumes, EchoTime=te)
    write_volumes(tmp_path / "sub-01_run-2_asl.nii.gz", [("m0scan", TES[0]), *pairs(TES[0])], EchoTime=TES[0])
    scans = find_scans(tmp_path)
    assert [scan.name for scan in scans] == ["sub-01_echo-1_asl.nii.gz", "sub-01_run-2_asl.nii.gz"]
    scan = read_scan(scans[0])
    said = "echoes: echo 1 taken, left out sub-01_echo-2_asl.nii.gz, sub-01_echo-3_asl.nii.gz"
    assert said in scan.notes
    np.testing.assert_allclose(maps(SingleDelay(), scan)["cbf"][INSIDE], CBF, rtol=RTOL)
    with pytest.warns(UserWarning, match=r"echo-2_asl.nii.gz: found a later echo than that of sub-01_echo-1_asl"):
        read_scan(tmp_path / "sub-01_echo-2_asl.nii.gz")
