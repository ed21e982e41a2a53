"""Numbers, regions, template and group of scans whose perfusion is known, as `predict` writes them."""

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.qtmnet.conftest import VOXEL_MM
from tests.qtmnet.scans.transforms.aslprep import AFFINE, TEMPLATE, brain, grey, save, write_derivatives, write_raw

METHOD = "method=single_delay"


def volumes(delays=(1.5,)) -> list[tuple[str, float]]:
    return [("m0scan", 0.0), *((kind, delay) for delay in delays for kind in ("control", "label"))] * 2


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def test_numbers_of_a_scan_are_those_of_its_map(command, example, tmp_path: Path) -> None:
    outcome = command("predict", str(example.folder), "out", METHOD, "phase_contrast=650")
    assert outcome.status == 0, outcome.err
    folder = tmp_path / "out" / "sub-01" / "perf"
    (row,) = table(folder / "sub-01_desc-qc.tsv")
    cbf = nib.load(folder / "sub-01_cbf.nii.gz").get_fdata()[example.brain]
    assert (row["scan"], row["method"]) == ("sub-01", "single_delay")
    assert float(row["cbf_median"]) == pytest.approx(np.median(cbf), rel=1e-5)
    assert float(row["spatial_cov"]) == pytest.approx(100 * cbf.std() / cbf.mean(), rel=1e-5)
    mass = 1.05 * np.prod(VOXEL_MM) / 1000 * cbf.size
    assert float(row["flow_total"]) == pytest.approx(cbf.mean() / 100 * mass, rel=1e-5)
    assert float(row["flow_ratio"]) == pytest.approx(cbf.mean() / 100 * mass / 650, rel=1e-5)
    assert row["qei"] == "n/a"  # nothing tells grey from white matter
    dictionary = json.loads((folder / "sub-01_desc-qc.json").read_text(encoding="utf-8"))
    assert set(dictionary) == set(row)
    assert "sub-01_desc-qc.tsv" in outcome.out
    assert "Total flow beside phase contrast" in outcome.out  # a brain of 60 voxels
    page = (folder / "sub-01_report.html").read_text(encoding="utf-8")
    assert 'id="numbers"' in page


def test_tissue_maps_beside_the_scan_and_an_atlas(command, example, tmp_path: Path) -> None:
    left = example.brain & (np.indices(example.brain.shape)[0] < 3)
    right = example.brain & ~left
    for label, share in (("GM", left), ("WM", right)):
        example.write_image(example.folder / f"sub-01_label-{label}_probseg.nii.gz", share)
    example.write_image(tmp_path / "atlas-sides_dseg.nii.gz", 1 * left + 2 * right)
    (tmp_path / "atlas-sides_dseg.tsv").write_text("index\tname\n1\tleft\n2\tright\n", encoding="utf-8")
    outcome = command("predict", str(example.folder), "out", METHOD, "atlas=atlas-sides_dseg.nii.gz")
    assert outcome.status == 0, outcome.err
    folder = tmp_path / "out" / "sub-01" / "perf"
    cbf = nib.load(folder / "sub-01_cbf.nii.gz").get_fdata()
    (row,) = table(folder / "sub-01_desc-qc.tsv")
    assert float(row["cbf_median_grey"]) == pytest.approx(np.median(cbf[left]), rel=1e-5)
    assert float(row["cbf_median_white"]) == pytest.approx(np.median(cbf[right]), rel=1e-5)
    assert 0 <= float(row["qei"]) <= 1
    regions = table(folder / "sub-01_atlas-sides_regions.tsv")
    assert [region["name"] for region in regions] == ["left", "right"]
    assert [int(region["n_voxels"]) for region in regions] == [left.sum(), right.sum()]
    assert float(regions[0]["cbf_mean"]) == pytest.approx(cbf[left].mean(), rel=1e-5)
    notes = json.loads((folder / "sub-01_cbf.json").read_text(encoding="utf-8"))["Notes"]
    assert any(note.startswith("tissue: ") for note in notes)
    assert any(note.startswith("atlas: ") for note in notes)
    # Without the atlas, its table would be one of other maps.
    assert command("predict", str(example.folder), "out", METHOD).status == 0
    assert not list(folder.glob("*_regions.*"))


def test_all_scans_stand_on_one_page_those_of_earlier_runs_too(command, new_scan, tmp_path: Path) -> None:
    one, two = (new_scan(prefix).write(volumes()) for prefix in ("sub-01_run-1", "sub-01_run-2"))
    assert command("predict", str(one.path), "out", METHOD).status == 0
    assert not (tmp_path / "out" / "group_qc.tsv").exists()  # of one
    outcome = command("predict", str(two.path), "out", METHOD)
    assert "all scans: out/group_qc.html" in outcome.out
    rows = table(tmp_path / "out" / "group_qc.tsv")
    assert [row["scan"] for row in rows] == ["sub-01_run-1", "sub-01_run-2"]
    page = (tmp_path / "out" / "group_qc.html").read_text(encoding="utf-8")
    assert 'href="sub-01/perf/sub-01_run-1_report.html"' in page
    assert (tmp_path / "out" / "group_qc.json").is_file()


def test_a_damaged_table_of_an_earlier_run_is_left_out_and_named(command, new_scan, tmp_path: Path) -> None:
    for prefix in ("sub-01_run-1", "sub-01_run-2"):
        new_scan(prefix).write(volumes())
    damaged = tmp_path / "out" / "sub-09" / "perf" / "sub-09_desc-qc.tsv"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("scan\tcbf_median\nsub-09\tmuch\n", encoding="utf-8")
    outcome = command("predict", str(tmp_path / "sub-01"), "out", METHOD)
    assert outcome.status == 0
    assert "left out: out/sub-09/perf/sub-09_desc-qc.tsv: cbf_median: found 'much'" in outcome.out
    assert len(table(tmp_path / "out" / "group_qc.tsv")) == 2


def test_what_aslprep_has_written_is_mapped_with_tissue_motion_and_template(command, tmp_path: Path) -> None:
    raw = write_raw(tmp_path / "raw")
    types = ("m0scan", "control", "label", "control", "label")
    write_derivatives(tmp_path / "raw" / "derivatives" / "aslprep", raw, types=types)
    labels = 1 * grey() + 2 * (brain() & ~grey())
    there = AFFINE.copy()
    there[:2, 3] += 10.0, 20.0
    atlas = save(tmp_path / f"tpl-{TEMPLATE}_atlas-two_dseg.nii.gz", labels, there, 4)
    outcome = command("predict", "raw/derivatives/aslprep", "out", METHOD, f"atlas={atlas}")
    assert outcome.status == 0, outcome.err
    folder = tmp_path / "out" / "sub-01" / "perf"
    (row,) = table(folder / "sub-01_desc-qc.tsv")
    assert float(row["grey_white_ratio"]) == pytest.approx(2.5, rel=1e-3)  # of label, 10 and 4
    assert (float(row["fd_mean"]), float(row["fd_max"])) == (pytest.approx(0.2), pytest.approx(0.4))
    # The correlation of a map as tissue would make it, but for smoothing across edges of 50 mm boxes.
    assert float(row["qei_similarity"]) > 0.9
    regions = table(folder / "sub-01_atlas-two_regions.tsv")
    assert [int(region["n_voxels"]) for region in regions] == [grey().sum(), (brain() & ~grey()).sum()]
    there = nib.load(folder / f"sub-01_space-{TEMPLATE}_cbf.nii.gz")
    assert there.shape == (97, 115, 97)
    cbf = nib.load(folder / "sub-01_cbf.nii.gz").get_fdata()
    there = there.get_fdata()[there.get_fdata() > 0]
    volume = brain().sum() * np.prod((4.0, 4.0, 5.0))
    # Faces of the box lie on middles of the template's voxels of 2 mm, which count or not: 1 mm of 40, on two sides.
    assert there.size * 8 == pytest.approx(volume, rel=0.15)
    assert (there.min(), there.max()) == (pytest.approx(cbf[brain()].min()), pytest.approx(cbf[brain()].max()))
    sidecar = json.loads((folder / f"sub-01_space-{TEMPLATE}_cbf.json").read_text(encoding="utf-8"))
    assert len(sidecar["Sources"]) == 4  # series, mask, and the transforms to the anatomy and from there
    # Asked not to, it takes away what would be of other maps.
    assert command("predict", "raw/derivatives/aslprep", "out", METHOD, "template=null").status == 0
    assert not list(folder.glob("*space-MNI*"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["atlas_labels=x.tsv"], "atlas_labels: found x.tsv, but no atlas"),
        (["atlas=none.nii.gz"], "none.nii.gz: no such file"),
        (["grey_matter=sub-01/perf/sub-01_asl.nii.gz"], "white_matter: found none"),
        (["phase_contrast=12"], "phase_contrast: found 12"),
        (["phase_contrast=none.tsv"], "none.tsv: no such file"),
        (["tissue_threshold=70"], "tissue_threshold"),
        (["template=Talairach"], "template"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(
    command, example, tmp_path: Path, settings: list[str], said: str
) -> None:
    outcome = command("predict", str(example.folder), "out", METHOD, *settings)
    assert outcome.status == 2
    assert said in outcome.err
    assert not (tmp_path / "out").exists()


def test_an_atlas_of_a_template_is_refused_without_transforms(command, example, tmp_path: Path) -> None:
    example.write_image(tmp_path / f"space-{TEMPLATE}_dseg.nii.gz", 1 * example.brain)
    outcome = command("predict", str(example.folder), "out", METHOD, f"atlas=space-{TEMPLATE}_dseg.nii.gz")
    assert outcome.status == 2
    assert f"found an atlas in {TEMPLATE}, but no transforms beside" in outcome.err


def test_one_image_is_not_taken_for_that_of_several_scans(command, new_scan, tmp_path: Path) -> None:
    scans = [new_scan(prefix).write(volumes()) for prefix in ("sub-01_run-1", "sub-01_run-2")]
    outcome = command("predict", str(tmp_path), "out", METHOD, f"grey_matter={scans[0].path}")
    assert outcome.status == 2
    assert "grey_matter: found one image for 2 scans" in outcome.err
