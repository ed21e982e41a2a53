"""How far an estimated perfusion map is from the truth."""

from dataclasses import asdict, dataclass

import numpy as np
from skimage.metrics import structural_similarity


@dataclass(frozen=True)
class Scores:
    """Agreement of an estimate with the truth.

    Attributes:
        nrmse: ‖Q̂ − Q‖₂ / ‖Q‖₂, the paper's relative error.
        bias_ml_100g_min: mean of Q̂ − Q.
        ssim: structural similarity, mean over maps; NaN where a map is thinner than 3 voxels.
        slope: of the least-squares line of Q̂ on Q.
    """

    nrmse: float
    bias_ml_100g_min: float
    ssim: float
    slope: float

    def as_dict(self) -> dict[str, float | None]:
        """Plain numbers for JSON, which has no NaN: None where a score is not defined."""
        return {name: value if np.isfinite(value) else None for name, value in asdict(self).items()}


def score(estimate: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> Scores:
    """Score maps of perfusion in mL/100g/min.

    Args:
        estimate, truth: (n, X, Y, Z) or (X, Y, Z).
        mask: voxels that count, of the same shape; all by default.
    """
    if truth.ndim == 3:
        estimate, truth = estimate[None], truth[None]
        mask = None if mask is None else mask[None]
    counts = np.ones(truth.shape, bool) if mask is None else mask.astype(bool)
    q_hat, q = estimate[counts].astype(float), truth[counts].astype(float)
    return Scores(
        nrmse=float(np.linalg.norm(q_hat - q) / np.linalg.norm(q)),
        bias_ml_100g_min=float((q_hat - q).mean()),
        ssim=float(np.mean([_similarity(e, t, c) for e, t, c in zip(estimate, truth, counts, strict=True)])),
        slope=float(np.polyfit(q, q_hat, 1)[0]),
    )


def _similarity(estimate: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> float:
    """Mean structural similarity over the voxels that count; the window is 7 voxels, less where the map is thinner."""
    window = min(7, *(size if size % 2 else size - 1 for size in truth.shape))
    if window < 3:
        return float("nan")
    span = float(truth[counts].max() - truth[counts].min()) or 1.0
    _, similarity = structural_similarity(
        truth.astype(float), estimate.astype(float), win_size=window, data_range=span, full=True
    )
    return float(similarity[counts].mean())
