"""Models of exchange: their rates, ranges to draw from, and their forms as plain data."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from simulators import BrainParameters, CubeParameters, Exchange, InputError, NoExchange, TwoCompartmentExchange
from simulators.seeding import Stage, generator, stage_seed
from simulators.tissue.exchange.flat import flat

WIDE = CubeParameters(
    arterial_murray_k=(0.09, 0.15),
    venous_murray_k=(0.12, 0.18),
    capillary_volume_fraction=(0.015, 0.03),
    exchange=TwoCompartmentExchange((100.0, 200.0)),
)
"""As conf/phantom/cube.yaml draws them."""

PHANTOM_OF_0_2_0 = {
    "shape": (32, 32, 32),
    "voxel_size_mm": (1.0, 1.0, 1.0),
    "n_regions": 40,
    "perfusion_range": (0.0, 80.0),
    "perfusion_fluctuation": 0.1,
    "new_inlet_probability": 0.01,
    "reach_mm": 5.0,
    "n_candidates": 3,
    "arterial_murray_k": (0.09, 0.15),
    "venous_murray_k": (0.12, 0.18),
    "capillary_volume_fraction": (0.015, 0.03),
    "permeability_surface_ml_100g_min": (100.0, 200.0),
    "inlet_delay": (0.2, 1.2),
    "inlet_delay_spread": 0.15,
    "exchange": "two_compartment",
    "t1_blood": 1.65,
    "t1_tissue": 1.2,
    "extravascular_volume": 0.9,
}
"""What a checkpoint of version 0.2.0 has of its phantom."""

LATER = ("bluntness", "layout", "passing")
"""Settings that it did not know, and that have nothing to do with exchange."""


def settings(parameters: CubeParameters) -> dict[str, object]:
    return {name: value for name, value in asdict(parameters).items() if name not in LATER}


def test_rates():
    """PS of 150 mL/100g/min is 150/60 mL/s in 100 g or 100/1.05 mL: 0.02625 /s."""
    leave_blood, leave_tissue = TwoCompartmentExchange().rates(0.02)
    assert leave_blood == pytest.approx(0.02625 / 0.02)
    assert leave_tissue == pytest.approx(0.02625 / 0.9)
    assert NoExchange().rates(0.02) == (0, 0)


def test_what_label_fills(single_pass):
    assert (TwoCompartmentExchange().water_volume, TwoCompartmentExchange().keeps_label_in_blood) == (0.9, False)
    assert (NoExchange().water_volume, NoExchange().keeps_label_in_blood) == (0, True)
    assert not single_pass().keeps_label_in_blood


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("extravascular_volume", 0.0),
        ("permeability_surface_ml_100g_min", -1.0),
        ("permeability_surface_ml_100g_min", np.nan),
        ("permeability_surface_ml_100g_min", (200.0, 100.0)),
    ],
)
def test_exchange_that_no_tissue_has(name, value):
    with pytest.raises(InputError, match=rf"^{name}: found .*; give") as caught:
        TwoCompartmentExchange(**{name: value})
    assert "\n" not in str(caught.value)


def test_each_cube_draws_the_number_that_it_drew_in_0_2_0():
    """The fourth of five from one generator, the delay the fifth."""
    rng = generator(stage_seed((0, 0, 3), Stage.PARAMETERS))
    bounds = {
        "arterial_murray_k": (0.09, 0.15),
        "venous_murray_k": (0.12, 0.18),
        "capillary_volume_fraction": (0.015, 0.03),
        "permeability_surface_ml_100g_min": (100.0, 200.0),
        "inlet_delay": (0.2, 1.2),
    }
    expected = {name: rng.uniform(*pair) for name, pair in bounds.items()}
    drawn = WIDE.draw((0, 0, 3))
    assert drawn == expected
    # As version 0.2.0 printed it.
    assert drawn["permeability_surface_ml_100g_min"] == pytest.approx(119.03945263130211, rel=1e-15)
    label = WIDE.label(drawn)
    assert label.exchange == TwoCompartmentExchange(drawn["permeability_surface_ml_100g_min"])


def test_another_exchange_leaves_all_else_as_it_was(single_pass):
    one = WIDE.draw(5)
    for exchange in (NoExchange(), single_pass((50.0, 80.0)), TwoCompartmentExchange()):
        other = replace(WIDE, exchange=exchange).draw(5)
        common = set(one) & set(other) - {"permeability_surface_ml_100g_min"}
        assert common == {"arterial_murray_k", "venous_murray_k", "capillary_volume_fraction", "inlet_delay"}
        assert all(one[name] == other[name] for name in common)


def test_a_brain_has_the_middle_of_a_range():
    label = BrainParameters(exchange=TwoCompartmentExchange((100.0, 200.0))).label
    assert label.exchange == TwoCompartmentExchange(150.0)
    assert label == BrainParameters().label


def test_plain_data_and_back(single_pass):
    for exchange in (TwoCompartmentExchange((100.0, 200.0), 0.8), NoExchange(), single_pass(20.0)):
        assert Exchange.from_plain(asdict(exchange)) == exchange
        parameters = replace(WIDE, exchange=exchange)
        assert CubeParameters.from_plain(asdict(parameters)) == parameters


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"model": "Some"}, "phantom.exchange.model: found 'Some'; give one of NoExchange, .*, or import the module"),
        ({"model": ["NoExchange"]}, r"phantom.exchange.model: found \['NoExchange'\]"),
        ({"model": "NoExchange", "extravascular_volume": 0.9}, "phantom.exchange.extravascular_volume: NoExchange has"),
        ({"model": "TwoCompartmentExchange", "extravascular_volume": 9.0}, "phantom.exchange.extravascular_volume: f"),
        ({"model": 3}, "phantom.exchange.model: found 3"),
        ("some", "phantom.exchange.model: found 'some'"),
    ],
)
def test_plain_data_that_is_no_exchange(content, line):
    with pytest.raises(InputError, match=f"^{line}"):
        CubeParameters.from_plain({"exchange": content})


def test_a_phantom_of_0_2_0_loads():
    assert CubeParameters.from_plain(PHANTOM_OF_0_2_0) == WIDE
    none = CubeParameters.from_plain({**PHANTOM_OF_0_2_0, "exchange": "none"})
    assert none == replace(WIDE, exchange=NoExchange())


def test_the_form_of_0_2_0(single_pass):
    assert flat(settings(WIDE), permeability=(100.0, 200.0)) == PHANTOM_OF_0_2_0
    without = flat(settings(replace(WIDE, exchange=NoExchange())), permeability=(100.0, 200.0))
    assert without == {**PHANTOM_OF_0_2_0, "exchange": "none"}
    other = settings(replace(WIDE, exchange=single_pass()))
    assert flat(other, permeability=(100.0, 200.0)) == other
    assert flat(asdict(BrainParameters().label), permeability=150.0) == {
        "exchange": "two_compartment",
        "extravascular_volume": 0.9,
        "permeability_surface_ml_100g_min": 150.0,
        "t1_blood": 1.65,
        "t1_tissue": 1.2,
    }
