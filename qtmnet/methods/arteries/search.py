"""Where the posterior of perfusion beside arteries is largest: on a grid of transit times, then between its points.

The arteries of a slice show themselves in one of a few ways (`model.Arrivals`), all of which are tried with every
transit time δ of the grid. In the best way δ is then made finer, with each voxel's own T1 and perfusion in T1'.

Where tissue and arteries fill between the same two ends of boluses, frames do not tell a later δ from a larger aBV.
The posterior then takes the fewest arteries.
"""

from dataclasses import dataclass

import numpy as np

from qtmnet.methods.arteries.model import ArrivalPriors, Arrivals
from qtmnet.methods.arteries.posterior import Beside, amounts, cost_with_artery, gain, least_cost, unit
from qtmnet.methods.decoding import Boluses
from qtmnet.methods.kinetic_model import KineticModel

_GRID_S = 0.1  # of δ; the frames change with it over a labeling duration, ten times as long
_ROUNDS = ((1.0, 12), (0.125, 8))  # widths in steps of the grid and sections, to 0.6 ms: T1' depends on CBF
_USUAL_CBF = 60.0  # mL/100g/min, in T1' on the grid; 60 more or less change T1' by 1.5 %
_HIGHEST_CBF = 600.0  # within 1/T1'
_GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True, eq=False)
class SliceTimes:
    """What is known of a slice before any voxel is.

    Attributes:
        boluses: of all slices.
        index: of the slice; 0 for a 3D readout.
        priors: of transit times.
        t1_blood: s.
        partition_coefficient: mL/g.
        arrivals: ways in which arteries show themselves.
    """

    boluses: Boluses
    index: int
    priors: ArrivalPriors
    t1_blood: float
    partition_coefficient: float
    arrivals: Arrivals

    @classmethod
    def of(
        cls, boluses: Boluses, index: int, priors: ArrivalPriors, t1_blood: float, partition_coefficient: float
    ) -> "SliceTimes":
        """Of a slice, with the ways in which its arteries show themselves."""
        return cls(
            boluses, index, priors, t1_blood, partition_coefficient, Arrivals.of(boluses, index, t1_blood, priors)
        )

    def tissue(self, t1_tissue: np.ndarray) -> KineticModel:
        """The model of tissue in voxels of these T1s (V,)."""
        boluses, index = self.boluses, self.index
        n_frames = len(boluses.delays) if boluses.mixing is None else len(boluses.mixing)
        return KineticModel.of(
            (n_frames, len(t1_tissue)),
            None,
            boluses.delays[:, 0, 0, index],
            boluses.durations[:, 0, 0, index],
            self.t1_blood,
            t1_tissue,
            self.partition_coefficient,
            boluses.pulsed,
            boluses.mixing,
        )

    @property
    def latest(self) -> float:
        """Longest δ that is looked for, s."""
        return float(self.boluses.delays[..., self.index].max())

    def att_cost(self, att: np.ndarray) -> np.ndarray:
        """−2 ln of the prior of δ, 0 at its mean."""
        return ((att - self.priors.att) / self.priors.att_sd) ** 2


class Search:
    """Of the most probable estimates in voxels of a slice, whose tissue has about the same T1.

    Args:
        times: of the slice.
        t1_tissue: s, on the grid.
    """

    def __init__(self, times: SliceTimes, t1_tissue: float) -> None:
        self.times = times
        n = int(np.ceil(times.latest / _GRID_S)) + 1
        self.att = np.linspace(0.0, times.latest, n)
        response = times.tissue(np.full(n, t1_tissue)).response(self.att, np.full(n, _USUAL_CBF))
        self.tissue = unit(response.T)
        self.arteries = times.arrivals.signal
        self.beside = [Beside.of(self.tissue, shown, axis=1) for shown in self.arteries]

    def fit(self, frames: np.ndarray, noise: float, t1_tissue: np.ndarray) -> np.ndarray:
        """CBF (mL/100g/min), ATT (s) and aBV (mL/mL), (3, V).

        Args:
            frames: mL/mL, (K, V).
            noise: its standard deviation, mL/mL.
            t1_tissue: s, (V,).
        """
        signal = frames / noise
        att, artery, perfused = self.best(signal)
        shown = np.where(artery >= 0, self.arteries[artery].T, 0.0)
        model = self.times.tissue(t1_tissue)
        cbf = np.full(len(att), _USUAL_CBF)
        for width, sections in _ROUNDS:
            att = self._finer(signal, model, shown, att, cbf, width * _GRID_S, sections)
            amount, abv = amounts(signal, model.response(att, cbf), shown)
            cbf = np.clip(noise * amount, 0, _HIGHEST_CBF)
        amount, abv = amounts(signal, model.response(att, cbf), shown)
        perfused &= amount > 0
        arteries_alone = amounts(signal, np.zeros_like(signal), shown)[1]
        return np.stack(
            [
                np.where(perfused, noise * amount, 0.0),
                np.where(perfused, att, self.times.priors.att),
                noise * np.where(perfused, abv, arteries_alone),
            ]
        )

    def best(self, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The most probable of the grid, of frames over their noise (K, V).

        Returns:
            δ (V,) in s, index of the arteries' arrival (V,), -1 for no arteries, and whether there is perfusion (V,).
        """
        along = self.tissue @ signal
        att_cost = self.times.att_cost(self.att)[:, None]
        cost = att_cost - np.maximum(along, 0) ** 2
        at = cost.argmin(axis=0)
        voxels = np.arange(signal.shape[1])
        lowest = cost[at, voxels]
        perfused = along[at, voxels] > 0
        artery = np.full(len(voxels), -1)
        of_arrival = -2 * np.log(self.times.arrivals.probability)
        for j, alone in enumerate(unit(self.arteries)):
            z = self.beside[j].direction @ signal
            cost = cost_with_artery(along, z, self.beside[j].share[:, None]) + att_cost
            tried = cost.argmin(axis=0)
            of_both = cost[tried, voxels] + of_arrival[j]
            of_arteries = of_arrival[j] - gain(alone @ signal)
            both, arteries = of_both < lowest, of_arteries < np.minimum(of_both, lowest)
            at = np.where(both, tried, at)
            artery = np.where(both | arteries, j, artery)
            perfused = (perfused | both) & ~arteries
            lowest = np.minimum(np.minimum(of_both, of_arteries), lowest)
        return self.att[at], artery, perfused

    def left_by_perfusion(self, frames: np.ndarray, att_is_free: bool) -> np.ndarray:
        """Sum of squares (V,) that perfusion alone leaves of frames (K, V), with the best δ or that of the prior."""
        nearest = int(np.abs(self.att - self.times.priors.att).argmin())
        tissue = self.tissue if att_is_free else self.tissue[nearest : nearest + 1]
        return (frames**2).sum(axis=0) - (np.maximum(tissue @ frames, 0) ** 2).max(axis=0)

    def _finer(
        self,
        signal: np.ndarray,
        model: KineticModel,
        shown: np.ndarray,
        att: np.ndarray,
        cbf: np.ndarray,
        width: float,
        sections: int,
    ) -> np.ndarray:
        """δ (V,) of the lowest cost within a width (s) of those given, by golden sections."""

        def cost(att: np.ndarray) -> np.ndarray:
            tissue = unit(model.response(att, cbf), axis=0)
            return self.times.att_cost(att) + least_cost(signal, tissue, shown)

        low, high = np.clip(att - width, 0, self.times.latest), np.clip(att + width, 0, self.times.latest)
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        of_left, of_right = cost(left), cost(right)
        for _ in range(sections):
            lower = of_left < of_right
            low, high = np.where(lower, low, left), np.where(lower, right, high)
            kept, of_kept = np.where(lower, left, right), np.where(lower, of_left, of_right)
            tried = np.where(lower, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
            of_tried = cost(tried)
            left, right = np.where(lower, tried, kept), np.where(lower, kept, tried)
            of_left, of_right = np.where(lower, of_tried, of_kept), np.where(lower, of_kept, of_tried)
        return np.where(of_left < of_right, left, right)
