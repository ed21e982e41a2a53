"""Arrays of known perfusion in, maps of it out."""

import subprocess
import sys

import numpy as np
import pytest

import qtmnet
from qtmnet.methods.multi_delay import MultiDelay
from simulators import PASL, PCASL, Acquisition, InputError
from tests.qtmnet.scans.protocol.integrals import ATT, CBF, INSIDE, M0, SLICES, Tissue, continuous, cut_off, frames

PLDS, TIS = (0.4, 0.9, 1.4, 1.9, 2.4), (0.5, 0.9, 1.3, 1.7, 2.1, 2.5)
SIZE = (3.0, 3.0, 4.0)
DELTA_M = frames([continuous(1.8, delay) for delay in PLDS], 0.85, Tissue())
RTOL = 1e-5
"""Arrays are in single precision; the integral and the closed form differ by less."""


def mapped(delta_m=DELTA_M, m0=M0, acquisition=None, **options):
    acquisition = acquisition or Acquisition(PCASL(1.8), PLDS, SIZE)
    return qtmnet.map_perfusion(delta_m, m0, acquisition, **{"labeling_efficiency": 0.85, "mask": INSIDE} | options)


@pytest.mark.parametrize("method", ["multi_delay", "multi_delay_arteries", MultiDelay()])
def test_kinetic_models_give_the_truth(method):
    found = mapped(method=method)
    # The priors of arteries hold a noiseless fit by less than a thousandth.
    np.testing.assert_allclose(found["cbf"][INSIDE], CBF, rtol=RTOL if method != "multi_delay_arteries" else 5e-3)
    np.testing.assert_allclose(found["att"][INSIDE], ATT, atol=0.01)
    assert {each.dtype for each in found.values()} == {np.dtype(np.float32)}
    assert not found["cbf"][~INSIDE].any()


def test_slices_and_pulses_have_their_own_times():
    delta_m = frames([cut_off(0.7, ti) for ti in TIS], 0.98, Tissue(), SLICES)
    protocol = Acquisition(PASL(0.7), TIS, SIZE, slice_timing=SLICES)
    found = mapped(delta_m, acquisition=protocol, labeling_efficiency=0.98, method="multi_delay")
    np.testing.assert_allclose(found["cbf"][INSIDE], CBF, rtol=RTOL)


def test_one_delay_may_be_one_image():
    delta_m = frames([continuous(1.8, 1.8)], 0.85, Tissue(in_blood=True))[0]
    found = mapped(delta_m, acquisition=Acquisition(PCASL(1.8), (1.8,), SIZE), method="single_delay")
    np.testing.assert_allclose(found["cbf"][INSIDE], CBF, rtol=RTOL)
    at_7_t = frames([continuous(1.8, 1.8)], 0.85, Tissue(t1_blood=2.1, in_blood=True))
    protocol = Acquisition(PCASL(1.8), (1.8,), SIZE)
    found = mapped(at_7_t, acquisition=protocol, method="single_delay", t1_blood=2.1)
    np.testing.assert_allclose(found["cbf"][INSIDE], CBF, rtol=RTOL)


def test_single_pairs_are_averaged_and_tell_the_noise_of_a_network():
    rng = np.random.default_rng(1)
    pairs = DELTA_M[:, None] + rng.normal(0, 0.5, (5, 12, *INSIDE.shape))
    found = mapped(pairs)
    assert {"cbf", "att", "abv", "cbf_low", "cbf_high"} <= set(found)
    given = mapped(pairs.mean(axis=1), noise=0.5 / np.sqrt(12))
    # Its noise is known to some percent in 12 pairs, on which a network's map depends but weakly.
    np.testing.assert_allclose(np.median(found["cbf"][INSIDE]), np.median(given["cbf"][INSIDE]), rtol=0.05)
    # The ball is no brain and has no vessels: what the model card says of an error is what is asked for.
    assert np.median(found["cbf"][INSIDE]) == pytest.approx(CBF, rel=0.25)
    assert (np.median(found["cbf_low"][INSIDE]) < np.median(found["cbf"][INSIDE])) & (found["cbf_high"] >= 0).all()


def test_voxels_without_m0_are_left_out():
    m0 = np.full(INSIDE.shape, M0)
    m0[4, 5, 4] = 0
    found = mapped(m0=m0, method="multi_delay")["cbf"]
    assert found[4, 5, 4] == 0
    assert (found > 0).sum() == INSIDE.sum() - 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delta_m": DELTA_M[:4]}, r"delta_m: found shape \(4, 9, 10, 8\); give \(K, X, Y, Z\).* K = 5"),
        ({"m0": np.ones((7, 8))}, r"m0: found shape \(7, 8\)"),
        ({"m0": 0}, "m0: found no voxel in which it is above 0"),
        ({"mask": INSIDE[..., 0]}, r"mask: found shape \(9, 10\)"),
        ({"labeling_efficiency": 85}, "labeling_efficiency: found 85; give a fraction"),
        ({"method": "basil"}, "method: found 'basil'; give any_scan, single_delay"),
        ({"acquisition": Acquisition(PCASL(1.8), (1.8,), SIZE), "delta_m": DELTA_M[:1]}, "found one delay"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        mapped(**{"method": "multi_delay"} | options)


def test_kinetic_maps_need_no_torch():
    code = (
        "import sys, numpy as np, qtmnet; from simulators import Acquisition; "
        "qtmnet.map_perfusion(np.ones((4, 2, 2, 2)), 1000.0, Acquisition(), labeling_efficiency=0.85, "
        "method='multi_delay'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("delta_m", "m0", "told"),
    [
        (-DELTA_M, M0, "exchange control and label"),
        (DELTA_M, 10 * M0, "which no brain has"),
        (9 * DELTA_M, M0, "one scale"),
    ],
)
def test_a_level_that_no_brain_has_is_warned_of(delta_m, m0, told):
    with pytest.warns(UserWarning, match=rf"^median CBF: found .*{told}"):
        mapped(delta_m, m0, method="multi_delay")


def test_a_soft_mask_is_cut_at_a_half():
    soft = np.where(INSIDE, 0.6, 0.4)
    np.testing.assert_array_equal(mapped(mask=soft, method="multi_delay")["cbf"], mapped(method="multi_delay")["cbf"])
