"""The network beside the kinetic models on a whole simulated brain, and in every part of it."""

from dataclasses import replace
from pathlib import Path

from qtmnet.evaluation.brain_estimates import RegionScores, estimate_brain, score_regions, with_noise
from qtmnet.evaluation.brain_regions import brain_regions
from qtmnet.methods.baselines import KINETIC_METHODS
from qtmnet.methods.network.estimator import Estimator
from qtmnet.report.brain import brain_report
from qtmnet.report.brain_files import print_report, write_report
from qtmnet.report.page import write_report as write_page
from qtmnet.report.settings import Settings, noise
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_scan import acquire_brain, laid_over, scan_brain
from simulators.phantoms.simulated_brain import Brain

ARTERIAL_LABEL = {"all label": None, "crushed": 0.0}
"""The two settings of vascular crushing (mm/s) under which the kinetic models are always reported."""


def evaluate_brain(
    brain: Brain,
    acquisition: Acquisition,
    estimator: Estimator | None,
    run_dir: Path,
    *,
    snr: float | None = None,
    seed: int = 0,
    asked: Settings = (),
) -> RegionScores:
    """Scan a brain, estimate its perfusion with all methods and score them, as a whole and by region.

    The kinetic models are scored a second time with all arterial label in the image and with none. Writes
    `metrics.json`, maps as NIfTI, figures and `report.html` into the run's folder, and prints tables, see
    `qtmnet.report.brain_files`.

    Args:
        brain: the phantom.
        acquisition: protocol, vascular crushing included; its slices are laid over the brain, see `laid_over`.
        estimator: the network; None compares the kinetic models alone.
        run_dir: folder to write into.
        snr: signal-to-noise ratio of the frames, see `with_noise`; None for no noise.
        seed: of the noise.
        asked: further settings that the report is to state.

    Returns:
        Scores by kind of region, region and method.

    Raises:
        InputError: before anything is written, for settings that fit neither the network nor the brain.
    """
    check_settings(estimator, acquisition, snr)
    acquisition = laid_over(acquisition, brain)
    scan = with_noise(scan_brain(brain, acquisition), snr, seed)
    estimates = estimate_brain(scan, acquisition, brain.label, estimator)
    regions = brain_regions(scan, brain.territory_names)
    scores = score_regions(estimates, regions)
    scores["arterial_label"] = {}
    for name, velocity in ARTERIAL_LABEL.items():
        setting = replace(acquisition, vascular_crushing=velocity)
        other = estimates
        if setting != acquisition:
            seen = with_noise(replace(scan, concentration=acquire_brain(brain, setting)), snr, seed)
            other = estimate_brain(seen, setting, brain.label, None)
        by_method = score_regions(other, {"brain": regions["brain"]})["brain"]["all"]
        scores["arterial_label"][name] = {method: by_method[method] for method in KINETIC_METHODS}
    write_report(run_dir, scores, estimates, regions, acquisition)
    print_report(run_dir, scores, regions, acquisition)
    stated = (*asked, ("Noise", noise(snr)), *((("Seed of the noise", str(seed)),) if snr is not None else ()))
    page = brain_report(scores, estimates, regions, acquisition, brain.label, estimator, stated)
    print(f"report: {write_page(run_dir / 'report.html', page)}")
    return scores


def check_settings(estimator: Estimator | None, acquisition: Acquisition, snr: float | None) -> None:
    """Make sure, before a brain is simulated for it, that a network reads what it was trained for.

    Raises:
        InputError: if not, or for a signal-to-noise ratio that is not above 0.
    """
    if snr is not None and (isinstance(snr, bool) or not isinstance(snr, int | float) or not snr > 0):
        raise InputError(f"snr: found {snr}; give a ratio above 0, or null for no noise")
    differences = estimator.accepts(acquisition) if estimator else []
    if differences:
        raise InputError(
            f"ckpt: trained for another protocol ({'; '.join(differences)}); leave the acquisition out to take the "
            "checkpoint's, or train a network with these acquisition settings"
        )
