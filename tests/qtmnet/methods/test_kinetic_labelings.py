"""The kinetic models of pulsed, time-encoded and other labelings: convolutions, limits, and signals of known ATT."""

from dataclasses import dataclass

import numpy as np
import pytest

from qtmnet.methods.decoding import boluses_of
from qtmnet.methods.kinetic_fit import fit, general_kinetic_model, multi_delay, single_delay, single_delay_of
from simulators import PASL, PCASL, Acquisition, Block, HadamardPCASL, InputError
from simulators.constants import DENSITY_G_ML, PARTITION_COEFFICIENT, T1_BLOOD
from simulators.imaging.labeling.base import Frame, Labeling

IN_BLOOD = {"t1_tissue": T1_BLOOD, "partition_coefficient": np.inf}  # T1' = T1b: label never leaves its blood
TIS = (0.6, 1.0, 1.4, 1.8, 2.2, 2.6)
PULSED = Acquisition(PASL(0.7), TIS)


@dataclass(frozen=True)
class Interrupted(Labeling):
    """PCASL with a pause in the middle: two boluses a frame, which no sum of frames tells apart."""

    half: float = 0.8
    pause: float = 0.3

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        return tuple((Block(self.half, delay + self.half + self.pause), Block(self.half, delay)) for delay in delays)


def signal_of(acquisition: Acquisition, cbf: float, att: np.ndarray, **constants: float) -> np.ndarray:
    """Frames (K, n, 1, 1) of the general kinetic model, bolus by bolus, for transit times (n,)."""
    return np.stack(
        [
            sum(
                block.sign
                * general_kinetic_model(
                    cbf,
                    att[:, None, None],
                    labeling_durations=block.duration + min(block.delay, 0),
                    post_labeling_delays=max(block.delay, 0),
                    pulsed=block.waits,
                    **constants,
                )[0]
                for block in frame
            )
            for frame in acquisition.frames
        ]
    )


@pytest.mark.parametrize("t1_tissue", [0.83, 1.3, 1.65, 2.5])
@pytest.mark.parametrize(("ti1", "ti"), [(0.7, 0.8), (0.7, 1.8), (1.6, 2.0)])
@pytest.mark.parametrize("att", [0.2, 0.9, 1.5])
def test_pulsed_response_is_the_convolution_of_bolus_and_residue(att, ti1, ti, t1_tissue):
    """Buxton 1998, eqs. 1 and 4: all label is as old as the pulse when it arrives, between δ and δ + TI1."""
    flow, edges = 73.0 / 6000, np.linspace(0, ti, 200_001)
    arrival = (edges[1:] + edges[:-1]) / 2
    bolus = np.where((arrival >= att) & (arrival < att + ti1), np.exp(-arrival / T1_BLOOD), 0.0)
    residue = np.exp(-(ti - arrival) * (flow / PARTITION_COEFFICIENT + 1 / t1_tissue))
    truth = DENSITY_G_ML * flow * (bolus * residue).sum() * np.diff(edges)[0]
    model = general_kinetic_model(
        73.0, att, labeling_durations=ti1, post_labeling_delays=ti - ti1, pulsed=True, t1_tissue=t1_tissue
    )
    # The midpoint rule misplaces each end of the bolus by up to half a step of 1e-5 s, of some 0.1 s at least.
    assert model.item() == pytest.approx(truth, rel=2e-4, abs=1e-9)


def test_pulsed_response_without_decay_is_that_of_continuous_labeling():
    times = {"labeling_durations": 0.7, "post_labeling_delays": (0.3, 0.9, 1.5)}
    for att in (0.2, 0.8, 1.4):
        pulsed = general_kinetic_model(60.0, att, pulsed=True, t1_blood=20.0, t1_tissue=20.0, **times)
        continuous = general_kinetic_model(60.0, att, t1_blood=20.0, t1_tissue=20.0, **times)
        np.testing.assert_allclose(pulsed, continuous, rtol=0.7 / 20)  # TI1 / T1 of decay is what differs


def test_one_inversion_time_is_the_consensus_papers():
    """Alsop 2015, eq. 3, in its own symbols, and exact where all label has come and is in its blood."""
    ti1, ti, m0, efficiency, cbf = 0.7, 1.8, 1000.0, 0.98, 55.0
    c = general_kinetic_model(
        cbf, 0.8, labeling_durations=ti1, post_labeling_delays=ti - ti1, pulsed=True, **IN_BLOOD
    ).item()
    delta_m = c * 2 * efficiency * m0 / (DENSITY_G_ML * PARTITION_COEFFICIENT)
    consensus = 6000 * PARTITION_COEFFICIENT * delta_m * np.exp(ti / T1_BLOOD) / (2 * efficiency * ti1 * m0)
    found = single_delay(c, labeling_duration=ti1, post_labeling_delay=ti - ti1, pulsed=True)
    assert found == pytest.approx(consensus, rel=1e-12)
    assert found == pytest.approx(cbf, rel=1e-12)


def test_pulsed_round_trip_where_the_delays_tell_att():
    """Up to TI − TI1 of the last frame; the weighted delay rises with ATT all the way."""
    att = np.linspace(0.1, 1.8, 18)
    for t1_tissue in (0.83, 1.3, 2.5):  # T1' below and above T1b
        frames = signal_of(PULSED, 60.0, att, t1_tissue=t1_tissue)
        order = np.asarray(TIS)[:, None]
        assert (np.diff((order * frames[..., 0, 0]).sum(axis=0) / frames[..., 0, 0].sum(axis=0)) > 0).all()
        found = fit(frames, PULSED, t1_tissue=t1_tissue)
        # Bisection leaves 1e-8 s, the rounds of CBF and T1' 1e-6.
        np.testing.assert_allclose(found.att[:, 0, 0], att, rtol=1e-6)
        np.testing.assert_allclose(found.cbf, 60.0, rtol=1e-6)
        assert found.att_resolved[1:-1].all()


@pytest.mark.parametrize("decoded", [True, False])
def test_time_encoded_round_trip(decoded):
    """Volumes are decoded before they are fitted, which is the least squares of the volumes."""
    acquisition = Acquisition(HadamardPCASL(8, 3.5, decoded=decoded), (0.3,))
    att = np.linspace(0.4, 2.5, 15)
    frames = signal_of(acquisition, 60.0, att)
    assert len(frames) == (7 if decoded else 8)
    found = fit(frames, acquisition)
    np.testing.assert_allclose(found.att[:, 0, 0], att, rtol=1e-6)
    np.testing.assert_allclose(found.cbf, 60.0, rtol=1e-6)


def test_volumes_as_encoded_say_what_decoded_frames_say():
    encoded, decoded = (Acquisition(HadamardPCASL(8, 3.5, decoded=d), (0.3,)) for d in (False, True))
    noisy = signal_of(encoded, 60.0, np.linspace(0.4, 2.5, 5))
    noisy += np.random.default_rng(0).normal(0, 1e-3, noisy.shape)
    of_boluses = HadamardPCASL(8, 3.5).decode(noisy)
    assert single_delay_of(encoded) == single_delay_of(decoded) == pytest.approx(1.3)
    for method in ("single_delay", "multi_delay"):
        one, other = fit(noisy, encoded, method=method), fit(of_boluses, decoded, method=method)
        np.testing.assert_allclose(one.cbf, other.cbf, rtol=1e-6)


def test_sums_that_cannot_be_told_apart_are_fitted_as_sums():
    acquisition = Acquisition(Interrupted(), (0.4, 0.9, 1.4, 1.9))
    boluses = boluses_of(acquisition)
    assert boluses.unmixing is None
    assert boluses.mixing is not None
    assert boluses.mixing.shape == (4, 8)
    att = np.linspace(0.6, 1.8, 9)
    found = fit(signal_of(acquisition, 60.0, att), acquisition)
    np.testing.assert_allclose(found.att[:, 0, 0], att, atol=5e-4)  # the finest step of the search
    np.testing.assert_allclose(found.cbf, 60.0, rtol=1e-3)
    in_blood = signal_of(acquisition, 60.0, np.full(2, 0.3), **IN_BLOOD)
    np.testing.assert_allclose(fit(in_blood, acquisition, method="single_delay").cbf, 60.0, rtol=1e-9)


def test_a_single_delay_takes_the_frame_of_the_delay_that_is_nearest():
    assert single_delay_of(PULSED) == pytest.approx(2.2 - 0.7)
    frames = signal_of(PULSED, 60.0, np.array([0.2]), **IN_BLOOD)
    frames[:4] = frames[5:] = 0
    np.testing.assert_allclose(fit(frames, PULSED, method="single_delay").cbf, 60.0, rtol=1e-9)


def test_slice_timing_is_time_after_the_pulse():
    timed = Acquisition(PASL(0.7), TIS, slice_timing=(0.0, 0.4))
    late = Acquisition(PASL(0.7), tuple(ti + 0.4 for ti in TIS))
    att = np.linspace(0.6, 1.7, 4)
    frames = np.concatenate([signal_of(PULSED, 60.0, att), signal_of(late, 60.0, att)], axis=-1)
    np.testing.assert_allclose(fit(frames, timed).att, np.broadcast_to(att[:, None, None], (4, 1, 2)), rtol=1e-6)


def test_one_inversion_time_does_not_tell_att():
    with pytest.raises(InputError, match="one delay"):
        fit(np.zeros((1, 2, 2, 2)), Acquisition(PASL(0.7), (1.8,)))
    with pytest.raises(InputError, match="one delay"):
        fit(np.zeros((1, 2, 2, 2)), Acquisition(Interrupted(), (1.8,)))


def test_continuous_labeling_takes_the_same_way_as_numbers():
    acquisition = Acquisition(PCASL((1.0, 1.4, 1.8)), (0.5, 1.2, 1.8))
    frames = signal_of(acquisition, 60.0, np.array([0.7, 1.1]))
    by_numbers = multi_delay(frames, labeling_durations=(1.0, 1.4, 1.8), post_labeling_delays=(0.5, 1.2, 1.8))
    np.testing.assert_array_equal(fit(frames, acquisition).cbf, by_numbers.cbf)
