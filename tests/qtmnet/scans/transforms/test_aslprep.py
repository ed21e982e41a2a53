"""What ASLPrep leaves of a scan is read as the scan itself, with tissue maps and templates in their places."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.bids.finding import find_scans, scan_prefix
from qtmnet.scans.regions.atlas import read_atlas
from qtmnet.scans.scan import read_scan
from qtmnet.scans.tissue.reading import read_tissue
from qtmnet.scans.transforms.finding import find_links
from qtmnet.scans.transforms.through import from_anatomy, from_template, to_template
from simulators.errors import InputError
from tests.qtmnet.scans.transforms.aslprep import (
    AFFINE,
    SHAPE,
    TEMPLATE,
    TO_FRONT,
    TO_RIGHT,
    brain,
    grey,
    save,
    volume,
    write_derivatives,
    write_raw,
    write_shift,
)

KEPT = ("m0scan", "control", "label", "control", "label")


@pytest.fixture
def series(tmp_path: Path) -> Path:
    raw = write_raw(tmp_path / "raw")
    return write_derivatives(tmp_path / "raw" / "derivatives" / "aslprep", raw, types=KEPT)


def assert_right(path: Path) -> None:
    """Concentration is ρ λ ΔM / (2 α M0), whichever files it is read from."""
    scan = read_scan(path)
    expected = 1.05 * 0.9 / (2 * 0.85) / 1010 * np.where(grey(), 10.0, 4.0)
    np.testing.assert_allclose(scan.concentration()[0][brain()], expected[brain()], rtol=2e-3)  # M0 saturates by 5e-4
    np.testing.assert_array_equal(scan.mask, brain())
    assert scan.prefix == "sub-01"
    assert scan.acquisition.post_labeling_delays == (1.8,)


def test_the_folder_holds_one_scan_and_not_its_copies_in_other_spaces(series: Path) -> None:
    assert find_scans(series.parents[2]) == [series]
    assert scan_prefix(series) == "sub-01"


def test_copies_in_other_spaces_alone_are_refused(series: Path) -> None:
    series.unlink()
    with pytest.raises(InputError, match=r"left out: .*sub-01_space-T1w_desc-preproc_asl\.nii\.gz: space-T1w: brought"):
        find_scans(series.parents[2])


def test_delays_and_types_are_taken_from_the_raw_dataset(series: Path) -> None:
    assert_right(series)
    assert any("preprocessed by ASLPrep" in note and "sub-01_asl.nii.gz" in note for note in read_scan(series).notes)


@pytest.mark.parametrize("link", ["../the raw one", "file://{}"])
def test_the_raw_dataset_is_where_the_description_says(tmp_path: Path, link: str) -> None:
    place = tmp_path / "the raw one"
    raw = write_raw(place)
    uri = link.format(str(place).replace(" ", "%20"))
    assert_right(write_derivatives(tmp_path / "aslprep", raw, types=KEPT, link=uri))


def test_files_beside_the_series_will_do(series: Path) -> None:
    raw = series.parents[4] / "sub-01" / "perf"
    for name in ("sub-01_asl.json", "sub-01_aslcontext.tsv"):
        (raw / name).rename(series.with_name(name))
    (raw / "sub-01_asl.nii.gz").unlink()
    assert_right(series)


def test_volumes_that_aslprep_leaves_out_are_left_out_of_the_fields(tmp_path: Path) -> None:
    raw = write_raw(tmp_path, extra=("noRF", "cbf"))
    assert_right(write_derivatives(tmp_path / "derivatives" / "aslprep", raw, types=KEPT))


def test_other_volumes_are_refused(tmp_path: Path) -> None:
    raw = write_raw(tmp_path, extra=("noRF",))
    path = write_derivatives(tmp_path / "derivatives" / "aslprep", raw, types=KEPT[:-1])
    with pytest.raises(InputError, match=r"found 4 volumes, but sub-01_asl\.nii\.gz has 6, 5 of them of types"):
        read_scan(path)


def test_without_the_raw_dataset_a_line_says_what_is_missing(tmp_path: Path) -> None:
    raw = write_raw(tmp_path / "raw")
    path = write_derivatives(tmp_path / "elsewhere", raw, types=KEPT)
    with pytest.raises(InputError, match=r"sub-01_aslcontext\.tsv: no such file"):
        read_scan(path)


def test_a_separate_m0_comes_from_the_raw_dataset_by_its_transform(tmp_path: Path) -> None:
    """M0 was acquired with the head 8 mm to the front; the transform takes points of the scan there."""
    raw = write_raw(tmp_path, separate_m0=True)
    moved = AFFINE.copy()
    moved[1, 3] += 8.0
    save(raw.with_name("sub-01_m0scan.nii.gz"), volume("m0scan"), moved)
    path = write_derivatives(tmp_path / "derivatives" / "aslprep", raw, types=KEPT[1:])
    write_shift(path.with_name("sub-01_from-m0scan_to-aslref_mode-image_xfm.txt"), (0.0, 8.0, 0.0))
    assert_right(path)
    assert any("brought from the M0 scan by its transform" in note for note in read_scan(path).notes)


def test_tissue_maps_come_from_the_anatomy(series: Path) -> None:
    links = find_links(series)
    assert (links.anatomy, sorted(links.tissue)) == ("T1w", ["CSF", "GM", "WM"])
    onto = from_anatomy(links, SHAPE, AFFINE)
    assert onto is not None
    found = read_tissue({"grey_matter": links.tissue["GM"], "white_matter": links.tissue["WM"]}, onto, brain())
    assert found is not None
    # Two fine voxels of each coarse one, looked up at their own middles.
    np.testing.assert_allclose(found.grey, grey(), atol=1e-5)
    assert "brought from T1w by its transform" in found.note


def test_an_atlas_of_the_template_gets_onto_the_scan(series: Path, tmp_path: Path) -> None:
    labels = np.where(grey(), 1, 0) + np.where(brain() & ~grey(), 2, 0)
    there = AFFINE.copy()
    there[:2, 3] += TO_RIGHT, TO_FRONT
    path = save(tmp_path / f"space-{TEMPLATE}_atlas-two_dseg.nii.gz", labels, there, 4)
    onto = from_template(find_links(series), TEMPLATE, SHAPE, AFFINE)
    assert onto is not None
    np.testing.assert_array_equal(read_atlas(path, None, onto).labels, labels)
    assert from_template(find_links(series), "MNI152NLin6Asym", SHAPE, AFFINE) is None


def test_maps_get_onto_the_template_without_a_dim_edge(series: Path) -> None:
    values = np.where(grey(), 60.0, 20.0)
    found = to_template(find_links(series), TEMPLATE, series)
    assert found is not None
    on_template = found.map(values, brain(), AFFINE)
    assert on_template.shape == (97, 115, 97)
    # Where each voxel of the template lies in the scan: 10 mm to the left of it, 20 mm to the back.
    points = nib.affines.apply_affine(found.image.affine, np.moveaxis(np.indices(on_template.shape), 0, -1))
    voxels = nib.affines.apply_affine(np.linalg.inv(AFFINE), points - [TO_RIGHT, TO_FRONT, 0.0])
    low, high = np.array([3, 3, 2]), np.array([12, 14, 9])  # middles of the outermost voxels of the brain
    within = ((voxels >= low) & (voxels <= high)).all(axis=-1)
    left, right = within & (voxels[..., 0] <= 7), within & (voxels[..., 0] >= 8)
    np.testing.assert_allclose(on_template[left], 60.0, rtol=1e-5)
    np.testing.assert_allclose(on_template[right], 20.0, rtol=1e-5)
    beyond = ((voxels < low - 0.5) | (voxels > high + 0.5)).any(axis=-1)
    assert not on_template[beyond].any()
    assert set(np.unique(on_template[~within & ~beyond]).round(3)) <= set(np.linspace(20, 60, 9)) | {0.0}  # none dimmed
    assert found.map(grey(), brain(), AFFINE).dtype == bool


def test_the_grid_of_aslprep_is_taken_where_it_is_there(series: Path) -> None:
    grid = np.diag([8.0, 8.0, 8.0, 1.0])
    save(series.with_name(f"sub-01_space-{TEMPLATE}_desc-brain_mask.nii.gz"), np.ones((20, 22, 21)), grid, 4)
    found = to_template(find_links(series), TEMPLATE, series)
    assert found is not None
    assert found.image.shape == (20, 22, 21)
    np.testing.assert_array_equal(found.image.affine, grid)


def test_a_scan_without_transforms_has_no_links(tmp_path: Path) -> None:
    raw = write_raw(tmp_path)
    links = find_links(raw)
    assert (links.to_anatomy, links.tissue) == (None, {})
    assert from_anatomy(links, SHAPE, AFFINE) is None
    assert to_template(links, TEMPLATE, raw) is None


def test_sources_may_be_bids_uris(series: Path) -> None:
    sidecar = series.with_name("sub-01_desc-preproc_asl.json")
    fields = json.loads(sidecar.read_text(encoding="utf-8"))
    del fields["RawSources"]
    sidecar.write_text(json.dumps(fields | {"Sources": ["bids:raw:sub-01/perf/sub-01_asl.nii.gz"]}), encoding="utf-8")
    assert_right(series)
