"""What the network for any scan takes on one core, each as a ratio of one run.

    python benchmarks/any_scan.py [n_samples]

- the front end, for 1, 6 and 12 frames of a head of 2×2×4 mm voxels: ms for a million voxels, beside its floor: the
  time to write all that it gives (43 numbers a voxel);
- maps of that head with the weights of the package: s, and the rate of operations beside that of a product of matrices;
- cubes of the world, and samples of them: s, and their ratio.

The coefficients of `qtmnet/costs/any_scan.py` come from here.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from qtmnet.datasets.cluster.local import LocalCluster
from qtmnet.learning.any_scan.source import AnyScanCubes
from qtmnet.methods.any_scan.method import AnyScan
from qtmnet.methods.base import Frames
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.continuous import PCASL
from simulators.imaging.protocol_ranges import ProtocolRanges
from simulators.imaging.scan_noise import ScanNoise
from simulators.phantoms.stages import peak_gb
from simulators.phantoms.world import World
from simulators.transport.numba import NumbaSimulator

HEAD = (72, 88, 36)
"""Voxels of 2×2×4 mm, brain and what lies around it."""


def seconds(action: Callable[[], object], n: int = 3) -> float:
    """CPU time of an action, the least of some."""
    found = []
    for _ in range(n):
        start = process_time()
        action()
        found.append(process_time() - start)
    return min(found)


def head(n_frames: int) -> Frames:
    """Frames of noise about the label of grey matter."""
    delays = tuple(np.linspace(0.5, 2.5, n_frames).tolist())
    values = 0.004 + 0.001 * np.random.default_rng(0).standard_normal((n_frames, *HEAD))
    noise = np.full((n_frames, 1, 1, 1), 1e-3)
    return Frames(values.astype(np.float32), Acquisition(PCASL(1.5), delays, (2.0, 2.0, 4.0)), noise=noise)


def main(n_samples: int = 64) -> None:
    """Print all of it."""
    torch.set_num_threads(1)
    method = AnyScan()
    front_end, n_voxels = method.estimator.front_end, float(np.prod(HEAD))
    written = np.empty((43, int(n_voxels)), np.float32)
    floor = seconds(lambda: written.fill(1.0))
    for n_frames in (1, 6, 12):
        frames = head(n_frames)
        taken = seconds(lambda f=frames: front_end.read(f.concentration, f.acquisition, f.noise, 1.65))
        ms = 1e9 * taken / n_voxels
        print(f"front end, {n_frames:2} frames: {ms:.0f} ms a million voxels, {taken / floor:.0f} × floor")
    frames = head(6)
    with FlopCounterMode(display=False) as counter:
        method.maps(frames)
    taken, matrix = seconds(lambda: method.maps(frames)), torch.randn(1024, 1024)
    best = 2 * 1024**3 / seconds(lambda: matrix @ matrix, 10)
    share = counter.get_total_flops() / taken / best
    print(f"maps of {n_voxels / 1e6:.2f} million voxels: {taken:.2f} s, {share:.0%} of a product of matrices")
    print(f"most memory: {peak_gb():.2f} GB")
    with tempfile.TemporaryDirectory() as folder:
        source = AnyScanCubes(
            World(),
            NumbaSimulator(),
            ProtocolRanges(),
            noise=ScanNoise(),
            cluster=LocalCluster(1),
            n_cubes=16,
            dir=folder,
        )
        source.prepare()  # 32 cubes for the functions, 16 to keep
        cube = seconds(lambda: [source.recipe.cube(k) for k in range(16)], 1) / 16
        samples = source.fitting()
        sample = seconds(lambda: [samples.batch([(0, 8 * b + k) for k in range(8)]) for b in range(n_samples // 8)], 1)
        ratio = cube / sample * n_samples
        print(f"a cube: {cube:.2f} s; a sample: {sample / n_samples * 1e3:.1f} ms, {ratio:.0f} in the time of a cube")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
