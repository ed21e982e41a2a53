"""What an evaluation on a brain leaves behind: numbers as JSON, maps as NIfTI, figures, and tables on the console."""

from pathlib import Path

import nibabel as nib
import numpy as np

from qtmnet.evaluation.brain_estimates import BrainEstimates, RegionScores
from qtmnet.evaluation.brain_regions import Regions
from qtmnet.evaluation.score_tables import print_regions, print_table
from qtmnet.figures.brain_maps import save_difference, save_errors, save_maps, save_scatter
from qtmnet.scans.labeling_fields import labeling_fields
from qtmnet.scans.nifti import MAPS, write_map
from simulators.files.json_files import write_json
from simulators.imaging.acquisition import Acquisition


def write_report(
    run_dir: Path, scores: RegionScores, estimates: BrainEstimates, regions: Regions, acquisition: Acquisition
) -> None:
    """Write `metrics.json`, `*_cbf`, `*_error` and `*_att.nii.gz` with sidecars, and the figures.

    Raises:
        InputError: if a map cannot be written, for instance because the disk is full.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    plain = {
        kind: {
            name: {method: value.as_dict() for method, value in by_method.items()} for name, by_method in named.items()
        }
        for kind, named in scores.items()
    }
    write_json(run_dir / "metrics.json", plain)
    _write_maps(run_dir, estimates, acquisition)
    truth, maps, inside, affine = estimates.truth, estimates.by_method, estimates.inside, estimates.affine
    save_maps(run_dir / "maps.png", truth, maps, inside, affine)
    save_errors(run_dir / "errors.png", truth, maps, inside, affine)
    save_scatter(run_dir / "scatter.png", truth, maps, regions["tissue"] or regions["brain"])
    if "qtmnet" in maps:
        save_difference(run_dir / "difference.png", maps["qtmnet"] - maps["multi_delay"], inside, affine)


def _write_maps(run_dir: Path, estimates: BrainEstimates, acquisition: Acquisition) -> None:
    """Maps by file name, 0 outside the brain; the sidecars say what was scanned."""
    maps, truth = estimates.by_method, estimates.truth
    images = {"truth_cbf": truth, "truth_att": estimates.true_att, "multi_delay_att": estimates.att}
    images |= {f"{method}_cbf": values for method, values in maps.items()}
    images |= {f"{method}_error": values - truth for method, values in maps.items()}
    if "qtmnet" in maps:
        images["qtmnet_minus_multi_delay"] = maps["qtmnet"] - maps["multi_delay"]
    like = nib.Nifti1Image(np.zeros(truth.shape, np.uint8), estimates.affine)
    for name, values in images.items():
        unit, quantity = MAPS["att" if name.endswith("_att") else "cbf"]
        sidecar = {
            "Units": unit,
            "Description": f"{quantity} of a simulated brain: {name.replace('_', ' ')}.",
            **_protocol(acquisition),
        }
        write_map(run_dir / f"{name}.nii.gz", values, like, sidecar)


def _protocol(acquisition: Acquisition) -> dict[str, object]:
    """The acquisition in BIDS terms."""
    crushing = acquisition.vascular_crushing
    fields: dict[str, object] = {
        **labeling_fields(acquisition),
        "VascularCrushing": crushing is not None,
    }
    return fields | ({"VascularCrushingVENC": crushing / 10} if crushing else {})  # cm/s


def print_report(run_dir: Path, scores: RegionScores, regions: Regions, acquisition: Acquisition) -> None:
    """Print the scores over the brain, by tissue and territory, and of the kinetic models by arterial label."""
    crushing = acquisition.vascular_crushing
    label = "all arterial label in" if crushing is None else f"arterial label above {crushing:g} mm/s crushed"
    n_voxels = {kind: {name: int(region.sum()) for name, region in named.items()} for kind, named in regions.items()}
    print_table(scores["brain"]["all"], f"a brain, {n_voxels['brain']['all']} voxels, {label}")
    parts = {kind: named for kind, named in scores.items() if kind in regions and kind != "brain"}
    print_regions(parts, n_voxels, "its parts")
    both = {
        f"{method}, {name}": value
        for name, by_method in scores["arterial_label"].items()
        for method, value in by_method.items()
    }
    print_table(both, "kinetic models with and without arterial label")
    print(f"metrics: {run_dir / 'metrics.json'}\nmaps and figures: {run_dir}")
