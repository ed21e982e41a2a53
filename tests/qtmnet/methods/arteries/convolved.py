"""Frames of tissue and arteries by numerical integration, for what is found in them to be held against."""

import numpy as np

from simulators import Acquisition
from simulators.constants import DENSITY_G_ML, PARTITION_COEFFICIENT, T1_BLOOD, T1_GREY_MATTER


def label_at(readout: float, start: float, end: float, att: float, pulsed: bool, times: np.ndarray) -> np.ndarray:
    """Label per mL of blood that arrives at `times` before the readout, in blood labeled from `start` to `end`."""
    passed = times - att  # the labeling plane
    age = times - start if pulsed else np.full_like(times, att)
    return np.where((passed >= start) & (passed < end) & (times <= readout), np.exp(-age / T1_BLOOD), 0.0)


def signal_of(
    acquisition: Acquisition,
    cbf: float,
    att: float,
    abv: float = 0.0,
    arterial_att: float = 1.0,
    t1_tissue: float = T1_GREY_MATTER,
    after_first_slice: float = 0.0,
) -> np.ndarray:
    """Frames (K,): arterial input convolved with washout and decay, and blood that is in the arteries at readout."""
    flow, frames = cbf / 6000, []
    for frame in acquisition.frames:
        value = 0.0
        for block in frame:
            end = block.duration
            readout = end + block.delay + after_first_slice
            edges = np.linspace(0, readout, 60_001)
            arrival = (edges[1:] + edges[:-1]) / 2
            came = label_at(readout, 0.0, end, att, block.waits, arrival)
            kept = np.exp(-(readout - arrival) * (flow / PARTITION_COEFFICIENT + 1 / t1_tissue))
            tissue = DENSITY_G_ML * flow * (came * kept).sum() * edges[1]
            there = label_at(readout, 0.0, end, arterial_att, block.waits, np.array([readout]))[0]
            value += block.sign * (tissue + abv * there)
        frames.append(value)
    return np.array(frames)
