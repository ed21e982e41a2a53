"""Scans of a disturbed brain against what the disturbance does in closed form, on a cube that passes for a brain."""

from dataclasses import replace

import numpy as np
import pytest

from qtmnet.evaluation.robustness.points import UNDISTURBED, Point
from qtmnet.evaluation.robustness.scans import Reader
from qtmnet.evaluation.robustness.settings import RobustnessTable
from qtmnet.evaluation.robustness.worlds import MOST_TIMES, World, displacements, times_of
from qtmnet.methods.base import Frames, Methods
from simulators import PASL, Acquisition
from simulators.phantoms.brain_scan import acquire_brain
from simulators.phantoms.simulated_brain import Brain
from simulators.tissue.label import LabelKinetics
from simulators.transport.numba import NumbaSimulator
from tests.qtmnet.commands.brains import PROTOCOL, small_brain

TABLE = RobustnessTable(share=1.0)
MOVED = 0.5


@pytest.fixture(scope="module")
def brain() -> Brain:
    """At the times that the protocol and a delay of 0.5 s need."""
    small = small_brain()
    times = np.asarray(times_of(PROTOCOL, (0.5,)))
    return replace(small, response=NumbaSimulator(n_threads=1).step_response(small.vessels, times, small.label))


@pytest.fixture(scope="module")
def world(brain: Brain) -> World:
    sizes = (PROTOCOL.voxel_size_mm, (4.0, 4.0, 4.0))
    return World.of(brain, PROTOCOL, sizes, labels=("all label",), movements=(MOVED,), seed=0)


def frames_of(world: World, point: Point, **settings) -> Frames:
    assumed = LabelKinetics(1.7, 1.3)
    given = {"snr": None, "table": TABLE, **settings}
    reader = Reader(PROTOCOL, methods=Methods(), assumed=assumed, seed=0, **given)
    (scan,) = reader.scans(world, point)
    return scan.frames


def test_the_undisturbed_scan_is_the_brains(world: World, brain: Brain) -> None:
    frames = frames_of(world, Point(UNDISTURBED))
    expected = acquire_brain(brain, PROTOCOL)
    np.testing.assert_allclose(frames.concentration, expected, atol=3e-6 * expected.max())  # float32
    assert frames.tissue == LabelKinetics(1.7, 1.3)  # what methods are told
    assert frames_of(world, Point(UNDISTURBED), table=replace(TABLE, told=True)).tissue == brain.label


def test_a_delay_is_a_shift_in_time(world: World, brain: Brain) -> None:
    """Label of a delay 0.5 s shorter, and less by what decays in 0.5 s."""
    found = frames_of(world, Point("added_delay", 0.5)).concentration
    sooner = replace(PROTOCOL, post_labeling_delays=tuple(d - 0.5 for d in PROTOCOL.post_labeling_delays))
    expected = np.exp(-0.5 / brain.label.t1_blood) * acquire_brain(brain, sooner)
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())
    reader = Reader(PROTOCOL, TABLE, Methods(), brain.label, None, 0)
    att = [next(reader.scans(world, point)).truth.att for point in (Point("added_delay", 0.5), Point(UNDISTURBED))]
    np.testing.assert_allclose(att[0], att[1] + 0.5, rtol=1e-5)


def test_label_is_less_where_efficiency_is_but_noise_is_not(world: World) -> None:
    plain, less = (frames_of(world, point).concentration for point in (Point(UNDISTURBED), Point("efficiency", 0.9)))
    np.testing.assert_allclose(less, 0.9 * plain, rtol=1e-5, atol=1e-9)
    noisy = frames_of(world, Point("efficiency", 0.9), snr=5.0)
    of_plain = frames_of(world, Point("snr", 5.0))
    np.testing.assert_allclose(
        noisy.concentration - less, of_plain.concentration - plain, atol=1e-6 * float(plain.max())
    )
    assert noisy.noise == of_plain.noise > 0


def test_the_first_frame_lies_where_the_truth_does(world: World) -> None:
    still, moved = (frames_of(world, point).concentration for point in (Point(UNDISTURBED), Point("motion", MOVED)))
    np.testing.assert_allclose(moved[0], still[0], rtol=1e-4, atol=1e-8)
    for k in range(1, len(still)):
        assert np.abs(moved[k] - still[k]).max() > 0.01 * still[k].max()


def test_movements_are_of_the_length_that_was_asked_for() -> None:
    found = displacements(6, 0.5, (2.0, 3.0, 4.0), seed=1)
    assert (found[0] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(found[1:] / (2.0, 3.0, 4.0), axis=1), 0.5)
    np.testing.assert_allclose(displacements(6, 0.25, (2.0, 3.0, 4.0), seed=1), found / 2)


def test_voxels_of_another_size_hold_the_same_label(world: World) -> None:
    fine, coarse = (frames_of(world, p) for p in (Point(UNDISTURBED), Point("voxel_size_mm", (4.0, 4.0, 4.0))))
    assert coarse.acquisition.voxel_size_mm == (4.0, 4.0, 4.0)
    for k in range(4):
        assert coarse.concentration[k].sum() * 64 == pytest.approx(fine.concentration[k].sum() * 8, rel=1e-5)


def test_times_are_those_of_the_readouts_or_many() -> None:
    protocol = Acquisition(labeling_duration=1.5, post_labeling_delays=(0.5, 1.0))
    assert times_of(protocol) == (0.5, 1.0, 2.0, 2.5)
    assert times_of(protocol, (0.75,)) == (0.25, 0.5, 1.0, 1.25, 1.75, 2.0, 2.5)
    for other in (replace(protocol, slice_timing=(0.0, 0.1)), replace(protocol, labeling=PASL())):
        times = np.asarray(times_of(other))
        assert times[-1] >= other.last_readout - 1e-9
        assert np.diff(times).max() <= 0.125 + 1e-9
    many = Acquisition(post_labeling_delays=tuple(0.1 + 0.0501 * k for k in range(45)))
    assert len(times_of(many)) > MOST_TIMES or np.diff(times_of(many)).min() > 0.04
