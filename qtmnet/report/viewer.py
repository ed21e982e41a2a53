"""What the viewer of a page shows: rows of maps in groups of one colour scale each, and the subjects to choose from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from qtmnet.report.tables import title_of
from qtmnet.report.volumes import Limits, Subject, pack

PERFUSION_UNIT = "mL/100g/min"
LIMITS: dict[str, Limits] = {"perfusion": (-1000.0, 2000.0), "att": (0.0, 20.0)}
"""Of what the page can hold: so that a stray voxel cannot make 16 bits coarser than 0.05 mL/100g/min."""

N_STOPS = 17
"""Of a colour bar's gradient."""


@dataclass(frozen=True)
class Scale:
    """A colour scale, shared by all maps of a group.

    Attributes:
        key: what the page calls it.
        title: of the quantity.
        unit: of its values.
        low, high: values at the ends.
        colours: name of a colour map of matplotlib's.
        digits: of a value after the point.
        signed: whether low is −high.
    """

    key: str
    title: str
    unit: str
    low: float
    high: float
    colours: str
    digits: int
    signed: bool = False

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

    def packed(self) -> dict[str, object]:
        """All of it as plain data for `viewer.js`."""
        limits = {name: LIMITS["att" if name.endswith("att") else "perfusion"] for name in self.subjects[0].maps}
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


def comparison_groups(
    truth: np.ndarray, methods: Mapping[str, str], att: Mapping[str, np.ndarray] | None = None
) -> tuple[Group, ...]:
    """Groups of a comparison with the truth: perfusion, errors, and transit times if there are any.

    Args:
        truth: values (V,) that count, mL/100g/min; they set the scales.
        methods: a note for each method; its map is called as the method is, and that of the truth `truth`.
        att: transit times (V,) in s by name of the map, `truth_att` or `<method>_att`.
    """
    high = rounded_up(_top(truth))
    perfusion = Scale("perfusion", "Perfusion (CBF)", PERFUSION_UNIT, 0.0, high, "magma", 1)
    error = Scale("error", "Error: estimate − truth", PERFUSION_UNIT, -high / 2, high / 2, "RdBu_r", 1, signed=True)
    rows = tuple(Row(name, title_of(name), note=note) for name, note in methods.items())
    errors = tuple(Row(name, f"{title_of(name)} − truth", less="truth", note=note) for name, note in methods.items())
    groups = (Group(perfusion, (Row("truth", "truth"), *rows)), Group(error, errors))
    return (*groups, att_group(att)) if att else groups


def estimate_groups(method: str, cbf: np.ndarray, att: np.ndarray | None) -> tuple[Group, ...]:
    """Groups of maps that have no truth beside them; values (V,) set the scales, maps are called `cbf` and `att`."""
    high = rounded_up(_top(cbf, 98))  # arteries and noise reach further than tissue, and would leave it dark
    scale = Scale("perfusion", "Perfusion (CBF)", PERFUSION_UNIT, 0.0, high, "magma", 1)
    perfusion = Group(scale, (Row("cbf", title_of(method)),))
    return (perfusion,) if att is None else (perfusion, att_group({"att": att}))


def att_group(att: Mapping[str, np.ndarray]) -> Group:
    """Transit times on one scale, from values (V,) in s by name of the map."""
    high = rounded_up(max(_top(values) for values in att.values()))
    titles = {name: title_of(name.removesuffix("att").removesuffix("_") or "multi_delay") for name in att}
    scale = Scale("att", "Arterial transit time (ATT)", "s", 0.0, high, "viridis", 2)
    return Group(scale, tuple(Row(name, title) for name, title in titles.items()))


def rounded_up(value: float) -> float:
    """The next number that reads well: 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 or 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(step * power, 9) for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.999)


def _top(values: np.ndarray, percent: float = 99.5) -> float:
    """A value that all but a few voxels lie below, above 0."""
    finite = values[np.isfinite(values)]
    return max(float(np.percentile(finite, percent)), 1e-3) if finite.size else 1.0
