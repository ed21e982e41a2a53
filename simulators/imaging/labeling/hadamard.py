"""Time-encoded labeling: sub-boluses in a row, label or control after the rows of a Hadamard matrix."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import hadamard

from simulators.errors import InputError
from simulators.imaging.labeling.base import Block, Durations, Frame, Labeling, Words, seconds
from simulators.settings.checking import check_fields


@dataclass(frozen=True)
class HadamardPCASL(Labeling):
    """Hadamard-encoded PCASL, Günther 2007 (ISMRM 15:380), Dai 2013 (10.1002/mrm.24335).

    `order` volumes encode `order` − 1 sub-boluses. Decoded, there is a frame for each sub-bolus, in the order in which
    they are played: that of PCASL with the sub-bolus's own duration, and with a delay until the readout in which the
    later ones are played. Not decoded, there is a frame for each volume: the sum of these, each with the sign that
    the encoding has for it. The labeling's delay is from the end of the last sub-bolus to the readout.

    Attributes:
        order: volumes, a power of two.
        duration: s, of all sub-boluses together, which are then alike, or of each in the order of playing.
        decoded: whether frames are those of the sub-boluses, or volumes as they are encoded.

    Raises:
        InputError: for durations that are not one for each sub-bolus, or that look like milliseconds.
    """

    order: Literal[2, 4, 8, 16, 32] = 8
    duration: Durations = 3.6
    decoded: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        if isinstance(self.duration, tuple) and len(self.duration) != self.order - 1:
            raise InputError(
                f"duration: found {len(self.duration)} values; give one in total, or {self.order - 1}, one for each"
                f" sub-bolus of order {self.order}"
            )

    @property
    def durations(self) -> tuple[float, ...]:
        """s of each sub-bolus, in the order of playing, (order − 1,)."""
        n = self.order - 1
        return self.duration if isinstance(self.duration, tuple) else (self.duration / n,) * n

    @property
    def encoding(self) -> np.ndarray:
        """Sign of each sub-bolus in each volume, (order, order − 1)."""
        return hadamard(self.order)[:, 1:].astype(float)

    def decode(self, volumes: np.ndarray) -> np.ndarray:
        """The frames of the sub-boluses (order − 1, ...) from volumes as encoded (order, ...), in their units.

        The columns of the encoding are orthogonal: Eᵀ E = order · 1.
        """
        return np.tensordot(self.encoding.T / self.order, volumes, 1)

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        """Sub-boluses, or volumes as encoded, for one delay after the other; see `Labeling.frames`."""
        later = np.cumsum((0.0, *self.durations[:0:-1]))[::-1].tolist()
        frames: list[Frame] = []
        for delay in delays:
            boluses = [(d, delay + wait) for d, wait in zip(self.durations, later, strict=True)]
            if self.decoded:
                frames += [(Block(d, w),) for d, w in boluses]
            else:
                frames += [
                    tuple(Block(d, w, sign) for (d, w), sign in zip(boluses, row, strict=True))
                    for row in self.encoding.tolist()
                ]
        return tuple(frames)

    def words(self, delays: tuple[float, ...]) -> Words:
        """See `Labeling.words`."""
        frames = "decoded" if self.decoded else "not decoded"
        return (
            ("Labeling", f"Hadamard-encoded PCASL, {self.order} volumes, {frames}"),
            ("Durations of the sub-boluses", seconds(self.durations)),
            ("Delay after the last sub-bolus", seconds(delays)),
        )
