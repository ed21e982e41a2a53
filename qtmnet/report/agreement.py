"""Two methods on one scan, of which neither is the truth: how far they agree, and what a difference means."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qtmnet.methods.base import About, Maps, Method
from qtmnet.quantities import BOUNDS, INTERVAL_LEVEL, QUANTITIES, Quantity, number_text
from qtmnet.report.charts import correlation

NOT_THE_TRUTH = (
    "A difference does not say which method is right. A kinetic model assumes that blood arrives all at once, and "
    "errs where it arrives spread out or fills an artery in the voxel."
)
BY_TRAINING = "A network knows what its training showed, and errs where a scan is unlike that."
BEYOND_THE_INTERVAL = (
    f"Where the other value lies outside of the {INTERVAL_LEVEL:.0%} interval, the network takes it to be unlikely: "
    "look there for large arteries, late blood and artefacts before trusting either."
)


@dataclass(frozen=True, eq=False)
class Beside:
    """A method whose maps are shown beside those of another.

    Attributes:
        method: that made them.
        about: what there is to say of it.
        maps: (X, Y, Z), by quantity.
        outside: what of the scan it was not trained for.
        doubts: warnings that it gave.
    """

    method: Method
    about: About
    maps: Maps
    outside: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """How far two maps of a quantity agree, as text; what is not defined is a dash.

    Attributes:
        quantity: name and unit.
        other: title of the method that is compared with.
        medians: of the one and of the other.
        difference: mean of the one less the other.
        correlation: Pearson's, over voxels.
        within: share of voxels where the other's value lies inside the one's interval; a dash where it tells none.
    """

    quantity: str
    other: str
    medians: tuple[str, str]
    difference: str
    correlation: str
    within: str


@dataclass(frozen=True)
class Agreement:
    """How far a method agrees with those beside it.

    Attributes:
        title: of the method.
        meaning: of a difference, in plain words.
        rows: by quantity and method.
    """

    title: str
    meaning: str
    rows: tuple[Row, ...]


def agreement(
    method: Method, values: Mapping[str, np.ndarray], beside: Mapping[str, Beside], inside: np.ndarray
) -> Agreement | None:
    """How far maps agree with those beside them; None where there is nothing to compare.

    Args:
        method: whose maps they are.
        values: of these inside the mask, (V,), by quantity.
        beside: methods that are compared with, by name.
        inside: voxels that count, (X, Y, Z).
    """
    rows = tuple(
        _row(QUANTITIES[key], values, other.method.title, other.maps[key][inside])
        for key in values
        for other in beside.values()
        if QUANTITIES[key].is_own and key in other.maps
    )
    if not rows:
        return None
    has_interval = any(QUANTITIES[key].bound_of for key in values)
    meaning = (NOT_THE_TRUTH, *[BY_TRAINING] * method.learned, *[BEYOND_THE_INTERVAL] * has_interval)
    return Agreement(method.title, " ".join(meaning), rows)


def _row(quantity: Quantity, values: Mapping[str, np.ndarray], title: str, other: np.ndarray) -> Row:
    one = values[quantity.key]
    known = np.isfinite(one) & np.isfinite(other)
    low, high = (values.get(f"{quantity.key}_{end}") for end in BOUNDS)
    within = float("nan")
    if low is not None and high is not None and known.any():
        within = float(((low <= other) & (other <= high))[known].mean())
    return Row(
        quantity=quantity.label,
        other=title,
        medians=(_text(_median(one), quantity), _text(_median(other), quantity)),
        difference=_text(float((one - other)[known].mean()) if known.any() else float("nan"), quantity, "+"),
        correlation=number_text(correlation(one, other), ".2f").replace("-", "−"),
        within=number_text(within, ".0%"),
    )


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _text(value: float, quantity: Quantity, sign: str = "") -> str:
    return number_text(value, f"{sign}.{quantity.digits}f").replace("-", "−")
