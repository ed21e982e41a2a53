"""What training a network takes, and evaluating it on cubes."""

import math
from collections.abc import Callable, Iterator

from qtmnet.costs.cost import Cost
from qtmnet.costs.cubes import acquired_shape, simulation_bytes, simulation_seconds
from qtmnet.costs.datasets import dataset_costs
from qtmnet.costs.devices import device_cost
from qtmnet.costs.machine import free_gpu_memory
from qtmnet.costs.networks import OPERATIONS_PER_SECOND, NetworkSize, network_size
from qtmnet.costs.scans import SECONDS_OF_A_FRAME, fit_bytes
from qtmnet.datasets.cubes import Cubes
from qtmnet.learning.stored import StoredCubes
from qtmnet.learning.streamed import StreamedCubes
from qtmnet.methods.network.estimator import Estimator
from simulators.machine.cores import n_cores
from simulators.transport.cupy import CupySimulator

# `python benchmarks/costs.py` measures all coefficients of this file.

WEIGHTS_AT_ONCE = 5.5
"""Weights, their gradients, AdamW's two moments, and what a step puts beside them."""

KEPT_AT_ONCE = 1.7
"""What layers keep for their gradients, and the gradients on their way back."""

WEIGHTS_IN_FILES = 9
"""Two checkpoints of weights and two moments, and one more while it takes the place of the last."""

MOST_CORES = 4
"""That a network of small images gains from."""

LOADER_BYTES = 3e8
"""Of a process that makes samples, before it does."""

FLOAT = 4


def training_costs(
    build: Callable[[], Estimator],
    source: StoredCubes,
    *,
    epochs: int,
    accelerator: str,
    linear_start: bool,
    evaluate: bool,
    run_dir: str,
) -> Iterator[Cost]:
    """What training takes, from simulating to evaluating.

    Args:
        build: makes the estimator.
        source: of the samples.
        epochs: times through it.
        accelerator: of the trainer, as it is set.
        linear_start: whether it begins from a linear estimate.
        evaluate: whether test cubes are made and estimated afterwards.
        run_dir: of the checkpoints.
    """
    yield from dataset_costs(source, ("train", "test") if evaluate else ("train",))
    shape = acquired_shape(source.recipe.phantom, source.acquisition)
    batch = min(source.batch_size, source.n_fit)
    sample = math.prod(shape) * (source.acquisition.n_frames + 2) * FLOAT
    yield Cost(
        f"reading {source.acquisition.n_frames} frames of a cube",
        "acquisition.post_labeling_delays",
        "give fewer delays",
        memory_bytes=_frames_bytes(source, shape, linear_start=linear_start),
    )
    network = network_size(build, batch, shape)
    yield from _network(network, batch, sample, None if accelerator == "cpu" else free_gpu_memory())
    if isinstance(source, StreamedCubes):
        yield from _stream(source, epochs, batch, sample)
    steps_seconds = 3 * network.operations / batch * source.n_fit * epochs / OPERATIONS_PER_SECOND
    yield Cost(
        f"training for {epochs} epochs of {source.n_fit} samples",
        "trainer.max_epochs",
        "give fewer epochs, fewer cubes or a smaller network",
        disk_bytes=WEIGHTS_IN_FILES * network.weight_bytes,
        disk_at=run_dir,
        seconds=steps_seconds / min(n_cores(), MOST_CORES) if _on_cpu(accelerator) else 0.0,
    )
    if evaluate:
        yield evaluation_cost(source.cubes["test"])


def evaluation_cost(cubes: Cubes, setting: str = "data.n_test") -> Cost:
    """What estimating the test cubes with every method takes: all maps of all cubes are held together."""
    voxels = math.prod(acquired_shape(cubes.recipe.phantom, cubes.acquisition))
    n_cubes, frames = cubes.n_cubes, cubes.acquisition.n_frames
    return Cost(
        f"evaluating {n_cubes} cubes",
        setting,
        "give fewer cubes to evaluate on",
        memory_bytes=n_cubes * voxels * 64 + fit_bytes(voxels, frames),
        seconds=n_cubes * voxels * frames * SECONDS_OF_A_FRAME,
    )


def _network(network: NetworkSize, batch: int, sample: float, gpu: float | None) -> Iterator[Cost]:
    """Memory of weights, then of the batch with them."""
    device = "this machine" if gpu is None else "the GPU"
    at_batch = KEPT_AT_ONCE * network.kept_bytes + 2 * batch * sample
    for what, setting, advice, beside in (
        ("a network of this size with its optimizer", "model", "give a smaller one", 0.0),
        (f"training with batches of {batch}", "data.batch_size", "give smaller batches", at_batch),
    ):
        yield Cost(
            what,
            setting,
            advice,
            memory_bytes=WEIGHTS_AT_ONCE * network.weight_bytes + beside,
            memory_limit=gpu,
            limited_by=f"{device} has {{}} free",
        )


def _frames_bytes(source: StoredCubes, shape: tuple[int, int, int], *, linear_start: bool) -> float:
    """Weights of the frames, and the samples that the linear start is found from, scaled and decorrelated."""
    n_frames = source.acquisition.n_frames
    n_slices, timed = len(source.acquisition.slice_timing) or shape[2], bool(source.acquisition.slice_timing)
    weights = 4 * 8 * n_frames * n_slices * len(source.recipe.time)
    if not linear_start:
        return weights
    samples = min(source.n_fit, source.samples_to_start_from) * math.prod(shape) * n_frames * FLOAT
    return weights + samples * (4 if timed else 3) + 6 * 8 * (n_frames * (1 + timed)) ** 2


def _stream(source: StreamedCubes, epochs: int, batch: int, sample: float) -> Iterator[Cost]:
    """Simulating samples as training asks for them."""
    recipe = source.recipe
    if isinstance(recipe.simulator, CupySimulator):
        voxels, what = batch * math.prod(recipe.phantom.shape), f"simulating batches of {batch} cubes"
        yield device_cost(what, "data.batch_size", "give smaller batches", recipe.simulator, voxels, recipe.time)
        return
    processes = max(source.loader_workers, 1)
    yield Cost(
        f"simulating samples in {processes} processes",
        "data.loader_workers",
        "give fewer",
        memory_bytes=processes * (LOADER_BYTES + simulation_bytes(recipe) + 3 * batch * sample),
    )
    n_samples = epochs * source.samples_per_epoch
    yield Cost(
        f"simulating {n_samples} streamed cubes",
        "data.samples_per_epoch",
        "give fewer, or a GPU with simulator=cupy",
        seconds=n_samples * simulation_seconds(recipe) / 2 / min(processes, n_cores()),
    )


def _on_cpu(accelerator: str) -> bool:
    """Whether a trainer will use the processor."""
    import torch

    return accelerator == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available())
