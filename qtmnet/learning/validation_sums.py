"""Errors over all validation voxels, from sums that are added up batch by batch and process by process."""

from collections.abc import Callable, Mapping, Sequence

import torch

from qtmnet.quantities import QUANTITIES
from simulators.errors import InputError


class ValidationSums:
    """Relative error and bias of each output, and how well each spread tells the error.

    Args:
        outputs: keys of the quantities, in the order of the network's channels; the first is the one to compare by.
    """

    def __init__(self, outputs: Sequence[str]) -> None:
        self.outputs = tuple(outputs)
        self.start(torch.device("cpu"))

    def start(self, device: torch.device) -> None:
        """Sums of nothing: for a map squared error, squared truth, error and voxels; for a spread squared ratio of the
        error to it, and voxels."""
        self.sums = {key: torch.zeros(4, device=device) for key in self.outputs}

    def add(self, estimate: torch.Tensor, sample: Mapping[str, torch.Tensor]) -> None:
        """Add a batch: estimates (N, n_outputs, X, Y, Z) in units of their scales, truths by key in their units."""
        scaled = {
            key: QUANTITIES[key].scale * found
            for key, found in zip(self.outputs, estimate.float().split(1, 1), strict=True)
        }
        for key, found in scaled.items():
            of = QUANTITIES[key].spread_of
            truth = sample[of or key]
            assert found.shape == truth.shape, "a difference would be broadcast"
            known = ~truth.isnan()
            truth = truth.where(known, truth.new_zeros(()))
            error = ((scaled[of] if of else found) - truth).where(known, truth.new_zeros(()))
            if of:
                self.sums[key][0] += (error / found).square().sum()
            else:
                self.sums[key][:3] += torch.stack([error.square().sum(), truth.square().sum(), error.sum()])
            self.sums[key][3] += known.sum()

    def measures(self, reduce: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, torch.Tensor]:
        """What is logged, by name: that of the first output as `nrmse` and `bias_<unit>`, of others behind their key.

        Of a spread it is `<key>_ratio`, the root mean square of the error over the spread: 1 if this tells it right,
        more if it is too small.

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
