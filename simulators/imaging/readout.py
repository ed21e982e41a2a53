"""From the step response to the images that a scanner would read."""

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition

DEFAULT_TIME = tuple(0.25 * k for k in range(1, 21))
"""s since labeling began, 0.25 to 5.0: when a step response is kept."""


def block_size(simulated_mm: tuple[float, float, float], acquisition: Acquisition) -> tuple[int, int, int]:
    """How many simulated voxels make one acquired voxel along each axis.

    Raises:
        InputError: unless the acquired voxel is a whole multiple of the simulated one.
    """
    ratio = np.asarray(acquisition.voxel_size_mm) / np.asarray(simulated_mm)
    whole = np.maximum(np.round(ratio).astype(int), 1)
    if np.abs(ratio - whole).max() > 1e-3:
        raise InputError(
            f"voxel_size_mm: found {list(acquisition.voxel_size_mm)}; give whole multiples of the simulated "
            f"{list(simulated_mm)} mm"
        )
    return int(whole[0]), int(whole[1]), int(whole[2])


def nested_voxel_size(simulated_mm: tuple[float, float, float], acquisition: Acquisition) -> tuple[float, float, float]:
    """The voxel size nearest to the simulated one of which the acquired voxel is a whole multiple, mm."""
    acquired = np.asarray(acquisition.voxel_size_mm)
    size = acquired / np.maximum(np.round(acquired / simulated_mm).astype(int), 1)
    if np.abs(size / simulated_mm - 1).max() < 1e-3:
        size = np.asarray(simulated_mm)
    x, y, z = size.tolist()
    return x, y, z


def simulated_time(acquisition: Acquisition) -> tuple[float, ...]:
    """Times (s since labeling began) to simulate for a protocol: the default ones, and on until its last readout."""
    step = DEFAULT_TIME[0]
    last = max(DEFAULT_TIME[-1], float(np.ceil(acquisition.last_readout / step) * step))
    return tuple(step * k for k in range(1, round(last / step) + 1))


def average_voxels(image: np.ndarray, block: tuple[int, int, int]) -> np.ndarray:
    """Mean over blocks of voxels along the last three axes, (..., X, Y, Z) to (..., X/bx, Y/by, Z/bz).

    Raises:
        InputError: unless whole blocks fill the image.
    """
    *leading, nx, ny, nz = image.shape
    if nx % block[0] or ny % block[1] or nz % block[2]:
        raise InputError(f"shape: found {(nx, ny, nz)} simulated voxels; give multiples of {block}, one acquired voxel")
    split = image.reshape(*leading, nx // block[0], block[0], ny // block[1], block[1], nz // block[2], block[2])
    return split.mean(axis=(-5, -3, -1))


def read_out(
    step_response: np.ndarray, time: np.ndarray, acquisition: Acquisition, *, t1_blood: float | None = None
) -> np.ndarray:
    """The frames of a protocol from a step response on the acquired voxels.

    Args:
        step_response: (T, X, Y, Z).
        time: s, (T,).
        acquisition: protocol.
        t1_blood: s, as in `frame_weights`.

    Returns:
        (K, X, Y, Z), float32.
    """
    weights = frame_weights(time, acquisition, step_response.shape[-1], t1_blood=t1_blood)
    return np.einsum("kzt,txyz->kxyz", weights, step_response, optimize=True).astype(np.float32)


def frame_weights(
    time: np.ndarray, acquisition: Acquisition, n_slices: int, *, t1_blood: float | None = None
) -> np.ndarray:
    """Weights of S(t₁) … S(t_T) in each frame and slice, (K, Z, T).

    S is interpolated by cubic Hermite polynomials with slopes from the neighbouring times, from S(0) = 0 on: for
    steps of 0.25 s the frames of the default protocol are off by less than 1e-3 (L2 norm over a cube). Boluses whose
    end is read 0.3 s later, while label is arriving, are off by 6 to 12 %; from 0.8 s on by 2 % at most.

    Args:
        time: s since labeling began, (T,).
        acquisition: protocol.
        n_slices: of the image.
        t1_blood: s, of the label that S was simulated with; only pulsed labeling needs it, whose label decays before
            it passes the labeling plane.

    Raises:
        InputError: if a readout lies beyond the last time, or there is no T1 and the labeling needs it.
    """
    return frames_of(interpolated(time, np.eye(len(time))), acquisition, n_slices, t1_blood=t1_blood)


def interpolated(time: np.ndarray, responses: np.ndarray) -> CubicHermiteSpline:
    """Step responses (T, N) at times (T,) as functions of time, from 0 at time 0 on; see `frame_weights`."""
    knots = np.concatenate([[0.0], time])
    values = np.concatenate([np.zeros((1, responses.shape[1])), responses])
    slopes = np.asarray(np.gradient(values, knots, axis=0))
    slopes[0] = 0  # no label arrives at once
    return CubicHermiteSpline(knots, values, slopes, axis=0)


def frames_of(
    responses: CubicHermiteSpline, acquisition: Acquisition, n_slices: int, *, t1_blood: float | None = None
) -> np.ndarray:
    """What each of N step responses is in each frame and slice, (K, Z, N); see `frame_weights`.

    Raises:
        InputError: as `frame_weights`.
    """
    acquisition.check_shows_arrival()
    last = responses.x[-1]
    if acquisition.last_readout > last + 1e-9:
        raise InputError(
            f"post_labeling_delays: the last readout is at {acquisition.last_readout:.3f} s, simulated are "
            f"{last:.3f} s; simulate for longer"
        )
    times = np.broadcast_to(acquisition.slice_times(n_slices), n_slices)
    found = np.zeros((acquisition.n_frames, n_slices, responses.c.shape[-1]))
    waiting: _Waiting | None = None
    for k, frame in enumerate(acquisition.frames):
        for block in frame:
            delay, duration = block.passed(times)
            if block.waits:
                waiting = waiting or _Waiting(responses, t1_blood)
                found[k] += block.sign * waiting.seen(delay, delay + duration)
            else:
                found[k] += block.sign * (responses(delay + duration) - responses(delay))
    return found


class _Waiting:
    """∫ s(u) e^(−(end − u)/T1b) du of N responses, by Gauss and Legendre's rule of 8 points between knots.

    There s is a parabola: the rule is exact to rounding for steps of seconds.
    """

    def __init__(self, responses: CubicHermiteSpline, t1_blood: float | None) -> None:
        if t1_blood is None:
            raise InputError("t1_blood: not given; pulsed label decays before it passes the labeling plane, give s")
        self.knots, self.slope, self.t1 = responses.x, responses.derivative(), t1_blood
        self.points, self.shares = np.polynomial.legendre.leggauss(8)
        self.between = self._integral(self.knots[:-1], self.knots[1:])

    def seen(self, first: np.ndarray, end: np.ndarray) -> np.ndarray:
        """From `first` to `end`, (Z,) each, as (Z, N)."""
        after, before = np.searchsorted(self.knots, first), np.searchsorted(self.knots, end, side="right") - 1
        whole = (np.arange(len(self.knots) - 1) >= after[:, None]) & (np.arange(1, len(self.knots)) <= before[:, None])
        waited = np.minimum((self.knots[1:] - end[:, None]) / self.t1, 0)
        found = np.where(whole, np.exp(waited), 0) @ self.between
        within = after > before  # both ends between the same two knots
        until = np.where(within, end, self.knots[np.minimum(after, len(self.knots) - 1)])
        found += np.exp((until - end) / self.t1)[:, None] * self._integral(first, until)
        return found + np.where(within[:, None], 0, self._integral(np.where(within, end, self.knots[before]), end))

    def _integral(self, first: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Within the same two knots, (Z,) each, as (Z, N)."""
        half = (end - first)[:, None] / 2
        at = first[:, None] + half * (1 + self.points)
        weights = half * self.shares * np.exp((at - end[:, None]) / self.t1)
        return np.einsum("zp,zpn->zn", weights, self.slope(at))
