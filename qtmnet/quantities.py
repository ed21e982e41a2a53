"""What a map can be: the one table that metrics, losses, figures, reports and sidecars read.

A new output map is a line here, and a name among the heads of a network or the quantities of a method.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

PERFUSION_UNIT = "mL/100g/min"

BOUNDS = {"low": 0.05, "high": 0.95}
"""Ends of an interval, and the share of the truths that is to lie below each."""

INTERVAL_LEVEL = round(BOUNDS["high"] - BOUNDS["low"], 6)
"""Share of the truths that an interval is to hold."""


@dataclass(frozen=True)
class Quantity:
    """Something that a map holds in each voxel.

    Attributes:
        key: what maps, settings and tables call it.
        name: of the quantity, as a text has it.
        abbreviation: as an axis has it.
        unit: of its values, in texts and on axes.
        unit_key: the unit in the names of scores.
        bids_units: the unit as BIDS writes it in `Units`.
        description: what a sidecar says of it.
        suffix: of the file name in BIDS.
        entities: of the file name in BIDS, ahead of the suffix, such as `stat-std`; empty for none.
        truth: name of its truth among the maps of a simulated cube; empty where there is none.
        scale: the network's output is in units of it.
        colours: a colour map of matplotlib's.
        digits: of a value after the point.
        held: lowest and highest value that a page of the report can hold.
        beyond: size of a median that no tissue has: a map of it has lost its scale.
        everywhere: whether its truth is defined in all voxels.
        spread_of: key of the quantity whose standard deviation this is; empty for a quantity of its own.
        bound_of: key of the quantity whose quantile this is, an end of its interval; empty for a quantity of its own.
        level: the quantile's, the share of the truths that are to lie below it; 0 for what is no bound.
        is_mask: whether it is true or false in each voxel.
    """

    key: str
    name: str
    abbreviation: str
    unit: str
    unit_key: str
    bids_units: str
    description: str
    suffix: str
    truth: str
    scale: float
    colours: str
    digits: int
    held: tuple[float, float]
    beyond: float
    entities: str = ""
    everywhere: bool = True
    spread_of: str = ""
    bound_of: str = ""
    level: float = 0.0
    is_mask: bool = False

    @property
    def truth_key(self) -> str:
        """Key of the quantity whose truth this is held against: its own, unless it is the spread or a bound of one."""
        return self.spread_of or self.bound_of or self.key

    @property
    def is_own(self) -> bool:
        """Whether it is an estimate to be compared with a truth: no spread, no bound and no mask."""
        return not (self.spread_of or self.bound_of or self.is_mask)

    @property
    def percentile(self) -> str:
        """Of a bound, what it is: `5th percentile`."""
        return f"{100 * self.level:.0f}th percentile"

    @property
    def label(self) -> str:
        """Of an axis: name, and unit if it has one."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def title(self) -> str:
        """Name with its abbreviation, as a heading has it; that of a mask is no more than a short name."""
        return self.sentence if self.is_mask else f"{self.sentence} ({self.abbreviation})"

    @property
    def bias_key(self) -> str:
        """What files of scores call the mean error in it."""
        return f"bias_{self.unit_key}"

    @property
    def sentence(self) -> str:
        """Name, as a sentence or a heading begins."""
        return f"{self.name[0].upper()}{self.name[1:]}"

    @property
    def file_ending(self) -> str:
        """What a map's file name ends with, without the ending of its format: `cbf`, `stat-std_cbf`."""
        return "_".join(part for part in (self.entities, self.suffix) if part)


CBF = Quantity(
    key="cbf",
    name="perfusion",
    abbreviation="CBF",
    unit=PERFUSION_UNIT,
    unit_key="ml_100g_min",
    bids_units="mL/100 g/min",
    description="Cerebral blood flow",
    suffix="cbf",
    truth="perfusion",
    scale=60.0,
    colours="magma",
    digits=1,
    held=(-1000.0, 2000.0),
    beyond=1e5,
)

ATT = Quantity(
    key="att",
    name="arterial transit time",
    abbreviation="ATT",
    unit="s",
    unit_key="s",
    bids_units="s",
    description="Arterial transit time: time by which half of the label that arrives in the voxel has arrived",
    suffix="att",
    truth="att",
    scale=1.0,
    colours="viridis",
    digits=2,
    held=(0.0, 20.0),
    beyond=1e3,
    everywhere=False,  # not where no blood arrives
)

ABV = Quantity(
    key="abv",
    name="arterial blood volume",
    abbreviation="aBV",
    unit="mL/mL",
    unit_key="ml_ml",
    bids_units="mL/mL",
    description="Arterial blood volume: blood in arteries per volume of tissue",
    suffix="abv",
    truth="arterial_blood_volume",
    scale=0.01,
    colours="cividis",
    digits=4,
    held=(-1.0, 2.0),
    beyond=10.0,
)


def spread_of(quantity: Quantity) -> Quantity:
    """The standard deviation of an estimate as a quantity of its own, `<key>_sd`."""
    return replace(
        quantity,
        key=f"{quantity.key}_sd",
        name=f"standard deviation of {quantity.name}",
        abbreviation=f"SD of {quantity.abbreviation}",
        description=f"Standard deviation of the estimate. {quantity.description}",
        entities="stat-std",
        truth="",
        held=(0.0, quantity.held[1]),
        spread_of=quantity.key,
    )


def bound_of(quantity: Quantity, end: str) -> Quantity:
    """A quantile of an estimate as a quantity of its own, `<key>_<end>`: an end of its interval.

    Args:
        quantity: that is estimated.
        end: one of `BOUNDS`.
    """
    level = BOUNDS[end]
    percentile = f"{100 * level:.0f}th percentile"
    return replace(
        quantity,
        key=f"{quantity.key}_{end}",
        name=f"{percentile} of {quantity.name}",
        abbreviation=f"{quantity.abbreviation}, {end}",
        description=f"{percentile} of the estimate, the {end} end of its {INTERVAL_LEVEL:.0%} interval. "
        + quantity.description,
        entities=f"stat-p{100 * level:02.0f}",
        truth="",
        bound_of=quantity.key,
        level=level,
    )


OUTSIDE = Quantity(
    key="outside",
    name="voxels outside of the trained range",
    abbreviation="outside",
    unit="",
    unit_key="",
    bids_units="",
    description="Voxels that lie outside of the range that the network was trained for: what other maps hold there is "
    "no estimate to rely on",
    suffix="mask",
    truth="",
    scale=1.0,
    colours="gray",
    digits=0,
    held=(0.0, 1.0),
    beyond=2.0,
    entities="desc-outside",
    is_mask=True,
)

NOISE = Quantity(
    key="noise",
    name="noise of a frame",
    abbreviation="noise",
    unit="1e-3 mL/mL",
    unit_key="ml_l",
    bids_units="",
    description="Standard deviation of the noise of the frames, as a concentration of label",
    suffix="noise",
    truth="",
    scale=1.0,
    colours="viridis",
    digits=2,
    held=(0.0, 1000.0),
    beyond=1000.0,
)
"""Of a scan, which no method makes, as the next."""

TEMPORAL_SNR = Quantity(
    key="tsnr",
    name="temporal signal-to-noise ratio of a pair",
    abbreviation="tSNR",
    unit="",
    unit_key="ratio",
    bids_units="",
    description="Signal over the standard deviation of a single difference of control and label, mean over delays",
    suffix="tsnr",
    truth="",
    scale=1.0,
    colours="viridis",
    digits=2,
    held=(-1000.0, 1000.0),
    beyond=1000.0,
)


DELAY = Quantity(
    key="delay",
    name="delay of each frame",
    abbreviation="delay",
    unit="s",
    unit_key="s",
    bids_units="s",
    description="Time from the end of labeling, or from the pulse, to the readout of the voxel's slice, for each "
    "frame: post-labeling delay and slice time",
    suffix="delay",
    truth="",
    scale=1.0,
    colours="viridis",
    digits=3,
    held=(0.0, 60.0),
    beyond=60.0,
)
"""Of a protocol, which no method makes."""


def _table() -> Iterator[Quantity]:
    for quantity in (CBF, ATT):
        yield from (quantity, spread_of(quantity), *(bound_of(quantity, end) for end in BOUNDS))
    yield from (ABV, spread_of(ABV), OUTSIDE)


QUANTITIES: dict[str, Quantity] = {quantity.key: quantity for quantity in _table()}
"""All that a map can be, by key."""

MAIN = CBF.key
"""The quantity that scores, errors and figures are of where they are of one."""


def in_order(keys: Iterable[str]) -> tuple[str, ...]:
    """Keys of quantities in the order of the table, each once."""
    wanted = set(keys)
    return tuple(key for key in QUANTITIES if key in wanted)


def number_text(value: float, form: str) -> str:
    """A number as text, a dash where it is not defined."""
    return format(value, form) if np.isfinite(value) else "–"
