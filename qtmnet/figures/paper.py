"""The figures 2 to 5 of the QTMnet paper, of a brain and a scan of one's own.

What the paper shows: vessels and label over time; maps of the truth and of each method with their errors; estimates
against the truth; maps in vivo and their difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Len
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from pydantic import BeforeValidator

from qtmnet.figures.brain_maps import PLANES, Cuts
from qtmnet.figures.files import save_figure
from qtmnet.quantities import CBF, number_text
from simulators.settings.checking import check_fields
from simulators.settings.limits import Which, Within, one_as_list

NUMBERS = (2, 3, 4, 5)

WIDTH, HEIGHT = 2.4, 2.6
"""Inches of a panel."""

LABEL_COLOURS = "inferno"


@dataclass(frozen=True)
class PaperFigures:
    """Which figures are drawn.

    Attributes:
        only: their numbers in the paper; None for all.

    Raises:
        InputError: for other numbers.
    """

    only: (
        Annotated[
            tuple[Annotated[int, Within(2, 5)], ...],
            Len(1, 4),
            BeforeValidator(one_as_list),
            Which("numbers from 2 to 5, each once", lambda numbers: len(set(numbers)) == len(numbers)),
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def drawn(self) -> tuple[int, ...]:
        """Their numbers."""
        return NUMBERS if self.only is None else self.only


def save_label(
    path: Path,
    frames: np.ndarray,
    times: Sequence[str],
    inside: np.ndarray,
    affine: np.ndarray,
    tissues: Mapping[str, np.ndarray],
) -> None:
    """Save label in three planes, a column for each frame, and its mean in each tissue over the frames.

    Args:
        path: PNG file.
        frames: mL of fully labeled blood per mL of tissue, (K, X, Y, Z).
        times: what the frames are called, (K,).
        inside: voxels of the brain, (X, Y, Z); label in vessels about them is shown as well.
        affine: voxel index to mm.
        tissues: voxels of each tissue.

    Raises:
        InputError: if it cannot be written.
    """
    percent, cuts = 100 * frames, Cuts.through(inside, affine)
    style = {"cmap": LABEL_COLOURS, "vmin": 0.0, "vmax": float(np.percentile(percent[:, inside], 99.5)) or 1.0}
    figure = _figure(WIDTH * len(frames) + 1.2, HEIGHT * 3 + 2.6)
    rows: Any = figure.subfigures(2, 1, height_ratios=(3 * HEIGHT, 2.4))
    axes = rows[0].subplots(len(PLANES), len(frames), squeeze=False)
    everywhere = np.ones_like(inside)
    for row, plane in enumerate(PLANES):
        for column, image in enumerate(percent):
            shown = cuts.show(axes[row, column], plane, image, everywhere, style)
            for letter in axes[row, column].texts:
                letter.set_color("white")
            if row == 0:
                axes[row, column].set_title(times[column], fontsize=9)
    rows[0].colorbar(shown, ax=axes, label="labeled blood (mL/100 mL)", shrink=0.6, extend="max")
    axis = rows[1].subplots()
    for name, voxels in tissues.items():
        axis.plot(times, percent[:, voxels].mean(1), marker="o", markersize=4, label=name)
    axis.set(ylabel="mean label (mL/100 mL)", ylim=(0, None))
    axis.tick_params(labelsize=8)
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path, dpi=150)


def save_maps_with_errors(
    path: Path,
    truth: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    errors: Mapping[str, float],
    inside: np.ndarray,
    affine: np.ndarray,
) -> None:
    """Save maps of perfusion in two planes, each above its errors; truth and estimates share a scale.

    Args:
        path: PNG file.
        truth: mL/100g/min, (X, Y, Z).
        estimates: the same, by the method's title.
        errors: NRMSE of each.
        inside: voxels of the brain.
        affine: voxel index to mm.

    Raises:
        InputError: if it cannot be written.
    """
    cuts, top = Cuts.through(inside, affine), float(np.percentile(truth[inside], 99.5)) or 1.0
    maps, signed = {"cmap": CBF.colours, "vmin": 0.0, "vmax": top}, _signed(top / 2)
    planes = ("axial", "coronal")
    figure = _figure(WIDTH * (1 + len(estimates)) + 1.2, HEIGHT * 2 * len(planes))
    axes = figure.subplots(2 * len(planes), 1 + len(estimates), squeeze=False)
    for row, plane in enumerate(planes):
        above, below = axes[2 * row], axes[2 * row + 1]
        below[0].set_axis_off()
        shown = cuts.show(above[0], plane, truth, inside, maps)
        if row == 0:
            above[0].set_title("truth", fontsize=10)
        for column, (title, estimate) in enumerate(estimates.items(), 1):
            cuts.show(above[column], plane, estimate, inside, maps)
            wrong = cuts.show(below[column], plane, estimate - truth, inside, signed)
            if row == 0:
                above[column].set_title(f"{title}\nNRMSE {number_text(errors[title], '.3f')}", fontsize=10)
        figure.colorbar(shown, ax=above, label=CBF.label, shrink=0.8, extend="max")
        figure.colorbar(wrong, ax=below, label=f"estimate − truth\n({CBF.unit})", shrink=0.8, extend="both")
    save_figure(figure, path, dpi=150)


def save_agreement(
    path: Path,
    truth: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    errors: Mapping[str, Mapping[str, float]],
    colours: Mapping[str, str],
) -> None:
    """Save estimates against the truth, a panel for each method, and the relative error of each by region.

    Args:
        path: PNG file.
        truth: mL/100g/min, (V,).
        estimates: the same, by the method's title.
        errors: NRMSE by region and method's title.
        colours: of the methods' bars.

    Raises:
        InputError: if it cannot be written.
    """
    top = 1.5 * float(np.percentile(truth, 99.5)) or 1.0
    figure = _figure(3.0 * len(estimates) + 1.2, 6.4)
    rows: Any = figure.subfigures(2, 1, height_ratios=(3.2, 3.0))
    axes = rows[0].subplots(1, len(estimates), squeeze=False, sharey=True)[0]
    edges = np.linspace(0, top, 61)
    for axis, (title, estimate) in zip(axes, estimates.items(), strict=True):
        counts = np.histogram2d(np.clip(truth, 0, top), np.clip(estimate, 0, top), bins=(edges, edges))[0]
        norm = LogNorm(1, max(10.0, truth.size / 60))
        shown = axis.pcolormesh(edges, edges, np.ma.masked_equal(counts.T, 0), norm=norm, rasterized=True)
        axis.plot([0, top], [0, top], color="black", linewidth=0.8)
        spread = truth - truth.mean()
        slope = float(spread @ estimate / (spread @ spread)) if spread.any() else np.nan
        axis.set(aspect="equal", xlabel=f"truth ({CBF.unit})")
        axis.set_title(title, fontsize=10)
        axis.text(0.04, 0.93, f"slope {number_text(slope, '.2f')}", transform=axis.transAxes, fontsize=9)
    axes[0].set_ylabel(f"estimate ({CBF.unit})")
    rows[0].colorbar(shown, ax=list(axes), label="voxels", shrink=0.8, extend="max")
    axis, width = rows[1].subplots(), 0.8 / max(len(estimates), 1)
    for place, title in enumerate(estimates):
        at = np.arange(len(errors)) + (place - (len(estimates) - 1) / 2) * width
        bars = axis.bar(at, [100 * found[title] for found in errors.values()], width, color=colours[title], label=title)
        axis.bar_label(bars, fmt="%.0f", fontsize=7, padding=1)
    axis.set_xticks(range(len(errors)), [name.replace("_", " ") for name in errors], fontsize=8)
    axis.set_ylabel("relative error (%)")
    axis.margins(y=0.12)
    axis.legend(frameon=False, fontsize=8, ncols=len(estimates), loc="lower right", bbox_to_anchor=(1, 1))
    axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path, dpi=150)


def save_in_vivo(
    path: Path, maps: tuple[tuple[str, np.ndarray], tuple[str, np.ndarray]], inside: np.ndarray, affine: np.ndarray
) -> None:
    """Save maps of perfusion by two methods in three planes, and the first less the second.

    Args:
        path: PNG file.
        maps: title and mL/100g/min, (X, Y, Z), of each.
        inside: voxels of the brain.
        affine: voxel index to mm.

    Raises:
        InputError: if it cannot be written.
    """
    (one, first), (other, second) = maps
    cuts, difference = Cuts.through(inside, affine), first - second
    top = max(float(np.percentile(values[inside], 98)) for values in (first, second)) or 1.0
    style = {"cmap": CBF.colours, "vmin": 0.0, "vmax": top}
    signed = _signed(float(np.percentile(np.abs(difference[inside]), 98)) or 1.0)
    figure = _figure(WIDTH * 3 + 2.4, HEIGHT * len(PLANES))
    axes = figure.subplots(len(PLANES), 3, squeeze=False)
    for row, plane in enumerate(PLANES):
        shown = cuts.show(axes[row, 0], plane, first, inside, style)
        cuts.show(axes[row, 1], plane, second, inside, style)
        apart = cuts.show(axes[row, 2], plane, difference, inside, signed)
    for axis, title in zip(axes[0], (one, other, f"{one} −\n{other}"), strict=True):
        axis.set_title(title, fontsize=10)
    figure.colorbar(shown, ax=axes[:, :2], label=CBF.label, shrink=0.6, extend="max")
    figure.colorbar(apart, ax=axes[:, 2], label=f"difference ({CBF.unit})", shrink=0.6, extend="both")
    save_figure(figure, path, dpi=150)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _signed(top: float) -> dict[str, Any]:
    return {"cmap": "RdBu_r", "vmin": -top, "vmax": top}
