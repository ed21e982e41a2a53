"""The best linear estimate from each voxel's frames, which training starts from: the network learns what it misses."""

from collections.abc import Sequence

import torch

RIDGE = 1e-6
"""Of the mean strength of the features: solves for those that say the same twice."""


def products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sums over samples and voxels of all products of channels, (C_a, C_b), of (N, C, X, Y, Z)."""
    return torch.einsum("njxyz,nkxyz->jk", a.double(), b.double())


def decorrelation(frames: Sequence[torch.Tensor]) -> torch.Tensor:
    """What turns frames into uncorrelated ones of mean square 1, (K, K).

    Args:
        frames: of samples, (1, K, X, Y, Z) each.
    """
    moment = torch.stack([products(image, image) for image in frames]).sum(0)
    strength, axes = torch.linalg.eigh(moment / sum(image[:, 0].numel() for image in frames))
    # Directions of hardly any signal are not blown up beyond a thousandth of the strongest.
    return (axes / (strength + 1e-6 * strength[-1]).sqrt()).T


def least_squares(features: Sequence[torch.Tensor], truths: Sequence[torch.Tensor]) -> torch.Tensor:
    """Weights of the features whose sum is nearest to the truth, (C,).

    Args:
        features: of samples, (1, C, X, Y, Z) each.
        truths: of the same samples, (1, 1, X, Y, Z) each; voxels where one is NaN do not count.
    """
    pairs = [_where_known(f, truth) for f, truth in zip(features, truths, strict=True)]
    gram = torch.stack([products(feature, feature) for feature, _ in pairs]).sum(0)
    target = torch.stack([products(feature, truth) for feature, truth in pairs]).sum(0)
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram + ridge, target)[:, 0]


def _where_known(features: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    unknown = truth.isnan()
    if not unknown.any():
        return features, truth
    return features.masked_fill(unknown, 0.0), truth.masked_fill(unknown, 0.0)
