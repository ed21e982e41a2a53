"""The files of a scan: all of them or none, and never in the place of what was put in."""

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from omegaconf import OmegaConf

from qtmnet.commands.endings import Incomplete
from qtmnet.commands.predict import predict
from qtmnet.commands.prediction import one_scan
from qtmnet.methods.multi_delay import MultiDelay
from simulators.errors import InputError
from simulators.files import writing

VOLUMES = [("m0scan", 0.0), *((kind, delay) for delay in (1.0, 1.5) for kind in ("control", "label"))]


TABLES = ("desc-qc.tsv", "desc-qc.json", "desc-pairs_qc.tsv", "desc-pairs_qc.json")
ENDINGS = ("cbf.nii.gz", "cbf.json", *TABLES, "report.html")
"""Of the files of a scan, with a map of perfusion."""


def settings(**given: object):
    """Settings of predict, the kinetic model by default."""
    methods = {"single_delay": {"_target_": "qtmnet.methods.single_delay.SingleDelay", "t1_blood": "${t1_blood}"}}
    if "t1_tissue" in given:
        methods = {"multi_delay": {"_target_": "qtmnet.methods.multi_delay.MultiDelay", "t1_tissue": "${t1_tissue}"}}
    none = ("ckpt", "participant_label", "m0", "mask", "labeling_efficiency", "t1_blood", "m0_scale", "template")
    none += ("phase_contrast", "grey_matter", "white_matter", "csf", "atlas", "atlas_labels")
    scale = {"_target_": "qtmnet.scans.calibration.signal_scale.SignalScale", "nex": None, "gain": None}
    plain = {"method": methods, "t1_tissue": 1.3, "tissue_threshold": 0.7, "delay_image": False, "scan": scale}
    plain |= {"motion_correction": False}
    plain |= dict.fromkeys(none)
    return OmegaConf.create(plain | {name: str(value) for name, value in given.items()})


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


BAD_FOLDERS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a file": (lambda folder: (folder / "out").touch(), "out", "is a file"),
    "in a file": (lambda folder: (folder / "out").touch(), "out/deep", "/out is a file"),
    "a broken link": (
        lambda folder: (folder / "out").symlink_to("nowhere"),
        "out",
        "a link to a folder that is not there",
    ),
    "too long": (lambda folder: None, "n" * 300, "name too long"),
    "an image is a folder": (
        lambda folder: (folder / "out/sub-01/perf/sub-01_cbf.nii.gz").mkdir(parents=True),
        "out",
        "taken by",
    ),
    "a sidecar is a folder": (
        lambda folder: (folder / "out/sub-01/perf/sub-01_cbf.json").mkdir(parents=True),
        "out",
        "taken by",
    ),
    "a report is a folder": (
        lambda folder: (folder / "out/sub-01/perf/sub-01_report.html").mkdir(parents=True),
        "out",
        "taken",
    ),
    "no folder of ours": (lambda folder: None, "/proc/out", "cannot be written"),
}


@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_a_folder_that_will_not_do_is_refused_before_the_work(
    new_scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spoil, output, told = BAD_FOLDERS[name]
    if output.startswith("/proc") and not Path("/proc").exists():
        pytest.skip("not on this system")
    scan = new_scan().write(VOLUMES)
    spoil(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(MultiDelay, "maps", None)  # the work
    with pytest.raises(InputError) as error:
        predict(settings(input=scan.path, output_dir=tmp_path / output))
    assert told in str(error.value)
    assert str(error.value).isprintable()
    assert sorted(tmp_path.rglob("*")) == before


FULL = r"cannot be written \(no space left on the disk\).*; 1 of 3 scans are mapped, the others were not tried"


def test_a_scan_whose_report_cannot_be_written_leaves_nothing(
    new_scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what an earlier run made of it stays; the scan before has its files, and the next is not tried."""
    for prefix in ("sub-01_run-1", "sub-01_run-2", "sub-01_run-3"):
        new_scan(prefix).write(VOLUMES)
    out = tmp_path / "new" / "out"
    given = settings(input=tmp_path / "sub-01", output_dir=out)
    write, written = one_scan.write_page, []

    def fill_up(*arguments: object) -> Path:
        written.append(1)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        return write(*arguments)

    monkeypatch.setattr(one_scan, "write_page", fill_up)
    with pytest.raises(InputError, match=FULL):
        predict(given)
    assert len(written) == 2
    of_first = {f"sub-01/perf/sub-01_run-1_{end}" for end in ENDINGS}
    assert set(files_below(out)) == {*of_first, "dataset_description.json", ".bidsignore"}
    monkeypatch.undo()
    predict(given)
    before = files_below(out)
    assert len(before) == 3 * len(ENDINGS) + len(("dataset_description", ".bidsignore")) + 3  # of both
    written.clear()
    monkeypatch.setattr(one_scan, "write_page", fill_up)
    with pytest.raises(InputError, match=FULL):
        predict(given)
    second = {name for name in before if "run-2" in name}
    assert {name: content for name, content in files_below(out).items() if name in second} == {
        name: before[name] for name in second
    }


@pytest.mark.parametrize("when", ["a draft is made", "a draft is forced onto the disk", "names are given"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_ends_the_run(command, new_scan, tmp_path: Path, monkeypatch, when: str, code: int) -> None:
    """Wherever it shows, in one line, with exit status 2 and nothing half-written; the next scan may be a short one."""
    for prefix in ("sub-01", "sub-02", "sub-03"):
        new_scan(prefix).write(VOLUMES)

    def fails(*_of: object) -> None:
        raise OSError(code, os.strerror(code))

    place = {
        "a draft is made": (writing.Drafts, "of"),
        "a draft is forced onto the disk": (writing, "_sync"),
        "names are given": (os, "replace"),
    }
    monkeypatch.setattr(*place[when], fails)
    outcome = command("predict", "sub-01", "out", "method=single_delay", "compare=null")
    assert outcome.status == 2
    (line,) = (each for each in outcome.told if not each.startswith("scans: "))
    told = r"error: \S+: cannot be written \(.*\); .*; 0 of 3 scans are mapped, the others were not tried"
    assert re.fullmatch(told, line)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_nobody_may_write_to_is_told_once(command, new_scan, tmp_path: Path, monkeypatch) -> None:
    for prefix in ("sub-01", "sub-02"):
        new_scan(prefix).write(VOLUMES)
    (tmp_path / "out").mkdir()

    def denied(path: Path, **_how: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", denied)  # rights do not hold for whoever runs tests as root
    outcome = command("predict", "sub-01", "out", "method=single_delay", "compare=null")
    assert outcome.status == 2
    (line,) = outcome.told
    assert line == "error: out: cannot be written (Permission denied); mend that and run again to go on"


def test_a_reader_who_has_had_enough_ends_the_run(new_scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `head` does; no scan is to blame."""
    for prefix in ("sub-01", "sub-02"):
        new_scan(prefix).write(VOLUMES)

    def broken(*_what: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(one_scan, "_tell", broken)
    with pytest.raises(BrokenPipeError):
        predict(settings(input=tmp_path / "sub-01", output_dir=tmp_path / "out"))
    assert (tmp_path / "out/sub-01/perf/sub-01_report.html").exists()
    assert not (tmp_path / "out/sub-02").exists()


def test_two_scans_of_one_name_are_refused_and_the_others_mapped(new_scan, tmp_path: Path, capsys) -> None:
    scan = new_scan().write(VOLUMES)
    new_scan("sub-01_run-2").write(VOLUMES)
    (tmp_path / "sub-01" / "asl").mkdir()  # no session, as `perf` is none
    for file in scan.folder.glob("sub-01_asl*"):
        (tmp_path / "sub-01" / "asl" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Incomplete, match="2 of 3 scans failed"):
        predict(settings(input=tmp_path, output_dir=tmp_path / "out"))
    assert re.search(r"asl/sub-01_asl\.nii\.gz: found the name of .*perf/sub-01_asl", capsys.readouterr().err)
    images = (tmp_path / "out").rglob("*.nii.gz")
    assert [path.name for path in images] == ["sub-01_run-2_cbf.nii.gz"]


def test_nothing_is_written_beside_a_scan(new_scan, tmp_path: Path) -> None:
    """There may be maps of the scanner's; a link to the folder of the scan is no way around it."""
    scan = new_scan().write(VOLUMES)
    (tmp_path / "link").symlink_to(scan.folder)
    before = files_below(scan.folder)
    for output in (scan.folder, tmp_path / "link"):
        with pytest.raises(InputError, match="output_dir: the scan itself lies there; give another folder"):
            predict(settings(input=scan.path, output_dir=output))
    assert files_below(scan.folder) == before


def test_what_was_given_is_not_replaced(new_scan, tmp_path: Path) -> None:
    scan = new_scan().write(VOLUMES)
    (tmp_path / "out" / "sub-01/perf").mkdir(parents=True)
    path = scan.write_image(tmp_path / "out/sub-01/perf/sub-01_att.nii.gz", np.full(scan.brain.shape, 1.1))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"sub-01_att\.nii\.gz: output_dir: found a file that is read from"):
        predict(settings(input=scan.path, output_dir=tmp_path / "out", t1_tissue=path))
    assert files_below(tmp_path / "out") == {"sub-01/perf/sub-01_att.nii.gz": before}


@pytest.mark.parametrize("name", ["caf\udce9", "Übung 灌注 (1), [x]='#&~", "123", "true"])
def test_names_of_any_letters(new_scan, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Those that are no UTF-8 too: in folders, images, sidecars, pages and on the console."""
    folder = tmp_path / name
    try:
        folder.mkdir()
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes other names")
    scan = new_scan().write(VOLUMES)
    for file in scan.folder.iterdir():
        file.rename(folder / file.name.replace("sub-01", f"sub-{name}"))
    for kind, data in {"m0": scan.relaxed_m0, "mask": scan.brain}.items():
        nib.Nifti1Image(data.astype(np.float32), scan.affine).to_filename(tmp_path / f"{kind}.nii")
        (tmp_path / f"{kind}.nii").rename(folder / f"{kind}{name}.nii")
    out = folder / "out"
    given = {kind: folder / f"{kind}{name}.nii" for kind in ("m0", "mask")}
    (image,) = predict(settings(input=folder, output_dir=out, **given))
    assert os.path.basename(image) == f"sub-{name}_cbf.nii.gz"
    perf = out / f"sub-{name}/perf"
    sidecar = json.loads((perf / f"sub-{name}_cbf.json").read_bytes().decode())
    assert sidecar["Sources"][0].endswith(f"sub-{name}_asl.nii.gz")
    assert len((perf / f"sub-{name}_report.html").read_bytes().decode()) > 1000
    capsys.readouterr().out.encode()  # strict UTF-8
