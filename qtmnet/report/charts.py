"""Charts as SVG inside the page: their ink follows the page's, light or dark, and their text is text."""

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure

from qtmnet.quantities import number_text
from qtmnet.report.lines import INK, Lines

COUNTS = ListedColormap(mpl.colormaps["viridis"](np.linspace(0.2, 0.95, 128)))
"""Without its darkest and lightest ends, which would vanish on a dark or a light page."""

N_BINS = 60
N_CELLS = 48
PIXELS_PER_INCH = 115

STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Chart:
    """A chart, its title, what to see in it, and what to say of it to those who cannot see it."""

    title: str
    text: str
    alt: str
    svg: Markup


def histogram(title: str, label: str, values: Mapping[str, np.ndarray], low: float, high: float, lines: Lines) -> Chart:
    """How often each value occurs, a line for each map; what lies beyond the axis is counted at its ends.

    Args:
        title: of the chart.
        label: of the axis, with its unit.
        values: (V,) by method, and of the `truth`, if there is one.
        low, high: ends of the axis.
        lines: how each is drawn.
    """
    edges = np.linspace(low, high, N_BINS + 1)
    with mpl.rc_context(STYLE):
        figure = new_figure(7.4, 3.1)
        axis = figure.subplots()
        for name, found in values.items():
            finite = found[np.isfinite(found)]
            share = np.histogram(np.clip(finite, low, high), edges)[0] / max(found.size, 1) * 100
            colour, dashes = (lines[name].colour, lines[name].dashes) if len(values) > 1 else (INK, "-")
            axis.stairs(share, edges, color=colour, linestyle=dashes, linewidth=1.6, label=lines[name].title)
        axis.set(xlim=(low, high), xlabel=label, ylabel="share of voxels (%)")
        axis.set_ylim(bottom=0)
        if len(values) > 1:
            axis.legend()
        svg = as_svg(figure)
    medians = "; ".join(f"{lines[name].title} {np.nanmedian(_finite(found)):.3g}" for name, found in values.items())
    return Chart(
        title,
        f"Medians: {medians}. Values beyond the axis are counted at its ends.",
        f"Histogram of {label}. Medians: {medians}.",
        svg,
    )


def scatter(truth: np.ndarray, estimates: Mapping[str, np.ndarray], label: str, high: float, lines: Lines) -> Chart:
    """How often each pair of truth and estimate occurs, a panel for each method, with the line where they are equal.

    Args:
        truth: (V,).
        estimates: (V,) by method.
        label: of the quantity, with its unit.
        high: end of both axes; what lies beyond is counted there.
        lines: whose titles the methods have.
    """
    edges = np.linspace(0, high, N_CELLS + 1)
    with mpl.rc_context(STYLE):
        figure = new_figure(2.75 * len(estimates) + 0.9, 3.2)
        axes = figure.subplots(1, len(estimates), squeeze=False, sharey=True)[0]
        grids = {name: _pairs(truth, found, edges) for name, found in estimates.items()}
        norm = LogNorm(1, max(10.0, *(grid.max() for grid in grids.values())))
        for axis, (name, grid) in zip(axes, grids.items(), strict=True):
            counts = np.ma.masked_equal(grid.T, 0)
            shown = axis.pcolormesh(edges, edges, counts, norm=norm, cmap=COUNTS, rasterized=True)
            axis.plot([0, high], [0, high], color=INK, linewidth=0.9)
            axis.set(xlim=(0, high), ylim=(0, high), aspect="equal", title=lines[name].title)
            axis.set_xlabel("truth")
        axes[0].set_ylabel("estimate")
        bar = figure.colorbar(shown, ax=list(axes), label="voxels", shrink=0.8)
        bar.outline.set_visible(False)
        svg = as_svg(figure)
    agreement = {lines[name].title: correlation(truth, found) for name, found in estimates.items()}
    correlations = "; ".join(f"{name} {number_text(value, '.3f')}" for name, value in agreement.items())
    return Chart(
        f"Estimate against truth, {label}",
        f"Points on the line are right, above it too high, below it too low. Correlation: {correlations}.",
        f"Two-dimensional histograms of estimate against truth with the line of identity. Correlation: {correlations}.",
        svg,
    )


def strip(title: str, label: str, values: np.ndarray, names: Sequence[str], apart: np.ndarray) -> Chart:
    """A dot for each of several scans, those that stand apart with their names.

    Args:
        title: of the chart.
        label: of the axis, with its unit.
        values: (N,); of those that are not finite nothing is drawn.
        names: of the scans.
        apart: which have their names written, (N,) bool.
    """
    known = np.isfinite(values)
    height = np.random.default_rng(0).uniform(-1, 1, values.shape)  # only so that equal values are seen
    with mpl.rc_context(STYLE):
        figure = new_figure(7.4, 1.5)
        axis = figure.subplots()
        axis.plot(values[known], height[known], "o", color=INK, markersize=4, alpha=0.55, markeredgewidth=0)
        axis.axvline(float(np.median(values[known])), color=INK, linewidth=0.9, linestyle="--")
        for place in np.flatnonzero(apart).tolist():
            axis.annotate(
                names[place].replace("$", r"\$"),
                (values[place], height[place]),
                (4, 4),
                textcoords="offset points",
                fontsize=8,
            )
        axis.set(xlabel=label, yticks=[], ylim=(-2, 2))
        axis.spines["left"].set_visible(False)
        svg = as_svg(figure)
    n, middle = int(known.sum()), f"{np.median(values[known]):.4g}"
    away = (
        f" Standing apart: {', '.join(names[place] for place in np.flatnonzero(apart).tolist())}."
        if apart.any()
        else ""
    )
    return Chart(
        title,
        f"A dot for each of {n} scans; the dashed line is their median, {middle}.{away}",
        f"{label} of {n} scans, median {middle}.{away}",
        svg,
    )


def _pairs(truth: np.ndarray, found: np.ndarray, edges: np.ndarray) -> np.ndarray:
    finite = np.isfinite(found)
    x, y = (np.clip(values[finite], edges[0], edges[-1]) for values in (truth, found))
    return np.histogram2d(x, y, bins=(edges, edges))[0]


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's of values (V,) and (V,) where both are finite; NaN where one of them does not vary."""
    known = np.isfinite(one) & np.isfinite(other)
    if not known.any():
        return float("nan")
    one, other = (values[known].astype(float) - values[known].mean(dtype=float) for values in (one, other))
    size = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / size) if size > 0 else float("nan")


def _finite(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    return finite if finite.size else np.array([np.nan])


def new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    FigureCanvasSVG(figure)
    return figure


def as_svg(figure: Figure) -> Markup:
    """The figure as an element of HTML: no declarations, no style for the rest of the page, names of its own."""
    for axis in figure.axes:
        axis.set_facecolor("none")
    content = io.StringIO()
    figure.savefig(content, format="svg", dpi=110, transparent=True)
    text = content.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    width = PIXELS_PER_INCH * figure.get_figwidth()
    opening = rf'<svg viewBox="\1" style="max-width: {width:.0f}px" aria-hidden="true">'
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', opening, text)
    text = text.replace(INK, "currentColor").replace("xlink:href", "href")
    own = hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'\bid="', f'id="c{own}-', text)
    text = re.sub(r"url\(#", f"url(#c{own}-", text)
    text = re.sub(r'href="#', f'href="#c{own}-', text)
    return Markup(text)
