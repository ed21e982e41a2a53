"""The grid that volumes are compared on."""

import nibabel as nib
import numpy as np

from qtmnet.scans.motion.canvas import Canvas


def test_fine_voxels_are_averaged_where_they_lie() -> None:
    """A ramp in mm stays one: its values on the canvas are those of the places there."""
    affine = np.array([[-1.0, 0.1, 0, 30], [0.1, 1.4, 0, -20], [0, 0, 5, 7], [0, 0, 0, 1]])
    canvas = Canvas((33, 40, 12), affine)
    assert canvas.grain.tolist() == [2, 2, 1]
    ramp = nib.affines.apply_affine(affine, np.indices((33, 40, 12)).transpose(1, 2, 3, 0)) @ (1, 2, 3)
    found = canvas.averaged(ramp)
    assert found.shape == (16, 20, 12)
    there = nib.affines.apply_affine(canvas.affine, np.indices(found.shape).transpose(1, 2, 3, 0)) @ (1, 2, 3)
    np.testing.assert_allclose(found, there, atol=1e-4)


def test_smoothing_is_of_one_width_in_mm() -> None:
    """Of a point: second moments, with the extent of the voxel, are 6 mm over 2.355 squared along each axis."""
    canvas = Canvas((31, 31, 31), np.diag([2.0, 2.5, 3.2, 1.0]))
    point = np.zeros((31, 31, 31))
    point[15, 15, 15] = 1
    smooth = canvas.smoothed(point)
    for axis, edge in enumerate((2.0, 2.5, 3.2)):
        places = (np.arange(31) - 15) * edge
        profile = smooth.sum(axis=tuple(other for other in range(3) if other != axis))
        variance = (profile * places**2).sum() / profile.sum() + edge**2 / 12
        # Sampled at voxels, the narrowest of these Gaussians, of 0.7 voxels, has 2 % less than its own variance.
        np.testing.assert_allclose(variance, (6 / 2.3548) ** 2, rtol=0.05)
