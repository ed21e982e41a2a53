"""How often each cube of a world is read: more often where label arrives when it does in most heads."""

from dataclasses import dataclass

import numpy as np

from qtmnet.datasets.world_cubes import WorldCubes
from qtmnet.limits import ArrivalTime, LogSpread
from simulators.settings.checking import check_fields
from simulators.settings.limits import Share

BIN = 0.25
"""s, of the histogram that the world's own times are counted in."""


@dataclass(frozen=True)
class TypicalArrival:
    """Transit times as heads have them, where a world has all of them alike.

    One delay does not tell when label arrived: what a network then makes of it is what its training held likely. In
    grey matter of healthy adults the arterial transit time is 0.5 to 1.5 s, later behind stenoses and in old age; the
    spread allows for both.

    Attributes:
        median: s, of the cubes' mean transit times.
        spread: standard deviation of their logarithm.
        share: of the samples that are drawn so; the others are drawn from the world as it is, so that none is missed.

    Raises:
        InputError: for values out of range.

    Source: Alsop 2015, MRM 73:102 (typical times); Juttukonda 2021, NeuroImage 230:117807 (later with age).
    """

    median: ArrivalTime = 1.25
    spread: LogSpread = 0.35
    share: Share = 0.7

    def __post_init__(self) -> None:
        check_fields(self)

    def weights_of(self, cubes: WorldCubes, rows: np.ndarray) -> np.ndarray:
        """How often these cubes are to be drawn, relative to their mean (n,)."""
        return self.weights(np.array([cubes.mean_att(int(row)) for row in rows]))

    def weights(self, transit_times: np.ndarray) -> np.ndarray:
        """How often cubes of these mean transit times (n,), s, are to be drawn, relative to their mean (n,)."""
        bins = np.floor(transit_times / BIN).astype(int)
        density = np.bincount(bins)[bins] / (len(bins) * BIN)
        distance = np.log(transit_times / self.median) / self.spread
        likely = -(distance**2) / 2 - np.log(transit_times)
        typical = np.exp(likely - likely.max()) / density  # the most likely has 1: not all of a few cubes come to 0
        return 1 - self.share + self.share * typical / typical.mean()
