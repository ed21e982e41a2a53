"""The step response of tissue as kinetic models have it: delays that are somewhat dispersed, and tissue mixed at once.

Label arrives in a voxel at times that are spread normally about its arrival Δ, with standard deviation σ, and has
decayed with the T1 of blood for as long as each part of it was on its way. With Φ the normal distribution function,

    I(t; a) := ∫_0^t N(x; Δ, σ) e^(−ax) dx = e^(−aΔ + a²σ²/2) [Φ((t − Δ)/σ + aσ) − Φ(−Δ/σ + aσ)]

blood that flows on into the tissue carries c(t) = I(t; 1/T1b). In tissue, dC/dt = f c − k C with k = 1/T1t + f/(ρλ), so

    C(t) = f/k [I(t; 1/T1b) − e^(−kt) I(t; 1/T1b − k)]

and blood of volume v in arteries of the voxel, which it fills at Δ' as a plug, adds v I(t; 1/T1b) about Δ'. For σ = 0
this is the general kinetic model (Buxton et al. 1998, Magn Reson Med 40:383) with an arterial component (Chappell et
al. 2010, Magn Reson Med 63:1357). Normal arrival times: Hrabe and Lewis 2004, J Magn Reson 167:49.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from simulators.constants import DENSITY_G_ML, ML_100G_MIN, PARTITION_COEFFICIENT
from simulators.errors import InputError
from simulators.machine.compiling import njit
from simulators.transport.step_response import StepResponse, checked_time

LEAST_ARRIVAL = 0.05
"""s; label arrives no earlier: at no time after labeling began there is a voxel that it has reached already."""

MOST_DISPERSION = 0.3
"""Standard deviation of arrival times, relative to their mean. Of normal ones 4e-4 lie before 0 then: these are cut."""

SHARPEST = 1e-6
"""s; standard deviation that stands for none."""

SQRT2 = math.sqrt(2)

SURE = 6.0
"""Standard deviations from its middle at which a normal distribution function counts as 0 or 1: to 1e-9."""


@dataclass(frozen=True)
class KineticTissue:
    """Tissue as kinetic models have it.

    Attributes:
        perfusion: mL/100g/min, 0 or more, (X, Y, Z).
        arrival: s from the labeling plane to the tissue of each voxel, when half of the label has come, (X, Y, Z).
        arterial_volume: mL of blood in arteries that pass through per mL of tissue, (X, Y, Z).
        arterial_arrival: s from the labeling plane to these arteries, (X, Y, Z).
        t1_blood, t1_tissue: s.
        dispersion: standard deviation of arrival times, relative to `arrival` and `arterial_arrival`.
        voxel_size_mm: edge lengths of a voxel.
        partition_coefficient: λ of water between brain and blood, mL/g.

    Raises:
        InputError: for arrays that differ in shape, and values that no tissue has. Arrivals below 0.05 s become 0.05.
    """

    perfusion: np.ndarray
    arrival: np.ndarray
    arterial_volume: np.ndarray
    arterial_arrival: np.ndarray
    t1_blood: float
    t1_tissue: float
    dispersion: float = 0.0
    voxel_size_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    partition_coefficient: float = PARTITION_COEFFICIENT

    def __post_init__(self) -> None:
        for name in ("perfusion", "arrival", "arterial_volume", "arterial_arrival"):
            values = getattr(self, name)
            if values.shape != self.perfusion.shape or values.ndim != 3:
                raise InputError(f"{name}: found shape {values.shape}; give that of perfusion, {self.perfusion.shape}")
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise InputError(f"{name}: found values that are not numbers of 0 or more; give those")
        for name in ("t1_blood", "t1_tissue", "partition_coefficient"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: found {getattr(self, name)}; give more than 0")
        if not 0 <= self.dispersion <= MOST_DISPERSION:
            raise InputError(f"dispersion: found {self.dispersion}; give 0 to {MOST_DISPERSION}")
        for name in ("arrival", "arterial_arrival"):
            object.__setattr__(self, name, np.maximum(getattr(self, name), LEAST_ARRIVAL))

    def step_response(self, time: ArrayLike) -> StepResponse:
        """Label in tissue (`bed`) and in arteries at the given times (s, increasing, above 0), in float32.

        Label in tissue is what has come and not decayed or flown on: it has no veins of its own.

        Raises:
            InputError: for times that do not increase from above 0.
        """
        times = checked_time(time)
        arterial, bed = (np.zeros((len(times), *self.perfusion.shape), np.float32) for _ in range(2))
        shape = (len(times), -1)
        decay = 1 / self.t1_blood
        flow = self.perfusion.ravel().astype(float) * (DENSITY_G_ML / ML_100G_MIN)
        rate = flow / (DENSITY_G_ML * self.partition_coefficient) + 1 / self.t1_tissue
        _fill_tissue(times, *self._arriving(self.arrival), decay, rate, flow, bed.reshape(shape))
        volume = self.arterial_volume.ravel().astype(float)
        _fill_arteries(times, *self._arriving(self.arterial_arrival), decay, volume, arterial.reshape(shape))
        return StepResponse(times, arterial, bed, self.voxel_size_mm)

    def _arriving(self, arrival: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of arrival times, s, (V,) each."""
        middle = np.asarray(arrival, float).ravel()
        return middle, np.maximum(self.dispersion * middle, SHARPEST)


@njit()
def _normal(x):  # type: ignore[no-untyped-def]
    """The normal distribution function."""
    if x <= -SURE:
        return 0.0
    return 0.5 * math.erfc(-x / SQRT2) if x < SURE else 1.0


@njit()
def _fill_arteries(time, middle, spread, decay, volume, label):  # type: ignore[no-untyped-def]
    """v I(t; a) with a = `decay` in every voxel, (T, V)."""
    for voxel in range(middle.size):
        if volume[voxel] == 0:
            continue
        shift = decay * spread[voxel]
        most = volume[voxel] * math.exp(-decay * middle[voxel] + 0.5 * shift * shift)
        before = _normal(-middle[voxel] / spread[voxel] + shift)
        for k in range(time.size):
            label[k, voxel] = most * (_normal((time[k] - middle[voxel]) / spread[voxel] + shift) - before)


@njit()
def _fill_tissue(time, middle, spread, decay, rate, flow, label):  # type: ignore[no-untyped-def]
    """f/k [I(t; a) − e^(−kt) I(t; a − k)] with a = `decay` and k = `rate` in every voxel, (T, V)."""
    for voxel in range(middle.size):
        if flow[voxel] == 0:
            continue
        k = rate[voxel]
        shift, other_shift = decay * spread[voxel], (decay - k) * spread[voxel]
        most = flow[voxel] / k * math.exp(-decay * middle[voxel])
        came, gone = most * math.exp(0.5 * shift * shift), most * math.exp(0.5 * other_shift * other_shift)
        first = -middle[voxel] / spread[voxel]
        before, other_before = _normal(first + shift), _normal(first + other_shift)
        for step in range(time.size):
            since = time[step] - middle[voxel]
            left = _normal(since / spread[voxel] + other_shift) - other_before
            if left > 0:
                left *= math.exp(-k * since)
            label[step, voxel] = max(came * (_normal(since / spread[voxel] + shift) - before) - gone * left, 0.0)
