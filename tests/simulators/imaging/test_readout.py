"""From the step response to frames."""

from dataclasses import replace

import numpy as np
import pytest

from simulators import (
    Acquisition,
    Cube,
    CubeParameters,
    InputError,
    NumbaSimulator,
    StepResponse,
    acquire,
    simulate_cube,
)
from simulators.imaging.readout import average_voxels, read_out

PLDS = (1.025, 1.525, 2.025, 2.525)
DURATION = 1.45


@pytest.fixture(scope="module")
def cube() -> Cube:
    return simulate_cube(5, parameters=CubeParameters(shape=(16, 16, 16)))


def protocol(**changes: object) -> Acquisition:
    """The default protocol on the simulated voxels."""
    return replace(Acquisition(voxel_size_mm=(1.0, 1.0, 1.0)), **changes)


def exactly(cube: Cube, times: list[float]) -> StepResponse:
    """Simulated at these very times."""
    return NumbaSimulator().step_response(cube.vessels, np.array(times), cube.label)


def test_frames_are_differences_of_steps(cube):
    """Against S simulated at these very times. Cubic interpolation between steps of 0.25 s is off by less than 1e-3
    (L2) on the acquired voxels; on the simulated ones, which see single arteries, by up to twice that."""
    expected = exactly(cube, [DURATION + pld for pld in PLDS]).total - exactly(cube, list(PLDS)).total
    for voxel_size, limit in (((1, 1, 1), 2e-3), ((2, 2, 4), 1e-3)):
        frames, averaged = acquire(cube, protocol(voxel_size_mm=voxel_size)), average_voxels(expected, voxel_size)
        assert frames.dtype == np.float32
        assert frames.shape == averaged.shape
        assert np.linalg.norm(frames - averaged) < limit * np.linalg.norm(averaged)


def test_one_duration_for_each_delay(cube):
    times = [0.25, 0.75, 1.0, 1.75]  # all simulated: no interpolation
    frames = acquire(cube, protocol(post_labeling_delays=(0.25, 0.75), labeling_duration=(0.75, 1.0)))
    s = {t: cube.step_response[np.searchsorted(cube.time, t - 1e-9)] for t in times}
    np.testing.assert_allclose(frames, [s[1.0] - s[0.25], s[1.75] - s[0.75]], atol=1e-8)


def test_a_bolus_is_the_sum_of_its_parts(cube):
    """What was labeled last is read the delay after its end, what was labeled first also waits for the rest."""
    whole = acquire(cube, protocol(labeling_duration=2.0, post_labeling_delays=(0.8, 1.3)))
    first = acquire(cube, protocol(labeling_duration=1.3, post_labeling_delays=(1.5, 2.0)))
    last = acquire(cube, protocol(labeling_duration=0.7, post_labeling_delays=(0.8, 1.3)))
    np.testing.assert_allclose(first + last, whole, atol=1e-6 * whole.max())  # float32


def test_voxels_are_averaged(cube):
    fine, coarse = acquire(cube, protocol()), acquire(cube, protocol(voxel_size_mm=(2.0, 2.0, 4.0)))
    assert coarse.shape == (4, 8, 8, 4)
    np.testing.assert_allclose(coarse[2, 3, 1, 2], fine[2, 6:8, 2:4, 8:12].mean(), rtol=1e-5)
    np.testing.assert_allclose(coarse.mean(axis=(1, 2, 3)), fine.mean(axis=(1, 2, 3)), rtol=1e-5)


def test_averaging_leaves_other_axes():
    image = np.arange(2 * 4 * 6 * 2, dtype=float).reshape(2, 4, 6, 2)
    averaged = average_voxels(image, (2, 3, 1))
    assert averaged.shape == (2, 2, 2, 2)
    assert averaged[1, 1, 0, 1] == image[1, 2:4, 0:3, 1].mean()


def test_slices_are_read_one_after_another(cube):
    timing = tuple(0.04 * z for z in range(16))
    sliced = acquire(cube, protocol(slice_timing=timing))
    for z in (0, 7, 15):
        later = tuple(pld + timing[z] for pld in PLDS)
        at_once = acquire(cube, protocol(post_labeling_delays=later))
        np.testing.assert_allclose(sliced[..., z], at_once[..., z], atol=1e-7)
    assert (sliced[..., 15] != acquire(cube, protocol())[..., 15]).any()


def test_crushing(cube):
    """0 hides the arteries, None nothing; between them the more is seen, the higher the velocity."""
    none, everything = acquire(cube, protocol(vascular_crushing=0)), acquire(cube, protocol())
    bed = read_out(cube.response.bed, cube.time, protocol())
    np.testing.assert_array_equal(none, bed)
    velocity = np.quantile(cube.arteries.velocity[cube.arteries.parent >= 0], [0.3, 0.9, 1.0])
    images = [acquire(cube, protocol(vascular_crushing=float(v))) for v in velocity]
    sums = [image.sum() for image in (none, *images)]
    assert (np.diff(sums) > 0).all()
    np.testing.assert_array_equal(images[-1], everything)  # nothing faster than the fastest
    assert acquire(cube, protocol(vascular_crushing=False)).sum() == everything.sum()
    assert acquire(cube, protocol(vascular_crushing=True)).sum() == none.sum()


def test_a_step_response_alone(cube):
    """Without its vessels it gives what it was simulated for, and bed alone; the rest is refused."""
    arterial = NumbaSimulator().arterial_step_response(cube.vessels, cube.time, cube.label, slower_than=20.0)
    limited = replace(cube.response, arterial=arterial, slower_than=20.0)
    crushed = protocol(vascular_crushing=20.0)
    np.testing.assert_array_equal(acquire(limited, crushed), acquire(cube, crushed))
    np.testing.assert_array_equal(
        acquire(limited, protocol(vascular_crushing=0)), acquire(cube, protocol(vascular_crushing=0))
    )
    for response, wanted in ((limited, None), (limited, 10.0), (cube.response, 20.0)):
        with pytest.raises(InputError, match=r"^vascular_crushing: found"):
            acquire(response, protocol(vascular_crushing=wanted))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("voxel_size_mm", {"voxel_size_mm": (1.5, 1.0, 1.0)}),
        ("voxel_size_mm", {"voxel_size_mm": (0.5, 1.0, 1.0)}),
        ("shape", {"voxel_size_mm": (3.0, 1.0, 1.0)}),
        ("slice_timing", {"slice_timing": (0.0, 0.1)}),
        ("post_labeling_delays", {"post_labeling_delays": (3.6,)}),
        ("post_labeling_delays", {"slice_timing": (*[0.0] * 15, 1.1)}),
    ],
)
def test_protocols_that_do_not_fit(cube, name, changes):
    with pytest.raises(InputError, match=rf"^{name}: .*; (give|simulate)") as caught:
        acquire(cube, protocol(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("post_labeling_delays", {"post_labeling_delays": ()}),
        ("post_labeling_delays", {"post_labeling_delays": (-0.1,)}),
        ("post_labeling_delays", {"post_labeling_delays": (1525.0,)}),
        ("post_labeling_delays", {"post_labeling_delays": (np.nan,)}),
        ("post_labeling_delays", {"post_labeling_delays": ("soon",)}),
        ("labeling_duration", {"labeling_duration": 0.0}),
        ("labeling_duration", {"labeling_duration": 1450.0}),
        ("labeling_duration", {"labeling_duration": (1.0, 1.0)}),
        ("voxel_size_mm", {"voxel_size_mm": (1.0, 0.0, 1.0)}),
        ("vascular_crushing", {"vascular_crushing": -1.0}),
        ("vascular_crushing", {"vascular_crushing": np.nan}),
        ("slice_timing", {"slice_timing": (-0.1,)}),
        ("slice_timing", {"slice_timing": (40.0,)}),
    ],
)
def test_protocols_that_are_none(name, changes):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give") as caught:
        protocol(**changes)
    assert "\n" not in str(caught.value)


def test_last_readout():
    assert Acquisition().last_readout == pytest.approx(3.975)
    timed = Acquisition(labeling_duration=(3.0, 1.0), post_labeling_delays=(0.5, 2.0), slice_timing=(0.0, 0.3))
    assert timed.last_readout == pytest.approx(3.8)
    np.testing.assert_allclose(timed.slice_times(2), [0.0, 0.3])
