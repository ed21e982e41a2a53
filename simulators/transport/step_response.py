"""The step response of a piece of tissue: what every simulator computes and every acquisition reads."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from simulators.arrays import ArrayLike, Float
from simulators.errors import InputError
from simulators.tissue.label import LabelKinetics
from simulators.vessels.vasculature import Vasculature


@dataclass(frozen=True)
class StepResponse:
    """Label present a time t after labeling was switched on for good, mL of labeled blood per mL of tissue.

    Attributes:
        time: s since labeling began, increasing, (T,).
        arterial: label in arteries, (T, X, Y, Z).
        bed: label in capillaries, tissue and veins, (T, X, Y, Z).
        voxel_size_mm: edge lengths of a voxel, (3,).
        slower_than: mm/s; `arterial` holds the label in arteries of a mean velocity up to this.
        left: label that has left through the veins, mm³ of labeled blood, (T,), if it was counted.
    """

    time: Float[np.ndarray, " T"]
    arterial: Float[np.ndarray, "T X Y Z"]
    bed: Float[np.ndarray, "T X Y Z"]
    voxel_size_mm: tuple[float, float, float]
    slower_than: float = np.inf
    left: Float[np.ndarray, " T"] | None = None

    @property
    def total(self) -> Float[np.ndarray, "T X Y Z"]:
        """All label, (T, X, Y, Z)."""
        return self.arterial + self.bed

    def delayed(self, delay: float, t1_blood: float) -> "StepResponse":
        """The response of the same tissue whose inlets lie farther from the labeling plane, S(t − d) e^(−d/T1b).

        The way there is a vessel of plug flow: label comes later and decays on it, but does not spread.

        Args:
            delay: d, s.
            t1_blood: T1b, s.

        Raises:
            InputError: for a delay below 0.
        """
        if not delay >= 0:
            raise InputError(f"delay: found {delay}; give s of 0 or more")
        if delay == 0:
            return self
        left = np.exp(-delay / t1_blood)
        arterial, bed = (
            np.concatenate([np.zeros_like(images[:1])] * 2 + [images * np.float32(left)])
            for images in (self.arterial, self.bed)
        )
        gone = None if self.left is None else np.concatenate([[0.0, 0.0], self.left * left])
        before = delay - 1e-3 * min(delay, self.time[0])  # so that what is interpolated rises from the delay on
        time = np.concatenate([[before, delay], self.time + delay])
        return StepResponse(time, arterial, bed, self.voxel_size_mm, self.slower_than, gone)


class Simulator(Protocol):
    """What computes label transport; `conf/simulator` chooses one."""

    def step_response(self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics) -> StepResponse:
        """Step response at the given times (s, increasing, above 0), in float32."""
        ...

    def arterial_step_response(
        self, vessels: Vasculature, time: np.ndarray, label: LabelKinetics, *, slower_than: float = np.inf
    ) -> np.ndarray:
        """Label in arteries of a mean velocity (mm/s) up to `slower_than`, (T, X, Y, Z), in float32."""
        ...


def checked_time(time: ArrayLike) -> Float[np.ndarray, " T"]:
    """The times as a float array.

    Raises:
        InputError: unless they increase from above 0.
    """
    times = np.atleast_1d(np.asarray(time, float))
    if (
        times.ndim != 1
        or times.size == 0
        or not times[0] > 0
        or not (np.diff(times) > 0).all()
        or not np.isfinite(times).all()
    ):
        raise InputError(f"time: found {times.tolist()}; give increasing times in s, above 0")
    return times
