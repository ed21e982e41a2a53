"""The kinetic models' step response, against their own closed form and against their differential equation."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from qtmnet.methods.kinetic_model import KineticModel
from simulators.constants import DENSITY_G_ML, ML_100G_MIN, PARTITION_COEFFICIENT
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import read_out
from simulators.transport.kinetic import KineticTissue

PERFUSION = np.array([0.0, 5.0, 20.0, 60.0, 110.0]).reshape(5, 1, 1)
ARRIVAL = np.array([0.5, 0.3, 1.2, 0.8, 2.4]).reshape(5, 1, 1)
VOLUME = np.array([0.2, 0.0, 0.01, 0.05, 0.3]).reshape(5, 1, 1)
TISSUE = KineticTissue(PERFUSION, ARRIVAL, VOLUME, ARRIVAL - 0.2, t1_blood=1.65, t1_tissue=1.3)
DELAYS, DURATION = (0.2, 0.7, 1.5, 2.2, 3.1), 1.45


def test_frames_are_the_general_kinetic_model():
    """At readouts that are among the times, where interpolation adds nothing: to float32's rounding of S, 0.02."""
    acquisition = Acquisition(labeling_duration=DURATION, post_labeling_delays=DELAYS)
    time = np.unique(np.concatenate([DELAYS, np.add(DELAYS, DURATION)]))
    frames = read_out(TISSUE.step_response(time).bed, time, acquisition)
    model = KineticModel.of(frames.shape, None, DELAYS, DURATION, 1.65, 1.3, PARTITION_COEFFICIENT)
    expected = model.response(ARRIVAL, PERFUSION) * PERFUSION
    np.testing.assert_allclose(frames, expected, rtol=1e-5, atol=1e-8)
    assert (expected[:, 1:] > 1e-5).any(axis=0).all()


def test_arteries_without_dispersion_are_plugs():
    time = np.array([0.1, 0.299, 0.301, 0.999, 1.001, 3.0])
    label = TISSUE.step_response(time).arterial[:, :, 0, 0]
    arrival = TISSUE.arterial_arrival.ravel()
    expected = np.where(time[:, None] >= arrival, VOLUME.ravel() * np.exp(-arrival / 1.65), 0)
    np.testing.assert_allclose(label, expected, rtol=1e-6)


@pytest.mark.parametrize("dispersion", [0.05, 0.25])
@pytest.mark.parametrize("voxel", [1, 3, 4])
def test_dispersed_label_solves_the_equation(dispersion, voxel):
    """dC/dt = f c − k C is integrated with c summed over arrival times, one after another."""
    tissue = replace(TISSUE, dispersion=dispersion)
    time = np.array([0.2, 0.5, 0.9, 1.3, 2.0, 3.0, 4.5])
    response = tissue.step_response(time)
    flow = PERFUSION.ravel()[voxel] * DENSITY_G_ML / ML_100G_MIN
    rate = flow / (DENSITY_G_ML * PARTITION_COEFFICIENT) + 1 / 1.3

    def arrived(t, middle):
        spread = dispersion * middle

        def density(x):
            return np.exp(-(((x - middle) / spread) ** 2) / 2 - x / 1.65) / (spread * np.sqrt(2 * np.pi))

        low, high = max(middle - 8 * spread, 0.0), min(t, middle + 8 * spread)
        return quad(density, low, high, epsabs=1e-11)[0] if high > low else 0.0

    middle = ARRIVAL.ravel()[voxel]
    solved = solve_ivp(
        lambda t, label: flow * arrived(t, middle) - rate * label, (0, 4.5), [0.0], t_eval=time, rtol=1e-7, atol=1e-11
    )
    np.testing.assert_allclose(response.bed[:, voxel, 0, 0], solved.y[0], rtol=1e-5, atol=1e-6 * flow)
    earlier = TISSUE.arterial_arrival.ravel()[voxel]
    expected = VOLUME.ravel()[voxel] * np.array([arrived(t, earlier) for t in time])
    np.testing.assert_allclose(response.arterial[:, voxel, 0, 0], expected, rtol=1e-5, atol=1e-8)


def test_half_of_the_label_has_come_at_the_arrival():
    """Of blood that does not decay."""
    tissue = replace(TISSUE, dispersion=0.2, t1_blood=np.inf, t1_tissue=np.inf)
    for voxel in (0, 2, 4):
        label = tissue.step_response([float(tissue.arterial_arrival.ravel()[voxel]), 20.0]).arterial[:, voxel, 0, 0]
        assert label[0] == pytest.approx(label[1] / 2, rel=1e-6)
        assert label[1] == pytest.approx(VOLUME.ravel()[voxel])


def test_label_that_does_not_decay_fills_the_water():
    """S → ρ λ as t → ∞, as blood and tissue are in equilibrium."""
    tissue = replace(TISSUE, t1_blood=np.inf, t1_tissue=np.inf, dispersion=0.1)
    filled = tissue.step_response([1e5]).bed.ravel()
    np.testing.assert_allclose(
        filled, np.where(PERFUSION.ravel() > 0, DENSITY_G_ML * PARTITION_COEFFICIENT, 0), rtol=1e-5
    )


def test_label_grows_from_nothing():
    """Non-negative and never less than before: the step response of any tissue."""
    rng = np.random.default_rng(3)
    shape = (6, 6, 6)
    for dispersion in (0.0, 0.02, 0.3):
        tissue = KineticTissue(
            rng.uniform(0, 150, shape),
            rng.uniform(0, 4, shape),
            rng.uniform(0, 0.3, shape),
            rng.uniform(0, 4, shape),
            t1_blood=rng.uniform(1.4, 2.0),
            t1_tissue=rng.uniform(0.8, 1.6),
            dispersion=dispersion,
        )
        response = tissue.step_response(np.arange(1e-4, 6, 0.05))
        for label in (response.bed, response.arterial):
            assert label.dtype == np.float32
            assert label.min() >= 0
            assert np.diff(label, axis=0).min() >= -2e-8  # float32 of what is about 0.1
            assert label[0].max() < 1e-5 * label[-1].max()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("arrival", np.ones((2, 1, 1))),
        ("perfusion", -PERFUSION),
        ("arterial_volume", np.full(PERFUSION.shape, np.nan)),
        ("t1_blood", 0.0),
        ("t1_tissue", -1.0),
        ("dispersion", 0.5),
    ],
)
def test_tissue_that_is_none(name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give"):
        replace(TISSUE, **{name: value})
