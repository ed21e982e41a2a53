"""Label in arteries against blood that is followed from the labeling plane."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import truncnorm

from qtmnet.methods.arteries.model import ArrivalPriors, Arrivals, arterial_signal
from qtmnet.methods.decoding import boluses_of
from simulators import PASL, PCASL, Acquisition, HadamardPCASL, InputError
from simulators.constants import T1_BLOOD
from tests.qtmnet.methods.arteries.convolved import signal_of

PRIORS = ArrivalPriors(1.3, 1.0, 1.0, 0.8)
PROTOCOLS = {
    "pcasl": Acquisition(PCASL(1.45), (1.025, 1.525, 2.025, 2.525)),
    "durations": Acquisition(PCASL((0.8, 1.4, 2.0)), (0.4, 1.1, 1.8)),
    "pasl": Acquisition(PASL(0.7), (0.5, 0.8, 1.4, 2.2)),
    "encoded": Acquisition(HadamardPCASL(8, 3.5, decoded=False), (0.3,)),
}


@pytest.mark.parametrize("att", [0.1, 0.62, 1.2, 2.0, 3.1])
def test_signal_is_that_of_blood_that_passes_by(att):
    for name in ("pcasl", "durations", "pasl"):
        acquisition = PROTOCOLS[name]
        boluses = boluses_of(acquisition)
        found = arterial_signal(
            0.02,
            att,
            labeling_durations=boluses.durations.ravel(),
            post_labeling_delays=boluses.delays.ravel(),
            pulsed=boluses.pulsed,
        )
        np.testing.assert_allclose(found, signal_of(acquisition, 0.0, 1.3, 0.02, att), rtol=1e-9)


def test_signal_is_of_maps():
    volume, att = np.array([[0.01, 0.02]]), np.array([[0.5], [1.2], [9.0]])
    found = arterial_signal(volume, att, labeling_durations=1.4, post_labeling_delays=(0.4, 1.1))
    assert found.shape == (2, 3, 2)
    np.testing.assert_allclose(found[:, 0, 1], [0.02 * np.exp(-0.5 / T1_BLOOD), 0])
    assert not found[:, 2].any()
    with pytest.raises(InputError, match="arterial_att: found 1200"):
        arterial_signal(volume, 1200.0, labeling_durations=1.4, post_labeling_delays=(0.4, 1.1))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_ranges_are_those_of_the_prior_and_show_what_arrives_then(name):
    """Probability and mean of each range by SciPy's truncated normal; frames by following the blood of that time."""
    acquisition = PROTOCOLS[name]
    boluses = boluses_of(acquisition)
    arrivals = Arrivals.of(boluses, 0, T1_BLOOD, PRIORS)
    prior = truncnorm(-1.0 / 0.8, np.inf, loc=1.0, scale=0.8)
    blocks = [block for frame in acquisition.frames for block in frame]
    ends = np.unique(np.round([max(end, 0) for b in blocks for end in (b.delay, b.delay + b.duration)], 9))
    shown = 0
    for low, high in pairwise(ends):
        frames = signal_of(acquisition, 0.0, 1.3, 1.0, (low + high) / 2)
        if not np.abs(frames).any():
            continue
        share = prior.cdf(high) - prior.cdf(low)
        mean = prior.expect(lambda x: x, lb=low, ub=high, conditional=True)
        assert arrivals.probability[shown] == pytest.approx(share, rel=1e-6)
        assert arrivals.att[shown] == pytest.approx(mean, rel=1e-6)
        scale = 1.0 if name == "pasl" else np.exp(((low + high) / 2 - mean) / T1_BLOOD)
        np.testing.assert_allclose(arrivals.signal[shown], boluses.unmixed(scale * frames), rtol=1e-6, atol=1e-9)
        shown += 1
    assert shown == len(arrivals.att)


def test_ranges_far_from_what_is_expected_lie_within_their_ends():
    acquisition = Acquisition(PCASL(1.0), (0.2, 3.0, 6.0))
    arrivals = Arrivals.of(boluses_of(acquisition), 0, T1_BLOOD, ArrivalPriors(1.3, 1.0, 0.7, 0.05))
    np.testing.assert_allclose(arrivals.att, [0.7, 3.0, 6.0], atol=0.01)
    assert (arrivals.probability > 0).all()
    assert arrivals.probability[0] == pytest.approx(1.0)
