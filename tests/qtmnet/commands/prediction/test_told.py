"""What is said of a scan: each thing once on the console, and once in its report and beside its maps."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.qtmnet.conftest import PAIRS, SHAPE, ExampleScan

PERF = Path("out/sub-01/perf")
METHOD = ("method=single_delay", "compare=null")
SUPPRESSED = {"BackgroundSuppression": True, "LabelingEfficiency": ...}


def pulsed(scan: ExampleScan) -> None:
    cut = {"BolusCutOffFlag": False, "LabelingSlabThickness": 100, "LabelingDuration": ...}
    scan.set(ArterialSpinLabelingType="PASL", **cut)


def swap(scan: ExampleScan) -> None:
    swapped = {"control": "label", "label": "control", "m0scan": "m0scan"}
    scan.write_context([swapped[kind] for kind, _ in [("m0scan", 0.0), *PAIRS, *PAIRS]])


WRONG: dict[str, tuple[Callable[[ExampleScan], object], str, str]] = {
    "field": (lambda scan: scan.set(MagneticFieldStrength=...), "T1 of blood", "MagneticFieldStrength"),
    "unknown field": (lambda scan: scan.set(MagneticFieldStrength=5), "T1 of blood", "formula|not well known"),
    "readout": (lambda scan: scan.set(MRAcquisitionType=...), "Times of the slices", "3D assumed|as in 3D"),
    "slice times": (
        lambda scan: scan.set(MRAcquisitionType="2D"),
        "Times of the slices",
        "SliceTiming",
    ),
    "one slice time": (
        lambda scan: scan.set(MRAcquisitionType="2D", SliceTiming=[0.0] * SHAPE[2]),
        "Times of the slices",
        "one time for all",
    ),
    "efficiency": (lambda scan: scan.set(**SUPPRESSED), "Labeling efficiency", "BackgroundSuppressionNumberPulses"),
    "pulses": (
        lambda scan: scan.set(
            **SUPPRESSED, BackgroundSuppressionNumberPulses=2, BackgroundSuppressionPulseTime=[1, 2, 3]
        ),
        "BackgroundSuppressionNumberPulses",
        "but 3 times",
    ),
    "bolus": (pulsed, "Duration of the bolus", "no cut-off"),
    "order": (swap, "Order of control and label", "in the brain's mean|mean difference"),
    "M0Type": (lambda scan: scan.set(M0Type="Absent"), "M0Type", "1 m0scan volumes"),
}
"""What may be wrong, the check that says it, and words that only it has."""


@pytest.mark.parametrize("name", WRONG)
def test_what_may_be_wrong_is_said_once(command, example, tmp_path: Path, name: str) -> None:
    spoil, check, words = WRONG[name]
    spoil(example)
    outcome = command("predict", str(example.folder), "out", *METHOD)
    assert outcome.status == 0, outcome.err
    said = [line for line in (*outcome.out.splitlines(), *outcome.told) if re.search(words, line)]
    assert len(said) == 1
    assert said[0].startswith(f"sub-01: warning: {check}: ")
    sidecar = json.loads((tmp_path / PERF / "sub-01_cbf.json").read_text(encoding="utf-8"))
    assert [line for line in sidecar["Warnings"] if re.search(words, line)] == [
        said[0].removeprefix("sub-01: warning: ").removesuffix("; see the report")
    ]
    assert not [line for line in sidecar["Notes"] if re.search(words, line)]
    page = (tmp_path / PERF / "sub-01_report.html").read_text(encoding="utf-8")
    checks = re.findall(r"<li class=\"(\w+)\">\s*<h3>.*?</span> (.*?)</h3>", page)
    assert [level for level, name in checks if name == check] == ["warning"]
    notes = page[page.index('id="notes"') :]
    assert not re.search(words, notes[: notes.index("</ul>")])


def test_all_that_the_console_says_of_a_scan_is_in_its_report(command, example, tmp_path: Path) -> None:
    assert command("predict", str(example.folder), "out", "method=multi_delay").status == 0
    example.set(M0Type="Absent")
    outcome = command("predict", str(example.folder), "out", "method=single_delay", "compare=multi_delay_arteries")
    assert outcome.status == 0, outcome.err
    sidecar = json.loads((tmp_path / PERF / "sub-01_cbf.json").read_text(encoding="utf-8"))
    page = (tmp_path / PERF / "sub-01_report.html").read_text(encoding="utf-8")
    told = {line.removeprefix("sub-01: ") for line in outcome.out.splitlines() if line.startswith("sub-01: ")}
    warnings = {line.removeprefix("warning: ").removesuffix("; see the report") for line in told if "warning: " in line}
    assert warnings == set(sidecar["Warnings"])
    assert any(line.startswith("M0Type: sub-01_asl.json: found Absent, but 1 m0scan volumes") for line in warnings)
    notes = {line for line in told if not line.startswith(("warning: ", "median "))}
    assert notes == set(sidecar["Notes"])
    assert "removed, as an earlier run made them: sub-01_att.nii.gz, sub-01_att.json" in notes
    assert "are in order. That does not" not in page
    for line in ("found Absent, but 1 m0scan volumes", "removed, as an earlier run made them: sub-01_att.nii.gz"):
        assert line in page


def test_a_warning_is_not_lost_with_a_scan_that_fails(command, example, tmp_path: Path) -> None:
    """It may say why."""
    example.set(M0Type="Absent")
    with pytest.warns(UserWarning, match="M0Type: found Absent, but 1 m0scan volumes"):
        outcome = command("predict", str(example.folder), "out", *METHOD, "atlas=nowhere.nii.gz")
    assert outcome.status == 2
    assert "nowhere.nii.gz" in outcome.told[-1]
    assert not (tmp_path / "out").exists()


def test_sources_are_all_images_that_were_read(command, example, tmp_path: Path) -> None:
    example.write_m0_scan()
    example.set(M0Type="Separate")
    example.write_context(["n/a", *(kind for kind, _ in [*PAIRS, *PAIRS])])
    nib.Nifti1Image(example.brain.astype(np.uint8), example.affine).to_filename(
        example.folder / "sub-01_desc-brain_mask.nii.gz"
    )
    assert command("predict", str(example.folder), "out", *METHOD).status == 0
    sidecar = json.loads((tmp_path / PERF / "sub-01_cbf.json").read_text(encoding="utf-8"))
    assert sidecar["Sources"] == [
        f"bids:raw:sub-01/perf/sub-01_{name}.nii.gz" for name in ("asl", "m0scan", "desc-brain_mask")
    ]
