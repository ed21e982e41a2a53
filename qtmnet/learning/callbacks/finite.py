"""Training stops where its numbers are no longer finite, before they spoil a checkpoint."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
import torch
from torch import nn
from torch.nn.utils import get_total_norm

from qtmnet.learning.loading import Tensors
from qtmnet.process.invocation import command
from qtmnet.quantities import QUANTITIES
from simulators.errors import InputError


class NotFinite(InputError):
    """A training whose numbers are not finite; all processes that train together meet it at the same step."""


class FiniteTraining(L.Callback):
    """Stops a training at the first loss, gradient or validation error that is not finite.

    At each step it looks at one number, the norm of all gradients with the loss added; which layer is at fault is only
    asked once something is. The optimizer has not moved yet then, so weights and checkpoints stay those of the last
    good step. The norm is what clipping needs, which takes it from here; without clipping it costs some 2 % of a step.
    A GPU is waited for here, instead of at the next batch's transfer.

    Processes that train together have the same gradients at each step, but losses of their own: theirs are looked at
    as the mean of an epoch, so that all stop together. A loss that is not finite has hardly ever finite gradients.

    Raises:
        NotFinite: in one line, with the layer, the step, the precision, what to try and what is kept.
    """

    def __init__(self) -> None:
        self._loss: torch.Tensor | float = 0.0
        self._batch: Tensors = {}
        self._step = 0

    def on_train_batch_start(self, _trainer: L.Trainer, _module: L.LightningModule, batch: Any, index: int) -> None:
        """Remember what a step is made of."""
        self._batch, self._step = batch, index + 1

    def on_before_backward(self, trainer: L.Trainer, _module: L.LightningModule, loss: torch.Tensor) -> None:
        """Add up the losses of a step's batches."""
        if trainer.world_size == 1:
            self._loss = self._loss + loss.detach()

    def on_before_optimizer_step(self, trainer: L.Trainer, module: L.LightningModule, _optimizer: Any) -> None:
        """Look at the gradients and the loss, before gradients are clipped."""
        loss, self._loss = torch.as_tensor(self._loss), 0.0
        norm = get_total_norm([weights.grad for weights in module.parameters() if weights.grad is not None])
        module.gradient_norm = norm if _scaler(trainer) is None else None  # type: ignore[assignment]
        if not torch.isfinite(norm + loss) and not _is_scaled(trainer):
            when = f"at epoch {trainer.current_epoch + 1}, step {self._step}"
            raise NotFinite(_line(trainer, culprit(trainer, module, self._batch, bool(loss.isfinite())), when))

    def on_validation_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Look at the validation error, before it is compared and its weights are kept."""
        when = "before the first step" if trainer.sanity_checking else f"after epoch {trainer.current_epoch + 1}"
        self._check_logged(trainer, module, "val/nrmse", when)

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Look at the loss of all processes, before the last weights are kept."""
        self._check_logged(trainer, module, "train/loss", f"in epoch {trainer.current_epoch + 1}")

    def _check_logged(self, trainer: L.Trainer, module: L.LightningModule, name: str, when: str) -> None:
        value = float(trainer.callback_metrics.get(name, 0.0))
        if not torch.isfinite(torch.tensor(value)):
            spoiled = next(_not_finite(module), None)
            raise NotFinite(_line(trainer, spoiled or f"{name} ({value})", when))


def culprit(trainer: L.Trainer, module: L.LightningModule, batch: Tensors, loss_is_finite: bool) -> str:
    """What is not finite first: weights, the samples, the output of a layer, or else a gradient.

    Gradients are computed from the network's end to its beginning, and one that is not finite spoils those that follow.
    """
    if (weights := next(_not_finite(module), None)) is not None:
        return weights
    if spoiled := [name for name, image in batch.items() if _is_spoiled(name, image)]:
        return f"{spoiled[0]} of the samples ({command('simulate')} verify=true looks for damaged cubes)"
    if not loss_is_finite:
        with trainer.precision_plugin.forward_context(), _outputs(module) as outputs:
            module(batch)
        return f"output of {outputs[0]}" if outputs else "loss"
    norms = {name: float(p.grad.float().norm()) for name, p in module.named_parameters() if p.grad is not None}
    bad = [name for name, norm in norms.items() if not norm < float("inf")]
    return f"gradient of {_short((bad or [max(norms, key=norms.__getitem__)])[-1])}"


def _is_spoiled(name: str, image: torch.Tensor) -> bool:
    """Whether an image of a sample holds what it should not: a truth may be NaN, where it is not defined."""
    return bool(image.isinf().any() if name in QUANTITIES else not image.isfinite().all())


def _not_finite(module: nn.Module) -> Iterator[str]:
    """Names of weights and buffers that are not finite."""
    for kind, named in (("weights", module.named_parameters()), ("buffer", module.named_buffers())):
        for name, values in named:
            if not values.isfinite().all():
                yield f"{kind} {_short(name)}"


@contextmanager
def _outputs(module: nn.Module) -> Iterator[list[str]]:
    """Layers whose output is not finite, in the order in which they compute."""
    found: list[str] = []

    def look(name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def append(_layer: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
            if not output.isfinite().all():
                found.append(_short(name))

        return append

    layers = [(name, layer) for name, layer in module.named_modules() if not [*layer.children()]]
    handles = [layer.register_forward_hook(look(name)) for name, layer in layers]
    try:
        with torch.no_grad():
            yield found
    finally:
        for handle in handles:
            handle.remove()


def _is_scaled(trainer: L.Trainer) -> bool:
    """Whether the loss is scaled, as for 16-mixed: the scaler then leaves out the step and lowers the scale, down to 1.

    Below, it is no longer the scale that gradients overflow by.
    """
    scaler = _scaler(trainer)
    return scaler is not None and scaler.get_scale() > 1


def _scaler(trainer: L.Trainer) -> torch.amp.GradScaler | None:
    return getattr(trainer.precision_plugin, "scaler", None)


def _line(trainer: L.Trainer, what: str, when: str) -> str:
    tries = [] if trainer.precision in ("32-true", "64-true") else ["trainer.precision=32-true"]
    if trainer.optimizers:
        group = trainer.optimizers[0].param_groups[0]
        tries.append(f"optimizer.lr={group.get('initial_lr', group['lr']) / 10:g}")
    if not trainer.gradient_clip_val:
        tries.append("trainer.gradient_clip_val=1")
    best = getattr(trainer.checkpoint_callback, "best_model_path", "")
    kept = f"{best} is kept, of the best epoch before" if best else "no checkpoint was written before"
    return f"training: {what} is not finite {when}, {trainer.precision}; try {' or '.join(tries)}; {kept}"


def _short(name: str) -> str:
    return name.removeprefix("estimator.")
