"""Kinetics of label."""

import numpy as np
import pytest

from simulators import InputError, LabelKinetics, TwoCompartmentExchange


def test_decay():
    assert LabelKinetics().decay_rates == pytest.approx((1 / 1.65, 1 / 1.2))
    assert LabelKinetics(t1_blood=np.inf).decay_rates[0] == 0


@pytest.mark.parametrize(
    ("name", "value"), [("exchange", "some"), ("t1_blood", 0.0), ("t1_blood", np.nan), ("t1_tissue", -1.0)]
)
def test_kinetics_that_are_none(name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give") as caught:
        LabelKinetics(**{name: value})
    assert "\n" not in str(caught.value)


def test_a_range_is_no_rate():
    with pytest.raises(InputError, match=r"^exchange.permeability_surface_ml_100g_min: found \[100.0, 200.0\]; give a"):
        LabelKinetics(exchange=TwoCompartmentExchange((100.0, 200.0)))
