"""Functions of time that step responses are sums of."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from simulators.imaging.acquisition import Acquisition
from simulators.imaging.readout import frames_of, interpolated


@dataclass(frozen=True, eq=False)
class Basis:
    """S(t) = m(t) + Σᵣ zᵣ φᵣ(t): what a step response is in a few coefficients z.

    Attributes:
        time: s since labeling began, (T,).
        mean: m, mL of labeled blood per mL of tissue, (T,).
        functions: φ, in the same unit, (R, T); linearly independent.
    """

    time: np.ndarray
    mean: np.ndarray
    functions: np.ndarray

    @property
    def n_functions(self) -> int:
        """R."""
        return len(self.functions)

    @cached_property
    def _responses(self) -> CubicHermiteSpline:
        return interpolated(self.time, np.concatenate([self.mean[None], self.functions]).T)

    @cached_property
    def _projection(self) -> np.ndarray:
        return np.linalg.pinv(self.functions.T)

    def coefficients(self, step_response: np.ndarray) -> np.ndarray:
        """The z (R, ...) that come nearest to step responses (T, ...), by least squares over time."""
        flat = step_response.reshape(len(self.time), -1) - self.mean[:, None].astype(step_response.dtype)
        found = self._projection.astype(step_response.dtype) @ flat
        return found.reshape(self.n_functions, *step_response.shape[1:])

    def step_response(self, coefficients: np.ndarray) -> np.ndarray:
        """Step responses (T, ...) of coefficients (R, ...)."""
        flat = self.functions.T @ coefficients.reshape(self.n_functions, -1) + self.mean[:, None]
        return flat.reshape(len(self.time), *coefficients.shape[1:])

    def rows(self, acquisition: Acquisition, n_slices: int, t1_blood: float) -> tuple[np.ndarray, np.ndarray]:
        """What m and each φ are in each frame and slice: frame k of slice z is offset_kz + rows_kz · z.

        Args:
            acquisition: protocol, of any labeling.
            n_slices: of the image.
            t1_blood: s; see `simulators.imaging.readout.frame_weights`.

        Returns:
            Offsets (K, Z) and rows (K, Z, R), mL/mL.

        Raises:
            InputError: for a readout later than the functions are known.
        """
        found = frames_of(self._responses, acquisition, n_slices, t1_blood=t1_blood)
        return found[..., 0], found[..., 1:]


def principal(
    step_responses: np.ndarray, time: np.ndarray, n_functions: int, *, weights: np.ndarray, centred: bool = False
) -> Basis:
    """The basis of so many functions that comes nearest to step responses, by their principal components.

    Args:
        step_responses: (T, N), mL/mL.
        time: s, (T,).
        n_functions: R.
        weights: of each step response in the mean and in the sum of squared errors, (N,).
        centred: take the mean as m, else m is 0.

    Returns:
        The basis; its coefficients have a mean square of 1 under the weights.
    """
    shares = weights / weights.sum()
    mean = step_responses @ shares if centred else np.zeros(len(time))
    away = step_responses - mean[:, None]
    values, vectors = np.linalg.eigh((away * shares) @ away.T)
    scales = np.sqrt(np.maximum(values[::-1][:n_functions], np.finfo(float).tiny))
    return Basis(np.asarray(time, float), mean, vectors[:, ::-1][:, :n_functions].T * scales[:, None])
