"""What a simulated brain leaves in its folder: maps, pictures, and its numbers beside the reference values."""

import importlib.util
import itertools
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from qtmnet.figures.files import save_figure
from qtmnet.figures.vessel_views import (
    ARTERY_RED,
    EARLY_TO_LATE,
    VEIN_BLUE,
    VIEWS,
    Vessels,
    save_vessel_page,
    save_vessel_picture,
    write_letters,
)
from qtmnet.quantities import ATT, number_text
from qtmnet.scans.nifti import write_map
from simulators.files.json_files import write_json
from simulators.phantoms.morphometry import Measure, morphometry
from simulators.phantoms.tree_measures import log_histogram, territory_of_nodes
from simulators.tissue.anatomy import GREY, WHITE
from simulators.transport.pieces import blood_volume, cut_at_voxel_faces
from simulators.vessels.vasculature import half_arrival

if TYPE_CHECKING:
    from simulators.phantoms.simulated_brain import Brain

INK = "#c8c8c8"
TERRITORY_COLOURS = {
    "ACA_L": "#59c36a",
    "ACA_R": "#a8e6a1",
    "MCA_L": "#f0563f",
    "MCA_R": "#ff9e7a",
    "PCA_L": "#e8b52e",
    "PCA_R": "#ffe27a",
}
"""A hue for each artery, a shade for each side; `OTHER_COLOURS` in turn for what else there may be."""

OTHER_COLOURS = ("#b78ae0", "#e37fc1", "#5fc9c4", "#9ac24a")
SEVERAL = "several"


def save_brain_figures(brain: "Brain", run_dir: Path) -> list[Measure]:
    """Write everything there is to see of a brain into a folder, which is made if it is missing.

    `morphometry.json`; `att.png`, `flow_histogram.png`, `vessels.png`, `vessels.html` (if plotly is there); maps
    `perfusion`, `att`, `tissue`, `territory` and `blood_volume` as `.nii.gz` with sidecars.

    Returns:
        The numbers, for `print_morphometry`.

    Raises:
        InputError: if a map cannot be written.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    measures = morphometry(brain)
    save_morphometry(run_dir / "morphometry.json", measures)
    save_maps(brain, run_dir)
    save_att(run_dir / "att.png", brain.att, brain.anatomy.affine)
    save_histograms(run_dir / "flow_histogram.png", brain)
    affine, parenchyma = brain.anatomy.affine, np.isin(brain.anatomy.tissue, (GREY, WHITE))
    save_vessel_picture(run_dir / "vessels.png", vessels_by_territory(brain), affine, mask=parenchyma)
    if importlib.util.find_spec("plotly"):
        save_vessel_page(
            run_dir / "vessels.html", vessels_by_att(brain), affine, mask=parenchyma, title="Simulated brain"
        )
    return measures


def vessels_by_att(brain: "Brain") -> tuple[Vessels, Vessels]:
    """Arteries coloured by arterial transit time, and veins."""
    time = half_arrival(brain.vessels.bluntness) * brain.vessels.arterial_transit_time
    arteries = Vessels("arteries", brain.vessels.arteries, value=time, value_name="arterial transit time (s)")
    return arteries, Vessels("veins", brain.vessels.veins, colour=VEIN_BLUE)


def vessels_by_territory(brain: "Brain") -> tuple[Vessels, Vessels]:
    """Arteries coloured by the territory that they feed, and veins."""
    names = brain.territory_names
    territory = territory_of_nodes(brain.vessels.arteries, brain.territory, len(names))
    arteries = Vessels(
        "arteries",
        brain.vessels.arteries,
        value=np.where(territory >= 0, territory, len(names)),
        value_name="territory",
        colormap=territory_colours(names),
        categories=(*names, SEVERAL),
    )
    return arteries, Vessels("veins", brain.vessels.veins, colour=VEIN_BLUE)


def territory_colours(names: tuple[str, ...]) -> ListedColormap:
    """Colours of territories by their order, and a grey after them for vessels that feed several."""
    others = itertools.cycle(OTHER_COLOURS)
    return ListedColormap([*(TERRITORY_COLOURS.get(name) or next(others) for name in names), "#b0b0b0"])


def save_morphometry(path: Path, measures: list[Measure]) -> None:
    """Save numbers as JSON, a list of objects; what could not be measured is null."""
    rows = [asdict(m) | {"value": m.value if math.isfinite(m.value) else None, "within": m.within} for m in measures]
    write_json(path, rows)


def print_morphometry(measures: list[Measure], caption: str = "brain") -> None:
    """Print numbers beside their references, a row for each."""
    table = Table("quantity", "found", "unit", "reference", "", title=caption)
    for measure in measures:
        mark = {None: "", True: "yes", False: "[red]no[/red]"}[measure.within]
        reference = f"{measure.reference} [dim]{measure.source}[/dim]" if measure.reference else ""
        found = number_text(measure.value, ".0f" if abs(measure.value) >= 1000 else ".3g")
        table.add_row(measure.name, found, measure.unit, reference, mark)
    Console(width=120).print(table)


def save_maps(brain: "Brain", run_dir: Path) -> None:
    """Save the maps of a brain as NIfTI in the space of its anatomy, 0 where there is nothing."""
    vessels, tissue = brain.vessels, brain.anatomy.tissue
    large = sum(blood_volume(forest, cut_at_voxel_faces(forest)) for forest in (vessels.arteries, vessels.veins))
    volume = large / vessels.voxel_volume + vessels.capillaries.volume_fraction
    territory = np.where(brain.territory < len(brain.territory_names), brain.territory.astype(int) + 1, 0)
    labels = dict(enumerate(brain.territory_names, 1))
    maps: dict[str, tuple[np.ndarray, dict[str, object]]] = {
        "perfusion": (brain.perfusion, {"Units": "mL/100 g/min", "Description": "Perfusion, the truth."}),
        "att": (np.nan_to_num(brain.att), {"Units": "s", "Description": f"{ATT.description}, the truth."}),
        "tissue": (tissue, {"Description": "Tissue.", "Labels": {1: "grey", 2: "white", 3: "CSF"}}),
        "territory": (territory, {"Description": "Artery that feeds the voxel.", "Labels": labels}),
        "blood_volume": (volume, {"Units": "mL/mL", "Description": "Blood in arteries, capillaries and veins."}),
    }
    space = nib.Nifti1Image(np.zeros(tissue.shape, np.uint8), brain.anatomy.affine)
    for name, (data, sidecar) in maps.items():
        write_map(run_dir / f"{name}.nii.gz", data, space, sidecar)


def save_att(path: Path, att: np.ndarray, affine: np.ndarray) -> None:
    """Save arterial transit time in three planes, each where most of it is to be seen, as radiologists look.

    Args:
        path: PNG file.
        att: s, NaN where there is none, (X, Y, Z).
        affine: from voxel indices to mm, right, anterior and superior, (4, 4).
    """
    image = nib.as_closest_canonical(nib.Nifti1Image(att, affine))
    att, voxel = image.get_fdata(), image.header.get_zooms()
    known = np.isfinite(att)
    inside = np.argwhere(known)
    att = att[tuple(slice(low, high + 1) for low, high in zip(inside.min(0), inside.max(0), strict=True))]
    att = np.pad(att, max(att.shape) // 25 + 1, constant_values=np.nan)
    known = np.isfinite(att)
    scale = Normalize(*np.percentile(att[known], (1, 99)))
    size = np.array(att.shape) * voxel
    figure = Figure(figsize=(12, 4.2), layout="constrained", facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(VIEWS), width_ratios=[size[view.across] for view in VIEWS])
    for axis, view in zip(axes, VIEWS, strict=True):
        place = int(known.sum(axis=(view.across, view.up)).argmax())
        # The two axes left are across and up, in this order, in each of the views.
        plane = np.take(att, place, axis=view.along).T
        shown = axis.imshow(
            plane, origin="lower", cmap=EARLY_TO_LATE, norm=scale, aspect=voxel[view.up] / voxel[view.across]
        )
        axis.invert_xaxis()
        axis.set_axis_off()
        write_letters(axis, view, INK)
    bar = figure.colorbar(shown, ax=axes, shrink=0.8)
    bar.set_label("arterial transit time (s)", color=INK)
    bar.ax.tick_params(colors=INK)
    save_figure(figure, path, dpi=120)


def save_histograms(path: Path, brain: "Brain") -> None:
    """Save how flow, radius and velocity of the segments and plug-flow time of the terminals are spread, log-log."""
    figure = Figure(figsize=(10, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2).ravel()
    vessels = brain.vessels
    times = (vessels.arterial_transit_time, vessels.veins.transit_time())
    for name, forest, time, colour in zip(
        ("arteries", "veins"), (vessels.arteries, vessels.veins), times, (ARTERY_RED, VEIN_BLUE), strict=True
    ):
        segment = forest.length > 0
        quantities = {
            "flow (mm³/s)": forest.flow[segment],
            "radius (mm)": forest.radius[segment],
            "velocity (mm/s)": forest.velocity[segment],
            "plug-flow time between inlet or outlet and voxel (s)": time[forest.terminal[forest.terminal >= 0]],
        }
        for axis, (label, values) in zip(axes, quantities.items(), strict=True):
            edge, count = log_histogram(values)
            axis.stairs(count, edge, color=colour, label=name, fill=False, lw=1.5)
            axis.set(xscale="log", yscale="log", xlabel=label, ylabel="terminals" if "time" in label else "segments")
    axes[0].legend(frameon=False)
    save_figure(figure, path, dpi=120)
