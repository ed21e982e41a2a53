"""A step response whose inlets lie farther away: that of before, later and less by what decays on the way."""

import numpy as np
import pytest

from simulators import Acquisition, CubeParameters, InputError, simulate_cube
from simulators.imaging.readout import read_out
from simulators.phantoms.cube_scan import acquire
from simulators.transport.step_response import StepResponse

T1 = 1.65


def test_frames_are_those_of_shorter_delays_and_less() -> None:
    """C(LD, PLD) of a delay d is e^(−d/T1) C(LD, PLD − d): at the kept times nothing is interpolated."""
    cube = simulate_cube(2, parameters=CubeParameters(shape=(6, 6, 6)), time=tuple(0.25 * k for k in range(1, 17)))
    voxels = cube.response.voxel_size_mm
    late, early = (
        Acquisition(labeling_duration=1.5, post_labeling_delays=d, voxel_size_mm=voxels)
        for d in ((1.5, 2.25), (0.75, 1.5))
    )
    found = acquire(cube.response.delayed(0.75, T1), late)
    np.testing.assert_allclose(found, np.exp(-0.75 / T1) * acquire(cube.response, early), rtol=1e-5)  # float32


def test_nothing_has_come_before_the_delay() -> None:
    ones = np.ones((2, 1, 1, 1), np.float32)
    response = StepResponse(np.array([1.0, 2.0]), ones, 2 * ones, (1.0, 1.0, 1.0), left=np.array([0.0, 5.0]))
    later = response.delayed(0.5, T1)
    np.testing.assert_allclose(later.time, [0.4995, 0.5, 1.5, 2.5])
    assert later.total[0].max() == 0
    assert later.left == pytest.approx(np.array([0, 0, 0, 5 * np.exp(-0.5 / T1)]))
    bolus = Acquisition(labeling_duration=0.4, post_labeling_delays=(0.05,))
    assert np.abs(read_out(later.total, later.time, bolus)).max() == 0
    assert response.delayed(0, T1) is response


def test_label_does_not_come_before_it_is_made() -> None:
    response = StepResponse(np.array([1.0]), *np.ones((2, 1, 1, 1, 1), np.float32), (1.0, 1.0, 1.0))
    with pytest.raises(InputError, match=r"^delay: found -0.1; give"):
        response.delayed(-0.1, T1)
