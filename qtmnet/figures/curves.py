"""Curves of a measure over parameters, a panel for each parameter and a line for each method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qtmnet.figures.files import save_figure

Look = tuple[str, str, str | tuple[float, tuple[float, ...]]]
"""Title, colour and dashes of a line."""

COLUMNS = 4


@dataclass(frozen=True)
class Panel:
    """A measure over the values of a parameter.

    Attributes:
        title: of the parameter, with its unit.
        values: as the axis has them, (N,).
        at: where each is drawn, (N,); None for one beside the other, without a scale.
        lines: the measure by method, (N,) each, NaN where there is none.
        marked: place of the value that is no disturbance.
    """

    title: str
    values: tuple[str, ...]
    at: tuple[float, ...] | None
    lines: Mapping[str, tuple[float, ...]]
    marked: int


def save_curves(path: Path, panels: Sequence[Panel], looks: Mapping[str, Look], label: str) -> None:
    """Save a panel for each parameter, all with one scale, from 0 on.

    Args:
        path: PNG file.
        panels: at least one.
        looks: of each method.
        label: of the measure.

    Raises:
        InputError: if it cannot be written.
    """
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.3 * columns, 2.7 * rows + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axis in axes.ravel()[len(panels) :]:
        axis.remove()
    for place, (axis, panel) in enumerate(zip(axes.ravel(), panels, strict=False)):
        draw_panel(axis, panel, looks)
        if place % columns == 0:
            axis.set_ylabel(label)
    axes[0, 0].set_ylim(bottom=0)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    save_figure(figure, path, dpi=130)


def draw_panel(axis: Axes, panel: Panel, looks: Mapping[str, Look]) -> None:
    """Draw a panel; a dotted line marks the value that is no disturbance."""
    at = np.arange(len(panel.values), dtype=float) if panel.at is None else np.asarray(panel.at)
    axis.axvline(at[panel.marked], color="0.6", linewidth=0.8, linestyle=":")
    for name, measured in panel.lines.items():
        title, colour, dashes = looks[name]
        axis.plot(at, measured, color=colour, linestyle=dashes, marker="o", markersize=3.5, linewidth=1.4, label=title)
    axis.set_xticks(at, panel.values, rotation=35 if max(map(len, panel.values)) > 4 else 0, fontsize=8)
    axis.set_xlabel(panel.title, fontsize=9)
    axis.tick_params(axis="y", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
