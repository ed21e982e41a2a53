"""Kinetic models against a numerical convolution, limits in closed form, and signals of known perfusion."""

from dataclasses import replace

import numpy as np
import pytest

from qtmnet.methods.decoding import boluses_of
from qtmnet.methods.kinetic_fit import fit, general_kinetic_model, multi_delay, single_delay
from qtmnet.scans.calibration.concentration import calibrate
from simulators.constants import DENSITY_G_ML, PARTITION_COEFFICIENT, T1_BLOOD
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

TIMES = {"labeling_durations": 1.45, "post_labeling_delays": (1.025, 1.525, 2.025, 2.525)}
IN_BLOOD = {"t1_tissue": T1_BLOOD, "partition_coefficient": np.inf}  # T1' = T1b: label never leaves its blood
ACQUISITION = Acquisition(labeling_duration=1.45, post_labeling_delays=TIMES["post_labeling_delays"])


def convolved(cbf: float, att: float, duration: float, delay: float, t1_tissue: float) -> float:
    """C as Buxton 1998, eq. 1, has it: arterial input convolved with washout times decay, by the midpoint rule."""
    flow = cbf / 6000
    now, edges = duration + delay, np.linspace(0, duration + delay, 200_001)
    arrival = (edges[1:] + edges[:-1]) / 2
    bolus = np.where((arrival >= att) & (arrival < att + duration), np.exp(-att / T1_BLOOD), 0.0)
    residue = np.exp(-(now - arrival) * flow / PARTITION_COEFFICIENT) * np.exp(-(now - arrival) / t1_tissue)
    return float(DENSITY_G_ML * flow * (bolus * residue).sum() * np.diff(edges)[0])


@pytest.mark.parametrize("att", [0.3, 1.2, 2.2, 3.0])
@pytest.mark.parametrize(("duration", "delay", "t1_tissue"), [(1.45, 1.525, 1.3), (0.7, 2.6, 0.83)])
def test_model_is_the_convolution_of_bolus_and_residue(att, duration, delay, t1_tissue):
    model = general_kinetic_model(
        73.0, att, labeling_durations=duration, post_labeling_delays=delay, t1_tissue=t1_tissue
    )
    # The midpoint rule misplaces each end of the bolus by up to half a step of 1.65e-5 s: 1e-5 s of some 0.5 s.
    assert model.item() == pytest.approx(convolved(73.0, att, duration, delay, t1_tissue), rel=1e-4, abs=1e-9)


def test_model_is_zero_before_arrival_and_steady_after_long_labeling():
    late = general_kinetic_model(60.0, 4.0, **TIMES)
    assert (late[:3] == 0).all()
    assert late[3] == 0  # label of 1.45 s is 3.975 s old at most
    steady = general_kinetic_model(
        60.0, 0.0, labeling_durations=20, post_labeling_delays=0.0, t1_tissue=1.0, partition_coefficient=np.inf
    )
    assert steady.item() == pytest.approx(1.05 * 0.01 * 1.0, rel=1e-8)  # ρ f T1, less e^(−20)


def test_round_trip_where_the_delays_tell_att():
    cbf, att = np.meshgrid([5.0, 20.0, 60.0, 100.0, 200.0], [1.1, 1.2, 1.5, 1.9, 2.3, 2.45], indexing="ij")
    found = multi_delay(general_kinetic_model(cbf, att, **TIMES), **TIMES)
    assert found.att_resolved.all()
    # Bisection leaves 1e-8 s, the rounds of CBF and T1' 1e-6.
    np.testing.assert_allclose(found.att, att, rtol=1e-6)
    np.testing.assert_allclose(found.cbf, cbf, rtol=1e-6)


def test_round_trip_with_a_duration_for_each_delay():
    times = {"labeling_durations": (1.0, 1.4, 1.8), "post_labeling_delays": (0.5, 1.2, 1.8)}
    found = multi_delay(general_kinetic_model(60.0, np.array([0.7, 1.5]), **times), **times)
    np.testing.assert_allclose(found.att, [0.7, 1.5], rtol=1e-6)
    np.testing.assert_allclose(found.cbf, 60.0, rtol=1e-6)


def test_order_of_the_delays_does_not_matter():
    order = [2, 0, 3, 1]
    delays = np.array(TIMES["post_labeling_delays"])[order]
    signal = general_kinetic_model(60.0, 1.4, **TIMES)[order]
    found = multi_delay(signal, labeling_durations=1.45, post_labeling_delays=delays)
    assert (found.cbf.item(), found.att.item()) == pytest.approx((60.0, 1.4), rel=1e-6)


def test_before_the_first_delay_att_is_flagged_and_cbf_within_the_stated_bound():
    att = np.array([0.0, 0.2, 0.5, 0.8, 1.0])
    found = multi_delay(general_kinetic_model(60.0, att, t1_tissue=1.33, **TIMES), t1_tissue=1.33, **TIMES)
    assert not found.att_resolved.any()
    np.testing.assert_allclose(found.att, 1.025, atol=1e-6)
    rate = 1 / 1.33 + 0.01 / 0.9 - 1 / 1.65  # 1/T1' − 1/T1b
    # The stated error leaves out that a CBF 15 % off shifts 1/T1' too, by 0.2 % (15 % of f/λ), and that CBF again.
    np.testing.assert_allclose(found.cbf, 60 * np.exp((att - 1.025) * rate), rtol=5e-3)
    assert found.cbf.min() > 60 * 0.85
    assert found.cbf[3] == pytest.approx(60 * 0.965, rel=2e-3)
    assert (np.diff(found.cbf) > 0).all()


def test_flag_survives_a_tissue_t1_a_few_percent_off():
    signal = general_kinetic_model(60.0, 0.8, t1_tissue=1.33, **TIMES)
    for t1_tissue in (1.27, 1.3, 1.36, 1.39):
        assert not multi_delay(signal, t1_tissue=t1_tissue, **TIMES).att_resolved


def test_before_the_first_delay_att_does_not_matter_for_label_in_blood():
    found = multi_delay(general_kinetic_model(60.0, 0.4, **TIMES, **IN_BLOOD), **TIMES, **IN_BLOOD)
    assert not found.att_resolved
    assert found.cbf == pytest.approx(60, rel=1e-9)


def test_after_the_last_delay_att_is_flagged_and_cbf_too_low():
    found = multi_delay(general_kinetic_model(60.0, 3.0, **TIMES), **TIMES)
    assert not found.att_resolved
    assert found.att == pytest.approx(2.525)
    # What fits best with label that arrives at 2.525 s: the error of C is at right angles to C, whose scale CBF is.
    fitted = general_kinetic_model(found.cbf, 2.525, **TIMES)
    signal = general_kinetic_model(60.0, 3.0, **TIMES)
    assert fitted @ (signal - fitted) == pytest.approx(0, abs=1e-6 * (signal @ signal))  # the rounds of CBF and T1'
    assert found.cbf < 0.5 * 60  # label of two frames, for that of three and longer


def test_label_in_one_frame_alone_does_not_tell_att():
    times = {"labeling_durations": 0.3, "post_labeling_delays": (0.5, 1.5)}  # in the first frame up to an ATT of 0.8 s
    found = multi_delay(general_kinetic_model(60.0, np.array([0.7, 1.2]), **times), **times)
    np.testing.assert_array_equal(found.att_resolved, [True, False])
    np.testing.assert_allclose(found.cbf[0], 60, rtol=1e-6)
    np.testing.assert_allclose(found.att, [0.7, 0.8], rtol=1e-6)


def test_fixed_att_recovers_cbf_even_where_the_delays_do_not_tell_it():
    att = np.array([0.0, 0.8, 1.4])
    found = multi_delay(general_kinetic_model(60.0, att, **TIMES), att=att, **TIMES)
    np.testing.assert_allclose(found.cbf, 60, rtol=1e-6)
    np.testing.assert_array_equal(found.att, att)
    assert found.att_resolved.all()
    assert multi_delay(general_kinetic_model(60.0, 0.8, **TIMES), att=20.0, **TIMES).cbf == 0  # no label yet: no CBF


def test_fixed_att_makes_do_with_one_delay():
    times = {"labeling_durations": 1.8, "post_labeling_delays": (1.8,)}
    assert multi_delay(general_kinetic_model(60.0, 1.1, **times), att=1.1, **times).cbf == pytest.approx(60, rel=1e-6)


def test_maps_of_t1():
    t1_tissue = np.array([[0.83, 1.0], [1.33, 1.6]])
    t1_blood = np.array([[1.5, 1.65], [1.7, 1.8]])
    signal = general_kinetic_model(50.0, 1.6, t1_tissue=t1_tissue, t1_blood=t1_blood, **TIMES)
    found = multi_delay(signal, t1_tissue=t1_tissue, t1_blood=t1_blood, **TIMES)
    np.testing.assert_allclose(found.cbf, 50, rtol=1e-6)
    np.testing.assert_allclose(found.att, 1.6, rtol=1e-6)
    assert abs(multi_delay(signal, **TIMES).cbf - 50).max() > 5


def test_slice_timing_is_part_of_the_delay():
    timed = replace(ACQUISITION, slice_timing=(0.0, 0.2, 0.4, 0.1))
    att = np.broadcast_to([1.3, 1.4, 1.7, 2.1], (2, 3, 4))
    signal = general_kinetic_model(60.0, att, labeling_durations=1.45, post_labeling_delays=boluses_of(timed, 4).delays)
    found = fit(signal, timed)
    np.testing.assert_allclose(found.att, att, rtol=1e-6)
    np.testing.assert_allclose(found.cbf, 60, rtol=1e-6)
    without = fit(signal, ACQUISITION)
    np.testing.assert_allclose(without.att[..., 0], 1.3, rtol=1e-6)
    np.testing.assert_allclose(
        without.att[..., 2], att[..., 2] - 0.4, atol=0.01
    )  # later readout taken for earlier label
    assert abs(without.cbf[..., 2] / 60 - 1).min() > 0.1


def test_single_delay_is_the_model_of_label_in_blood():
    signal = general_kinetic_model(60.0, np.array([0.0, 0.9, 1.5]), **TIMES, **IN_BLOOD)[1]
    found = single_delay(signal, labeling_duration=1.45, post_labeling_delay=1.525)
    np.testing.assert_allclose(found, 60, rtol=1e-12)
    np.testing.assert_allclose(single_delay(2 * signal, labeling_duration=1.45, post_labeling_delay=1.525), 2 * found)


def test_single_delay_is_the_formula_of_the_consensus():
    delta_m, m0, delay, duration = 0.6, 70.0, 1.8, 1.8
    consensus = 6000 * 0.9 * delta_m * np.exp(delay / 1.65) / (2 * 0.85 * 1.65 * m0 * (1 - np.exp(-duration / 1.65)))
    concentration = calibrate(delta_m, m0, labeling_efficiency=0.85)
    assert concentration == pytest.approx(1.05 * 0.9 * 0.6 / (2 * 0.85 * 70))
    assert single_delay(concentration, labeling_duration=1.8, post_labeling_delay=1.8) == pytest.approx(consensus)


def test_calibration_is_zero_without_m0():
    delta_m = np.full((4, 3), 0.5)
    concentration = calibrate(delta_m, [50.0, 0.0, -3.0], labeling_efficiency=0.85)
    assert concentration.shape == (4, 3)
    assert (concentration[:, 0] > 0).all()
    assert (concentration[:, 1:] == 0).all()


def test_fit_takes_the_nearest_single_delay_of_each_slice():
    timed = replace(ACQUISITION, slice_timing=(0.0, 0.3))
    signal = general_kinetic_model(
        np.full((2, 2, 2), 60.0),
        0.9,
        labeling_durations=1.45,
        post_labeling_delays=boluses_of(timed).delays,
        **IN_BLOOD,
    )
    signal[[0, 2, 3]] = 0  # so that only the frame at 1.525 s says 60
    found = fit(signal, timed, method="single_delay")
    np.testing.assert_allclose(found.cbf, 60, rtol=1e-12)
    assert found.att is None
    assert found.att_resolved is None
    assert (fit(signal, timed, method="single_delay", single_delay_pld=2.1).cbf == 0).all()


def test_fit_averages_frames_of_the_same_delay():
    repeated = Acquisition(labeling_duration=1.8, post_labeling_delays=(1.8, 1.8, 2.3))
    signal = np.array([1.0, 3.0, 9.0]).reshape(3, 1, 1, 1) * 1e-3
    mean = single_delay(2e-3, labeling_duration=1.8, post_labeling_delay=1.8)
    np.testing.assert_allclose(fit(signal, repeated, method="single_delay", single_delay_pld=1.8).cbf, mean)


@pytest.mark.parametrize("method", ["single_delay", "multi_delay"])
def test_outside_the_mask_and_where_not_finite_maps_are_zero(method):
    signal = general_kinetic_model(np.full((2, 2, 2), 60.0), 1.3, **TIMES)
    signal[:, 0, 0, 0] = np.nan
    signal[1, 0, 0, 1] = np.inf
    mask = np.ones((2, 2, 2))
    mask[1] = 0
    t1_blood = np.where(mask > 0, 1.65, 0.0)  # a map that ends with the brain
    found = fit(signal, ACQUISITION, method=method, mask=mask, t1_blood=t1_blood)
    inside = np.zeros((2, 2, 2), bool)
    inside[0, 1] = True
    assert (found.cbf[inside] > 40).all()
    for values in (found.cbf, found.att, found.att_resolved):
        assert values is None or not values[~inside].any()
    assert not fit(signal, ACQUISITION, method=method, mask=np.zeros((2, 2, 2))).cbf.any()


def test_noise_gives_finite_maps_that_may_be_negative():
    """Warnings are errors here, so that no division by noise goes unnoticed."""
    signal = np.random.default_rng(0).normal(0, 2e-3, (4, 20_000))
    found = multi_delay(signal, **TIMES)
    assert np.isfinite(found.cbf).all()
    assert ((found.att >= 1.025) & (found.att <= 2.525)).all()
    assert (found.cbf < 0).any()
    without = signal.sum(axis=0) <= 0
    assert not found.att_resolved[without].any()
    np.testing.assert_array_equal(found.att[without], 1.025)
    # ATT never beyond the last delay: the smallest response is half of that at the first, so noise keeps its scale.
    noise_ml = 2e-3 / general_kinetic_model(1.0, 1.0, **TIMES)[0]
    assert np.abs(found.cbf).max() < 10 * noise_ml
    assert not multi_delay(np.zeros((4, 3)), **TIMES).cbf.any()
    assert (multi_delay(np.full((4, 3), -1.0), **TIMES).cbf < -6000).all()  # 1/T1t + f/λ would be negative


def test_frames_may_be_float32_and_of_any_dimension():
    signal = general_kinetic_model(60.0, 1.3, **TIMES)
    for shape in ((), (1,), (2, 3), (2, 3, 2)):
        frames = np.broadcast_to(signal.reshape(4, *[1] * len(shape)), (4, *shape)).astype(np.float32)
        found = multi_delay(frames, **TIMES)
        assert found.cbf.shape == found.att.shape == found.att_resolved.shape == shape
        np.testing.assert_allclose(found.cbf, 60, rtol=1e-5)  # a few hundred times the 6e-8 of float32


FRAMES = np.full((4, 2, 2, 3), 1e-3)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: multi_delay(FRAMES[:3], **TIMES), "post_labeling_delays: found 4 for 3 frames"),
        (
            lambda: multi_delay(FRAMES[:1], labeling_durations=1.4, post_labeling_delays=[1.8]),
            "post_labeling_delays: found one",
        ),
        (
            lambda: multi_delay(FRAMES, labeling_durations=1.4, post_labeling_delays=1.8),
            "post_labeling_delays: found one",
        ),
        (lambda: multi_delay(FRAMES[:2], labeling_durations=[3, 1], post_labeling_delays=[1, 2]), "labeling_durations"),
        (
            lambda: multi_delay(FRAMES, labeling_durations=[1, 2], post_labeling_delays=[1, 2, 3, 4]),
            "labeling_durations",
        ),
        (lambda: multi_delay(FRAMES, labeling_durations=0, post_labeling_delays=[1, 2, 3, 4]), "labeling_durations"),
        (lambda: multi_delay(FRAMES, t1_tissue=0.0, **TIMES), "t1_tissue"),
        (lambda: multi_delay(FRAMES, t1_tissue=np.zeros((2, 2, 3)), **TIMES), "t1_tissue: found 0 in 12 of 12 values"),
        (lambda: multi_delay(FRAMES, t1_blood=1650, **TIMES), "t1_blood"),
        (lambda: multi_delay(FRAMES, t1_blood=np.nan, **TIMES), "t1_blood"),
        (lambda: multi_delay(FRAMES, partition_coefficient=0, **TIMES), "partition_coefficient"),
        (lambda: multi_delay(FRAMES, att=-0.1, **TIMES), "att"),
        (lambda: multi_delay(FRAMES, att=np.ones((3, 2)), **TIMES), "att"),
        (lambda: multi_delay(FRAMES, mask=np.ones((2, 2)), **TIMES), "mask"),
        (lambda: multi_delay(1e-3, **TIMES), "concentration"),
        (lambda: single_delay(FRAMES[0], labeling_duration=1.4, post_labeling_delay=1800), "post_labeling_delay"),
        (lambda: single_delay(FRAMES[0], labeling_duration=1.4, post_labeling_delay=[1.0, 1.1]), "post_labeling_delay"),
        (lambda: single_delay(FRAMES[0], labeling_duration=1.4, post_labeling_delay=1, t1_blood=-1), "t1_blood"),
        (lambda: general_kinetic_model(np.ones(3), np.ones(2), **TIMES), "cbf, att"),
        (lambda: general_kinetic_model(60, -1.0, **TIMES), "att"),
        (lambda: calibrate(FRAMES, FRAMES[0], labeling_efficiency=85), "labeling_efficiency"),
        (lambda: calibrate(FRAMES, np.ones((5, 5)), labeling_efficiency=0.85), "m0"),
        (lambda: fit(FRAMES, ACQUISITION, method="two_delays"), "method"),
        (lambda: fit(FRAMES[:3], ACQUISITION, method="single_delay"), "concentration: found shape (3, 2, 2, 3)"),
        (lambda: fit(FRAMES[0], ACQUISITION), "concentration"),
        (lambda: fit(FRAMES, replace(ACQUISITION, slice_timing=(0.0, 0.1))), "slice_timing"),
    ],
)
def test_bad_input_is_told_in_one_line(call, field):
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value).startswith(field)
    assert "give" in str(error.value)
    assert "\n" not in str(error.value)
