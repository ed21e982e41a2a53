"""What an evaluation on a brain leaves behind: numbers as JSON, maps as NIfTI, figures, and tables on the console."""

from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np

from qtmnet.evaluation.brain_estimates import BrainEstimates, RegionScores
from qtmnet.evaluation.brain_regions import Regions
from qtmnet.evaluation.circulation import Circulation
from qtmnet.evaluation.score_files import metrics_path
from qtmnet.evaluation.score_tables import print_circulation, print_regions, print_table
from qtmnet.figures.brain_maps import save_differences, save_errors, save_maps, save_scatter
from qtmnet.methods.base import Methods
from qtmnet.quantities import MAIN, QUANTITIES
from qtmnet.scans.labeling_fields import labeling_fields
from qtmnet.scans.nifti import write_map
from simulators.files.json_files import write_json
from simulators.imaging.acquisition import Acquisition


def write_brain_files(
    run_dir: Path,
    scores: Mapping[str, RegionScores],
    estimates: BrainEstimates,
    regions: Regions,
    methods: Methods,
    flows: Circulation | None = None,
) -> None:
    """Write scores, maps with sidecars, errors and differences of perfusion, and its figures.

    The scores of perfusion are `metrics.json`, those of another quantity `metrics_<quantity>.json`. What the maps of
    perfusion say of the arteries stands in the former as `circulation`.

    Raises:
        InputError: if a map cannot be written, for instance because the disk is full.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    for key, by_kind in scores.items():
        plain: dict[str, object] = {
            kind: {
                name: {method: value.as_dict(QUANTITIES[key]) for method, value in by_method.items()}
                for name, by_method in named.items()
            }
            for kind, named in by_kind.items()
        }
        if key == MAIN and flows is not None:
            plain["circulation"] = flows.as_dict()
        write_json(metrics_path(run_dir, key), plain)
    differences = _differences(estimates, methods)
    _write_maps(run_dir, estimates, differences)
    if MAIN not in scores:
        return
    truth, maps, inside, affine = estimates.truth[MAIN], estimates.of(MAIN), estimates.inside, estimates.affine
    save_maps(run_dir / "maps.png", truth, maps, inside, affine)
    save_errors(run_dir / "errors.png", truth, maps, inside, affine)
    save_scatter(run_dir / "scatter.png", truth, maps, regions["tissue"] or regions["brain"])
    if differences:
        titled = {f"{one} − {other}".replace("_", " "): values for (one, other), values in differences.items()}
        save_differences(run_dir / "difference.png", titled, inside, affine)


def _differences(estimates: BrainEstimates, methods: Methods) -> dict[tuple[str, str], np.ndarray]:
    """Perfusion of each method from a checkpoint less that of each that it is compared with, by both names."""
    maps = estimates.of(MAIN)
    return {
        (one, other): maps[one] - maps[other]
        for one in methods.learned
        for other in methods.compared
        if one in maps and other in maps
    }


def _write_maps(run_dir: Path, estimates: BrainEstimates, differences: Mapping[tuple[str, str], np.ndarray]) -> None:
    """Maps by file name, 0 outside the brain; the sidecars say what was scanned."""
    images = [("truth_" + QUANTITIES[key].file_ending, key, values) for key, values in estimates.truth.items()]
    for method, maps in estimates.by_method.items():
        images += [(f"{method}_{QUANTITIES[key].file_ending}", key, values) for key, values in maps.items()]
    if MAIN in estimates.scored:
        truth = estimates.truth[MAIN]
        images += [(f"{method}_error", MAIN, values - truth) for method, values in estimates.of(MAIN).items()]
    images += [(f"{one}_minus_{other}", MAIN, values) for (one, other), values in differences.items()]
    like = nib.Nifti1Image(np.zeros(estimates.inside.shape, np.uint8), estimates.affine)
    for name, key, values in images:
        quantity = QUANTITIES[key]
        sidecar = {
            "Units": quantity.bids_units,
            "Description": f"{quantity.description} of a simulated brain: {name.replace('_', ' ')}.",
            **_protocol(estimates.frames.acquisition),
        }
        write_map(run_dir / f"{name}.nii.gz", values.astype(bool) if quantity.is_mask else values, like, sidecar)


def _protocol(acquisition: Acquisition) -> dict[str, object]:
    """The acquisition in BIDS terms."""
    crushing = acquisition.vascular_crushing
    fields: dict[str, object] = {
        **labeling_fields(acquisition),
        "VascularCrushing": crushing is not None,
    }
    return fields | ({"VascularCrushingVENC": crushing / 10} if crushing else {})  # cm/s


def print_brain_scores(
    run_dir: Path,
    scores: Mapping[str, RegionScores],
    regions: Regions,
    acquisition: Acquisition,
    flows: Circulation | None = None,
) -> None:
    """Print the scores over the brain, of perfusion also by region, and of the compared methods by arterial label.

    Below, what the maps of perfusion say of the arteries.
    """
    crushing = acquisition.vascular_crushing
    label = "all arterial label in" if crushing is None else f"arterial label above {crushing:g} mm/s crushed"
    n_voxels = {kind: {name: int(region.sum()) for name, region in named.items()} for kind, named in regions.items()}
    for key, by_kind in scores.items():
        quantity = QUANTITIES[key]
        of = "" if key == MAIN else f"{quantity.name}, "
        print_table(by_kind["brain"]["all"], f"{of}a brain, {n_voxels['brain']['all']} voxels, {label}", quantity)
        if key != MAIN:
            continue
        parts = {kind: named for kind, named in by_kind.items() if kind in regions and kind != "brain"}
        print_regions(parts, n_voxels, "its parts", quantity)
        both = {
            f"{method}, {name}": value
            for name, by_method in by_kind["arterial_label"].items()
            for method, value in by_method.items()
        }
        if both:
            print_table(both, "compared methods with and without arterial label", quantity)
        if flows is not None:
            print_circulation(flows)
    for key in scores:
        print(f"metrics: {metrics_path(run_dir, key)}")
    print(f"maps and figures: {run_dir}")
