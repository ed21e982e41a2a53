"""Numbers from a file held against the network that they are to be the weights of."""

from collections.abc import Collection, Mapping

import torch
from torch import nn

from qtmnet.methods.network.any_scan.description import AnyScanDescription
from qtmnet.methods.network.any_scan.estimator import AnyScanEstimator
from qtmnet.methods.network.description import Description
from qtmnet.methods.network.estimator import Estimator
from simulators.errors import InputError

REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types of numbers that weights are kept in, by the precision of the training."""


def description_of(plain: Mapping[str, object], trusted: Collection[str] = ()) -> Description:
    """The description that a file holds, of a network for one protocol or for any scan.

    Raises:
        InputError: for what is no description, with the dotted name of the field.
    """
    accepts = plain.get("accepts")
    any_scan = isinstance(accepts, Mapping) and "acquisition" not in accepts
    return (AnyScanDescription if any_scan else Description).from_plain(plain, trusted)


def estimator_of(description: Description, weights: Mapping[str, object]) -> Estimator:
    """The estimator of a description with weights from a file, on the CPU, ready to estimate.

    Raises:
        InputError: for weights that are not its own, see `check_weights`, or a description that is none.
    """
    try:
        with torch.device("meta"):  # no memory is taken for what the file does not hold
            expected = untrained(description)
        check_weights(weights, expected)
        estimator = untrained(description)
        estimator.load_state_dict(weights)
    except InputError:
        raise
    except (TypeError, KeyError, AttributeError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"weights and description do not fit this version ({reason}); train it anew") from None
    return estimator.eval()


def untrained(description: Description) -> Estimator:
    """The estimator of a description, with weights drawn at random."""
    return AnyScanEstimator(description) if isinstance(description, AnyScanDescription) else Estimator(description)


def check_weights(found: Mapping[str, object], network: nn.Module) -> None:
    """Whether weights and buffers are those of a network: real numbers, all finite, in its shapes.

    Raises:
        InputError: on the first that is not.
    """
    wanted = network.state_dict()
    if different := [*wanted.keys() - found.keys(), *found.keys() - wanted.keys()]:
        name = min(different)
        where = "not in the file" if name in wanted else "not in the network of its description"
        raise InputError(f"{name}: {where}; train it anew, or take the file as training wrote it")
    for name, weights in wanted.items():
        if fault := _fault(found[name], weights):
            raise InputError(f"{name}: {fault}; train it anew, or take the file as training wrote it")


def _fault(found: object, wanted: torch.Tensor) -> str:
    """What keeps a value from being the wanted weights; empty for nothing."""
    if not isinstance(found, torch.Tensor) or found.layout != torch.strided or found.device.type != "cpu":
        return f"found {type(found).__name__}, not plain numbers"
    if found.dtype not in (REAL if wanted.is_floating_point() else (wanted.dtype,)):
        return f"found {str(found.dtype).removeprefix('torch.')}, not {str(wanted.dtype).removeprefix('torch.')}"
    if found.shape != wanted.shape:
        return f"found shape {[*found.shape]}, not {[*wanted.shape]}"
    n_bad = int((~found.to(wanted.dtype).isfinite()).sum())
    return f"{n_bad} of {found.numel()} numbers are not finite" if n_bad else ""
