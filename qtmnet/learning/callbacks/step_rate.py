"""How fast training steps are with so many threads and a memory layout, measured on a copy of the network."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch.plugins import Precision
from torch import nn

from qtmnet.learning.loading import Tensors

LAYOUTS = {"channels_last": torch.channels_last_3d, "contiguous": torch.contiguous_format}
"""Orders in memory of images (N, C, X, Y, Z), and of kernels."""

SECONDS = 0.15
"""That a way of computing is measured for: a few steps of a small network, one of a large."""

HOPELESS = 3.0
"""Times the step of the best way so far that the first forward pass may take; threads that wait for a core that another
process holds take fifty times as long."""


@dataclass(frozen=True, order=True)
class Way:
    """A way of computing: threads of the processor, and layout in memory, one of `LAYOUTS`."""

    threads: int
    layout: str


class TooSlow(Exception):
    """A forward pass that is not worth waiting for."""


class TrainingStep:
    """Forward and backward pass of a copy of a network, with batches and in the precision of its training.

    Args:
        network: and
        loss: of its output; neither is touched.
        sample: of a data set, whose copies make a batch.
        batch_size: samples in it.
        precision: of the trainer.
    """

    def __init__(
        self, network: nn.Module, loss: nn.Module, sample: Tensors, batch_size: int, precision: Precision
    ) -> None:
        self.network, self.loss, self.precision = precision.convert_module(deepcopy(network)), loss, precision
        self.batch_size = batch_size
        batch = {name: image[None].repeat(batch_size, 1, 1, 1, 1) for name, image in sample.items()}
        self.batch: Tensors = precision.convert_input(batch)

    def __call__(self) -> None:
        """Compute gradients; they are dropped."""
        self.forward().backward()
        self.network.zero_grad()

    def forward(self) -> torch.Tensor:
        """The loss of the batch."""
        with self.precision.forward_context():
            return self.loss(self.network(self.batch), self.batch)

    def seconds(self, way: Way) -> float:
        """Time of a step, the second one."""
        self._lay_out(way)
        with torch.random.fork_rng(devices=[]), threads(way.threads):
            self()
            start = time.perf_counter()
            self()
            return time.perf_counter() - start

    def rate(self, way: Way, at_least: float = 0.0) -> float:
        """Samples a second; 0 for a way that is far below `at_least`, told by its first forward pass."""
        self._lay_out(way)
        limit = HOPELESS * self.batch_size / at_least if at_least else float("inf")
        with torch.random.fork_rng(devices=[]), threads(way.threads):
            try:
                with torch.no_grad(), _deadline(self.network, limit):
                    self.forward()
            except TooSlow:
                return 0.0
            self()
            start, steps = time.perf_counter(), 0
            while steps < 2 or time.perf_counter() - start < SECONDS:
                self()
                steps += 1
            return steps * self.batch_size / (time.perf_counter() - start)

    def _lay_out(self, way: Way) -> None:
        self.network.to(memory_format=LAYOUTS[way.layout])  # type: ignore[call-overload]


def rates(
    rate: Callable[[Way, float], float], n_threads: Sequence[int], layouts: Sequence[str], seconds: float
) -> dict[Way, float]:
    """Samples a second by way of computing, from few threads to many, as long as more are of use.

    Args:
        rate: of a way, and what it is worth measuring above; as `TrainingStep.rate`.
        n_threads: to try, rising.
        layouts: to try with each.
        seconds: after which no further way is tried.
    """
    found: dict[Way, float] = {}
    end = time.perf_counter() + seconds
    for number in n_threads:
        before = max(found.values(), default=0.0)
        for layout in layouts:
            if not found or time.perf_counter() < end:
                found[Way(number, layout)] = rate(Way(number, layout), max(found.values(), default=0.0))
        if max(found.values()) == before:
            break
    return found


def best(found: Mapping[Way, float]) -> Way:
    """The first way than which no later one is faster by a tenth: so much is noise."""
    chosen, *others = found
    for way in others:
        if found[way] > 1.1 * found[chosen]:
            chosen = way
    return chosen


@contextmanager
def threads(number: int | None = None) -> Iterator[None]:
    """Let torch compute with so many threads, by default with as many as now, and afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _deadline(network: nn.Module, seconds: float) -> Iterator[None]:
    """Raise `TooSlow` between two layers once the time is over."""
    end = time.perf_counter() + seconds

    def check(_layer: nn.Module, _inputs: Any) -> None:
        if time.perf_counter() > end:
            raise TooSlow

    handles = [layer.register_forward_pre_hook(check) for layer in network.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def told(found: Mapping[Way, float], chosen: Way) -> str:
    """The chosen way, with its rate and those of the others."""
    others = ", ".join(
        f"{_said(way)} {f'{rate:.3g}' if rate else 'far less'}" for way, rate in found.items() if way != chosen
    )
    return f"{_said(chosen)}: {found[chosen]:.3g} samples/s" + (f" ({others})" if others else "")


def _said(way: Way) -> str:
    return f"{way.threads} thread{'s' if way.threads > 1 else ''} {way.layout.replace('_', ' ')}"
