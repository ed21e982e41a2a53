"""What a network takes: counted on tensors that have shapes but no memory (`FakeTensorMode` of torch)."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it takes torch, which simulating does without
    from qtmnet.methods.network.estimator import Estimator

OPERATIONS_PER_SECOND = 40e9
"""Of a core, small images and all: between 17, of a shared core of an older server, and 90 of a recent one."""

TOO_LARGE = 2.0**63
"""Bytes; what torch cannot count any more is told as this."""


@dataclass(frozen=True)
class NetworkSize:
    """What a network holds and does for one batch.

    Attributes:
        weight_bytes: of all parameters.
        kept_bytes: what the layers keep of a batch for their gradients.
        operations: multiplications and additions of the way forward.
    """

    weight_bytes: float
    kept_bytes: float
    operations: float


def network_size(build: Callable[[], "Estimator"], batch: int, shape: tuple[int, int, int]) -> NetworkSize:
    """Count what an estimator takes for a batch of images, without making either.

    Args:
        build: makes the estimator.
        batch: images in a batch.
        shape: of an image, (X, Y, Z).

    Raises:
        InputError: what building it raises.
    """
    try:
        return _count(build, batch, shape)
    except RuntimeError as error:
        if "overflow" not in str(error):
            raise
        return NetworkSize(TOO_LARGE, TOO_LARGE, TOO_LARGE)


def _count(build: Callable[[], "Estimator"], batch: int, shape: tuple[int, int, int]) -> NetworkSize:
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    kept: dict[int, torch.Tensor] = {}  # by storage; held until all are counted, so that none takes another's place

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    fake = FakeTensorMode(allow_non_fake_inputs=True)  # such as counts of batches, which torch makes on no device
    with torch.random.fork_rng(devices=[]), fake, contextlib.ExitStack() as watching:
        estimator = build()
        weights = {parameter.untyped_storage()._cdata: parameter for parameter in estimator.parameters()}
        counter = watching.enter_context(FlopCounterMode(display=False))
        watching.enter_context(torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor))
        estimator({name: torch.empty(batch, n, *shape) for name, n in estimator.sample_channels().items()})
        return NetworkSize(
            weight_bytes=math.fsum(parameter.nbytes for parameter in weights.values()),
            kept_bytes=math.fsum(t.untyped_storage().nbytes() for key, t in kept.items() if key not in weights),
            operations=float(counter.get_total_flops()),
        )
