"""What training the network for any scan takes."""

import math
from collections.abc import Iterator

from qtmnet.costs.cost import Cost
from qtmnet.costs.cubes import bytes_of
from qtmnet.costs.datasets import already, at_once
from qtmnet.datasets.world_cubes import kept_fields
from qtmnet.learning.any_scan.source import AnyScanCubes

SECONDS_OF_A_VOXEL = 2.5e-5
"""To simulate it: 0.8 s a cube of 32³; `python benchmarks/any_scan.py`."""

SECONDS_OF_A_SAMPLE = 0.012
"""To make it and to train on it, on one core; `python benchmarks/any_scan.py`."""


def any_scan_costs(source: AnyScanCubes, epochs: int) -> Iterator[Cost]:
    """What simulating the cubes that are missing and training on them takes.

    Args:
        source: of the samples.
        epochs: times through the samples.
    """
    yield from world_costs(source)
    yield Cost(
        f"training for {epochs} epochs of {source.n_fit} samples",
        "trainer.max_epochs",
        "give fewer epochs, or fewer data.samples_per_epoch",
        seconds=epochs * source.n_fit * SECONDS_OF_A_SAMPLE,
    )


def world_costs(source: AnyScanCubes) -> Iterator[Cost]:
    """What simulating the cubes that are missing takes."""
    record = bytes_of(kept_fields(source.recipe))
    missing = max(source.n_cubes - already(source.url, record), 0)
    yield Cost(
        f"simulating {missing} cubes",
        "data.n_cubes",
        "give fewer cubes, or another data.dir",
        disk_bytes=missing * record,
        disk_at=source.url,
        seconds=missing * math.prod(source.world.shape) * SECONDS_OF_A_VOXEL / at_once(source.cluster),
    )
