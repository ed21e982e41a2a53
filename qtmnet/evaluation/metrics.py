"""How far an estimated map is from the truth."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from skimage.metrics import structural_similarity

from qtmnet.quantities import CBF, Quantity
from simulators.arrays import Bool, Float, Shaped

WHY_UNDEFINED = {
    "nrmse": "the true {quantity} is 0 throughout",
    "ssim": "the map is thinner than 3 voxels",
    "slope": "the true {quantity} does not vary",
}
"""Scores that some truths do not define, whatever the estimate."""

NO_VOXEL = "there is no voxel to compare"


@dataclass(frozen=True)
class Scores:
    """Agreement of an estimate with the truth; NaN where there is no voxel to compare.

    Attributes:
        nrmse: ‖Q̂ − Q‖₂ / ‖Q‖₂, the paper's relative error; NaN where Q is 0 throughout.
        bias: mean of Q̂ − Q, in the quantity's unit.
        ssim: structural similarity, mean over maps; NaN where a map is thinner than 3 voxels.
        slope: of the least-squares line of Q̂ on Q; NaN where Q does not vary.
    """

    nrmse: float
    bias: float
    ssim: float
    slope: float

    def as_dict(self, quantity: Quantity = CBF) -> dict[str, float | None]:
        """Plain numbers for JSON, which has no NaN: None where a score is not defined; the bias names its unit."""
        names = {"bias": quantity.bias_key}
        return {names.get(name, name): value if np.isfinite(value) else None for name, value in asdict(self).items()}


def undefined(scores: Iterable[Scores], quantity: Quantity = CBF) -> dict[str, str]:
    """Which of the scores of a quantity are not defined, with the reason."""
    found: dict[str, str] = {}
    for value in scores:
        empty = not np.isfinite(value.bias)
        missing = [name for name, number in asdict(value).items() if not np.isfinite(number)]
        found |= {name: NO_VOXEL if empty else WHY_UNDEFINED[name].format(quantity=quantity.name) for name in missing}
    return found


def score(
    estimate: Float[np.ndarray, "..."], truth: Float[np.ndarray, "..."], mask: Shaped[np.ndarray, "..."] | None = None
) -> Scores:
    """Score maps of a quantity.

    Args:
        estimate, truth: (n, X, Y, Z) or (X, Y, Z).
        mask: voxels that count, of the same shape; all by default.

    Raises:
        ValueError: for shapes that differ, which would be broadcast.
    """
    if estimate.shape != truth.shape:
        raise ValueError(f"estimate: found shape {estimate.shape}, the truth has {truth.shape}; give one of its shape")
    if truth.ndim == 3:
        estimate, truth = estimate[None], truth[None]
        mask = None if mask is None else mask[None]
    counts = np.ones(truth.shape, bool) if mask is None else mask.astype(bool)
    similarity = [similarity_map(e, t, c)[c].mean() for e, t, c in zip(estimate, truth, counts, strict=True) if c.any()]
    return _scores(estimate[counts], truth[counts], float(np.mean(similarity)) if similarity else np.nan)


def score_parts(
    estimate: Float[np.ndarray, "X Y Z"],
    truth: Float[np.ndarray, "X Y Z"],
    mask: Bool[np.ndarray, "X Y Z"],
    parts: Mapping[str, Bool[np.ndarray, "X Y Z"]],
) -> dict[str, Scores]:
    """Score parts of one map, whose structural similarity is that of the whole: one range, one map, many means.

    Args:
        estimate, truth: (X, Y, Z).
        mask: voxels of the whole, (X, Y, Z).
        parts: voxels of each part, (X, Y, Z).
    """
    similarity = similarity_map(estimate, truth, mask)
    return {
        name: _scores(estimate[part], truth[part], float(similarity[part].mean()) if part.any() else np.nan)
        for name, part in parts.items()
    }


def similarity_map(
    estimate: Float[np.ndarray, "X Y Z"], truth: Float[np.ndarray, "X Y Z"], counts: Bool[np.ndarray, "X Y Z"]
) -> Float[np.ndarray, "X Y Z"]:
    """Structural similarity around each voxel, (X, Y, Z); the range is that of the truth where it counts.

    The window is 7 voxels, less where the map is thinner, and NaN below 3.
    """
    window = min(7, *(size if size % 2 else size - 1 for size in truth.shape))
    if window < 3:
        return np.full(truth.shape, np.nan)
    span = (float(np.ptp(truth[counts])) if counts.any() else 0.0) or 1.0
    _, similarity = structural_similarity(
        truth.astype(float), estimate.astype(float), win_size=window, data_range=span, full=True
    )
    return similarity


def _scores(q_hat: Float[np.ndarray, " V"], q: Float[np.ndarray, " V"], ssim: float) -> Scores:
    q_hat, q = q_hat.astype(float), q.astype(float)
    if q.size == 0:
        return Scores(np.nan, np.nan, np.nan, np.nan)
    size, spread = np.linalg.norm(q), q - q.mean()
    varies = np.linalg.norm(spread) > 1e-6 * size  # truths are kept in float32
    return Scores(
        nrmse=float(np.linalg.norm(q_hat - q) / size) if size > 0 else np.nan,
        bias=float((q_hat - q).mean()),
        ssim=ssim,
        slope=float(spread @ q_hat / (spread @ spread)) if varies else np.nan,
    )
