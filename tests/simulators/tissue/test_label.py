"""Kinetics of label."""

import numpy as np
import pytest

from simulators import InputError, LabelKinetics


def test_rates():
    """PS of 150 mL/100g/min is 150/60 mL/s in 100 g or 100/1.05 mL: 0.02625 /s."""
    leave_blood, leave_tissue = LabelKinetics().exchange_rates(0.02)
    assert leave_blood == pytest.approx(0.02625 / 0.02)
    assert leave_tissue == pytest.approx(0.02625 / 0.9)
    assert LabelKinetics(exchange="none").exchange_rates(0.02) == (0, 0)
    assert LabelKinetics().decay_rates == pytest.approx((1 / 1.65, 1 / 1.2))
    assert LabelKinetics(t1_blood=np.inf).decay_rates[0] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exchange", "some"),
        ("t1_blood", 0.0),
        ("t1_blood", np.nan),
        ("t1_tissue", -1.0),
        ("extravascular_volume", 0.0),
        ("permeability_surface_ml_100g_min", -1.0),
        ("permeability_surface_ml_100g_min", np.nan),
    ],
)
def test_kinetics_that_are_none(name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give") as caught:
        LabelKinetics(**{name: value})
    assert "\n" not in str(caught.value)
