"""What predict writes: all of it or nothing, and never in the place of what was put in."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from omegaconf import OmegaConf

from qtmnet.commands import predict as prediction
from qtmnet.commands.predict import predict
from qtmnet.methods.multi_delay import MultiDelay
from simulators.errors import InputError

VOLUMES = [("m0scan", 0.0), *((kind, delay) for delay in (1.0, 1.5) for kind in ("control", "label"))]


def settings(**given: object):
    """Settings of predict, the kinetic model by default."""
    methods = {"single_delay": {"_target_": "qtmnet.methods.single_delay.SingleDelay", "t1_blood": "${t1_blood}"}}
    if "t1_tissue" in given:
        methods = {"multi_delay": {"_target_": "qtmnet.methods.multi_delay.MultiDelay", "t1_tissue": "${t1_tissue}"}}
    plain = {"method": methods, "ckpt": None, "m0": None, "mask": None, "labeling_efficiency": None}
    plain |= {"t1_blood": 1.65, "t1_tissue": 1.3}
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
        lambda folder: (folder / "out" / "sub-01_cbf.nii.gz").mkdir(parents=True),
        "out",
        "taken by",
    ),
    "a sidecar is a folder": (
        lambda folder: (folder / "out" / "sub-01_cbf.json").mkdir(parents=True),
        "out",
        "taken by",
    ),
    "a report is a folder": (
        lambda folder: (folder / "out" / "sub-01_report.html").mkdir(parents=True),
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


def test_the_last_report_takes_all_maps_with_it(new_scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("sub-01_run-1", "sub-01_run-2"):
        new_scan(prefix).write(VOLUMES)
    out = tmp_path / "new" / "out"
    given = settings(input=tmp_path, output_dir=out)
    write, written = prediction.write_page, []

    def fill_up(*arguments: object) -> Path:
        written.append(1)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        return write(*arguments)

    monkeypatch.setattr(prediction, "write_page", fill_up)
    with pytest.raises(InputError, match="no space left on the disk"):
        predict(given)
    assert not (tmp_path / "new").exists()
    monkeypatch.undo()
    predict(given)
    assert len(files_below(out)) == 6
    before = files_below(out)
    written.clear()
    monkeypatch.setattr(prediction, "write_page", fill_up)
    with pytest.raises(InputError):
        predict(given)
    assert files_below(out) == before


def test_two_scans_of_one_name_are_refused(new_scan, tmp_path: Path) -> None:
    scan = new_scan().write(VOLUMES)
    (tmp_path / "sub-02").mkdir()
    for file in scan.folder.iterdir():
        (tmp_path / "sub-02" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InputError, match=r"sub-02/sub-01_asl\.nii\.gz: found the name of .*sub-01/perf/sub-01_asl"):
        predict(settings(input=tmp_path, output_dir=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


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
    (tmp_path / "out").mkdir()
    path = scan.write_image(tmp_path / "out" / "sub-01_att.nii.gz", np.full(scan.brain.shape, 1.1))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"sub-01_att\.nii\.gz: output_dir: found a file that is read from"):
        predict(settings(input=scan.path, output_dir=tmp_path / "out", t1_tissue=path))
    assert files_below(tmp_path / "out") == {"sub-01_att.nii.gz": before}


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
    for kind in ("m0", "mask"):
        nib.Nifti1Image(scan.relaxed_m0.astype(np.float32), scan.affine).to_filename(tmp_path / f"{kind}.nii")
        (tmp_path / f"{kind}.nii").rename(folder / f"{kind}{name}.nii")
    out = folder / "out"
    given = {kind: folder / f"{kind}{name}.nii" for kind in ("m0", "mask")}
    (image,) = predict(settings(input=folder, output_dir=out, **given))
    assert os.path.basename(image) == f"sub-{name}_cbf.nii.gz"
    sidecar = json.loads((out / f"sub-{name}_cbf.json").read_bytes().decode())
    assert sidecar["Sources"][0].endswith(f"sub-{name}_asl.nii.gz")
    assert len((out / f"sub-{name}_report.html").read_bytes().decode()) > 1000
    capsys.readouterr().out.encode()  # strict UTF-8
