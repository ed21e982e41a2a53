"""Random numbers that depend on what is drawn, never on when or where it is drawn."""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np

Seed = int | Sequence[int] | np.random.SeedSequence


class Stage(IntEnum):
    """One independent random stream for each stage of a phantom; the numbers are part of every dataset."""

    PARAMETERS = 0
    PERFUSION = 1
    ARTERIES = 2
    VEINS = 3
    CAPILLARIES = 4
    INLETS = 5
    NOISE = 6
    PIAL_ARTERIES = 7
    PIAL_VEINS = 8
    GRID = 9
    TREES = 10
    LAYOUT = 11
    LESION = 12
    VOIDS = 13
    PASSING = 14


def stage_seed(seed: Seed, stage: Stage | int) -> np.random.SeedSequence:
    """Seed of one stage, or of part i of one: the same for the same (seed, stage), whatever was drawn before."""
    if isinstance(seed, np.random.SeedSequence):
        return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, int(stage)))
    return np.random.SeedSequence(seed, spawn_key=(int(stage),))


def generator(seed: Seed) -> np.random.Generator:
    """Generator of a seed, of the same algorithm on every machine."""
    return np.random.Generator(np.random.PCG64(seed))


def seed_bits(seed: Seed) -> np.uint64:
    """64 random bits of a seed, for draws that are counted rather than taken one after another."""
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return np.uint64(sequence.generate_state(1, np.uint64)[0])
