"""Which precision a network is trained in, and whether this machine's bfloat16 can be trusted with it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn

from qtmnet.learning.losses import L1GradientLoss
from qtmnet.methods.network.layers.normalization import NORMALIZATIONS

LARGEST_ERROR = 0.008
"""Error of a layer's gradient in bfloat16, see `gradient_errors`. Rounding images and gradients to 8 bits leaves at
most 0.0035; faulty kernels were off by 0.017, where the memory that they do not write happened to be zero, to 1e25."""


def has_native_bf16() -> bool:
    """Whether the GPU, else the CPU, has instructions that multiply bfloat16."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def automatic_precision(network: nn.Module, shape: Sequence[int]) -> str:
    """What `precision: auto` is: bf16 where the hardware multiplies it and its gradients are right, else fp32.

    Args:
        network: to be trained, on the CPU.
        shape: of one sample of its input, (C, X, Y, Z).
    """
    if not has_native_bf16():
        return "32-true"
    if not torch.cuda.is_available():
        errors = gradient_errors(network, torch.randn(1, *shape, generator=torch.Generator().manual_seed(0)))
        wrong = [layer for layer, error in errors.items() if not error <= LARGEST_ERROR]
        if wrong:
            print(
                f"precision: bf16 gradients of {wrong[0]} are wrong on this machine; 32-true instead", file=sys.stderr
            )
            return "32-true"
    return "bf16-mixed"


def gradient_errors(network: nn.Module, images: torch.Tensor) -> dict[str, float]:
    """Error of the gradients of each layer in bfloat16, of weights and bias together and of images, against float32.

    It is relative to the gradient or, where that is a small sum of large terms, to the root of the sum of their
    squares: rounding errors are a share of the terms.

    Each layer is given what reaches it in float32, forward and backward, so that its own error is seen alone. Memory is
    filled with NaN beforehand: a kernel that reads what it has not written gives itself away. The network is left as it
    is: a copy of it computes, normalisations of batches with their running means.

    Args:
        network: on the CPU.
        images: (N, C, X, Y, Z), in the memory layout of interest.

    Returns:
        The largest of each layer's, by name; NaN where a gradient is.
    """
    errors: dict[str, float] = {}
    for name, layer, passed in _passes(deepcopy(network).eval(), images):
        exact, rounded = (_gradients(layer, passed, bf16=bf16) for bf16 in (False, True))
        of_weights, of_images = _gradients(layer, passed.squared(), bf16=False)
        # Each product squared: the first is linear in both images and gradient, the second in the gradient alone.
        terms = of_weights.sqrt(), torch.zeros_like(of_images)
        for right, found, parts in zip(exact, rounded, terms, strict=True):
            size = torch.hypot(right.norm(), parts.norm()).clamp(min=torch.finfo(right.dtype).tiny)
            error = float((found - right).norm() / size)
            if not error <= errors.setdefault(name, error):
                errors[name] = error
    return errors


@dataclass
class _Pass:
    """What reached a layer in one call: images forward, their gradient backward."""

    images: torch.Tensor
    gradient: torch.Tensor | None = None

    def squared(self) -> "_Pass":
        """The squares of both."""
        assert self.gradient is not None
        return _Pass(self.images.square(), self.gradient.square())


def _passes(network: nn.Module, images: torch.Tensor) -> Iterator[tuple[str, nn.Module, _Pass]]:
    """All calls of all layers that have weights and run in bfloat16, in one pass forward and backward in float32."""
    calls: list[tuple[str, nn.Module, _Pass]] = []

    def watched(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], None]:
        def watch(layer: nn.Module, given: tuple[torch.Tensor, ...], result: torch.Tensor) -> None:
            passed = _Pass(given[0].detach().clone(memory_format=torch.preserve_format))
            result.register_hook(lambda gradient: setattr(passed, "gradient", gradient.clone()))
            calls.append((name, layer, passed))

        return watch

    named = [(name, layer) for name, layer in network.named_modules() if [*layer.parameters(recurse=False)]]
    layers = [(name, layer) for name, layer in named if not isinstance(layer, (*NORMALIZATIONS.values(),))]
    hooks = [layer.register_forward_hook(watched(name)) for name, layer in layers]
    try:
        estimate = network(images)
        truth = torch.rand(estimate.shape, generator=torch.Generator().manual_seed(1))
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        torch.autograd.grad(L1GradientLoss()(estimate, truth), weights)
    finally:
        for hook in hooks:
            hook.remove()
    return ((name, layer, passed) for name, layer, passed in calls if passed.gradient is not None)


def _gradients(layer: nn.Module, passed: _Pass, *, bf16: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the layer's weights, all in one row, and of its images."""
    images = (passed.images.bfloat16() if bf16 else passed.images).requires_grad_()
    _fill_memory_with_nan()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        result = layer(images)
    _fill_memory_with_nan()
    assert passed.gradient is not None
    wanted = [*layer.parameters(recurse=False), images]
    *weights, of_images = torch.autograd.grad(result, wanted, passed.gradient.to(result.dtype))
    return torch.cat([gradient.flatten() for gradient in weights]), of_images.float().flatten()


def _fill_memory_with_nan() -> None:
    """Leave NaN in memory that is then free, in blocks of many sizes."""
    blocks = [torch.full((4**power,), torch.nan, dtype=kind) for power in range(2, 11) for kind in _KINDS]
    del blocks


_KINDS = (torch.float32, torch.bfloat16)
