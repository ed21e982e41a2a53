"""Pictures of maps of cubes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qtmnet.figures.files import save_figure
from qtmnet.quantities import CBF, Quantity, number_text


def save_comparison(
    path: Path, truth: np.ndarray, estimates: Mapping[str, np.ndarray], quantity: Quantity = CBF
) -> None:
    """Save the middle slice of the truth and of each estimate, with the error maps below, on one scale.

    Args:
        path: PNG file.
        truth: (X, Y, Z).
        estimates: the same, by method.
        quantity: that the maps are of.
    """
    figure = Figure(figsize=(3 * (len(estimates) + 1), 6), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(estimates) + 1, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    top = _top(truth)
    shown = _show_map(axes[0, 0], truth, top, "truth", quantity)
    for column, (method, estimate) in enumerate(estimates.items(), 1):
        _show_map(axes[0, column], estimate, top, method.replace("_", " "), quantity)
        error_shown = _show_error(axes[1, column], estimate, truth, top)
    figure.colorbar(shown, ax=axes[0], label=f"{quantity.abbreviation} ({quantity.unit})", shrink=0.8)
    figure.colorbar(error_shown, ax=axes[1], label=f"error ({quantity.unit})", shrink=0.8)
    save_figure(figure, path)


def validation_panel(truth: np.ndarray, estimate: np.ndarray, title: str, quantity: Quantity = CBF) -> Figure:
    """Middle slices of truth, estimate and error beside each other; truth and estimate share a scale.

    Args:
        truth: (X, Y, Z).
        estimate: the same.
        title: what stands above.
        quantity: that the maps are of.
    """
    figure = Figure(figsize=(9, 3.2), layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    for axis in axes:
        axis.set_axis_off()
    top = _top(truth)
    shown = _show_map(axes[0], truth, top, "truth", quantity)
    _show_map(axes[1], estimate, top, "estimate", quantity)
    error_shown = _show_error(axes[2], estimate, truth, top)
    figure.colorbar(shown, ax=axes[:2], label=f"{quantity.abbreviation} ({quantity.unit})", shrink=0.8)
    figure.colorbar(error_shown, ax=axes[2:], label=f"error ({quantity.unit})", shrink=0.8)
    figure.suptitle(title)
    return figure


def pixels(figure: Figure) -> np.ndarray:
    """A figure as (rows, columns, 3) of 8 bits."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _top(truth: np.ndarray) -> float:
    """End of the scale; voxels above are few."""
    return float(np.percentile(truth, 99.5))


def _show_map(axis: Axes, values: np.ndarray, top: float, title: str, quantity: Quantity) -> Any:
    axis.set_title(title)
    return axis.imshow(_middle(values), cmap=quantity.colours, vmin=0.0, vmax=top, origin="lower")


def _show_error(axis: Axes, estimate: np.ndarray, truth: np.ndarray, top: float) -> Any:
    error = estimate - truth
    size = np.linalg.norm(truth)
    relative = float(np.linalg.norm(error) / size) if size > 0 else np.nan
    axis.set_title(f"error, NRMSE {number_text(relative, '.3f')}", fontsize=9)
    return axis.imshow(_middle(error), cmap="RdBu_r", vmin=-top / 2, vmax=top / 2, origin="lower")


def _middle(values: np.ndarray) -> np.ndarray:
    return values[..., values.shape[2] // 2].T
