"""Maps on a page are the maps that were given, to the stated resolution, each voxel where it belongs."""

import base64

import nibabel as nib
import numpy as np
import pytest

from qtmnet.report.viewer import rounded_up
from qtmnet.report.volumes import Subject, pack, quantise

LIMITS = (-1000.0, 2000.0)


def test_values_are_kept_to_half_a_step() -> None:
    values = np.random.default_rng(0).normal(40, 30, 5000)
    found = quantise(values, LIMITS)
    back = found.low + (found.codes.astype(float) - 1) * found.step
    assert found.step == pytest.approx(np.ptp(values) / 65534)
    assert np.abs(back - values).max() <= 0.5001 * found.step  # and the rounding of floats


def test_a_stray_value_does_not_make_all_others_coarse() -> None:
    values = np.array([10.0, 1e9, -np.inf, np.nan, -1e9])
    found = quantise(values, LIMITS)
    assert found.step < 0.05
    back = found.low + (found.codes.astype(float) - 1) * found.step
    np.testing.assert_allclose(back[[0, 1, 4]], [10, 2000, -1000], atol=0.03)
    assert (found.codes[[2, 3]] == 0).all()


@pytest.mark.parametrize(("values", "codes"), [([7.0, 7.0], [1, 1]), ([np.nan, np.inf], [0, 0])])
def test_maps_without_a_range(values: list[float], codes: list[int]) -> None:
    found = quantise(np.array(values), LIMITS)
    assert found.codes.tolist() == codes
    assert np.isfinite([found.low, found.step]).all()


def test_voxels_are_found_again_in_the_file(scan_axes: np.ndarray) -> None:
    """In an oblique image with axes in another order, cropped to its mask."""
    rng = np.random.default_rng(1)
    inside = np.zeros((7, 8, 9), bool)
    inside[2:5, 3:7, 1:4] = rng.random((3, 4, 3)) < 0.8
    values = rng.uniform(0, 100, inside.shape)
    packed = pack(Subject("one", inside, {"cbf": values}, scan_axes, (2.0, 3.0, 4.0)), {"cbf": LIMITS})
    shape = tuple(packed["shape"])
    assert np.prod(shape) == 5 * 6 * 5  # the mask's box and a voxel around it
    bits = np.unpackbits(np.frombuffer(base64.b64decode(packed["inside"]), np.uint8))[: np.prod(shape)]
    at = np.argwhere(bits.reshape(shape))
    in_file = nib.affines.apply_affine(np.vstack([packed["to_voxel"], [0, 0, 0, 1]]), at)
    assert {tuple(row) for row in in_file.round().astype(int).tolist()} == {
        tuple(row) for row in np.argwhere(inside).tolist()
    }
    coded = packed["maps"]["cbf"]
    codes = np.frombuffer(base64.b64decode(coded["codes"]), "<u2").astype(float)
    expected = values[tuple(in_file.round().astype(int).T)]
    np.testing.assert_allclose(coded["low"] + (codes - 1) * coded["step"], expected, atol=coded["step"])
    in_mm = nib.affines.apply_affine(np.vstack([packed["to_mm"], [0, 0, 0, 1]]), at)
    np.testing.assert_allclose(in_mm, nib.affines.apply_affine(scan_axes, in_file), atol=1e-9)
    directions = np.diagonal(np.array(packed["to_mm"])[:, :3])
    assert (directions > 0).all()  # right, anterior, superior
    assert sorted(packed["size_mm"]) == pytest.approx([2, 3, 4])


@pytest.fixture
def scan_axes() -> np.ndarray:
    """Superior, left and posterior by 2, 3 and 4 mm, turned by 10 degrees."""
    turn = nib.eulerangles.euler2mat(x=np.deg2rad(10))
    axes = turn @ np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]]) * [2.0, 3.0, 4.0]
    return nib.affines.from_matvec(axes, [10, -20, 30])


@pytest.mark.parametrize(
    ("value", "expected"), [(0.9, 1), (1.0, 1), (61.3, 80), (81, 100), (1.37, 1.5), (0.021, 0.025)]
)
def test_scales_end_at_numbers_that_read_well(value: float, expected: float) -> None:
    assert rounded_up(value) == expected
