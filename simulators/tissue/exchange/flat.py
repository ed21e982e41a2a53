"""Exchange as version 0.2.0 had it: three settings of the phantom, among the others.

Names of datasets and of kept stages are fingerprints of settings in this form, and checkpoints of that version have
it. The two models of then keep it in such records, so that what is there is found; other models are nested.
"""

from collections.abc import Mapping
from typing import Any

from simulators.constants import EXTRAVASCULAR_VOLUME
from simulators.tissue.exchange.none import NoExchange
from simulators.tissue.exchange.two_compartment import TwoCompartmentExchange

NAMES = {TwoCompartmentExchange.__name__: "two_compartment", NoExchange.__name__: "none"}
"""Words of version 0.2.0 for the models that it had."""

OF_TWO_COMPARTMENTS = ("permeability_surface_ml_100g_min", "extravascular_volume")


def flat(settings: Mapping[str, Any], *, permeability: Any) -> dict[str, Any]:
    """Settings with `exchange` in them as version 0.2.0 had them, if it had the model.

    Args:
        settings: plain.
        permeability: mL/100g/min, or a range; what that version's configuration had beside `exchange: none`.
    """
    exchange = settings["exchange"]
    if exchange["model"] not in NAMES:
        return dict(settings)
    of_none = {"permeability_surface_ml_100g_min": permeability, "extravascular_volume": EXTRAVASCULAR_VOLUME}
    values = {name: exchange.get(name, of_none[name]) for name in OF_TWO_COMPARTMENTS}
    return {**settings, **values, "exchange": NAMES[exchange["model"]]}


def nested(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings of version 0.2.0 as they are now; others as they are."""
    models = {word: model for model, word in NAMES.items()}
    if "exchange" in settings and not isinstance(settings["exchange"], str):
        return settings
    if not {"exchange", *OF_TWO_COMPARTMENTS} & settings.keys():
        return settings
    word = settings.get("exchange", "two_compartment")
    values = {name: settings[name] for name in OF_TWO_COMPARTMENTS if name in settings}
    exchange = {"model": models.get(word, word), **(values if word == "two_compartment" else {})}
    return {**{key: value for key, value in settings.items() if key not in values}, "exchange": exchange}
