"""Pictures of perfusion maps."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def save_comparison(path: Path, truth: np.ndarray, estimates: dict[str, np.ndarray]) -> None:
    """Save the middle slice of the truth and of each estimate, with the error maps below, on one scale.

    Args:
        path: PNG file.
        truth: mL/100g/min, (X, Y, Z).
        estimates: the same, by method.
    """
    middle = truth.shape[2] // 2
    top = float(np.percentile(truth, 99.5))
    figure = Figure(figsize=(3 * (len(estimates) + 1), 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(estimates) + 1, squeeze=False)
    map_style = {"cmap": "magma", "vmin": 0.0, "vmax": top, "origin": "lower"}
    error_style = {"cmap": "RdBu_r", "vmin": -top / 2, "vmax": top / 2, "origin": "lower"}
    for axis in axes.ravel():
        axis.set_axis_off()
    shown = axes[0, 0].imshow(truth[..., middle].T, **map_style)
    axes[0, 0].set_title("truth")
    for column, (method, estimate) in enumerate(estimates.items(), 1):
        error = estimate - truth
        axes[0, column].imshow(estimate[..., middle].T, **map_style)
        axes[0, column].set_title(method.replace("_", " "))
        error_shown = axes[1, column].imshow(error[..., middle].T, **error_style)
        axes[1, column].set_title(f"error, NRMSE {np.linalg.norm(error) / np.linalg.norm(truth):.3f}", fontsize=9)
    figure.colorbar(shown, ax=axes[0], label="Q (mL/100g/min)", shrink=0.8)
    figure.colorbar(error_shown, ax=axes[1], label="error (mL/100g/min)", shrink=0.8)
    figure.savefig(path, dpi=120)
