"""What training minimises, of a map, its spread, its bounds and of all outputs together, and what validates it."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from qtmnet.limits import GradientWeight, SquareWeight
from qtmnet.quantities import QUANTITIES, Quantity
from simulators.errors import InputError
from simulators.settings.checking import checks_arguments, shown


class L1GradientLoss(nn.Module):
    """‖Ψ(C) − Q‖₁ + λ ‖∇Ψ(C)‖₁ + κ ⟨h(Ψ(C) − Q)⟩, means over voxels: closeness, few steps in the map, few large errors.

    The absolute error is lowest at the median, which leaves the few voxels with arteries far off. h(e) is e² up to one
    unit of the map, 2|e| − 1 beyond: twice the function of Huber 1964, whose minimum is the mean of all but outliers.

    Args:
        gradient_weight: λ, weight of the mean absolute difference between neighbouring voxels of the estimate.
        square_weight: κ, weight of the squared errors; 0 as in the paper.

    Raises:
        InputError: for a weight out of range.

    Source: the QTMnet paper, for all but h.
    """

    @checks_arguments
    def __init__(self, gradient_weight: GradientWeight = 0.01, square_weight: SquareWeight = 0.0) -> None:
        super().__init__()
        self.gradient_weight, self.square_weight = gradient_weight, square_weight

    def forward(self, estimate: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Loss of (N, 1, X, Y, Z) against the same, a scalar; voxels whose truth is NaN do not count.

        Raises:
            InputError: for shapes that differ, which would be broadcast.
        """
        _check_shapes(estimate, truth)
        size = (estimate - truth).abs().where(~truth.isnan(), estimate.new_zeros(()))  # or the square's gradient is NaN
        error = size if self.square_weight == 0 else size + self.square_weight * _twice_huber(size)
        return mean_over_known(error, truth) + self.gradient_weight * mean_absolute_gradient(estimate)


class SpreadLoss(nn.Module):
    """⟨ln σ + (Ψ(C) − Q)² / 2σ²⟩ of a spread σ, with the map Ψ(C) held: lowest where σ² is the mean squared error.

    It is the negative logarithm of a normal likelihood, which no other distribution of errors keeps from that minimum
    (the score of Dawid & Sebastiani 1999, Ann Stat 27:65, is proper for mean and variance). The map is held, as its
    own loss says what it should be: through this one, voxels of large spread would count less in it (Seitzer 2022,
    arXiv:2203.09168).
    """

    def forward(self, spread: torch.Tensor, estimate: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Loss of a spread above 0, of its map and of the truth, (N, 1, X, Y, Z) each, in one unit; a scalar.

        Raises:
            InputError: for shapes that differ.
        """
        _check_shapes(estimate, truth)
        _check_shapes(spread, truth)
        error = (estimate.detach() - truth) / spread
        return mean_over_known(spread.log() + error.square() / 2, truth)


class QuantileLoss(nn.Module):
    """⟨max(τ (Q − q), (τ − 1) (Q − q))⟩ of a bound q of level τ: lowest where a share τ of the truths lies below it.

    It is half the absolute error at τ = 0.5. Source: Koenker & Bassett 1978, Econometrica 46:33.
    """

    def forward(self, bound: torch.Tensor, truth: torch.Tensor, level: float) -> torch.Tensor:
        """Loss of a bound (N, 1, X, Y, Z) of a level against the same, a scalar; a truth that is NaN does not count.

        Raises:
            InputError: for shapes that differ.
        """
        _check_shapes(bound, truth)
        above = truth - bound
        return mean_over_known(torch.maximum(level * above, (level - 1) * above), truth)


class OutputsLoss(nn.Module):
    """The loss of all outputs of a network: the sum of each output's own, times its weight.

    Nothing keeps a lower bound below its map and an upper one above it but what each of them learns.

    Args:
        outputs: keys of the quantities, in the order of the network's channels.
        loss: of (estimate, truth) of a map, both in units of the quantity's scale; a truth is NaN where there is none.
        spread_loss: of (spread, estimate, truth) of a spread.
        quantile_loss: of (bound, truth, level) of a bound.
        weights: of outputs, by key; 1 where none is given.

    Raises:
        InputError: for the weight of an output that there is not.
    """

    def __init__(
        self,
        outputs: Sequence[str],
        loss: nn.Module,
        spread_loss: nn.Module,
        quantile_loss: nn.Module,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.outputs, self.loss = tuple(outputs), loss
        self.spread_loss, self.quantile_loss = spread_loss, quantile_loss
        self.weights = dict(weights or {})
        for key in self.weights:
            if key not in self.outputs:
                raise InputError(f"output_weights: found {shown(key)}; give weights of {', '.join(self.outputs)} alone")

    def forward(self, estimate: torch.Tensor, sample: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Loss of (N, n_outputs, X, Y, Z) against the truths of a sample, under their keys; a scalar."""
        if estimate.shape[1] != len(self.outputs):
            raise InputError(f"loss: found {estimate.shape[1]} estimates for the outputs {', '.join(self.outputs)}")
        maps = dict(zip(self.outputs, estimate.split(1, 1), strict=True))
        total: torch.Tensor | None = None
        for key, found in maps.items():
            truth = sample[QUANTITIES[key].truth_key] / QUANTITIES[key].scale
            part = self._part(QUANTITIES[key], found, truth, maps)
            if QUANTITIES[key].everywhere:
                part = part + 0 * truth.sum()  # a truth that is not finite is damaged, and ends the training
            if key in self.weights:
                part = self.weights[key] * part
            total = part if total is None else total + part
        assert total is not None, "a network without outputs"
        return total

    def _part(
        self, quantity: Quantity, found: torch.Tensor, truth: torch.Tensor, maps: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """The loss of one output by what it is."""
        if quantity.spread_of:
            return self.spread_loss(found, maps[quantity.spread_of], truth)
        if quantity.bound_of:
            return self.quantile_loss(found, truth, quantity.level)
        return self.loss(found, truth)


def mean_over_known(values: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean of values, of the shape of the truth, where this is a number; 0 where it is nowhere."""
    known = ~truth.isnan()
    return values.where(known, values.new_zeros(())).sum() / known.sum().clamp(min=1)


def mean_absolute_gradient(image: torch.Tensor) -> torch.Tensor:
    """Sum over the three axes of the mean absolute difference between neighbours, of (N, C, X, Y, Z); a scalar."""
    steps = [image.diff(dim=axis) for axis in (2, 3, 4)]
    return sum((step.abs().mean() for step in steps if step.numel()), image.new_zeros(()))


def _twice_huber(size: torch.Tensor) -> torch.Tensor:
    """The square of sizes up to 1, and beyond it a line with the same slope there."""
    return torch.where(size < 1, size.square(), 2 * size - 1)


def _check_shapes(estimate: torch.Tensor, truth: torch.Tensor) -> None:
    if estimate.shape != truth.shape:
        found = f"{tuple(estimate.shape)} for maps {tuple(truth.shape)}"
        raise InputError(f"loss: found estimates {found}; give a network with one output for each map")


class ValidationSums:
    """Relative error and bias of each output, how well each spread tells the error, and what lies below each bound.

    Args:
        outputs: keys of the quantities, in the order of the network's channels; the first is the one to compare by.
    """

    def __init__(self, outputs: Sequence[str]) -> None:
        self.outputs = tuple(outputs)
        self.start(torch.device("cpu"))

    def start(self, device: torch.device) -> None:
        """Sums of nothing: for a map squared error, squared truth, error and voxels; for a spread squared ratio of the
        error to it, and voxels; for a bound truths below it, and voxels."""
        self.sums = {key: torch.zeros(4, device=device) for key in self.outputs}

    def add(self, estimate: torch.Tensor, sample: Mapping[str, torch.Tensor]) -> None:
        """Add a batch: estimates (N, n_outputs, X, Y, Z) in units of their scales, truths by key in their units."""
        scaled = {
            key: QUANTITIES[key].scale * found
            for key, found in zip(self.outputs, estimate.float().split(1, 1), strict=True)
        }
        for key, found in scaled.items():
            quantity = QUANTITIES[key]
            truth = sample[quantity.truth_key]
            assert found.shape == truth.shape, "a difference would be broadcast"
            undefined = torch.zeros_like(truth, dtype=torch.bool) if quantity.everywhere else truth.isnan()
            known = ~undefined
            truth = truth.where(known, truth.new_zeros(()))
            error = ((scaled[quantity.spread_of] if quantity.spread_of else found) - truth).where(
                known, truth.new_zeros(())
            )
            if quantity.spread_of:
                self.sums[key][0] += (error / found).square().sum()
            elif quantity.bound_of:
                self.sums[key][0] += ((error > 0) & known).sum()
            else:
                self.sums[key][:3] += torch.stack([error.square().sum(), truth.square().sum(), error.sum()])
            self.sums[key][3] += known.sum()

    def measures(self, reduce: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, torch.Tensor]:
        """What is logged, by name: that of the first output as `nrmse` and `bias_<unit>`, of others behind their key.

        Of a spread it is `<key>_ratio`, the root mean square of the error over the spread: 1 if this tells it right,
        more if it is too small. Of a bound it is `<key>_below`, the share of truths below it: if right, its level.

        Args:
            reduce: adds up the sums of all processes.

        Raises:
            InputError: for a truth of the first output that is 0 everywhere, to which no error is relative.
        """
        found = {}
        for key in self.outputs:
            squared, truth, error, voxels = reduce(self.sums[key])
            if QUANTITIES[key].spread_of:
                found[f"{key}_ratio"] = (squared / voxels).sqrt()
                continue
            if QUANTITIES[key].bound_of:
                found[f"{key}_below"] = squared / voxels
                continue
            if truth == 0 and key == self.outputs[0]:
                raise InputError(
                    f"val/nrmse: {QUANTITIES[key].name} is 0 in all cubes to validate with, so there is no relative "
                    "error; give others, by data.seed or phantom"
                )
            name = "" if key == self.outputs[0] else f"{key}_"
            found[f"{name}nrmse"] = (squared / truth).sqrt()
            found[f"{name}bias_{_unit(key)}"] = error / voxels
        return found


def _unit(key: str) -> str:
    return QUANTITIES[key].unit.lower().replace("/", "_")
