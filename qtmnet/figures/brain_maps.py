"""Pictures of a brain's maps in three planes, in anatomical orientation: the patient's left is on the left."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from qtmnet.figures.files import save_figure
from qtmnet.quantities import CBF, Quantity

PLANES = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}
"""Axes (of right, anterior, superior) that run to the right and up."""
ENDS = ("LR", "PA", "IS")
"""What the low and the high end of each axis are called."""
CENTRAL = 0.15
"""Planes are looked for within this share of the brain's extent about its centre."""

Style = Mapping[str, object]


@dataclass(frozen=True)
class Cuts:
    """Where a brain is cut, the same for all of its maps.

    Attributes:
        affine: of the maps, voxel index to mm.
        index: plane along each axis of the reoriented map.
        size_mm: voxel size along each axis of the reoriented map.
    """

    affine: np.ndarray
    index: tuple[int, ...]
    size_mm: tuple[float, ...]

    @classmethod
    def through(cls, inside: np.ndarray, affine: np.ndarray) -> "Cuts":
        """Cut near the brain's centre, where each plane meets most of it: midway between the halves lies a cleft.

        Args:
            inside: voxels of the brain, (X, Y, Z), at least one.
            affine: voxel index to mm.
        """
        image = _reoriented(inside.astype(np.uint8), affine)
        brain = np.asarray(image.dataobj)
        index = []
        for axis in range(3):
            area = brain.sum(axis=tuple(other for other in range(3) if other != axis), dtype=int)
            first, last = np.flatnonzero(area)[[0, -1]]
            off_centre = np.abs(np.arange(len(area)) - (first + last) / 2)
            central = off_centre <= max(CENTRAL * (last - first + 1), 0.5)
            index.append(int(np.argmax(np.where(central, area, -1))))
        return cls(affine, tuple(index), tuple(float(size) for size in image.header.get_zooms()))

    def show(self, axis: Axes, plane: str, values: np.ndarray, inside: np.ndarray, style: Style):  # type: ignore[no-untyped-def]
        """Draw one plane of a map (X, Y, Z), blank outside the brain, with letters at its sides; returns the image."""
        across, up = PLANES[plane]
        (through,) = {0, 1, 2} - {across, up}
        blank = np.where(inside, values, np.nan).astype(np.float32)
        cut = np.asarray(_reoriented(blank, self.affine).dataobj).take(self.index[through], axis=through).T
        extent = (0, cut.shape[1] * self.size_mm[across], 0, cut.shape[0] * self.size_mm[up])
        shown = axis.imshow(cut, origin="lower", extent=extent, interpolation="nearest", **style)  # type: ignore[arg-type]
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_frame_on(False)
        for letter, x, y in (*zip(ENDS[across], (0.02, 0.98), (0.5, 0.5), strict=True), (ENDS[up][1], 0.5, 0.98)):
            side = {0.02: "left", 0.98: "right", 0.5: "center"}[x]
            axis.text(x, y, letter, transform=axis.transAxes, ha=side, va="top" if y > 0.5 else "center", fontsize=8)
        return shown


def save_maps(
    path: Path,
    truth: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    inside: np.ndarray,
    affine: np.ndarray,
    quantity: Quantity = CBF,
) -> None:
    """Save the truth and each estimate, a row for each plane, on one scale.

    Args:
        path: PNG file.
        truth: (X, Y, Z).
        estimates: the same, by method.
        inside: voxels of the brain, (X, Y, Z).
        affine: voxel index to mm.
        quantity: that the maps are of.
    """
    style = {"cmap": quantity.colours, "vmin": 0.0, "vmax": _top(truth, inside)}
    label = f"{quantity.abbreviation} ({quantity.unit})"
    _save_grid(path, {"truth": truth, **estimates}, inside, affine, style, label)


def save_errors(
    path: Path,
    truth: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    inside: np.ndarray,
    affine: np.ndarray,
    quantity: Quantity = CBF,
) -> None:
    """Save each estimate less the truth; arguments as in `save_maps`."""
    style = _signed(_top(truth, inside) / 2)
    errors = {method: estimate - truth for method, estimate in estimates.items()}
    _save_grid(path, errors, inside, affine, style, f"estimate − truth ({quantity.unit})")


def save_differences(
    path: Path, differences: Mapping[str, np.ndarray], inside: np.ndarray, affine: np.ndarray, quantity: Quantity = CBF
) -> None:
    """Save estimates less others, (X, Y, Z) by what they are called, on one scale."""
    style = _signed(max(_top(np.abs(values), inside) for values in differences.values()))
    _save_grid(path, differences, inside, affine, style, f"difference ({quantity.unit})")


def save_scatter(
    path: Path,
    truth: np.ndarray,
    estimates: Mapping[str, np.ndarray],
    tissues: Mapping[str, np.ndarray],
    quantity: Quantity = CBF,
) -> None:
    """Save how often each pair of truth and estimate occurs, a column for each method and a row for each tissue.

    Values beyond the axes are drawn at their edge.

    Args:
        path: PNG file.
        truth: (X, Y, Z).
        estimates: the same, by method.
        tissues: voxels of each tissue, (X, Y, Z), at least one.
        quantity: that the maps are of.
    """
    top = 1.3 * max(_top(truth, region) for region in tissues.values())
    figure, axes = _figure(len(tissues), len(estimates), 2.8)
    for row, (tissue, region) in enumerate(tissues.items()):
        for column, (method, estimate) in enumerate(estimates.items()):
            axis = axes[row, column]
            counts = axis.hexbin(
                np.clip(truth[region], 0, top),
                np.clip(estimate[region], 0, top),
                gridsize=40,
                extent=(0, top, 0, top),
                mincnt=1,
                norm=LogNorm(1, max(region.sum() / 40, 10)),
                cmap="viridis",
                linewidths=0.1,
            )
            axis.plot([0, top], [0, top], color="black", linewidth=0.8)
            axis.set(xlim=(0, top), ylim=(0, top), aspect="equal", title=f"{tissue}, {method.replace('_', ' ')}")
            axis.set_xlabel(f"truth ({quantity.unit})" if row == len(tissues) - 1 else "")
            axis.set_ylabel(f"estimate ({quantity.unit})" if column == 0 else "")
        figure.colorbar(counts, ax=axes[row], label="voxels", extend="max")
    save_figure(figure, path, dpi=120)


def _save_grid(
    path: Path, maps: Mapping[str, np.ndarray], inside: np.ndarray, affine: np.ndarray, style: Style, label: str
) -> None:
    """A row for each plane and a column for each map, with one colour bar."""
    cuts = Cuts.through(inside, affine)
    figure, axes = _figure(len(PLANES), len(maps), 2.4)
    for row, plane in enumerate(PLANES):
        for column, (name, values) in enumerate(maps.items()):
            shown = cuts.show(axes[row, column], plane, values, inside, style)
            if row == 0:
                axes[row, column].set_title(name.replace("_", " "), fontsize=10)
    figure.colorbar(shown, ax=axes, label=label, shrink=0.6, extend="both" if style["vmin"] else "max")
    save_figure(figure, path, dpi=150)


def _figure(n_rows: int, n_columns: int, side: float) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(side * n_columns + 1.2, side * n_rows + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(n_rows, n_columns, squeeze=False)


def _reoriented(values: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
    """The map with axes that run right, anterior and superior."""
    return nib.as_closest_canonical(nib.Nifti1Image(values, affine))


def _top(values: np.ndarray, region: np.ndarray) -> float:
    return float(np.percentile(values[region], 99.5)) or 1.0


def _signed(top: float) -> Style:
    return {"cmap": "RdBu_r", "vmin": -top, "vmax": top}
