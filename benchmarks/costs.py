"""What commands reckon that they take beside what they do take, for work of several kinds and sizes.

    python benchmarks/costs.py [cube reference brain training image fit]

Each case runs in a process of its own: most memory above what the process held before, after a small case of its kind
has compiled or loaded what it needs, and CPU seconds. The coefficients of `qtmnet/costs` come from here: an estimate
should be 0.6 to 1.7 times what was measured, rather above than below. Linux only (peak memory is forgotten in between).
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

from cube import forget_peak_memory, peak_memory  # before NumPy: it sets one thread

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from qtmnet.costs import brains, cubes, networks, scans, training
from qtmnet.datasets.cube_recipe import CubeRecipe
from qtmnet.datasets.record import cube_arrays, fields
from qtmnet.datasets.shard import ShardFormat
from qtmnet.methods.base import Frames
from qtmnet.methods.kinetic_fit import fit
from qtmnet.methods.network.accepts import Accepts
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.estimator import Estimator
from simulators.imaging.acquisition import Acquisition
from simulators.imaging.labeling.continuous import PCASL
from simulators.phantoms.brain import simulate_brain
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.phantoms.cube import CubeParameters, simulate_cube
from simulators.transport.numba import NumbaSimulator
from simulators.transport.reference import ReferenceSimulator
from simulators.transport.step_response import Simulator

Case = tuple[Callable[[], object], Callable[[], object], float, float]
"""A small case to compile or load with, the case, and its estimate: bytes and CPU seconds (0: none)."""

CASES = {
    "cube": ("16 5 0", "24 5 0", "32 5 0", "48 5 0", "32 10 0", "32 20 0", "16 40 0", "32 5 2"),
    "reference": ("6 5 0.01", "8 5 0.01", "8 5 0.02", "8 10 0.02"),
    "brain": ("3 5", "2 5", "2 20"),
    "training": ("16 3 4 16", "16 3 16 16", "16 3 64 16", "64 3 4 16", "16 4 4 32"),
    "image": ("16 96", "32 96", "16 128"),
    "fit": ("4 64", "40 64", "100 32"),
}
"""Of each kind: what its function takes."""


def times(last: float) -> tuple[float, ...]:
    """Until a last one, s."""
    return tuple(0.25 * k for k in range(1, round(4 * last) + 1))


def simulated(side: float, last: float, simulator: Simulator, n_velocities: int = 0) -> Case:
    """A cube simulated and made a record."""

    def recipe(side: int) -> CubeRecipe:
        crushing = tuple(5.0 * (k + 1) for k in range(n_velocities))
        return CubeRecipe(CubeParameters(shape=(side,) * 3), simulator, 0, time=times(last), crushing=crushing)

    def make(side: int) -> None:
        made = recipe(side)
        cube = simulate_cube(0, parameters=made.phantom, time=made.time, simulator=simulator)
        ShardFormat(fields(made), made.fingerprint(), 1).record(0, cube_arrays(cube, made)).tobytes()

    asked = recipe(int(side))
    estimate = cubes.simulation_bytes(asked), cubes.simulation_seconds(asked)
    return lambda: make(3), lambda: make(int(side)), *estimate


def cube(side: float, last: float, n_velocities: float) -> Case:
    """By the default simulator."""
    return simulated(side, last, NumbaSimulator(), int(n_velocities))


def reference(side: float, last: float, step: float) -> Case:
    """By the reference simulator."""
    return simulated(side, last, ReferenceSimulator(step))


def brain(edge: float, last: float) -> Case:
    """A brain of voxels of this edge, all stages, kept in a folder."""

    def make(edge: float) -> None:
        with tempfile.TemporaryDirectory() as folder:
            simulate_brain(BrainParameters(voxel_size_mm=(edge,) * 3), time=times(last), folder=folder)

    parameters = BrainParameters(voxel_size_mm=(edge,) * 3)
    costs = list(brains.brain_costs(parameters, times(last), NumbaSimulator(), "."))
    return lambda: make(9.0), lambda: make(edge), max(cost.memory_bytes for cost in costs), 0.0


def estimator(base_channels: int, levels: int) -> Estimator:
    """An untrained one of the default protocol."""
    network = {
        "_target_": "qtmnet.methods.network.unet_cbam.UNetCBAM",
        "base_channels": base_channels,
        "levels": levels,
    }
    inputs = {"frames": {"_target_": "qtmnet.methods.network.inputs.FramesInput"}}
    return Estimator(Description(network, inputs, ("cbf",), "calibrated", Accepts(Acquisition())))


def train(base_channels: float, levels: float, batch: float, side: float) -> Case:
    """Three steps of AdamW, in float32."""
    import torch

    def make(batch: int, side: int, base_channels: int) -> None:
        made = estimator(base_channels, int(levels)).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(made.parameters())
        for _ in range(3):
            optimizer.zero_grad()
            made({"concentration": torch.rand(batch, 4, side, side, side)}).square().mean().backward()
            optimizer.step()

    sizes = int(batch), int(side), int(base_channels)
    counted = networks.network_size(lambda: estimator(sizes[2], int(levels)), sizes[0], (sizes[1],) * 3)
    kept, held = training.KEPT_AT_ONCE * counted.kept_bytes, training.WEIGHTS_AT_ONCE * counted.weight_bytes
    seconds = 9 * counted.operations / networks.OPERATIONS_PER_SECOND
    return lambda: make(1, 2 ** int(levels), 1), lambda: make(*sizes), kept + held, seconds


def image(base_channels: float, side: float) -> Case:
    """A network on a whole image."""

    def make(side: int, base_channels: int) -> None:
        frames = np.ones((4, side, side, side // 2), np.float32)
        estimator(base_channels, 3).maps(Frames(frames, Acquisition()))

    shape = (int(side), int(side), int(side) // 2)
    cost = scans.network_cost(estimator(int(base_channels), 3), shape, "an image", setting="input")
    return lambda: make(8, 1), lambda: make(int(side), int(base_channels)), cost.memory_bytes, cost.seconds


def kinetic(n_frames: float, side: float) -> Case:
    """The multi-delay model in every voxel of an image."""
    acquisition = Acquisition(PCASL(1.5), tuple(np.linspace(0.5, 3, int(n_frames)).tolist()))

    def make(side: int) -> None:
        fit(np.ones((int(n_frames), side, side, side // 2), np.float32), acquisition, method="multi_delay")

    voxels = int(side) ** 2 * (int(side) // 2)
    seconds = voxels * n_frames * scans.SECONDS_OF_A_FRAME
    return lambda: make(2), lambda: make(int(side)), scans.fit_bytes(voxels, int(n_frames)), seconds


KINDS: dict[str, Callable[..., Case]] = {
    "cube": cube,
    "reference": reference,
    "brain": brain,
    "training": train,
    "image": image,
    "fit": kinetic,
}


def measure(kind: str, sizes: str) -> tuple[float, float, float, float]:
    """MB taken and reckoned, CPU seconds taken and reckoned, in this process."""
    small, work, n_bytes, seconds = KINDS[kind](*map(float, sizes.split()))
    small()
    forget_peak_memory()
    before, start = peak_memory(), process_time()
    work()
    return peak_memory() - before, n_bytes / 2**20, process_time() - start, seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(CASES)} (default: all)")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.kinds) - set(CASES):
        parser.error(f"{', '.join(unknown)}: give some of {', '.join(CASES)}")
    if options.case:
        print(*measure(options.kinds[0], options.case))
        return
    print("work       sizes          MB taken   reckoned   ratio     CPU s   reckoned   ratio")
    for kind in options.kinds or CASES:
        for sizes in CASES[kind]:
            call = [sys.executable, __file__, kind, "--case", sizes]
            found = subprocess.run(call, check=True, capture_output=True, encoding="utf-8").stdout
            taken, reckoned, seconds, asked = map(float, found.split())
            row = f"{kind:9s}  {sizes:13s}  {taken:8.0f}  {reckoned:9.0f}  {reckoned / taken:6.2f}  {seconds:8.2f}"
            print(row + (f"  {asked:9.2f}  {asked / seconds:6.2f}" if asked else ""), flush=True)


if __name__ == "__main__":
    main()
