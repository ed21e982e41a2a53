"""Noise of simulated frames."""

import numpy as np


def with_noise(frames: np.ndarray, snr: float | tuple[float, float] | None, rng: np.random.Generator) -> np.ndarray:
    """Frames with Gaussian noise, independent in each voxel and frame.

    Args:
        frames: mL/mL, (K, x, y, z), float32.
        snr: mean signal of the frame with most of it over the noise's standard deviation, one or (lowest, highest) of a
            log-uniform draw; None for no noise.
        rng: that the ratio and the noise are drawn from.
    """
    if snr is None:
        return frames
    ratio = np.exp(rng.uniform(*np.log(np.broadcast_to(np.asarray(snr, float), 2))))
    deviation = frames.reshape(len(frames), -1).mean(axis=1).max() / ratio
    noise = rng.standard_normal(frames.shape)
    noise *= deviation
    return frames + noise.astype(np.float32)
