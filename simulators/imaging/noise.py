"""Noise of simulated frames."""

import numpy as np


def noise_deviation(signal: np.ndarray, snr: float) -> float:
    """Standard deviation of the noise of frames, mL/mL: mean signal of the frame with most of it, over a ratio.

    Args:
        signal: of the voxels that count, mL/mL, (K, V).
        snr: signal-to-noise ratio.
    """
    return signal.mean(axis=1).max() / snr


def with_noise(
    frames: np.ndarray, snr: float | tuple[float, float] | None, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Frames with Gaussian noise, independent in each voxel and frame, and its standard deviation, mL/mL.

    Args:
        frames: mL/mL, (K, x, y, z), float32.
        snr: see `noise_deviation`, one or (lowest, highest) of a log-uniform draw; None for no noise.
        rng: that the ratio and the noise are drawn from.
    """
    if snr is None:
        return frames, 0.0
    ratio = np.exp(rng.uniform(*np.log(np.broadcast_to(np.asarray(snr, float), 2))))
    noise = rng.standard_normal(frames.shape)
    deviation = noise_deviation(frames.reshape(len(frames), -1), ratio)
    noise *= deviation
    return frames + noise.astype(np.float32), float(deviation)
