"""Masks as programs write them: hard, soft, in bytes or percent, of labels, on other grids."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.scans.scan import read_scan
from simulators.errors import InputError

SOFT = np.array([0.0, 1e-6, 0.02, 0.3, 0.49, 0.51, 0.7, 1.0])


def mask_file(example, values: np.ndarray, name: str = "mask.nii.gz", affine: np.ndarray | None = None) -> Path:
    path = example.folder / name
    nib.Nifti1Image(values, example.affine if affine is None else affine).to_filename(path)
    return path


def graded(example, scale: float = 1.0, levels: np.ndarray = SOFT) -> np.ndarray:
    """Levels in turn over the brain, 0 around it."""
    values = np.zeros(example.brain.shape)
    values[example.brain] = scale * np.resize(levels, example.brain.sum())
    return values


@pytest.mark.parametrize(
    ("scale", "kind", "overshoot"),
    [
        (1.0, np.float32, 0.0),
        (1.0, np.float64, 0.03),
        (0.93, np.float32, 0.0),
        (100.0, np.float32, 0.0),
        (100.0, np.uint8, 0.0),
        (255.0, np.uint8, 0.0),
        (255.0, np.float32, 2.0),
    ],
)
def test_a_soft_mask_is_cut_at_a_half(example, scale, kind, overshoot):
    soft = graded(example, scale) - overshoot * ~example.brain
    cut = (0.5 if scale < 1 else scale / 2) if kind is not np.uint8 else scale / 2
    scan = read_scan(example.path, mask=mask_file(example, soft.astype(kind)))
    np.testing.assert_array_equal(scan.mask, soft.astype(kind) >= cut)
    assert any(note.startswith("mask: mask.nii.gz, a soft mask, cut at") for note in scan.notes)


def test_a_soft_mask_beside_the_scan_and_one_scaled_by_its_header(example):
    image = nib.Nifti1Image(graded(example).astype(np.float32), example.affine)
    image.header.set_data_dtype(np.uint8)  # nibabel then scales by about 1 / 255
    image.to_filename(example.folder / "sub-01_desc-brain_mask.nii.gz")
    np.testing.assert_array_equal(read_scan(example.path).mask, graded(example) >= 0.5)


@pytest.mark.parametrize("values", [(1,), (255,), (0.004,), (1, 2, 3), (2, 41, 1035), (1, 250)])
def test_whole_numbers_are_labels_and_count(example, values):
    labels = graded(example, levels=np.array(values))
    np.testing.assert_array_equal(read_scan(example.path, mask=mask_file(example, labels)).mask, example.brain)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 3.7), (-40.0, 1000.5), (700.3, 1000.2)])
def test_what_is_no_mask_is_refused(example, low, high):
    values = graded(example, levels=np.array([low, 0.3, high]))
    with pytest.raises(InputError, match=r"mask\.nii\.gz: mask: found values from .*; give a mask of 0 and 1"):
        read_scan(example.path, mask=mask_file(example, values))


def test_a_mask_on_a_finer_grid_counts_where_it_fills_half_a_voxel(example):
    fine = np.kron(example.brain, np.ones((3, 3, 3)))
    affine = example.affine @ nib.affines.from_matvec(np.eye(3) / 3, [-1 / 3] * 3)
    scan = read_scan(example.path, mask=mask_file(example, fine.astype(np.uint8), affine=affine))
    np.testing.assert_array_equal(scan.mask, example.brain)
    assert any("resampled by its affine" in note for note in scan.notes if note.startswith("mask"))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mask_kept_in_another_order_is_put_right(new_scan, axis):
    example = new_scan()
    example.brain[2, 1:3, 1] = False  # unlike its mirror images
    example.write([("m0scan", 0.0), ("control", 1.0), ("label", 1.0)], PostLabelingDelay=1.0)
    turn = np.eye(4)
    turn[axis, axis], turn[axis, 3] = -1, example.brain.shape[axis] - 1
    flipped = np.flip(example.brain, axis).astype(np.uint8)
    scan = read_scan(example.path, mask=mask_file(example, flipped, affine=example.affine @ turn))
    np.testing.assert_array_equal(scan.mask, example.brain)


def test_a_mask_of_another_place_is_refused(example):
    affine = nib.affines.from_matvec(np.eye(3), [300, 0, 0]) @ example.affine
    with pytest.raises(InputError, match=r"mask\.nii\.gz: affine: found an image that reaches 0%"):
        read_scan(example.path, mask=mask_file(example, example.brain.astype(np.uint8), affine=affine))
