"""What the viewer of a page shows: rows of maps in groups of one colour scale each, and the subjects to choose from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from qtmnet.evaluation.estimates import Estimates
from qtmnet.quantities import MAIN, QUANTITIES, Quantity
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
        maps = {"truth": counted.truth[key]} if key in counted.truth else {}
        both = maps if maps and key == MAIN else {**maps, **counted.of(key)}
        high = rounded_up(max(_top(values) for values in both.values()))
        told = notes if key == MAIN else {}
        rows = [Row(map_name(name, key), titles[name], note=told.get(name, "")) for name in counted.of(key)]
        truth = [Row(map_name("truth", key), "truth")] if maps else []
        groups.append(Group(_scale(QUANTITIES[key], high), (*truth, *rows)))
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


def estimate_groups(title: str, maps: Mapping[str, np.ndarray]) -> tuple[Group, ...]:
    """Groups of maps of one method that have no truth beside them.

    Args:
        title: of the method.
        maps: values (V,) by quantity, which is also what the map is called; they set the scales.
    """
    groups = []
    for key, values in maps.items():
        # Arteries and noise reach further than tissue, and would leave it dark.
        high = rounded_up(_top(values, 98 if key == MAIN else 99.5))
        groups.append(Group(_scale(QUANTITIES[key], high), (Row(key, title),)))
    return tuple(groups)


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
