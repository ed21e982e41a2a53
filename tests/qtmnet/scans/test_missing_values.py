"""Voxels without data: outside of the head, at the edges of moved volumes, and whole volumes."""

import numpy as np
import pytest

from qtmnet.scans.missing_values import without_missing
from qtmnet.scans.scan import read_scan
from simulators.errors import InputError
from tests.qtmnet.conftest import PAIRS

M0 = [("m0scan", 0.0)]
RTOL = 3e-4  # as in test_conventions


@pytest.mark.parametrize("mark", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("volumes", [slice(None), slice(1, None), slice(3, 4)])
def test_a_background_without_data_leaves_the_head_right(example, mark: float, volumes: slice) -> None:
    def spoil(data: np.ndarray) -> np.ndarray:
        data[..., volumes] = np.where(example.brain[..., None], data[..., volumes], mark)
        return data

    example.spoil(spoil)
    scan = read_scan(example.path)
    np.testing.assert_array_equal(scan.mask, example.brain)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)
    assert any(f"left out {(~example.brain).sum()} voxels that hold NaN" in note for note in scan.notes)


def test_a_voxel_without_data_in_one_volume_is_not_mapped(example) -> None:
    """A mean over its other volumes would be of other pairs than its neighbours'."""

    def spoil(data: np.ndarray) -> np.ndarray:
        data[2, 3, 2, 3] = np.nan
        return data

    example.spoil(spoil)
    scan = read_scan(example.path)
    assert not scan.mask[2, 3, 2]
    assert scan.mask.sum() == example.brain.sum() - 1
    np.testing.assert_allclose(scan.concentration()[:, scan.mask], example.truth()[:, scan.mask], rtol=RTOL)


def test_m0_and_mask_may_have_a_background_without_data(new_scan, tmp_path) -> None:
    example = new_scan().write(PAIRS, M0Type="Separate")
    example.write_m0_scan(np.where(example.brain, example.m0_scan(), np.nan))
    mask = example.write_image(tmp_path / "mask.nii.gz", np.where(example.brain, 1, np.nan))
    scan = read_scan(example.path, mask=mask)
    np.testing.assert_array_equal(scan.mask, example.brain)
    np.testing.assert_allclose(scan.concentration(), example.truth(), rtol=RTOL)


def test_an_m0_without_any_data_is_refused(new_scan) -> None:
    example = new_scan().write(PAIRS, M0Type="Separate")
    example.write_m0_scan(example.m0_scan() * np.nan)
    with pytest.raises(InputError, match=r"sub-01_m0scan\.nii\.gz: found 210 values that are NaN or infinite"):
        read_scan(example.path)


def test_a_volume_without_any_data_becomes_an_empty_one() -> None:
    volumes = np.ones((2, 2, 2, 3), np.float32)
    volumes[..., 1] = np.nan
    volumes[0, 0, 0, 2] = np.inf
    missing, note = without_missing(volumes)
    assert missing.sum() == 1
    assert missing[0, 0, 0]
    assert not volumes[..., 1].any()
    assert volumes[..., 2].sum() == 7
    assert "left out 1 voxels" in note
    assert "1 hold nothing but NaN or infinity, taken as empty" in note
    assert without_missing(np.ones((2, 2, 2, 3), np.float32))[1] == ""
