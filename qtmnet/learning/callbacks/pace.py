"""Training takes the threads and the memory layout that are fastest, also when the load of the machine changes.

More threads than free cores are far worse than one: at each of the hundreds of small tasks of a step all of them wait
for the one whose core another process holds.
"""

import sys
import time
from collections.abc import Sequence
from typing import Any

import lightning as L
import torch

from qtmnet.learning.callbacks.step_rate import LAYOUTS, TrainingStep, Way, best, rates, told
from qtmnet.learning.loading import SampleLoading, n_samples
from qtmnet.learning.module import QTMModule
from qtmnet.process import ranks
from simulators.errors import InputError
from simulators.machine.cores import n_cores

AUTO = "auto"

SHORT = 30.0
"""s of training that are not worth measuring for; they take one thread."""

SECONDS_TO_MEASURE = 2.0
"""After which no further way is tried."""

SECONDS_OF_WINDOW = 2.0
"""That rates are taken over during training."""

FALLEN, FAR_BELOW = 0.6, 0.3
"""Shares of the best rate of a window since the last look, and of the rate that was measured (without an optimizer),
below which it is time to look again."""

PATIENCE, CURIOSITY = 10.0, 100.0
"""Times the time that a look takes that go by before one for a fallen rate, and before one for cores that became free:
looks take no more than a tenth, and a hundredth, of the time."""


class Pace(L.Callback):
    """Chooses threads and memory layout for a training on a processor by measuring, and looks again if its rate falls.

    A GPU takes channels last, and no threads matter. Of processes that train together each takes its share of the
    machine's cores, and they have one memory layout, which is not measured; they do not look again, as each waits for
    all others at each step.

    Args:
        threads: a number, or `auto`.
        memory_layout: one of `LAYOUTS`, or `auto`.

    Raises:
        InputError: for anything else.
    """

    def __init__(self, threads: int | str = AUTO, memory_layout: str = AUTO) -> None:
        if threads != AUTO and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise InputError(f"threads: found {threads!r}; give a whole number, at least 1, or auto")
        if isinstance(threads, int) and threads > n_cores():
            raise InputError(f"threads: found {threads}, but there are {n_cores()} cores; give no more, or auto")
        if memory_layout not in (AUTO, *LAYOUTS):
            raise InputError(f"memory_layout: found {memory_layout!r}; give one of {', '.join((AUTO, *LAYOUTS))}")
        self._threads, self._layout = threads, memory_layout
        self._way = Way(torch.get_num_threads(), next(iter(LAYOUTS)))
        self._to_try: Sequence[int] = ()
        self._step: TrainingStep | None = None
        self._measured = self._best = 0.0
        self._looked, self._cost = 0.0, 0.0
        self._begin_window()

    def begin(self, trainer: L.Trainer, module: QTMModule, data: SampleLoading) -> None:
        """Choose, before training begins; `data` is set up."""
        layouts = [next(iter(LAYOUTS))] if self._layout == AUTO else [self._layout]
        self._way = Way(torch.get_num_threads(), layouts[0])
        if trainer.strategy.root_device.type == "cpu":
            if self._layout == AUTO and trainer.world_size == 1:
                layouts = [*LAYOUTS]
            self._to_try = self._numbers(trainer, data)
            self._way = Way(self._to_try[0], layouts[0])
            if len(self._to_try) * len(layouts) > 1:
                self._measure(trainer, module, data, layouts)
            torch.set_num_threads(self._way.threads)
        module.estimator.to(memory_format=LAYOUTS[self._way.layout])  # type: ignore[call-overload]

    def _measure(self, trainer: L.Trainer, module: QTMModule, data: SampleLoading, layouts: Sequence[str]) -> None:
        """Look for the first time, unless the training is short."""
        source = data.source
        batch_size = max(min(source.batch_size, source.n_fit) // trainer.world_size, 1)
        sample = data.datasets["validate"][0, 0]
        step = TrainingStep(module.estimator, module.loss, sample, batch_size, trainer.precision_plugin)
        n_steps = ((trainer.max_epochs or 1) - data.first_epoch) * max(source.n_fit // source.batch_size, 1)
        if n_steps * step.seconds(self._way) > SHORT:
            self._step = step
            self._look(layouts, "computing with")
        if trainer.world_size > 1:
            self._step = None

    def on_fit_start(self, _trainer: L.Trainer, _module: L.LightningModule) -> None:
        """Once more, as Lightning sets the threads of processes that it starts."""
        if self._to_try:
            torch.set_num_threads(self._way.threads)

    def on_train_batch_start(self, _trainer: L.Trainer, _module: L.LightningModule, _batch: Any, _index: int) -> None:
        """A step begins."""
        self._mark = time.perf_counter()

    def on_train_batch_end(
        self, _trainer: L.Trainer, _module: L.LightningModule, _outputs: Any, batch: Any, _index: int
    ) -> None:
        """Look again if the rate has fallen, or now and then whether more cores are free."""
        self._seconds += time.perf_counter() - self._mark
        self._samples += n_samples(batch)
        if self._step is None or self._seconds < SECONDS_OF_WINDOW:
            return
        rate, since = self._samples / self._seconds, time.perf_counter() - self._looked
        self._best = max(self._best, rate)
        fallen = rate < max(FALLEN * self._best, FAR_BELOW * self._measured)
        self._begin_window()
        if fallen and since > PATIENCE * self._cost:
            self._look([self._way.layout], f"{rate:.3g} samples/s, down from {self._best:.3g}; now")
        elif since > CURIOSITY * self._cost:
            self._look([self._way.layout], "computing with", only_news=True)

    def _look(self, layouts: Sequence[str], beginning: str, *, only_news: bool = False) -> None:
        """Measure, take the best way and tell."""
        assert self._step is not None
        start, before = time.perf_counter(), self._way
        found = rates(self._step.rate, self._to_try, layouts, SECONDS_TO_MEASURE)
        self._way = best(found)
        torch.set_num_threads(self._way.threads)
        self._looked = time.perf_counter()
        self._cost = self._looked - start
        self._measured, self._best = found[self._way], 0.0
        if ranks.is_first() and (not only_news or self._way != before):
            print(f"{beginning} {told(found, self._way)}", file=sys.stderr, flush=True)

    def _numbers(self, trainer: L.Trainer, data: SampleLoading) -> Sequence[int]:
        """Numbers of threads to try: 1, 2, 4, … and all cores that neither other processes nor loaders take."""
        if isinstance(self._threads, int):
            return (self._threads,)
        alone = trainer.world_size == 1
        cores = min(torch.get_num_threads(), n_cores()) if alone else n_cores() // max(trainer.num_devices, 1)
        most = max(cores - data.source.loader_workers, 1)
        return (*(2**k for k in range(most.bit_length()) if 2**k < most), most)

    def _begin_window(self) -> None:
        self._seconds, self._samples = 0.0, 0
