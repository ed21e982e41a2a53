"""What the viewer of a page shows: rows of maps in groups of one colour scale each, and the subjects to choose from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from qtmnet.evaluation.estimates import Estimates
from qtmnet.quantities import BOUNDS, INTERVAL_LEVEL, MAIN, QUANTITIES, Quantity
from qtmnet.report.volumes import Subject, pack

N_STOPS = 17
"""Of a colour bar's gradient."""


@dataclass(frozen=True)
class Scale:
    """A colour scale, shared by all maps of a group.

    Attributes:
        key: what the page calls it.
        title: of its group.
        up_to: what the field is called that sets its end.
        of: which of the maps it is for, as in "one colour scale for all …".
        quantity: of the maps.
        low, high: values at the ends.
        colours: name of a colour map of matplotlib's.
        signed: whether low is −high.
    """

    key: str
    title: str
    up_to: str
    of: str
    quantity: Quantity
    low: float
    high: float
    colours: str
    signed: bool = False

    @property
    def unit(self) -> str:
        """Of its values."""
        return self.quantity.unit

    @property
    def digits(self) -> int:
        """Of a value after the point."""
        return self.quantity.digits

    @property
    def table(self) -> str:
        """256 colours, six hexadecimal digits each."""
        return "".join(to_hex(colour)[1:] for colour in matplotlib.colormaps[self.colours](np.linspace(0, 1, 256)))

    @property
    def gradient(self) -> str:
        """The colours in CSS, from low to high."""
        stops = matplotlib.colormaps[self.colours](np.linspace(0, 1, N_STOPS))
        return f"linear-gradient(to right, {', '.join(to_hex(colour) for colour in stops)})"


@dataclass(frozen=True)
class Row:
    """One map in three planes.

    Attributes:
        map: its name among the subject's maps.
        title: on the page.
        less: name of the map that is taken from it; empty if it is shown as it is.
        note: small print below the title.
    """

    map: str
    title: str
    less: str = ""
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Maps on one scale."""

    scale: Scale
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Viewer:
    """Groups of maps, and the subjects that have all of them."""

    groups: tuple[Group, ...]
    subjects: tuple[Subject, ...]

    @property
    def anatomical(self) -> bool:
        """Whether left and right are known."""
        return self.subjects[0].affine is not None

    @property
    def quantities(self) -> dict[str, Quantity]:
        """Of each map that is shown."""
        shown = ((name, group) for group in self.groups for row in group.rows for name in (row.map, row.less))
        return {name: group.scale.quantity for name, group in shown if name}

    def packed(self) -> dict[str, object]:
        """All of it as plain data for `viewer.js`: so that a stray voxel cannot make 16 bits coarser, a map is held
        within its quantity's limits."""
        limits = {name: quantity.held for name, quantity in self.quantities.items()}
        return {
            "anatomical": self.anatomical,
            "scales": {
                group.scale.key: {
                    "low": group.scale.low,
                    "high": group.scale.high,
                    "unit": group.scale.unit,
                    "digits": group.scale.digits,
                    "signed": group.scale.signed,
                    "table": group.scale.table,
                }
                for group in self.groups
            },
            "subjects": [pack(subject, limits) for subject in self.subjects],
        }


def map_name(method: str, quantity: str) -> str:
    """What a map of a method, or of the `truth`, is called on the page."""
    return method if quantity == MAIN else f"{method}_{quantity}"


def comparison_groups(counted: Estimates, titles: Mapping[str, str], notes: Mapping[str, str]) -> tuple[Group, ...]:
    """Groups of a comparison with the truth: maps and errors of the main quantity, and maps of all others.

    Args:
        counted: values (V,) that count; those of the truth set the scales where there is one.
        titles: of the methods, by name.
        notes: to the maps of the main quantity, by method.
    """
    groups = []
    for key in counted.quantities:
        if QUANTITIES[key].bound_of in counted.quantities:
            continue  # shown with its quantity
        maps = {"truth": counted.truth[key]} if key in counted.truth else {}
        both = maps if maps and key == MAIN else {**maps, **counted.of(key)}
        high = 1.0 if QUANTITIES[key].is_mask else rounded_up(max(_top(values) for values in both.values()))
        told = notes if key == MAIN else {}
        rows = [Row(map_name(name, key), titles[name], note=told.get(name, "")) for name in counted.of(key)]
        bounds = [
            Row(map_name(name, bound), f"{titles[name]}, {QUANTITIES[bound].percentile}")
            for bound in (f"{key}_{end}" for end in BOUNDS)
            for name in counted.of(bound)
        ]
        truth = [Row(map_name("truth", key), "truth")] if maps else []
        groups.append(Group(_scale(QUANTITIES[key], high), (*truth, *rows, *bounds)))
        if key == MAIN and maps:
            groups.append(_errors(rows, high))
    return tuple(groups)


def _errors(rows: Sequence[Row], high: float) -> Group:
    """Errors of maps of the main quantity whose truth goes up to `high`."""
    quantity = QUANTITIES[MAIN]
    title, colours = "Error: estimate − truth", "RdBu_r"
    scale = Scale("error", title, "Error up to ±", "errors", quantity, -high / 2, high / 2, colours, signed=True)
    less = map_name("truth", MAIN)
    return Group(scale, tuple(Row(row.map, f"{row.title} − truth", less=less, note=row.note) for row in rows))


def estimate_groups(
    title: str, maps: Mapping[str, np.ndarray], beside: Mapping[str, tuple[str, Mapping[str, np.ndarray]]] | None = None
) -> tuple[Group, ...]:
    """Groups of maps of one method that have no truth beside them, but may have those of other methods.

    A map and the ends of its interval share a scale with the maps of other methods; then come the width of the interval
    and the differences from each of these.

    Args:
        title: of the method.
        maps: values (V,) by quantity, which is also what the map is called; they set the scales.
        beside: title and values (V,) of other methods, by name.
    """
    groups, beside = [], beside or {}
    for key, values in maps.items():
        quantity, bounds = QUANTITIES[key], [f"{key}_{end}" for end in BOUNDS if f"{key}_{end}" in maps]
        if quantity.bound_of in maps:
            continue  # shown with its quantity
        others = {name: found[key] for name, (_, found) in beside.items() if key in found}
        rows = [
            Row(key, title, note="1: outside, 0: inside" if quantity.is_mask else ""),
            *(Row(bound, f"{title}, {QUANTITIES[bound].percentile}") for bound in bounds),
            *(Row(beside_name(name, key), beside[name][0]) for name in others),
        ]
        groups.append(Group(_scale(quantity, _high(quantity, values)), tuple(rows)))
        if len(bounds) == len(BOUNDS):
            low, high = bounds
            groups.append(_width(quantity, title, low, high, maps[high] - maps[low]))
        if others:
            shown = {name: (beside[name][0], values - found) for name, found in others.items()}
            groups.append(_differences(quantity, title, shown))
    return tuple(groups)


def group_of(quantity: Quantity, title: str, values: np.ndarray, note: str = "") -> Group:
    """A group of one map, called like its quantity, whose values (V,) set the scale."""
    return Group(_scale(quantity, _high(quantity, values)), (Row(quantity.key, title, note=note),))


def beside_name(method: str, quantity: str) -> str:
    """What a map of a method that is shown beside another is called on the page."""
    return f"{method}_{quantity}"


def _high(quantity: Quantity, values: np.ndarray) -> float:
    """End of the scale of values (V,): arteries and noise reach further than tissue, and would leave it dark."""
    return 1.0 if quantity.is_mask else rounded_up(_top(values, 98 if quantity.key == MAIN else 99.5))


def _width(quantity: Quantity, title: str, low: str, high: str, values: np.ndarray) -> Group:
    """How wide an interval is, whose values are (V,)."""
    name = f"Width of the {INTERVAL_LEVEL:.0%} interval"
    scale = Scale(
        f"{quantity.key}_width",
        f"{name} of {quantity.abbreviation}",
        f"Width ({quantity.abbreviation}) up to",
        f"widths of intervals of {quantity.abbreviation}",
        quantity,
        0.0,
        rounded_up(_top(values)),
        "cividis",
    )
    note = "The wider, the less the scan tells: noise, few delays, late blood."
    return Group(scale, (Row(high, f"{title}, high − low", less=low, note=note),))


def _differences(quantity: Quantity, title: str, others: Mapping[str, tuple[str, np.ndarray]]) -> Group:
    """What a method finds less what others find, whose titles and differences (V,) are given by name."""
    high = rounded_up(max(_top(np.abs(values), 98) for _, values in others.values()))
    scale = Scale(
        f"{quantity.key}_difference",
        f"Difference in {quantity.abbreviation}",
        f"Difference ({quantity.abbreviation}) up to ±",
        f"differences in {quantity.abbreviation}",
        quantity,
        -high,
        high,
        "RdBu_r",
        signed=True,
    )
    rows = (
        Row(quantity.key, f"{title} − {other}", less=beside_name(name, quantity.key))
        for name, (other, _) in others.items()
    )
    return Group(scale, tuple(rows))


def _scale(quantity: Quantity, high: float) -> Scale:
    field = quantity.sentence if quantity.key == MAIN else quantity.abbreviation
    return Scale(
        quantity.key, quantity.title, f"{field} up to", f"{quantity.name} maps", quantity, 0.0, high, quantity.colours
    )


def rounded_up(value: float) -> float:
    """The next number that reads well: 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 or 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(step * power, 9) for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.999)


def _top(values: np.ndarray, percent: float = 99.5) -> float:
    """A value that all but a few voxels lie below, above 0."""
    finite = values[np.isfinite(values)]
    return max(float(np.percentile(finite, percent)), 1e-3) if finite.size else 1.0
