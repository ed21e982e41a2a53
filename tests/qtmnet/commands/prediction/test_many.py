"""Datasets as they are: one bad scan, two sites, runs again; each map held against the scan that it is of."""

import json
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.commands.prediction import one_scan
from qtmnet.methods import kinetic_fit
from simulators import PCASL, Acquisition
from tests.qtmnet.conftest import DURATION, ExampleScan

DELAY = 1.5
VOLUMES = [("m0scan", 0.0), ("control", DELAY), ("label", DELAY)]
METHOD = ("method=single_delay", "compare=null")


def scan_in(folder: Path, prefix: str = "sub-01", scale: float = 1.0, **fields: object) -> ExampleScan:
    """A scan whose perfusion is `scale` times that of the example."""
    scan = ExampleScan(folder, prefix)
    scan.amplitude = scan.amplitude * scale
    return scan.write(VOLUMES, **fields)


def is_of(path: Path, scan: ExampleScan) -> bool:
    """Whether a map is that of a scan, by the kinetic model on its true concentration."""
    truth = kinetic_fit.fit(scan.truth([DELAY]), Acquisition(PCASL(DURATION), (DELAY,)), method="single_delay")
    return bool(np.allclose(nib.load(path).get_fdata()[scan.brain], truth.cbf[scan.brain], rtol=1e-3))


@pytest.fixture
def dataset(tmp_path: Path) -> dict[str, ExampleScan]:
    """Three subjects, of which the second lacks a field."""
    scans = {name: scan_in(tmp_path / "ds" / name / "perf", name, 1 + k) for k, name in enumerate(("sub-01", "sub-03"))}
    scan_in(tmp_path / "ds" / "sub-02" / "perf", "sub-02", LabelingDuration=...)
    return scans


def test_one_bad_scan_does_not_stop_the_others(command, dataset, tmp_path: Path) -> None:
    outcome = command("predict", "ds", "out", *METHOD)
    assert outcome.status == 1
    for name, scan in dataset.items():
        assert is_of(tmp_path / f"out/{name}/perf/{name}_cbf.nii.gz", scan)
        assert (tmp_path / f"out/{name}/perf/{name}_report.html").is_file()
    assert not (tmp_path / "out/sub-02").exists()
    rows = [line.split()[0] for line in outcome.out.splitlines() if "median CBF" in line and "of the mask" not in line]
    assert rows == ["sub-01", "sub-03"]
    at_once, in_the_end = (line for line in outcome.told if "sub-02_asl.json: LabelingDuration: not found" in line)
    assert at_once.startswith("sub-02: failed: ")
    assert in_the_end.strip().startswith("sub-02: ")
    assert outcome.told[-1] == "1 of 3 scans failed; the maps of the others are whole"


def test_if_all_fail_it_is_the_input(command, tmp_path: Path) -> None:
    for name in ("sub-01", "sub-02"):
        scan_in(tmp_path / "ds" / name / "perf", name, LabelingDuration=...)
    outcome = command("predict", "ds", "out", *METHOD)
    assert outcome.status == 2
    assert outcome.told[-1] == "error: none of 2 scans could be mapped; the reasons stand above"
    assert not (tmp_path / "out").exists()


def test_a_single_scan_is_refused_by_its_own_reason(command, tmp_path: Path) -> None:
    scan_in(tmp_path / "ds" / "sub-01" / "perf", LabelingDuration=...)
    outcome = command("predict", "ds", "out", *METHOD)
    assert outcome.status == 2
    (line,) = outcome.told
    assert line.startswith("error: ")
    assert "sub-01_asl.json: LabelingDuration: not found" in line


def test_a_fault_of_the_program_is_one_scans_too(command, dataset, tmp_path: Path, monkeypatch) -> None:
    shutil.rmtree(tmp_path / "ds" / "sub-02")
    read = one_scan.read_scan

    def broken(path: Path, **given: object) -> object:
        if "sub-01" in path.name:
            raise ZeroDivisionError("a fault")
        return read(path, **given)

    monkeypatch.setattr(one_scan, "read_scan", broken)
    outcome = command("predict", "ds", "out", *METHOD)
    assert outcome.status == 1
    assert "sub-01: failed: a fault of the program, not of yours: ZeroDivisionError: a fault" in outcome.err
    assert is_of(tmp_path / "out/sub-03/perf/sub-03_cbf.nii.gz", dataset["sub-03"])


def test_files_of_a_scan_are_there_before_the_next_is_read(command, dataset, tmp_path: Path, monkeypatch) -> None:
    read, seen = one_scan.read_scan, []

    def looking(path: Path, **given: object) -> object:
        seen.append(sorted(file.name for file in (tmp_path / "out").rglob("*_report.html")))
        return read(path, **given)

    monkeypatch.setattr(one_scan, "read_scan", looking)
    assert command("predict", "ds", "out", *METHOD).status == 1
    assert seen == [[], ["sub-01_report.html"], ["sub-01_report.html"]]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("participant_label=03",), ["sub-03"]),
        (("participant_label=[01,03]",), ["sub-01", "sub-03"]),
        (("participant_label=sub-03",), ["sub-03"]),
        (("participant", "--participant-label", "03", "01"), ["sub-01", "sub-03"]),
        (("participant", "--participant_label=sub-01", "--skip-bids-validation"), ["sub-01"]),
    ],
)
def test_some_subjects(command, dataset, tmp_path: Path, words: tuple[str, ...], names: list[str]) -> None:
    outcome = command("predict", "ds", "out", *words, *METHOD)
    assert outcome.status == 0, outcome.err
    assert sorted(folder.name for folder in (tmp_path / "out").glob("sub-*")) == names
    for name in names:
        assert is_of(tmp_path / f"out/{name}/perf/{name}_cbf.nii.gz", dataset[name])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("participant_label=1",), "participant_label: found 1, of which there is no scan; give some of 01, 02, 03"),
        (("participant_label=[01,09]",), "participant_label: found 09, of which there is no scan"),
        (("participant_label=a_b",), "participant_label: found 'a_b'; give "),
        (("participant", "--participant-label"), "--participant-label: nothing behind it; give labels"),
        (("group",), "group: nothing is made at this level; give participant"),
        (("elsewhere",), "elsewhere: a path too many"),
    ],
)
def test_subjects_that_are_not_there_are_told(command, dataset, tmp_path: Path, words, told: str) -> None:
    outcome = command("predict", "ds", "out", *words, *METHOD)
    assert outcome.status == 2
    assert told in outcome.told[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("setting", ["m0", "mask"])
def test_an_image_of_one_head_is_not_taken_for_that_of_others(command, dataset, tmp_path: Path, setting: str) -> None:
    image = dataset["sub-01"].write_image(tmp_path / "image.nii.gz", dataset["sub-01"].relaxed_m0)
    refused = command("predict", "ds", "out", f"{setting}={image}", *METHOD)
    assert refused.status == 2
    assert f"error: {setting}: found one image for 3 participants; map them one by one" in refused.told[-1]
    assert not (tmp_path / "out").exists()


def test_a_label_that_is_a_number_stays_as_it_is_written(command, tmp_path: Path) -> None:
    for name in ("sub-1", "sub-01", "sub-1e3"):
        scan_in(tmp_path / "ds" / name / "perf", name)
    for label, name in (("1", "sub-1"), ("01", "sub-01"), ("1e3", "sub-1e3")):
        assert command("predict", "ds", f"out-{name}", f"participant_label={label}", *METHOD).status == 0
        assert [folder.name for folder in (tmp_path / f"out-{name}").glob("sub-*")] == [name]


def test_two_sites_with_a_subject_of_one_name(command, tmp_path: Path) -> None:
    scans = {site: scan_in(tmp_path / "all" / site / "sub-01/perf", scale=1 + k) for k, site in enumerate("AB")}
    outcome = command("predict", "all", "out", *METHOD)
    assert outcome.status == 0, outcome.err
    for site, scan in scans.items():
        folder = tmp_path / "out" / site
        assert is_of(folder / "sub-01/perf/sub-01_cbf.nii.gz", scan)
        links = json.loads((folder / "dataset_description.json").read_text(encoding="utf-8"))["DatasetLinks"]
        assert links == {"raw": (tmp_path / "all" / site).as_uri()}


def test_sessions_that_folders_tell(command, tmp_path: Path) -> None:
    scans = {name: scan_in(tmp_path / f"ds/sub-01/{name}/perf", scale=1 + k) for k, name in enumerate(("pre", "post"))}
    assert command("predict", "ds", "out", *METHOD).status == 0
    for name, scan in scans.items():
        assert is_of(tmp_path / f"out/sub-01/ses-{name}/perf/sub-01_ses-{name}_cbf.nii.gz", scan)


def test_both_formats_of_one_name_are_refused_and_others_mapped(command, dataset, tmp_path: Path) -> None:
    perf = tmp_path / "ds/sub-01/perf"
    nib.load(perf / "sub-01_asl.nii.gz").to_filename(perf / "sub-01_asl.nii")
    outcome = command("predict", "ds", "out", *METHOD)
    assert outcome.status == 1
    for one, other in ((".nii", ".nii.gz"), (".nii.gz", ".nii")):
        assert f"sub-01_asl{one}: found the name of ds/sub-01/perf/sub-01_asl{other}, so that" in outcome.err
    assert [path.name for path in (tmp_path / "out").rglob("*.nii.gz")] == ["sub-03_cbf.nii.gz"]


def test_maps_of_another_dataset_are_not_replaced(command, tmp_path: Path) -> None:
    """One site after the other into one folder."""
    scans = {site: scan_in(tmp_path / site / "sub-01/perf", scale=1 + k) for k, site in enumerate("AB")}
    assert command("predict", "A", "out", *METHOD).status == 0
    refused = command("predict", "B", "out", *METHOD)
    assert refused.status == 2
    assert f"sub-01_cbf.nii.gz: output_dir: found the map of another scan, {(tmp_path / 'A').as_uri()}" in refused.err
    assert is_of(tmp_path / "out/sub-01/perf/sub-01_cbf.nii.gz", scans["A"])
    assert command("predict", "A/sub-01/perf/sub-01_asl.nii.gz", "out", *METHOD).status == 0  # the same again


def test_maps_of_an_earlier_run_that_this_one_does_not_make_are_removed(command, example, tmp_path: Path) -> None:
    """A transit time of another method beside perfusion would pass for its own."""
    assert command("predict", str(example.folder), "out", "method=multi_delay").status == 0
    perf = tmp_path / "out/sub-01/perf"
    assert (perf / "sub-01_att.nii.gz").exists()
    mine = perf / "sub-02_att.nii.gz"
    mine.write_bytes(b"of another scan")
    outcome = command("predict", str(example.folder), "out", "method=single_delay")
    assert outcome.status == 0, outcome.err
    assert not (perf / "sub-01_att.nii.gz").exists()
    assert not (perf / "sub-01_att.json").exists()
    assert mine.exists()
    assert "sub-01: removed, as an earlier run made them: sub-01_att.nii.gz, sub-01_att.json" in outcome.out


def test_a_folder_of_other_programs_is_left_alone(command, example, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    description = tmp_path / "other" / "dataset_description.json"
    description.write_text('{"Name": "x", "GeneratedBy": [{"Name": "ASLPrep"}]}', encoding="utf-8")
    for output in ("other", str(tmp_path)):
        refused = command("predict", str(example.folder), output, *METHOD)
        assert refused.status == 2
        assert "output_dir" in refused.told[-1]
    assert os.listdir(tmp_path / "other") == ["dataset_description.json"]
