"""Pulsed labeling: a slab of blood is labeled at once, and decays while it waits to pass the slab's edge.

The labeling plane of the simulators is the edge of the slab. Delays are inversion times TI, from the pulse to the
readout. A frame is ∫ s(u) e^(−(TI − u)/T1b) du from u = TI − TI1 to TI, with TI1 the duration of the bolus.
"""

from dataclasses import dataclass
from typing import Annotated

from simulators.errors import InputError
from simulators.imaging.labeling.base import Block, Duration, Frame, Labeling, Words, seconds
from simulators.settings.checking import check_fields
from simulators.settings.limits import Within


@dataclass(frozen=True)
class PASL(Labeling):
    """Pulsed labeling with a bolus that is cut off.

    QUIPSS II (Wong 1998, 10.1002/mrm.1910390506) and Q2TIPS (Luh 1999, 10.1002/(SICI)1522-2594(199906)41:6<1246::AID-
    MRM22>3.0.CO;2-N) saturate the slab TI1 after the pulse: no more label passes its edge. A readout before the
    cut-off sees what has passed.

    Attributes:
        bolus_duration: TI1 in s, from the pulse to the cut-off.

    Raises:
        InputError: for a duration that no scanner could play out, or that looks like milliseconds.
    """

    bolus_duration: Duration = 0.7

    def __post_init__(self) -> None:
        check_fields(self)

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        """One bolus an inversion time; see `Labeling.frames`."""
        return _frames(self.bolus_duration, delays)

    def words(self, delays: tuple[float, ...]) -> Words:
        """See `Labeling.words`."""
        return (
            ("Labeling", "pulsed (PASL), bolus cut off (QUIPSS II, Q2TIPS)"),
            ("Bolus duration", seconds(self.bolus_duration)),
            ("Inversion times", seconds(delays)),
        )


@dataclass(frozen=True)
class QUIPSS(Labeling):
    """Pulsed labeling with the imaging region saturated, Wong 1998 (10.1002/mrm.1910390506), there QUIPSS.

    A pulse at TI1 takes away the label that has arrived: a readout at TI sees what arrives between TI1 and TI, if the
    first label arrives before TI1 and the last after TI. The frames of this class show such a bolus of TI − TI1, and
    not when it arrived; see `Block.until_readout`.

    Attributes:
        cut_off: TI1 in s, from the pulse to the saturation.

    Raises:
        InputError: for a time that no scanner could play out, or that looks like milliseconds.
    """

    cut_off: Duration = 0.7

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def bolus_duration(self) -> float:
        """TI1 in s: what is read is as long as the readout is later."""
        return self.cut_off

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        """One bolus an inversion time, all of them after the saturation; see `Labeling.frames`."""
        if min(delays) <= self.cut_off:
            raise InputError(
                f"post_labeling_delays: found {min(delays):g} s after the pulse, but what has come is saturated at "
                f"{self.cut_off:g} s; give later readouts"
            )
        return tuple((Block(delay - self.cut_off, self.cut_off, waits=True, until_readout=True),) for delay in delays)

    def words(self, delays: tuple[float, ...]) -> Words:
        """See `Labeling.words`."""
        return (
            ("Labeling", "pulsed (PASL), imaging region saturated (QUIPSS)"),
            ("Saturation", f"{seconds(self.cut_off)} after the pulse"),
            ("Inversion times", seconds(delays)),
        )


@dataclass(frozen=True)
class PASLUnknownBolus(Labeling):
    """Pulsed labeling without cut-off: how long its bolus lasts is not known, and is assumed here.

    It is the length of the labeled slab over the velocity of the blood in it, which differs from vessel to vessel and
    from person to person. CBF goes with one over it: a velocity that is 20 % off makes CBF 20 % wrong.

    Attributes:
        slab_length_mm: length of the labeled slab along the vessels that feed the brain.
        assumed_velocity_mm_s: of the blood in it.

    Raises:
        InputError: for a slab or a velocity that is out of range.
    """

    slab_length_mm: Annotated[float, Within(5, 500, "mm", why="published are 60 to 200")] = 100.0
    assumed_velocity_mm_s: Annotated[float, Within(10, 2000, "mm/s", why="blood in the carotids has 100 to 400")] = (
        125.0
    )

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def bolus_duration(self) -> float:
        """s that the slab takes to pass its edge."""
        return self.slab_length_mm / self.assumed_velocity_mm_s

    def frames(self, delays: tuple[float, ...]) -> tuple[Frame, ...]:
        """One bolus an inversion time; see `Labeling.frames`."""
        return _frames(self.bolus_duration, delays)

    def words(self, delays: tuple[float, ...]) -> Words:
        """See `Labeling.words`."""
        return (
            ("Labeling", "pulsed (PASL), no bolus cut-off"),
            (
                "Bolus duration",
                f"unknown; {self.bolus_duration:.3g} s assumed, {self.slab_length_mm:g} mm at "
                f"{self.assumed_velocity_mm_s:g} mm/s",
            ),
            ("Inversion times", seconds(delays)),
        )


def _frames(duration: float, delays: tuple[float, ...]) -> tuple[Frame, ...]:
    return tuple((Block(duration, delay - duration, waits=True),) for delay in delays)
