"""Labelings: their weights on S against closed forms, and their frames against label followed by the clock."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.integrate import quad

from simulators import (
    CASL,
    PASL,
    PCASL,
    Acquisition,
    Block,
    CubeParameters,
    HadamardPCASL,
    InputError,
    LabelKinetics,
    NumbaSimulator,
    PASLUnknownBolus,
    ReferenceSimulator,
    StepResponse,
    acquire,
    simulate_cube,
)
from simulators.constants import T1_BLOOD
from simulators.imaging.labeling.base import Frame, Labeling
from simulators.imaging.readout import frame_weights, read_out

TIME = np.arange(1, 21) * 0.25
VOXEL = (1.0, 1.0, 1.0)


def row(labeling: Labeling, *delays: float, t1: float | None = None, **changes: object) -> np.ndarray:
    """Weights on S(0.25) … S(5), (K, T)."""
    acquisition = Acquisition(labeling, delays, VOXEL, **changes)
    return frame_weights(TIME, acquisition, 1, t1_blood=t1)[:, 0]


def at(t: float) -> np.ndarray:
    """Weights that pick S at one of the times."""
    return (np.abs(TIME - t) < 1e-9).astype(float)


def test_continuous_labeling_is_a_difference_of_steps():
    """Where times are those of S the weights are 1 and −1, exactly: interpolation goes through the knots."""
    expected = [at(2.5) - at(1.0), at(3.0) - at(1.5)]
    for labeling in (PCASL(1.5), CASL(1.5), PCASL((1.5, 1.5))):
        np.testing.assert_array_equal(row(labeling, 1.0, 1.5), expected)
    np.testing.assert_array_equal(row(PCASL((1.0, 2.0)), 0.5, 0.5), [at(1.5) - at(0.5), at(2.5) - at(0.5)])


def test_pulsed_labeling_follows_a_cubic_exactly():
    """S = t² is its own interpolant (slopes by central differences are exact for t² inside), so
    the frame is ∫ S'(u) e^(−(TI − u)/T1b) du, by parts or by quadrature, to rounding."""
    ti, ti1, t1 = 2.1, 0.7, 1.3
    inside = TIME[3:-3]
    expected, _ = quad(lambda u: 2 * u * np.exp(-(ti - u) / t1), ti - ti1, ti, epsabs=1e-13)
    assert inside[0] < ti - ti1 < ti < inside[-1]
    assert (row(PASL(ti1), ti, t1=t1) @ TIME**2).item() == pytest.approx(expected, rel=1e-12)


def test_without_decay_pulsed_labeling_is_continuous_labeling():
    """Blood that waits without decaying is as if it was labeled when it passed: LD = TI1, PLD = TI − TI1."""
    np.testing.assert_allclose(row(PASL(0.7), 1.8, 2.6, t1=np.inf), row(PCASL(0.7), 1.8 - 0.7, 2.6 - 0.7), atol=1e-13)
    long = np.abs(row(PASL(0.7), 1.8, t1=1e6) - row(PASL(0.7), 1.8, t1=np.inf))
    assert long.max() < 1e-5  # of the order of TI1 / T1


def test_a_readout_before_the_cut_off_sees_what_has_passed():
    np.testing.assert_allclose(row(PASL(2.0), 1.0, t1=1.65), row(PASL(1.0), 1.0, t1=1.65), atol=1e-14)
    timed = Acquisition(PASL(2.0), (1.0,), VOXEL, slice_timing=(0.0, 0.5, 1.5))
    weights = frame_weights(TIME, timed, 3, t1_blood=1.65)[0]
    for z, (bolus, ti) in enumerate([(1.0, 1.0), (1.5, 1.5), (2.0, 2.5)]):
        np.testing.assert_allclose(weights[z], row(PASL(bolus), ti, t1=1.65)[0], atol=1e-13)


def test_a_bolus_that_is_not_cut_off_lasts_as_long_as_its_slab():
    labeling = PASLUnknownBolus(slab_length_mm=90.0, assumed_velocity_mm_s=120.0)
    np.testing.assert_array_equal(row(labeling, 1.8, t1=1.65), row(PASL(0.75), 1.8, t1=1.65))
    assert "unknown" in dict(labeling.words((1.8,)))["Bolus duration"]


def test_decoded_sub_boluses_are_pcasl_with_their_own_times():
    labeling = HadamardPCASL(order=4, duration=(1.5, 1.0, 0.5))
    np.testing.assert_array_equal(row(labeling, 0.5), row(PCASL((1.5, 1.0, 0.5)), 2.0, 1.0, 0.5))
    together = row(HadamardPCASL(order=8, duration=3.5), 0.25).sum(axis=0)
    np.testing.assert_allclose(together, row(PCASL(3.5), 0.25)[0], atol=1e-12)  # one after the other, no gap


@pytest.mark.parametrize("order", [2, 4, 8, 16])
def test_volumes_as_encoded_are_decoded_to_rounding(order):
    encoded, decoded = HadamardPCASL(order=order, duration=3.0, decoded=False), HadamardPCASL(order=order, duration=3.0)
    volumes = row(encoded, 0.3)
    assert volumes.shape == (order, len(TIME))
    np.testing.assert_array_equal(np.abs(encoded.encoding), 1.0)
    np.testing.assert_allclose(volumes, encoded.encoding @ row(decoded, 0.3), atol=1e-13)
    np.testing.assert_allclose(encoded.decode(volumes), row(decoded, 0.3), atol=1e-13)


@dataclass(frozen=True)
class Interrupted(Labeling):
    """Another labeling, of a user: PCASL with a pause in the middle."""

    duration: float = 1.0
    pause: float = 0.5

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        half = self.duration / 2
        return tuple((Block(half, delay + half + self.pause), Block(half, delay)) for delay in delays)


LABELINGS = (
    PCASL((1.5, 1.0)),
    CASL(1.5),
    PASL(0.8),
    PASLUnknownBolus(),
    HadamardPCASL(4, 2.1),
    HadamardPCASL(4, 2.1, decoded=False),
    Interrupted(),
)


@pytest.mark.parametrize("labeling", LABELINGS, ids=str)
def test_a_protocol_is_kept_as_plain_data(labeling):
    """And read back without the class where it is not one of ours."""
    acquisition = Acquisition(labeling, (1.2, 1.9), slice_timing=(0.0, 0.1))
    plain = acquisition.plain()
    found = Acquisition.from_plain(plain)
    assert found.frames == acquisition.frames
    assert found.labeling.words(found.post_labeling_delays) == labeling.words(acquisition.post_labeling_delays)
    assert found.plain() == plain
    assert (found == acquisition) is not isinstance(labeling, Interrupted)


def test_a_protocol_of_version_0_2_0():
    kept = {
        "labeling_duration": 1.8,
        "post_labeling_delays": [0.5, 1.0],
        "voxel_size_mm": [3.0, 3.0, 4.0],
        "vascular_crushing": None,
        "slice_timing": [],
    }
    assert Acquisition.from_plain(kept) == Acquisition(PCASL(1.8), (0.5, 1.0), (3.0, 3.0, 4.0))
    with pytest.raises(InputError, match=r"^acquisition\.labeling_duration: found 1800; give"):
        Acquisition.from_plain(kept | {"labeling_duration": 1800})


@pytest.mark.parametrize(
    ("plain", "needle"),
    [
        ({"kind": "os.system"}, "labeling.kind: found 'os.system'; give one of PCASL"),
        ({"kind": "PASL", "duration": 1.0}, "labeling.duration: PASL has no such field"),
        ({"kind": "Mine", "delays": [1.0], "frames": 3}, "labeling.frames: found 3; give"),
        ({"kind": "Mine", "delays": [1.0], "frames": [[{"duration": -1, "delay": 1}]]}, "labeling.frames.0.0.duration"),
        ("PASL", "labeling: found 'PASL'; give"),
    ],
)
def test_plain_data_that_is_no_labeling(plain, needle):
    with pytest.raises(InputError) as caught:
        Acquisition.from_plain({"labeling": plain, "post_labeling_delays": [1.0]})
    assert str(caught.value).startswith(f"acquisition.{needle}")


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: PASL(700.0), "bolus_duration"),
        (lambda: PASLUnknownBolus(assumed_velocity_mm_s=0.2), "assumed_velocity_mm_s"),
        (lambda: HadamardPCASL(12), "order"),
        (lambda: HadamardPCASL(4, (1.0, 1.0)), "duration"),
        (lambda: Acquisition(PASL(), (1.8,), labeling_duration=1.8), "labeling_duration"),
        (lambda: Acquisition(labeling=1.8), "labeling"),
    ],
)
def test_labelings_that_are_none(make, name):
    with pytest.raises(InputError, match=rf"^{name}: found .*; (give|leave)"):
        make()


def test_pulsed_label_needs_a_t1():
    with pytest.raises(InputError, match=r"^t1_blood: not given"):
        row(PASL(), 1.8)


@pytest.mark.parametrize(
    ("labeling", "delays", "course"),
    [
        (PASL(0.7), (1.0, 1.8), [lambda t: (t < 0.7) * np.exp(-t / T1_BLOOD)]),
        (
            HadamardPCASL(4, 1.5, decoded=False),
            (0.4,),
            [
                lambda t, signs=signs: np.where(t < 1.5, np.take(signs, np.clip(t // 0.5, 0, 2).astype(int)), 0.0)
                for signs in HadamardPCASL(4).encoding
            ],
        ),
    ],
    ids=["PASL", "Hadamard, not decoded"],
)
def test_frames_are_the_label_followed_by_the_clock(labeling, delays, course):
    """The literal simulator is given the course of labeled blood at the plane itself, and no step response.

    S of the same scheme shares its errors, and labeling begins and ends on its steps. What is left of a frame is the
    interpolation of S between steps of h = 20 ms: (h/T)³ of S' for label that comes within T = 0.5 s, 1e-4.
    """
    cube = simulate_cube(3, parameters=CubeParameters(shape=(6, 6, 6)))
    simulator, label = ReferenceSimulator(0.02), LabelKinetics()
    acquisition = Acquisition(labeling, delays, VOXEL)
    s = simulator.step_response(cube.vessels, np.arange(1, 121) * 0.02, label)
    frames = acquire(s, acquisition, t1_blood=label.t1_blood)
    read = [delay if isinstance(labeling, PASL) else 1.5 + delay for delay in delays]
    followed = np.concatenate(
        [simulator.response_to(given, cube.vessels, np.array(read), label).total for given in course]
    )
    assert frames.shape == followed.shape
    for frame, truth in zip(frames, followed, strict=True):
        assert np.linalg.norm(frame - truth) < 1e-4 * np.linalg.norm(truth)


def test_the_step_response_is_one_of_all_courses():
    """Switched on for good, and doubled: linear in the input."""
    cube = simulate_cube(3, parameters=CubeParameters(shape=(6, 6, 6)))
    simulator, time, label = ReferenceSimulator(0.05), np.array([1.0, 2.0]), LabelKinetics()
    s: StepResponse = simulator.step_response(cube.vessels, time, label)
    twice = simulator.response_to(lambda t: 2.0 * (t >= 0), cube.vessels, time, label)
    np.testing.assert_allclose(twice.total, 2 * s.total, rtol=1e-6)


def test_slices_of_sums_are_read_one_after_another():
    step_response = np.random.default_rng(0).random((len(TIME), 2, 2, 3)).cumsum(axis=0)
    timed = Acquisition(HadamardPCASL(4, 2.1, decoded=False), (0.5,), slice_timing=(0.0, 0.2, 0.4))
    frames = read_out(step_response, TIME, timed)
    for z, later in enumerate(timed.slice_timing):
        at_once = read_out(step_response, TIME, replace(timed, post_labeling_delays=(0.5 + later,), slice_timing=()))
        np.testing.assert_allclose(frames[..., z], at_once[..., z], rtol=1e-5)


def test_how_well_steps_of_a_quarter_of_a_second_will_do():
    """Against S in steps of 10 ms: what the docstring of `frame_weights` says of late and of early boluses."""
    cube = simulate_cube(5, parameters=CubeParameters(shape=(16, 16, 16)))
    fine = NumbaSimulator().step_response(cube.vessels, np.arange(1, 451) * 0.01, cube.label)
    acquisition = Acquisition(HadamardPCASL(8, 3.6), (0.3,))
    frames, truth = acquire(cube, acquisition), acquire(fine, acquisition)
    off = np.linalg.norm((frames - truth).reshape(7, -1), axis=1) / np.linalg.norm(truth.reshape(7, -1), axis=1)
    delays = np.array([frame[0].delay for frame in acquisition.frames])
    assert (off[delays > 1.2] < 2e-3).all()
    assert (off[delays > 0.8] < 2e-2).all()
    assert 0.05 < off[delays < 0.5].item() < 0.12
    pulsed = Acquisition(PASL(0.7), (1.8, 2.6))
    frames, truth = acquire(cube, pulsed), acquire(fine, pulsed, t1_blood=cube.label.t1_blood)
    assert np.linalg.norm(frames - truth) < 2e-3 * np.linalg.norm(truth)
