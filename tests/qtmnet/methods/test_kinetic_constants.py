"""A map of T1 is taken to the scan's grid; where it knows none, that is no T1."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from qtmnet.methods.base import Frames
from qtmnet.methods.kinetic_constants import tissue_t1
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

AFFINE = np.diag([-3.75, 3.75, 5.0, 1.0])
AFFINE[:3, 3] = 20.0, -24.0, -22.0


def frames() -> Frames:
    concentration = np.zeros((1, 10, 12, 8), np.float32)
    return Frames(concentration, Acquisition(post_labeling_delays=(1.8,)), affine=AFFINE, path=Path("sub-01_asl.nii"))


def test_a_fine_map_is_averaged_over_what_it_knows(tmp_path: Path) -> None:
    """Voxels a third as large, 1.3 s in each third one and none between, as at the edge of a segmentation."""
    finer = AFFINE @ nib.affines.from_matvec(np.eye(3) / 3, [-1 / 3] * 3)
    t1 = np.zeros((30, 36, 24), np.float32)
    t1[:, ::3] = 1.3
    t1[:15] = 0
    nib.Nifti1Image(t1, finer).to_filename(tmp_path / "t1.nii.gz")
    known = np.zeros((10, 12, 8), bool)
    known[5:] = True
    found = tissue_t1(str(tmp_path / "t1.nii.gz"), replace(frames(), mask=known))
    np.testing.assert_allclose(found[5:], 1.3, rtol=1e-6)
    np.testing.assert_array_equal(found[:5], 0)
    with pytest.raises(InputError, match=r"t1\.nii\.gz: t1_tissue: found no T1 in 480 of 960 voxels of the mask"):
        tissue_t1(str(tmp_path / "t1.nii.gz"), frames())


def test_a_map_of_the_grid_stays_as_it_is(tmp_path: Path) -> None:
    t1 = np.random.default_rng(1).uniform(0.8, 1.6, (10, 12, 8)).astype(np.float32)
    nib.Nifti1Image(t1, AFFINE).to_filename(tmp_path / "t1.nii.gz")
    np.testing.assert_array_equal(tissue_t1(str(tmp_path / "t1.nii.gz"), frames()), t1)


def test_a_map_of_another_place_is_refused(tmp_path: Path) -> None:
    elsewhere = nib.affines.from_matvec(np.eye(3), [200, 0, 0]) @ AFFINE
    nib.Nifti1Image(np.ones((10, 12, 8), np.float32), elsewhere).to_filename(tmp_path / "t1.nii.gz")
    with pytest.raises(InputError, match=r"t1\.nii\.gz: affine: found an image that reaches 0%"):
        tissue_t1(str(tmp_path / "t1.nii.gz"), frames())
