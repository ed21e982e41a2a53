"""`predict` on scans whose sidecars tell less than they should: the right map, and what was assumed on every page."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.qtmnet.scans.protocol.integrals import CBF, INSIDE, SLICES, Tissue, continuous, cut_off, frames, write

LABELING = {"LabelingDuration": 1.8, "LabelingEfficiency": 0.85}


def made(efficiency: float = 0.85, t1_blood: float = 1.65, slices: tuple[float, ...] | None = None) -> np.ndarray:
    return frames([continuous(1.8, 1.8)], efficiency, Tissue(t1_blood, in_blood=True), slices)


def at(tesla: float | None) -> dict[str, object]:
    return LABELING | {"MagneticFieldStrength": tesla}


SCANS: dict[str, tuple[np.ndarray, dict[str, object], float | None, tuple[str, ...], str]] = {
    "all known": (made(), LABELING, CBF, (), "checks are in order"),
    "CASL": (
        made(0.68),
        {"ArterialSpinLabelingType": "CASL", "LabelingDuration": 1.8},
        CBF,
        ("labeling efficiency: 0.68 assumed, the usual one of CASL",),
        "rests on what was assumed",
    ),
    "1.5 T": (
        made(t1_blood=1.35),
        LABELING | {"MagneticFieldStrength": 1.5},
        CBF,
        ("T1 of blood: 1.35 s (1.5 T)",),
        "order",
    ),
    "7 T": (made(t1_blood=2.1), LABELING | {"MagneticFieldStrength": 7}, CBF, ("T1 of blood: 2.1 s (7 T)",), "order"),
    "2.89 T": (made(), LABELING | {"MagneticFieldStrength": 2.89}, CBF, ("T1 of blood: 1.65 s (2.89 T)",), "order"),
    "no field": (
        made(),
        at(None),
        CBF,
        ("warning: T1 of blood: 1.65 s, 3 T assumed",),
        "checks warn",
    ),
    "no readout": (
        made(slices=SLICES),
        LABELING | {"MRAcquisitionType": None},
        None,
        ("warning: Times of the slices: 3D assumed",),
        "checks warn",
    ),
    "2D by the sequence": (
        made(slices=SLICES),
        LABELING | {"MRAcquisitionType": None, "PulseSequenceType": "2D_EPI"},
        None,
        ("warning: Times of the slices: 2D by PulseSequenceType, and SliceTiming not found",),
        "checks warn",
    ),
    "pulses by their times": (
        made(0.85 * 0.95**3),
        {"LabelingDuration": 1.8, "BackgroundSuppressionPulseTime": [0.1, 1.2, 2.8], "BackgroundSuppression": True},
        CBF,
        ("labeling efficiency: 0.7288 assumed, 0.85 (the usual one of PCASL) times 0.95 for each of 3",),
        "",
    ),
    "jitter of delays": (
        made(),
        LABELING | {"PostLabelingDelay": [0, 1.7997, 1.8003]},
        CBF,
        ("averaged to 1 delay",),
        "",
    ),
    "PASL": (
        frames([cut_off(0.7, 1.8)], 0.98, Tissue(in_blood=True)),
        {
            "ArterialSpinLabelingType": "PASL",
            "BolusCutOffFlag": True,
            "BolusCutOffTechnique": "Q2TIPS",
            "BolusCutOffDelayTime": [0.7, 1.2],
        },
        CBF,
        ("labeling efficiency: 0.98 assumed, the usual one of PASL", "labeling: pulsed (PASL), bolus cut off"),
        "",
    ),
}
"""Differences, fields, the right perfusion if it is known, what is printed, and what the report says of its checks."""


@pytest.mark.filterwarnings("ignore::UserWarning")  # the console shows them, and notes
@pytest.mark.parametrize("case", SCANS)
def test_perfusion_is_right_or_warned_of(case: str, command: Callable, tmp_path: Path) -> None:
    delta_m, fields, cbf, lines, checks = SCANS[case]
    folder = tmp_path / "bids" / "sub-01" / "perf"
    write(folder / "sub-01_asl.nii.gz", delta_m, (1.8,), **fields)
    outcome = command("predict", "input=bids/sub-01/perf", "output_dir=out", "method=single_delay")
    assert outcome.status == 0, outcome.err
    (image,) = (tmp_path / "out").rglob("sub-01_cbf.nii.gz")
    if cbf is not None:
        # Volumes hold 1000 in single precision, to 6e-5; a jitter of 0.3 ms is 0.02 %.
        np.testing.assert_allclose(nib.load(image).get_fdata()[INSIDE], cbf, rtol=5e-4)
    for line in lines:
        assert line in outcome.out
    (page,) = (tmp_path / "out").rglob("*_report.html")
    assert checks in " ".join(page.read_text(encoding="utf-8").split())


def test_t1_that_is_given_is_no_assumption(command: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "bids" / "sub-01" / "perf"
    write(folder / "sub-01_asl.nii.gz", made(t1_blood=1.5), (1.8,), **LABELING, MagneticFieldStrength=None)
    outcome = command("predict", "input=bids/sub-01/perf", "output_dir=out", "method=single_delay", "t1_blood=1.5")
    assert outcome.status == 0, outcome.err
    assert "T1 of blood: 1.5 s (as given)" in outcome.out
    assert "warning" not in outcome.out
    (image,) = (tmp_path / "out").rglob("sub-01_cbf.nii.gz")
    np.testing.assert_allclose(nib.load(image).get_fdata()[INSIDE], CBF, rtol=5e-4)


def test_delays_are_written_on_request(command: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "bids" / "sub-01" / "perf"
    timed = {"MRAcquisitionType": "2D", "SliceTiming": SLICES, "SliceEncodingDirection": "k-"}
    write(folder / "sub-01_asl.nii.gz", np.concatenate([made()] * 2), (1.5, 2.0), **LABELING, **timed)
    words = ("input=bids/sub-01/perf", "output_dir=out", "method=multi_delay")
    assert command("predict", *words).status == 0
    assert not list((tmp_path / "out").rglob("*_delay*"))
    assert command("predict", *words, "delay_image=true").status == 0
    (path,) = (tmp_path / "out").rglob("sub-01_delay.nii.gz")
    image = nib.load(path)
    assert image.shape == (*INSIDE.shape, 2)
    np.testing.assert_allclose(image.affine, np.diag([3.0, 3.0, 4.0, 1.0]))
    expected = np.add.outer(SLICES[::-1], (1.5, 2.0))
    np.testing.assert_allclose(image.get_fdata(), np.broadcast_to(expected, image.shape), atol=1e-6)
    sidecar = json.loads(path.with_name("sub-01_delay.json").read_text(encoding="utf-8"))
    assert sidecar["Units"] == "s"
    assert sidecar["PostLabelingDelay"] == [1.5, 2.0]
    assert command("predict", *words).status == 0
    assert not list((tmp_path / "out").rglob("*_delay*"))  # of an earlier run, beside maps of this one
