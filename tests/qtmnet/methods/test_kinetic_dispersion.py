"""Transit times of a kinetic model, which knows of one arrival in a voxel, where label arrives by many streamlines."""

import numpy as np
import pytest

from qtmnet.methods.kinetic_fit import KineticMaps, general_kinetic_model, multi_delay
from simulators.vessels.vasculature import half_arrival

LATEST = 20.0
"""s; what comes later is not there at any delay."""


def fitted(plug_flow_time: float, bluntness: float, delays: tuple[float, ...]) -> KineticMaps:
    """The model fitted to the label that 2000 streamlines of equal area bring, each weighted with its flow."""
    times = {"labeling_durations": 1.45, "post_labeling_delays": delays}
    velocity = bluntness + 2 * (1 - bluntness) * (np.arange(2000) + 0.5) / 2000
    arrival = np.minimum(plug_flow_time / velocity, LATEST)
    frames = (general_kinetic_model(60.0, arrival, **times) * velocity / velocity.sum()).sum(axis=1)
    return multi_delay(frames, **times)


DELAYS = [(0.2, 0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.5), (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)]


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("plug_flow_time", [1.4, 2.2])
def test_nearly_without_dispersion_both_are_one(plug_flow_time, delays):
    """Streamlines then arrive within 2 % of each other; the fit's error is of the second order in that, 4e-4."""
    found = fitted(plug_flow_time, 0.98, delays)
    assert found.att.item() == pytest.approx(half_arrival(0.98) * plug_flow_time, rel=4e-4)
    assert found.cbf.item() == pytest.approx(60.0, rel=5e-3)


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("plug_flow_time", [1.4, 2.2])
def test_in_laminar_flow_the_fit_is_near_the_arrival_of_half_the_label(plug_flow_time, delays):
    """More than twice as near as to the plug-flow time; not the same, since a fit knows of no streamlines."""
    found, half = fitted(plug_flow_time, 0.0, delays).att.item(), half_arrival(0.0) * plug_flow_time
    print(f"fitted {found:.3f} s, half of the label by {half:.3f} s, plug flow {plug_flow_time} s")
    assert abs(found - half) < 0.5 * abs(plug_flow_time - found)
