"""How fast the network trains: beside another U-Net, beside a busy process, and against the processor's peak.

    python benchmarks/training.py [--seconds 2] [--repeats 5] [data.batch_size=16 …]

A step of `experiment=quickstart`, with other settings if they are given: forward and backward pass, clipping, and the
optimizer's step, on random images of the size of its cubes. The other U-Net is MONAI's DynUNet (instance norm, leaky
ReLU) with as many levels and weights, within 5 %, and with the same linear estimate, input, optimizer and precision.
What is compared takes turns; the best of the turns counts. Of one thread it is CPU time, of several wall time.

Needs: pip install -c constraints.txt -e '.[benchmarks]'
"""

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from qtmnet.commands.building import build_estimator, build_loss
from qtmnet.commands.sources import build_source
from qtmnet.configuration.conf_folder import CONF
from qtmnet.learning.callbacks.step_rate import LAYOUTS, TrainingStep, Way, best, rates, threads
from qtmnet.learning.loading import Tensors
from qtmnet.learning.precision import has_native_bf16
from qtmnet.methods.network.estimator import Estimator

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16}
SIDE_OF_MATRICES = 2048
BUSY = "while True: pass"
"""What the other process does."""

clocks = [time.perf_counter]
"""The last is in use."""


def calls_a_second(work: Callable[[], object], seconds: float) -> float:
    """How often something can be done, by the clock of `clocks`."""
    clock = clocks[-1]
    start, n = clock(), 0
    while n < 1 or clock() - start < seconds:
        work()
        n += 1
    return n / (clock() - start)


class Step:
    """A step of training, as configured, of an estimator.

    Args:
        cfg: the configuration.
        estimator: what is trained.
        batch: of samples.
        precision: one of `PRECISIONS`.
    """

    def __init__(self, cfg: DictConfig, estimator: Estimator, batch: Tensors, precision: str) -> None:
        self.estimator = estimator.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.loss, self.batch, self.type = build_loss(cfg), batch, PRECISIONS[precision]
        self.optimizer = instantiate(cfg.optimizer)(estimator.parameters())
        self.limit = cfg.trainer.gradient_clip_val

    def gradients(self) -> None:
        """Forward and backward pass."""
        with torch.autocast("cpu", self.type or torch.bfloat16, enabled=self.type is not None):
            estimate = self.estimator(self.batch)
            loss = self.loss(estimate, self.batch)
        loss.backward()

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        self.gradients()
        if self.limit:
            nn.utils.clip_grad_norm_(self.estimator.parameters(), self.limit)
        self.optimizer.step()

    def rate(self, seconds: float) -> float:
        """Samples a second."""
        self()
        return len(self.batch["concentration"]) * calls_a_second(self, seconds)

    def operations(self) -> float:
        """Multiplications and additions of a sample's forward and backward pass."""
        with FlopCounterMode(display=False) as counter:
            self.gradients()
        return counter.get_total_flops() / len(self.batch["concentration"])


def other_network(estimator: Estimator) -> nn.Module:
    """DynUNet with the levels, inputs and, within 5 %, the weights of an estimator's network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MONAI imports what torch deprecates
        from monai.networks.nets import DynUNet
    ours, levels = estimator.network, estimator.network.levels

    def made(width: int) -> nn.Module:
        return DynUNet(
            spatial_dims=3,
            in_channels=ours.down[0][0][0].in_channels,
            out_channels=1,
            kernel_size=[3] * (levels + 1),
            strides=[1] + [2] * levels,
            upsample_kernel_size=[2] * levels,
            filters=[width * 2**level for level in range(levels + 1)],
        )

    with torch.device("meta"):  # which takes no memory
        width = min(range(2, 128), key=lambda width: abs(n_weights(made(width)) - n_weights(ours)))
    other = made(width)
    assert abs(n_weights(other) / n_weights(ours) - 1) < 0.05, "no width has as many weights"
    return other


def n_weights(network: nn.Module) -> int:
    """Of a network."""
    return sum(weights.numel() for weights in network.parameters())


def estimators(cfg: DictConfig) -> tuple[dict[str, Estimator], Tensors, int]:
    """Ours and the other by name, a sample, and the batch size."""
    source = build_source(cfg)
    found = {"qtmnet": build_estimator(cfg, source), "DynUNet": build_estimator(cfg, source)}
    found["DynUNet"].network = other_network(found["qtmnet"])
    shape = source.cubes["train"].shape
    sample = {
        "concentration": 0.01 * torch.rand(source.acquisition.n_frames, *shape),
        "slice_time": torch.zeros(1, *shape),
        "cbf": torch.rand(1, *shape),
    }
    return found, sample, source.batch_size


def in_turns(parts: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The best of each, measured in turns."""
    found = dict.fromkeys(parts, 0.0)
    for _ in range(repeats):
        found = {name: max(found[name], measure()) for name, measure in parts.items()}
    return found


def product_peak(precision: str, seconds: float) -> float:
    """Operations a second of products of large matrices."""
    a, b = (torch.rand(SIDE_OF_MATRICES, SIDE_OF_MATRICES).to(PRECISIONS[precision]) for _ in range(2))
    a @ b
    return 2 * SIDE_OF_MATRICES**3 * calls_a_second(lambda: a @ b, seconds)


@contextmanager
def busy_process() -> Iterator[None]:
    """Another process that takes a core all the time."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def chosen_threads(estimator: Estimator, loss: nn.Module, sample: Tensors, batch_size: int, most: int) -> Way:
    """What a training would choose now."""
    from lightning.pytorch.plugins import MixedPrecision, Precision

    precision = MixedPrecision("bf16-mixed", "cpu") if has_native_bf16() else Precision()
    step = TrainingStep(estimator, loss, sample, batch_size, precision)
    return best(rates(step.rate, numbers(most), [*LAYOUTS], 2.0))


def numbers(most: int) -> Sequence[int]:
    """Of threads: one, and all."""
    return (1, most) if most > 1 else (1,)


def show_networks(cfg: DictConfig, names: Sequence[str], options: argparse.Namespace) -> None:
    """Print rates of both networks in each precision, by number of threads."""
    found, sample, size = estimators(cfg)
    batch = {name: image[None].repeat(size, 1, 1, 1, 1) for name, image in sample.items()}
    told = ", ".join(f"{name} {n_weights(estimator):,} weights" for name, estimator in found.items())
    print(f"batches of {size}, images of {' × '.join(map(str, sample['cbf'].shape[1:]))}; {told}\n")
    steps = {(name, kind): Step(cfg, estimator, batch, kind) for name, estimator in found.items() for kind in names}
    print("threads   precision     qtmnet/s   DynUNet/s   ratio   share of a matrix product's peak")
    for n in numbers(torch.get_num_threads()):
        with threads(n):
            clocks.append(time.process_time if n == 1 else time.perf_counter)
            parts = {f"{name} {kind}": lambda s=step: s.rate(options.seconds) for (name, kind), step in steps.items()}
            parts |= {f"peak {kind}": lambda kind=kind: product_peak(kind, options.seconds / 4) for kind in names}
            rate = in_turns(parts, options.repeats)
            clocks.pop()
        for kind in names:
            ours, other = rate[f"qtmnet {kind}"], rate[f"DynUNet {kind}"]
            share = ours * steps["qtmnet", kind].operations() / rate[f"peak {kind}"]
            print(f"{n:7d}   {kind:9s}  {ours:11.1f} {other:11.1f} {ours / other:7.2f} {share:15.1%}", flush=True)
        if len(names) > 1:
            print(f"{n:7d}   bf16 / fp32 {rate['qtmnet bf16'] / rate['qtmnet fp32']:9.2f}")


def show_busy(cfg: DictConfig, kind: str, options: argparse.Namespace) -> None:
    """Print what is left beside a busy process: of one thread, of all, and of the threads that would be chosen."""
    found, sample, size = estimators(cfg)
    most = torch.get_num_threads()
    batch = {name: image[None].repeat(size, 1, 1, 1, 1) for name, image in sample.items()}
    step = Step(cfg, found["qtmnet"], batch, kind)

    def rate(n: int) -> float:
        with threads(n):
            return step.rate(options.seconds)

    with busy_process():
        way = chosen_threads(found["qtmnet"], step.loss, sample, size, most)
        parts = {"one": lambda: rate(1), "all": lambda: rate(most), "chosen": lambda: rate(way.threads)}
        left = in_turns(parts, options.repeats)
    print(f"\nbeside a busy process, {kind}; samples/s with one thread {left['one']:.1f}, with all {most} ", end="")
    print(f"{left['all']:.1f}, with those that are chosen ({way.threads}) {left['chosen']:.1f}: ", end="")
    print(f"{left['chosen'] / left['one']:.2f} of one thread's")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn (default 2)")
    parser.add_argument("--repeats", type=int, default=5, help="turns (default 5)")
    parser.add_argument("settings", nargs="*", help="of the training, such as data.batch_size=16")
    options = parser.parse_args()
    torch.manual_seed(0)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("train", ["experiment=quickstart", *options.settings])
    names = [*PRECISIONS] if has_native_bf16() else ["fp32"]
    show_networks(cfg, names, options)
    show_busy(cfg, names[-1], options)


if __name__ == "__main__":
    main()
