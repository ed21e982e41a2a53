"""Tissue and arteries: signals of known perfusion by numerical convolution, and the posterior by exhaustive search."""

from dataclasses import replace

import numpy as np
import pytest

from qtmnet.methods.arteries.fit import ArterialMaps, fit_arteries
from qtmnet.methods.arteries.model import ArrivalPriors
from qtmnet.methods.kinetic_fit import fit
from simulators import PASL, PCASL, Acquisition, HadamardPCASL, InputError
from simulators.constants import PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER
from tests.qtmnet.methods.arteries.convolved import signal_of

PRIORS = ArrivalPriors(1.3, 1.0, 1.0, 1.0)
SEVEN = Acquisition(PCASL(1.4), (0.2, 0.5, 0.8, 1.1, 1.5, 2.0, 2.5))
PAPER = Acquisition(PCASL(1.45), (1.025, 1.525, 2.025, 2.525))
PULSED = Acquisition(PASL(0.7), (0.5, 0.8, 1.1, 1.4, 1.8, 2.2, 2.6))


def voxels(*signals: np.ndarray) -> np.ndarray:
    """Signals (K,) as an image (K, n, 1, 1)."""
    return np.stack(signals, axis=-1)[..., None, None]


def flat(maps: ArterialMaps) -> np.ndarray:
    """CBF, ATT and aBV, (3, n)."""
    return np.stack([maps.cbf, maps.att, maps.abv]).reshape(3, -1)


@pytest.mark.parametrize("acquisition", [SEVEN, PULSED, Acquisition(HadamardPCASL(8, 3.5), (0.3,))])
@pytest.mark.parametrize(("att", "abv", "arterial_att"), [(1.3, 0.02, 0.65), (1.45, 0.008, 0.95), (1.6, 0.05, 0.62)])
def test_noiseless_frames_give_back_what_made_them(acquisition, att, abv, arterial_att):
    """The arteries' transit time is told to between ends of boluses; its prior's mean there is up to half of it off."""
    found = fit_arteries(voxels(signal_of(acquisition, 55.0, att, abv, arterial_att)), acquisition, PRIORS, noise=1e-6)
    cbf, transit, volume = flat(found)[:, 0]
    assert cbf == pytest.approx(55.0, rel=1e-3)
    assert transit == pytest.approx(att, abs=2e-3)  # the last golden section ends within 0.2 ms
    # Ends of boluses are up to 0.5 s apart: e^(0.25 / T1b) and some for the prior's slope.
    assert volume == pytest.approx(abv, rel=0.2 if acquisition is not PULSED else 1e-3)


def test_arteries_that_fill_as_the_tissue_does_are_not_told_from_its_transit_time():
    """Δ and Δa between the same two ends of boluses, 0.8 and 1.1 s: the fewest arteries are taken, with the earliest Δ.

    Frames after both only tell f e^(Δ(1/T1' − 1/T1b)), and those before f e^(−Δ/T1b) + aBV.
    """
    frames = voxels(signal_of(SEVEN, 55.0, 1.0, 0.008, 0.95))
    cbf, att, abv = flat(fit_arteries(frames, SEVEN, PRIORS, noise=1e-5))[:, 0]
    assert att == pytest.approx(0.8, abs=2e-3)
    assert abv < 0.008
    rate = 1 / T1_GREY_MATTER + 0.0095 / PARTITION_COEFFICIENT - 1 / T1_BLOOD
    assert cbf == pytest.approx(55 * np.exp((1.0 - att) * rate), rel=5e-3)


def test_no_artery_is_found_where_there_is_none():
    for att in (0.7, 1.0, 1.4, 1.9):
        found = flat(fit_arteries(voxels(signal_of(SEVEN, 60.0, att)), SEVEN, PRIORS, noise=1e-5))
        np.testing.assert_allclose(found[:2, 0], (60.0, att), rtol=2e-3)
        assert found[2, 0] < 2e-5  # two standard deviations of the noise that was told


def test_label_in_arteries_biases_multi_delay_and_not_this():
    """2 % of arteries, as near the great ones: half of the frames' label is not the tissue's."""
    frames = voxels(*(signal_of(PAPER, 60.0, att, 0.02, 1.2) for att in (1.2, 1.5, 1.8)))
    rng = np.random.default_rng(0)
    noisy = np.repeat(frames, 200, axis=2) + rng.normal(0, 2e-4, (4, 3, 200, 1))
    biased = fit(noisy, PAPER).cbf.mean(axis=(1, 2))
    found = fit_arteries(noisy, PAPER, PRIORS, noise=2e-4).cbf.mean(axis=(1, 2))
    assert (biased > 1.5 * 60).all()
    np.testing.assert_allclose(found, 60.0, rtol=0.1)


def test_arteries_alone_have_no_perfusion():
    found = flat(fit_arteries(voxels(signal_of(SEVEN, 0.0, 1.3, 0.3, 0.7)), SEVEN, PRIORS, noise=1e-4))
    assert found[0, 0] < 0.5
    assert found[2, 0] == pytest.approx(0.3, rel=0.1)


def test_two_delays_leave_the_transit_time_to_its_prior():
    """Both after arrival: their ratio says nothing of ATT, whatever the prior says is taken."""
    two = Acquisition(PCASL(1.8), (1.8, 2.3))
    frames = voxels(signal_of(two, 60.0, 1.0))
    for mean in (0.8, 1.2, 1.5):
        found = flat(fit_arteries(frames, two, replace(PRIORS, att=mean, att_sd=0.3), noise=2e-4))
        assert found[1, 0] == pytest.approx(mean, abs=0.05)
    decay = 1 / T1_GREY_MATTER + 0.01 / PARTITION_COEFFICIENT - 1 / T1_BLOOD
    assert found[0, 0] == pytest.approx(60 * np.exp((1.0 - 1.5) * decay), rel=0.02)


def test_noise_hands_over_to_the_prior():
    """One frame before half of the label has come tells a late arrival, in so far as it is not noise."""
    two = Acquisition(PCASL(1.8), (0.5, 2.0))
    frames = voxels(signal_of(two, 60.0, 1.6))
    att = [
        flat(fit_arteries(frames, two, replace(PRIORS, att=1.0, att_sd=0.2), noise=noise))[1, 0]
        for noise in (1e-6, 1e-4, 5e-4, 2e-3, 1e-1)
    ]
    assert att[0] == pytest.approx(1.6, abs=5e-3)
    assert (np.diff(att) < 0).all()
    assert att[-1] == pytest.approx(1.0, abs=5e-3)


def test_order_of_frames_does_not_matter():
    order = [3, 0, 6, 2, 5, 1, 4]
    frames = voxels(signal_of(SEVEN, 60.0, 1.4, 0.01, 0.9), signal_of(SEVEN, 30.0, 1.8))
    frames += np.random.default_rng(0).normal(0, 2e-4, frames.shape)
    other = replace(SEVEN, post_labeling_delays=tuple(np.array(SEVEN.post_labeling_delays)[order]))
    one, two = fit_arteries(frames, SEVEN, PRIORS), fit_arteries(frames[order], other, PRIORS)
    np.testing.assert_allclose(flat(one), flat(two), rtol=1e-9)
    assert one.noise == pytest.approx(two.noise, rel=1e-12)


def test_a_voxel_is_fitted_the_same_whatever_is_beside_it():
    frames = voxels(*(signal_of(SEVEN, 60.0, att, 0.01, 0.9) for att in (1.0, 1.5)))
    many = np.tile(frames, (1, 1500, 3, 1))
    mask = np.ones((3000, 3, 1))
    mask[100:200] = 0
    alone = flat(fit_arteries(frames, SEVEN, PRIORS, noise=1e-4))
    crowd = fit_arteries(many, SEVEN, PRIORS, noise=1e-4, mask=mask)
    np.testing.assert_allclose(crowd.cbf[-2:, 2, 0], alone[0], rtol=1e-9)
    assert not crowd.cbf[100:200].any()
    assert not crowd.att[100:200].any()


def test_slices_have_their_own_times():
    timed = replace(PAPER, slice_timing=(0.0, 0.3))
    signals = [signal_of(PAPER, 60.0, 1.6, 0.01, 1.2, after_first_slice=after) for after in (0.0, 0.3)]
    found = fit_arteries(np.stack(signals, axis=-1)[:, None, None], timed, PRIORS, noise=1e-6)
    np.testing.assert_allclose(found.cbf[0, 0], 60.0, rtol=5e-3)
    np.testing.assert_allclose(found.att[0, 0], 1.6, atol=5e-3)


def test_a_map_of_t1_is_as_its_numbers():
    t1s = (0.83, 1.0, 1.33, 1.6)
    frames = voxels(*(signal_of(SEVEN, 60.0, 1.2, 0.01, 0.9, t1_tissue=t1) for t1 in t1s))
    together = fit_arteries(frames, SEVEN, PRIORS, noise=1e-6, t1_tissue=np.array(t1s)[:, None, None])
    np.testing.assert_allclose(flat(together)[0], 60.0, rtol=2e-3)
    for i, t1 in enumerate(t1s):
        alone = fit_arteries(frames[:, i : i + 1], SEVEN, PRIORS, noise=1e-6, t1_tissue=t1)
        np.testing.assert_allclose(flat(together)[:, i], flat(alone)[:, 0], rtol=1e-3)


def test_volumes_as_encoded_say_what_decoded_frames_say():
    encoded, decoded = (Acquisition(HadamardPCASL(8, 3.5, decoded=d), (0.3,)) for d in (False, True))
    frames = voxels(signal_of(encoded, 60.0, 1.4, 0.01, 0.9))
    frames += np.random.default_rng(0).normal(0, 1e-4, frames.shape)
    of_boluses = HadamardPCASL(8, 3.5).decode(frames)
    one = fit_arteries(frames, encoded, PRIORS, noise=1e-4)
    other = fit_arteries(of_boluses, decoded, PRIORS, noise=1e-4)
    np.testing.assert_allclose(flat(one), flat(other), rtol=1e-6)


def test_noise_is_read_off_the_residuals():
    """Of voxels most of which have no arteries, as in a brain."""
    rng = np.random.default_rng(0)
    frames = np.repeat(voxels(*(signal_of(SEVEN, 60.0, att) for att in (0.9, 1.2, 1.5))), 700, axis=2)
    noisy = frames + rng.normal(0, 3e-4, frames.shape)
    # The median of 2100 voxels' χ² is told to 2 %; ATT is not linear in the frames, and some are at its ends.
    assert fit_arteries(noisy, SEVEN, PRIORS).noise == pytest.approx(3e-4, rel=0.1)
    assert fit_arteries(2 * noisy, SEVEN, PRIORS).noise == pytest.approx(6e-4, rel=0.1)


def test_nothing_is_found_in_nothing():
    found = fit_arteries(np.zeros((7, 2, 1, 1)), SEVEN, PRIORS)
    np.testing.assert_array_equal(flat(found), [[0, 0], [1.3, 1.3], [0, 0]])
    negative = fit_arteries(np.full((7, 2, 1, 1), -1e-3), SEVEN, PRIORS, noise=1e-4)
    assert not flat(negative)[[0, 2]].any()
    assert not fit_arteries(np.ones((7, 2, 1, 1)), SEVEN, PRIORS, mask=np.zeros((2, 1, 1))).cbf.any()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: fit_arteries(np.ones((1, 2, 2, 2)), Acquisition(PCASL(1.8), (1.8,)), PRIORS), "use single_delay"),
        (lambda: fit_arteries(np.ones((3, 2, 2, 2)), PAPER, PRIORS), "concentration: found shape"),
        (lambda: fit_arteries(np.ones((4, 2, 2, 2)), PAPER, PRIORS, mask=np.ones(3)), "mask: found shape"),
        (lambda: fit_arteries(np.ones((4, 2, 2, 2)), PAPER, PRIORS, t1_tissue=1300), "t1_tissue: found 1300"),
        (lambda: fit_arteries(np.ones((4, 2, 2, 2)), PAPER, PRIORS, t1_blood=0.0), "t1_blood: found 0"),
    ],
)
def test_what_is_wrong_is_told(call, text):
    with pytest.raises(InputError, match=text):
        call()
