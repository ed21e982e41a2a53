"""What all labelings have in common: frames that show boluses.

With s = dS/dt, the response to a short pulse of label, blood that passed the labeling plane from `delay + duration` to
`delay` before the readout contributes

    ∫ s(u) du = S(delay + duration) − S(delay)                 to a frame if it is labeled as it passes,
    ∫ s(u) e^(−(delay + duration − u) / T1b) du                if all of it was labeled when its first part passed,

and waited, decaying, for the rest of the time that it had to wait. Every labeling that is linear is a sum of these.
"""

from dataclasses import dataclass, fields
from typing import Annotated

import numpy as np
from annotated_types import Len
from pydantic import BeforeValidator

from simulators.settings.checking import check_fields
from simulators.settings.limits import Within, one_as_list

Delay = Annotated[float, Within(0, 20, "s", why="not ms")]

Delays = Annotated[tuple[Delay, ...], Len(1, 128), BeforeValidator(one_as_list)]

Duration = Annotated[float, Within(0, 20, "s", why="not ms", above=True)]

Durations = Duration | Annotated[tuple[Duration, ...], Len(1, 128)]


@dataclass(frozen=True)
class Block:
    """A bolus as a frame shows it.

    Attributes:
        duration: s that it takes to pass the labeling plane.
        delay: s from when its last part passes to the readout of the first slice; below 0 if that is read before.
        sign: that it counts with.
        waits: whether all of it is labeled when its first part passes, and decays before it passes.
        until_readout: whether it counts by when it arrives in the tissue, and goes on until the readout: a later slice
            sees more of it. Such a bolus does not show when blood arrives.
    """

    duration: Annotated[float, Within(0, 40, "s", above=True)]
    delay: Annotated[float, Within(-20, 40, "s")]
    sign: Annotated[float, Within(-1, 1)] = 1.0
    waits: bool = False
    until_readout: bool = False

    def __post_init__(self) -> None:
        check_fields(self)

    def passed(self, after_first_slice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Delay and duration (s) of what has passed the plane by each readout.

        Args:
            after_first_slice: s, of any shape.
        """
        if self.until_readout:
            return np.full_like(after_first_slice, self.delay), self.duration + after_first_slice
        delay = self.delay + after_first_slice
        return np.maximum(delay, 0.0), np.maximum(self.duration + np.minimum(delay, 0.0), 0.0)


Frame = tuple[Block, ...]

Words = tuple[tuple[str, str], ...]
"""Names and values, in reading order."""


class Labeling:
    """What a labeling is: a frozen dataclass that says what its frames show."""

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        """The boluses of each frame.

        Args:
            delays: s from the end of labeling (for one pulse, from the pulse) to the readout of the first slice.

        Raises:
            InputError: for delays that do not go with the labeling.
        """
        raise NotImplementedError

    def words(self, delays: tuple[float, ...]) -> Words:
        """Labeling and delays for a report; by default the fields by their names."""
        own = ((_sentence(f.name), _listed(getattr(self, f.name))) for f in fields(self))  # type: ignore[arg-type]
        return (
            ("Labeling", type(self).__name__),
            *own,
            ("Post-labeling delays", seconds(delays)),
        )


def seconds(values: float | tuple[float, ...]) -> str:
    """One or more times in words."""
    return f"{_listed(values)} s"


def _listed(values: object) -> str:
    if isinstance(values, tuple):
        return ", ".join(map(_listed, values))
    return f"{values:g}" if isinstance(values, float) else str(values)


def _sentence(name: str) -> str:
    return name.replace("_", " ").capitalize()
