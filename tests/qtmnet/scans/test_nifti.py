"""Maps come out whole, in the scan's space, and the same each time."""

import errno
import gzip
import json
import os

import nibabel as nib
import numpy as np
import pytest

from qtmnet.quantities import ATT, CBF, OUTSIDE, QUANTITIES
from qtmnet.scans.nifti import map_path, map_sidecar, read_image, write_map
from qtmnet.scans.scan import read_scan
from simulators.errors import InputError

SHAPE = (6, 7, 5)


@pytest.fixture
def cbf():
    return np.random.default_rng(2).uniform(0, 80, SHAPE)


@pytest.fixture
def compressed(tmp_path, cbf):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(gzip.compress(nib.Nifti1Image(cbf, np.eye(4)).to_bytes(), compresslevel=0))
    return path


@pytest.mark.parametrize("byte", [-1, -5, -100], ids=["length", "checksum", "data"])
def test_damage_that_decompresses_is_found_by_the_checksum(compressed, byte):
    assert read_image(compressed)[1].shape == (*SHAPE, 1)
    content = bytearray(compressed.read_bytes())
    content[byte] ^= 1
    compressed.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"x\.nii\.gz: not readable as NIfTI"):
        read_image(compressed)


@pytest.fixture
def oblique():
    """An image whose sform and qform differ, with a description that is nobody's business."""
    rotation = nib.eulerangles.euler2mat(z=0.2, x=-0.1)
    image = nib.Nifti1Image(np.zeros((*SHAPE, 4), dtype=np.int16), None)
    image.set_qform(nib.affines.from_matvec(rotation @ np.diag([3.4375, 3.4375, 4.95]), [-100.0, -120.0, -50.0]), 1)
    image.set_sform(nib.affines.from_matvec(np.diag([-3.4375, 3.4375, 4.95]), [100.0, -120.0, -50.0]), 4)
    image.header["descrip"] = b"Jane Doe"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Doe"))
    return image


def test_a_map_comes_back_with_its_values_and_its_sidecar(tmp_path, cbf, oblique):
    sidecar = map_sidecar(CBF, sources=["sub-01/perf/sub-01_asl.nii.gz"], algorithm="network", LabelingEfficiency=0.85)
    path = write_map(map_path(tmp_path / "new" / "perf", "sub-01", CBF), cbf, oblique, sidecar)
    assert sorted(file.name for file in path.parent.iterdir()) == ["sub-01_cbf.json", "sub-01_cbf.nii.gz"]
    image = nib.load(path)
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.get_fdata(), cbf.astype(np.float32))
    written = json.loads((path.parent / "sub-01_cbf.json").read_text(encoding="utf-8"))
    assert written == {
        "Units": "mL/100 g/min",
        "Description": "Cerebral blood flow.",
        "Sources": ["sub-01/perf/sub-01_asl.nii.gz"],
        "EstimationAlgorithm": "network",
        "LabelingEfficiency": 0.85,
    }
    assert map_sidecar(ATT, sources=[], algorithm="fit")["Units"] == "s"


def test_a_bound_says_which_quantile_it_is_and_a_mask_holds_whole_numbers(tmp_path, cbf, oblique):
    for end, percent in (("low", 5), ("high", 95)):
        bound = QUANTITIES[f"att_{end}"]
        assert map_path(tmp_path, "sub-01", bound).name == f"sub-01_stat-p{percent:02}_att.nii.gz"
        sidecar = map_sidecar(bound, sources=[], algorithm="network")
        assert sidecar["Units"] == "s"
        assert (sidecar["Quantile"], sidecar["IntervalLevel"]) == (percent / 100, 0.9)
        assert f"{percent}th percentile" in str(sidecar["Description"])
    sidecar = map_sidecar(OUTSIDE, sources=[], algorithm="network")
    assert "Units" not in sidecar
    path = write_map(map_path(tmp_path, "sub-01", OUTSIDE), cbf > 40, oblique, sidecar)
    assert path.name == "sub-01_desc-outside_mask.nii.gz"
    image = nib.load(path)
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(image.get_fdata(), cbf > 40)


@pytest.mark.parametrize(("sform_code", "qform_code"), [(4, 1), (0, 1), (4, 0), (0, 0)])
def test_the_geometry_of_the_scan_is_kept_and_nothing_else(tmp_path, cbf, oblique, sform_code, qform_code):
    oblique.header["sform_code"], oblique.header["qform_code"] = sform_code, qform_code
    like = nib.Nifti1Image(oblique.dataobj, oblique.header.get_best_affine(), oblique.header)
    image = nib.load(write_map(tmp_path / "x_cbf.nii.gz", cbf, like, {}))
    np.testing.assert_allclose(image.affine, like.affine, atol=1e-4)
    assert (image.header["sform_code"], image.header["qform_code"]) == (sform_code, qform_code)
    for form in ("get_sform", "get_qform"):
        expected, code = getattr(like.header, form)(coded=True)
        if code:
            np.testing.assert_allclose(getattr(image.header, form)(), expected, atol=1e-4)
    np.testing.assert_allclose(image.header.get_zooms(), like.header.get_zooms()[:3], rtol=1e-6)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert b"Jane Doe" not in image.to_bytes()


def test_a_scan_that_was_read_can_be_written_like(example, cbf, tmp_path):
    scan = read_scan(example.path)
    image = nib.load(write_map(map_path(tmp_path, scan.prefix, ATT), cbf, scan, {}))
    np.testing.assert_array_equal(image.affine, scan.affine)
    assert image.get_filename().endswith("sub-01_att.nii.gz")


def test_the_same_map_gives_the_same_bytes_and_replaces_the_old(tmp_path, cbf, oblique, monkeypatch):
    path = write_map(tmp_path / "x_cbf.nii.gz", cbf, oblique, {"Units": "s"})
    first = path.read_bytes()
    monkeypatch.setattr("time.time", lambda: 1e9)  # gzip writes the time of day unless told not to
    write_map(path, cbf + 1, oblique, {})
    assert path.read_bytes() != first
    assert json.loads((tmp_path / "x_cbf.json").read_text(encoding="utf-8")) == {}
    write_map(path, cbf, oblique, {})
    assert path.read_bytes() == first


def test_a_full_disk_leaves_nothing_behind(tmp_path, oblique):
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(3).normal(size=SHAPE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))  # the sidecar fits, the image does not
    try:
        with pytest.raises(InputError, match=r"x_cbf\.nii\.gz: cannot be written .*; mend that") as error:
            write_map(tmp_path / "x_cbf.nii.gz", noise, oblique, {"Units": "s"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_map_as_it_was(tmp_path, cbf, oblique, monkeypatch):
    path = write_map(tmp_path / "x_cbf.nii.gz", cbf, oblique, {"Units": "s"})
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="no space left on the disk"):
        write_map(path, cbf + 1, oblique, {})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_an_interrupt_leaves_nothing_behind(tmp_path, cbf, oblique, monkeypatch):
    def interrupt(path, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_map(tmp_path / "x_cbf.nii.gz", cbf, oblique, {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_the_users_to_mend(tmp_path, cbf, oblique):
    (tmp_path / "out").touch()
    with pytest.raises(
        InputError, match=r"out/x_cbf\.json: cannot be written \(a file, .* in the place of its folder\)"
    ):
        write_map(tmp_path / "out" / "x_cbf.nii.gz", cbf, oblique, {})


def test_a_map_of_another_grid_or_name_is_a_defect_of_ours(tmp_path, cbf, oblique):
    with pytest.raises(ValueError, match="does not lie on a grid"):
        write_map(tmp_path / "x_cbf.nii.gz", cbf[1:], oblique, {})
    with pytest.raises(ValueError, match=r"written as \.nii\.gz"):
        write_map(tmp_path / "x_cbf.nii", cbf, oblique, {})
    assert list(tmp_path.iterdir()) == []
