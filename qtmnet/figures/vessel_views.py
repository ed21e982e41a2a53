"""Vessels in three dimensions: a picture in three projections, and a page to turn them in."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from nibabel.affines import apply_affine, voxel_sizes
from scipy.ndimage import gaussian_filter
from skimage.measure import block_reduce, marching_cubes

from qtmnet.figures.files import save_figure
from simulators.errors import InputError
from simulators.files.writing import writing
from simulators.vessels.forest import Forest

ARTERY_RED, VEIN_BLUE = "#e8503a", "#3d68b8"
EARLY_TO_LATE = LinearSegmentedColormap.from_list("early_to_late", ["#ffe066", "#ff9a3c", "#ee4b2b", "#a3154f"])
"""Warm all the way, so that arteries are told from veins."""


PICTURE_INCHES = 15
LEAST_WIDTH = 0.25
"""Points; thinner lines are drawn fainter instead."""

PAGE_HEAD = """<!doctype html>
<html>
<head><meta charset="utf-8"><title>{title}</title></head>
<body style="margin: 0; background: black">
"""
PAGE_PIXELS = 700
N_WIDTHS = 8
"""Of lines on a page, where a trace has but one."""

SURFACE_BLOCKS = 70
"""Along the longest edge of the grid: how finely the surface of the tissue is found."""


@dataclass(frozen=True)
class View:
    """A direction to look in: axes (of right, anterior, superior) across, upwards and along, and what stands where.

    Attributes:
        across, up, along: 0, 1 or 2; across runs from right to left of the picture, as radiologists have it.
        nearest: 1 if what lies far along the last axis is near to the viewer, −1 if it is far.
        letters: at the left, right, bottom and top.
    """

    across: int
    up: int
    along: int
    nearest: int
    letters: str

    def nearness(self, ends: np.ndarray) -> np.ndarray:
        """0 for the farthest to 1 for the nearest of segments that run between `ends`, (n, 2, 3)."""
        along = self.nearest * ends[:, :, self.along].mean(axis=1)
        return (along - along.min()) / max(float(np.ptp(along)), 1e-9)


VIEWS = (View(0, 1, 2, -1, "RLPA"), View(0, 2, 1, 1, "RLIS"), View(1, 2, 0, -1, "APIS"))
"""From below, from the front and from the left."""


@dataclass(frozen=True)
class Vessels:
    """A forest and the colours that it is drawn in.

    Attributes:
        name: what the legend calls it.
        forest: of N nodes.
        colour: of all of it, unless `value` is given.
        value: number that each node is coloured by, (N,).
        value_name: what that is, with its unit.
        colormap: from values to colours.
        categories: names of the values 0, 1, …, if that is what they are.
    """

    name: str
    forest: Forest
    colour: str = ARTERY_RED
    value: np.ndarray | None = None
    value_name: str = ""
    colormap: Colormap = field(default_factory=lambda: EARLY_TO_LATE)
    categories: tuple[str, ...] = ()

    def thickest(self, n_segments: int) -> np.ndarray:
        """Nodes that end the thickest segments, at most so many, the thinnest first, (n,).

        Where radii follow Murray's law no vessel is torn from its tree.
        """
        drawn = np.flatnonzero((self.forest.parent >= 0) & (self.forest.length > 0) & (self.forest.radius > 0))
        if len(drawn) > n_segments:
            drawn = drawn[np.argpartition(self.forest.radius[drawn], -n_segments)[-n_segments:]]
        return drawn[np.argsort(self.forest.radius[drawn], kind="stable")]

    def ends(self, nodes: np.ndarray, affine: np.ndarray) -> np.ndarray:
        """Where the segments that end in some nodes begin and end, mm in the space of the affine, (n, 2, 3)."""
        position = self.forest.position[np.stack([self.forest.parent[nodes], nodes], axis=1)]
        return apply_affine(affine, position / np.asarray(self.forest.voxel_size_mm) - 0.5)

    @cached_property
    def norm(self) -> Normalize:
        """Scale of the values, without the lowest and highest 2 % of those in the terminals."""
        if self.value is None or self.categories:
            return Normalize(-0.5, max(len(self.categories), 1) - 0.5)
        low, high = np.percentile(self.value[self.forest.terminal[self.forest.terminal >= 0]], (2, 98))
        return Normalize(float(low), float(high))

    def colours(self, nodes: np.ndarray) -> np.ndarray:
        """RGBA of some nodes, (n, 4)."""
        if self.value is None:
            return np.tile([*to_rgb(self.colour), 1.0], (len(nodes), 1))
        return ScalarMappable(self.norm, self.colormap).to_rgba(self.value[nodes])


def save_vessel_picture(
    path: Path,
    vessels: Sequence[Vessels],
    affine: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    n_segments: int = 40_000,
    background: str = "black",
    title: str = "",
) -> None:
    """Save the thickest vessels as seen from below, the front and the left, over the shadow of the tissue.

    A line is as wide as its vessel, to scale, but never invisible; what is far is dim.

    Args:
        path: PNG file.
        vessels: forests on one grid; the first is drawn rather above the others.
        affine: from voxel indices to mm, right, anterior and superior, (4, 4).
        mask: tissue, (X, Y, Z); by default the voxels that the first forest serves.
        n_segments: most segments to draw.
        background: colour.
        title: above.
    """
    ink = "#303030" if sum(to_rgb(background)) > 1.5 else "#c8c8c8"
    ends, radius, colour = _thickest_segments(vessels, affine, n_segments)
    mask = vessels[0].forest.terminal >= 0 if mask is None else mask
    tissue = apply_affine(affine, np.argwhere(mask))
    voxel_mm = float(voxel_sizes(affine).max())
    low = np.minimum(ends.min((0, 1)), tissue.min(0)) - 2 * voxel_mm
    high = np.maximum(ends.max((0, 1)), tissue.max(0)) + 2 * voxel_mm
    span = high - low
    widths = [span[view.across] for view in VIEWS]
    points_per_mm = 72 * PICTURE_INCHES / sum(widths)
    figure = Figure(
        figsize=(PICTURE_INCHES, max(span[1:]) * points_per_mm / 72 + 0.7), layout="constrained", facecolor=background
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(VIEWS), width_ratios=widths)
    for axis, view in zip(axes, VIEWS, strict=True):
        _draw_shadow(axis, view, tissue, voxel_mm, ink)
        _draw_lines(axis, view, ends, 2 * radius * points_per_mm, _faded(colour, view.nearness(ends), background))
        _finish(axis, view, low, high, ink)
    _add_legend(figure, axes, vessels, ink)
    if title:
        figure.suptitle(title, color=ink)
    save_figure(figure, path, dpi=140)


def _thickest_segments(
    vessels: Sequence[Vessels], affine: np.ndarray, n_segments: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends (n, 2, 3) in mm, radii (n,) and colours (n, 4) of what is drawn, in the order of drawing.

    Each forest's thickest come last, and the first forest's before their time: wide veins would hide the arteries.
    """
    nodes = [layer.thickest(n_segments // len(vessels)) for layer in vessels]
    ends = [layer.ends(some, affine) for layer, some in zip(vessels, nodes, strict=True)]
    radius = [layer.forest.radius[some] for layer, some in zip(vessels, nodes, strict=True)]
    colour = [layer.colours(some) for layer, some in zip(vessels, nodes, strict=True)]
    rank = np.concatenate([np.linspace(0, 1, len(some)) - 0.2 * place for place, some in enumerate(nodes)])
    order = np.argsort(rank)
    return np.concatenate(ends)[order], np.concatenate(radius)[order], np.concatenate(colour)[order]


def _draw_shadow(axis: Axes, view: View, tissue: np.ndarray, voxel_mm: float, ink: str) -> None:
    """How much tissue lies behind each point, faintly, and its outline."""
    across, up = tissue[:, view.across], tissue[:, view.up]
    edges = [np.arange(line.min() - 4.5 * voxel_mm, line.max() + 5 * voxel_mm, voxel_mm) for line in (across, up)]
    count = np.histogram2d(across, up, edges)[0]
    depth, there = gaussian_filter(count, 0.7), gaussian_filter(np.minimum(count, 1.0), 1.0)
    shade = np.zeros((*depth.T.shape, 4))
    shade[..., :3] = to_rgb(ink)
    shade[..., 3] = 0.22 * depth.T / depth.max()
    extent = (edges[0][0], edges[0][-1], edges[1][0], edges[1][-1])
    axis.imshow(shade, origin="lower", extent=extent, interpolation="bilinear")
    axis.contour(there.T, [0.5], origin="lower", extent=extent, colors=ink, linewidths=0.8, alpha=0.5)


def _faded(colour: np.ndarray, nearness: np.ndarray, background: str) -> np.ndarray:
    """Colours (n, 4) that sink into the background with distance; lines that shone through would show their joints."""
    share = (0.45 + 0.55 * nearness)[:, np.newaxis]
    return share * colour + (1 - share) * np.array(to_rgba(background))


def _draw_lines(axis: Axes, view: View, ends: np.ndarray, width: np.ndarray, colour: np.ndarray) -> None:
    colour[:, 3] *= np.clip(width / LEAST_WIDTH, 0.4, 1)
    lines = list(ends[:, :, [view.across, view.up]])
    axis.add_collection(
        LineCollection(lines, linewidths=np.maximum(width, LEAST_WIDTH), colors=colour, capstyle="round")
    )


def _finish(axis: Axes, view: View, low: np.ndarray, high: np.ndarray, ink: str) -> None:
    """Limits, letters at the sides, and a scale in mm."""
    axis.set(xlim=(high[view.across], low[view.across]), ylim=(low[view.up], high[view.up]), facecolor="none")
    axis.set_aspect("equal", anchor="C")
    write_letters(axis, view, ink)
    axis.locator_params(nbins=4)
    axis.tick_params(colors=ink, labelsize=7, length=2, width=0.5)
    axis.set_xlabel("mm", color=ink, fontsize=7, labelpad=1)
    axis.spines[:].set_visible(False)


def write_letters(axis: Axes, view: View, ink: str) -> None:
    """Write at each side of a picture which side of the body it is."""
    for letter, place in zip(view.letters, ((0.02, 0.5), (0.98, 0.5), (0.5, 0.02), (0.5, 0.98)), strict=True):
        axis.text(*place, letter, transform=axis.transAxes, color=ink, ha="center", va="center", weight="bold")


def _add_legend(figure: Figure, axes: np.ndarray, vessels: Sequence[Vessels], ink: str) -> None:
    """A scale of colours for what is coloured by value, and lines for the rest."""
    handles = []
    for layer in vessels:
        if layer.value is None:
            handles.append(Line2D([], [], color=layer.colour, lw=3, label=layer.name))
            continue
        scale = ScalarMappable(layer.norm, layer.colormap)
        if layer.categories:
            colours = scale.to_rgba(np.arange(len(layer.categories)))
            handles += [
                Line2D([], [], color=to_hex(c), lw=3, label=n) for c, n in zip(colours, layer.categories, strict=True)
            ]
        else:
            bar = figure.colorbar(scale, ax=axes, location="bottom", shrink=0.25, aspect=40, pad=0.01)
            bar.set_label(f"{layer.name}: {layer.value_name}", color=ink, fontsize=8)
            bar.ax.tick_params(colors=ink, labelsize=7)
            bar.outline.set_visible(False)
    if handles:
        figure.legend(handles=handles, loc="lower right", ncols=len(handles), frameon=False, labelcolor=ink, fontsize=8)


def save_vessel_page(
    path: Path,
    vessels: Sequence[Vessels],
    affine: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    n_segments: int = 60_000,
    title: str = "Vessels",
) -> None:
    """Save the thickest vessels as a page to turn, with everything in it that it needs, about 10 MB.

    Args:
        path: HTML file.
        vessels, affine, mask, n_segments: see `save_vessel_picture`.
        title: of the page.

    Raises:
        InputError: without plotly.
    """
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise InputError("plotly: not installed, and the page of vessels needs it; pip install plotly") from None
    mask = vessels[0].forest.terminal >= 0 if mask is None else mask
    pixels_per_mm = PAGE_PIXELS / float(max(np.array(mask.shape) * voxel_sizes(affine)))
    figure = go.Figure(go.Mesh3d(_surface(mask, affine)))
    for layer in vessels:
        nodes = layer.thickest(n_segments // len(vessels))
        figure.add_traces([go.Scatter3d(trace) for trace in _lines(layer, nodes, affine, pixels_per_mm)])
    hidden = {"visible": False, "showspikes": False}
    figure.update_layout(
        title=title,
        template="plotly_dark",
        paper_bgcolor="black",
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        legend={"x": 0.01, "y": 0.95},
        scene={"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data"},
        scene_camera_eye={"x": -0.75, "y": 1.1, "z": 0.25},
    )
    body = figure.to_html(full_html=False, include_plotlyjs=True, default_height="100vh", config={"displaylogo": False})
    with writing(path) as draft:
        draft.write_text(f"{PAGE_HEAD.format(title=html.escape(title))}{body}</body>\n</html>\n", encoding="utf-8")


def _surface(mask: np.ndarray, affine: np.ndarray) -> dict[str, Any]:
    """The tissue's surface as a trace of plotly's, smoothed and made coarse, half transparent."""
    size = voxel_sizes(affine)
    block_mm = max(size * mask.shape) / SURFACE_BLOCKS
    blocks = tuple(np.maximum(1, np.round(block_mm / size).astype(int)).tolist())
    # The margin closes the surface of tissue that reaches the border of the grid.
    share = gaussian_filter(np.pad(block_reduce(mask.astype(np.float32), blocks, np.mean), 2), 0.8)
    vertex, triangle, *_ = marching_cubes(share, 0.5 * float(share.max()))
    voxel = (vertex - 2) * blocks + (np.array(blocks) - 1) / 2
    x, y, z = apply_affine(affine, voxel).astype(np.float32).T
    i, j, k = triangle.astype(np.int32).T
    look = {"color": "#9fb4cc", "opacity": 0.12, "hoverinfo": "skip", "name": "tissue", "showlegend": True}
    return {"x": x, "y": y, "z": z, "i": i, "j": j, "k": k, **look}


def _lines(layer: Vessels, nodes: np.ndarray, affine: np.ndarray, pixels_per_mm: float) -> list[dict[str, Any]]:
    """The segments that end in some nodes, thinnest first, as traces of plotly's, shown and hidden together."""
    radius = layer.forest.radius[nodes]
    limits = np.geomspace(radius[0], radius[-1], N_WIDTHS + 1)[1:-1]
    parts = [part for part in np.array_split(nodes, np.searchsorted(radius, limits)) if len(part)]
    shared: dict[str, Any] = {"name": layer.name, "legendgroup": layer.name, "mode": "lines", "hoverinfo": "skip"}
    sample = {"color": to_hex(layer.colours(nodes[-1:])[0]), "width": 6}
    traces: list[dict[str, Any]] = [{"x": [None], "y": [None], "z": [None], "line": sample, **shared}]  # for the legend
    for part in parts:
        points = np.full((len(part), 3, 3), np.nan, np.float32)  # the two ends of each segment, and a gap
        points[:, :2] = layer.ends(part, affine)
        x, y, z = points.reshape(-1, 3).T
        width = max(1.0, 2 * pixels_per_mm * float(np.median(layer.forest.radius[part])))
        line = {"width": width, **_line_colours(layer, part, last=part is parts[-1])}
        traces.append({"x": x, "y": y, "z": z, "line": line, "showlegend": False, **shared})
    return traces


def _line_colours(layer: Vessels, nodes: np.ndarray, *, last: bool) -> dict[str, Any]:
    if layer.value is None:
        return {"color": layer.colour}
    value = layer.value[np.stack([layer.forest.parent[nodes], nodes, nodes], axis=1)].ravel().astype(np.float32)
    bar = {"title": {"text": f"{layer.name}: {layer.value_name}", "side": "right"}, "thickness": 12, "len": 0.6}
    if layer.categories:
        bar |= {"tickvals": list(range(len(layer.categories))), "ticktext": list(layer.categories)}
    return {
        "color": value,
        "cmin": layer.norm.vmin,
        "cmax": layer.norm.vmax,
        "colorscale": [[share, to_hex(layer.colormap(share))] for share in np.linspace(0, 1, 128).tolist()],
        "colorbar": bar,
        "showscale": last,
    }
