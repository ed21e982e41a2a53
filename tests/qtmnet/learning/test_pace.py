"""Threads and memory layout are chosen by measuring, again when the rate falls, and without a trace in the training."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision, Precision
from torch import nn

from qtmnet.learning.callbacks import pace, step_rate
from qtmnet.learning.callbacks.pace import Pace
from qtmnet.learning.callbacks.step_rate import TrainingStep, Way, best, rates, told
from qtmnet.learning.losses import L1GradientLoss, OutputsLoss, QuantileLoss, SpreadLoss
from qtmnet.methods.network.unet_cbam import UNetCBAM
from simulators.errors import InputError

LAST, FIRST = "channels_last", "contiguous"


class Network(nn.Module):
    """With the arguments of an estimator."""

    def __init__(self) -> None:
        super().__init__()
        self.unet = UNetCBAM(3, base_channels=2)
        self.drop = nn.Dropout3d(0.5)

    def forward(self, sample: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.drop(self.unet(sample["concentration"])) + 0 * sample["slice_time"]


def sample() -> dict[str, torch.Tensor]:
    return {"concentration": torch.rand(3, 8, 8, 8), "slice_time": torch.zeros(1, 8, 8, 8)} | {
        "cbf": torch.rand(1, 8, 8, 8)
    }


@pytest.mark.parametrize("precision", [Precision(), MixedPrecision("bf16-mixed", "cpu")], ids=["fp32", "bf16"])
def test_measuring_leaves_no_trace(precision: Precision) -> None:
    network = Network().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    before = [(weights.clone(), weights.stride()) for weights in network.parameters()]
    generator, n_threads = torch.get_rng_state(), torch.get_num_threads()
    loss = OutputsLoss(["cbf"], L1GradientLoss(), SpreadLoss(), QuantileLoss())
    step = TrainingStep(network, loss, sample(), 2, precision)
    torch.set_rng_state(generator)  # that the sample was drawn with
    assert step.seconds(Way(1, FIRST)) > 0
    for layout in (FIRST, LAST):
        assert step.rate(Way(1, layout)) > 0
    assert step.rate(Way(1, LAST), at_least=1e12) == 0  # given up in the first pass
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.get_num_threads() == n_threads
    for weights, (values, stride) in zip(network.parameters(), before, strict=True):
        assert torch.equal(weights, values)
        assert weights.stride() == stride
        assert weights.grad is None
    assert all(weights.grad is None for weights in step.network.parameters())
    assert not any(layer._forward_pre_hooks for layer in step.network.modules())


def measured(speed: Mapping[Way, float], n_threads: tuple[int, ...], seconds: float = 10) -> dict[Way, float]:
    return rates(lambda way, _worth: speed[way], n_threads, (LAST, FIRST), seconds)


def test_more_threads_are_tried_as_long_as_they_help() -> None:
    speed = {Way(n, layout): rate for n, rate in ((1, 100.0), (2, 170.0), (4, 160.0)) for layout in (LAST, FIRST)}
    found = measured(speed, (1, 2, 4, 8))  # of which the last would be a KeyError
    assert best(found) == Way(2, LAST)
    assert told(found, Way(2, LAST)).startswith("2 threads channels last: 170 samples/s (1 thread channels last 100, ")


def test_what_is_hardly_faster_is_noise() -> None:
    found = measured({Way(1, LAST): 100.0, Way(1, FIRST): 109.0}, (1,))
    assert best(found) == Way(1, LAST)
    assert best(found | {Way(2, FIRST): 111.0}) == Way(2, FIRST)


def test_measuring_ends_in_time() -> None:
    assert list(measured({Way(1, LAST): 1.0}, (1, 2, 4), seconds=0)) == [Way(1, LAST)]


class Machine:
    """Time that passes as steps are made, with other processes on the cores or without."""

    def __init__(self) -> None:
        self.now, self.busy, self.looks = 0.0, False, 0

    def rate(self, way: Way, _worth: float) -> float:
        self.looks += 1
        self.now += 0.5
        return self.speed(way.threads)

    def speed(self, n_threads: int) -> float:
        return {(1, False): 100.0, (1, True): 40.0, (2, False): 170.0, (2, True): 3.0}[n_threads, self.busy]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    for module in (pace, step_rate):
        monkeypatch.setattr(module.time, "perf_counter", lambda: made.now)
    return made


@pytest.fixture
def train_for(machine: Machine) -> Callable[[Pace, float], None]:
    """Make steps of 4 samples for so many seconds."""

    def train(chosen: Pace, seconds: float) -> None:
        end = machine.now + seconds
        while machine.now < end:
            chosen.on_train_batch_start(None, None, None, 0)  # type: ignore[arg-type]
            machine.now += 4 / machine.speed(torch.get_num_threads())
            chosen.on_train_batch_end(None, None, None, {"concentration": torch.zeros(4)}, 0)  # type: ignore[arg-type]

    return train


def test_a_fallen_rate_is_looked_at_and_free_cores_are_found(machine: Machine, train_for, capsys) -> None:
    with step_rate.threads():
        chosen = Pace()
        chosen._step, chosen._to_try = machine, (1, 2)  # type: ignore[assignment]
        chosen._look([LAST], "computing with")
        assert torch.get_num_threads() == 2
        train_for(chosen, 20)
        assert machine.looks == 2  # and no more
        machine.busy = True
        train_for(chosen, 30)
        assert torch.get_num_threads() == 1
        assert machine.looks == 4
        machine.busy = False
        train_for(chosen, 120)
        assert torch.get_num_threads() == 2
        assert machine.looks == 6
        train_for(chosen, 1000)
        assert machine.looks < 6 + 2 * 11  # a look of a second takes a hundredth of the time at most
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "computing with 2 threads channels last: 170 samples/s (1 thread channels last 100)"
    assert lines[1].endswith("down from 170; now 1 thread channels last: 40 samples/s (2 threads channels last 3)")
    assert lines[2].startswith("computing with 2 threads")
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("cores", "torch_threads", "world", "devices", "loaders", "tried"),
    [
        (8, 8, 1, 1, 0, (1, 2, 4, 8)),
        (6, 6, 1, 1, 0, (1, 2, 4, 6)),
        (8, 2, 1, 1, 0, (1, 2)),  # OMP_NUM_THREADS=2
        (8, 8, 1, 1, 5, (1, 2, 3)),
        (2, 2, 1, 1, 2, (1,)),
        (8, 1, 2, 2, 0, (1, 2, 4)),  # torchrun gives each process one
        (2, 1, 2, 2, 0, (1,)),
        (8, 8, 4, 2, 0, (1, 2, 4)),  # on two machines
    ],
)
def test_numbers_of_threads_leave_cores_to_others(
    monkeypatch, cores: int, torch_threads: int, world: int, devices: int, loaders: int, tried: tuple[int, ...]
) -> None:
    monkeypatch.setattr(pace, "n_cores", lambda: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: torch_threads)
    trainer = SimpleNamespace(world_size=world, num_devices=devices)
    data = SimpleNamespace(source=SimpleNamespace(loader_workers=loaders))
    assert Pace()._numbers(trainer, data) == tried  # type: ignore[arg-type]
    assert Pace(threads=cores)._numbers(trainer, data) == (cores,)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"threads: found {cores + 1}, but there are {cores} cores"):
        Pace(threads=cores + 1)


@pytest.mark.parametrize("setting", ["threads=0", "threads=-1", "threads=x", "threads=1.5", "threads=true"])
@pytest.mark.parametrize("other", ["memory_layout=auto", "memory_layout=channels_first"])
def test_settings_are_refused(command, tiny, tmp_path: Path, setting: str, other: str) -> None:
    outcome = command("train", *tiny, setting, other)
    assert outcome.status == 2
    assert len(outcome.told) == 1
    assert not list(tmp_path.iterdir())


def weights_of(command, tiny, tmp_path: Path, name: str, *settings: str) -> dict[str, torch.Tensor]:
    outcome = command("train", *tiny, "evaluate=false", "data.dir=cubes", f"hydra.run.dir={name}", *settings)
    assert outcome.status == 0, outcome.err
    assert ("computing with 1 thread contiguous" in outcome.err) == (name == "measured")
    return torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def test_a_measured_training_is_that_of_its_settings(command, tiny, tmp_path: Path, monkeypatch) -> None:
    """Bit by bit: with the same weights, samples and order as if nothing had been measured."""
    before = torch.get_num_threads()
    fixed = weights_of(command, tiny, tmp_path, "fixed", "threads=1", "memory_layout=contiguous")
    monkeypatch.setattr(pace, "SHORT", 0.0)
    monkeypatch.setattr(pace, "best", lambda found: Way(1, FIRST))
    found = weights_of(command, tiny, tmp_path, "measured")
    for name, weights in fixed.items():
        assert torch.equal(found[name], weights), name
        assert found[name].stride() == weights.stride()
    assert torch.get_num_threads() == before
    by_hand = ("threads=1", "memory_layout=channels_last", "optimizer.lr=1e-3")
    other = weights_of(command, tiny, tmp_path, "other", *by_hand)
    kernel = "estimator.network.down.0.0.0.weight"
    assert not torch.equal(other[kernel], fixed[kernel])
    assert other[kernel].is_contiguous(memory_format=torch.channels_last_3d)
