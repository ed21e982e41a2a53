"""Continuous labeling: blood is labeled for a while as it passes the plane."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from simulators.errors import InputError
from simulators.imaging.labeling.base import Block, Durations, Frame, Labeling, Words, seconds
from simulators.settings.checking import check_fields


@dataclass(frozen=True)
class PCASL(Labeling):
    """Pseudo-continuous labeling, Dai 2008 (10.1002/mrm.21790): a frame is S(LD + PLD) − S(PLD).

    Attributes:
        duration: labeling duration LD in s, one for all delays or one for each.

    Raises:
        InputError: for a duration that no scanner could play out, or that looks like milliseconds.
    """

    duration: Durations = 1.45

    name: ClassVar[str] = "pseudo-continuous (PCASL)"

    def __post_init__(self) -> None:
        check_fields(self)

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        """One bolus a delay; see `Labeling.frames`."""
        durations = self.duration if isinstance(self.duration, tuple) else (self.duration,)
        if len(durations) not in (1, len(delays)):
            raise InputError(
                f"labeling_duration: found {len(durations)} values for {len(delays)} delays; give one, or one for each"
                " delay"
            )
        each = np.broadcast_to(durations, len(delays)).tolist()
        return tuple((Block(duration, delay),) for duration, delay in zip(each, delays, strict=True))

    def words(self, delays: tuple[float, ...]) -> Words:
        """See `Labeling.words`."""
        return (
            ("Labeling", self.name),
            ("Labeling duration", seconds(self.duration)),
            ("Post-labeling delays", seconds(delays)),
        )


@dataclass(frozen=True)
class CASL(PCASL):
    """Continuous labeling, Detre 1992 (10.1002/mrm.1910230106): frames as of `PCASL`, of another efficiency.

    Attributes:
        duration: labeling duration LD in s, one for all delays or one for each.
    """

    name: ClassVar[str] = "continuous (CASL)"
