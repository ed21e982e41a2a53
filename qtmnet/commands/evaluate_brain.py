"""All methods on a whole simulated brain, and in every part of it."""

import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from qtmnet.evaluation.brain_estimates import RegionScores, estimate_brain, score_regions, with_noise
from qtmnet.evaluation.brain_regions import brain_regions
from qtmnet.evaluation.circulation import TRUTH, circulation
from qtmnet.evaluation.intervals import score_intervals
from qtmnet.evaluation.score_files import write_interval_scores
from qtmnet.evaluation.score_tables import print_intervals
from qtmnet.methods.base import Methods
from qtmnet.methods.network.method import ANY_PROTOCOL, NetworkMethod, OtherProtocol
from qtmnet.methods.network.training_record import is_noiseless
from qtmnet.quantities import MAIN
from qtmnet.report.brain import brain_report
from qtmnet.report.brain_files import print_brain_scores, write_brain_files
from qtmnet.report.page import write_page
from qtmnet.report.settings import Settings
from qtmnet.scans.words import noise
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_scan import acquire_brain, laid_over, scan_brain
from simulators.phantoms.simulated_brain import Brain

ARTERIAL_LABEL = {"all label": None, "crushed": 0.0}
"""The two settings of vascular crushing (mm/s) under which the compared methods are always reported."""


def evaluate_brain(
    brain: Brain,
    acquisition: Acquisition,
    methods: Methods,
    run_dir: Path,
    *,
    snr: float | None = None,
    seed: int = 0,
    asked: Settings = (),
) -> dict[str, RegionScores]:
    """Scan a brain, make maps of it with all methods and score them, as a whole and by region.

    Those that others are compared with are scored a second time with all arterial label in the image and with none.
    Writes scores, maps as NIfTI, figures and `report.html` into the run's folder, and prints tables, see
    `qtmnet.report.brain_files`.

    Args:
        brain: the phantom.
        acquisition: protocol, vascular crushing included; its slices are laid over the brain, see `laid_over`.
        methods: the network, if there is one, and what it is compared with.
        run_dir: folder to write into.
        snr: signal-to-noise ratio of the frames, see `with_noise`; None for no noise.
        seed: of the noise.
        asked: further settings that the report is to state.

    Returns:
        Scores by quantity, kind of region, region and method.

    Raises:
        InputError: before anything is written, for settings that fit neither the methods nor the brain.
    """
    check_settings(methods, acquisition, snr)
    acquisition = laid_over(acquisition, brain)
    scan = with_noise(scan_brain(brain, acquisition), snr, seed)
    estimates = estimate_brain(scan, acquisition, brain.label, methods)
    if not estimates.scored:
        raise InputError("method: found none whose maps have a truth to score them by; give another besides")
    regions = brain_regions(scan, brain.territory_names)
    scores = {key: score_regions(estimates, regions, key) | {"arterial_label": {}} for key in estimates.scored}
    for name, velocity in ARTERIAL_LABEL.items() if methods.compared else ():
        setting = replace(acquisition, vascular_crushing=velocity)
        other = estimates
        if setting != acquisition:
            seen = with_noise(replace(scan, concentration=acquire_brain(brain, setting)), snr, seed)
            other = estimate_brain(seen, setting, brain.label, Methods(compared=methods.compared))
        for key in other.scored:
            by_method = score_regions(other, {"brain": regions["brain"]}, key)["brain"]["all"]
            compared = {method: value for method, value in by_method.items() if method in methods.compared}
            scores[key]["arterial_label"][name] = compared
    parts = {name: voxels for named in regions.values() for name, voxels in named.items()}
    intervals = score_intervals(estimates, parts)
    flows = None
    if MAIN in scores:
        perfusion = {TRUTH: estimates.truth[MAIN], **estimates.of(MAIN)}
        flows = circulation(perfusion, scan, estimates.inside, brain.territory_names)
    write_brain_files(run_dir, scores, estimates, regions, methods, flows)
    print_brain_scores(run_dir, scores, regions, acquisition, flows)
    if path := write_interval_scores(run_dir, intervals):
        told = [*regions["brain"], *regions.get("tissue", {})]
        print_intervals({key: {name: found[name] for name in told} for key, found in intervals.items()}, "a brain")
        print(f"intervals: {path}")
    stated = (*asked, ("Noise", noise(snr)), *((("Seed of the noise", str(seed)),) if snr is not None else ()))
    page = brain_report(scores, estimates, regions, methods, stated, intervals, flows)
    print(f"report: {write_page(run_dir / 'report.html', page)}")
    return scores


def warn_of_noise(methods: Methods, ratios: Iterable[float | None]) -> None:
    """Warn of networks that were trained without noise, if they are to read any.

    Args:
        methods: to be compared.
        ratios: signal-to-noise ratios of the frames; None for no noise.
    """
    if all(ratio is None for ratio in ratios):
        return
    for name, method in methods.learned.items():
        if isinstance(method, NetworkMethod) and is_noiseless(method.estimator.description):
            warnings.warn(
                f"{name}: the network was trained without noise and blows up that of the frames; weights=any_scan "
                "knows noise, as does a training with data.snr=[2,20]",
                stacklevel=2,
            )


def check_settings(methods: Methods, acquisition: Acquisition, snr: float | None) -> None:
    """Make sure, before a brain is simulated for them, that methods can read it: a network reads what it was trained
    for.

    Raises:
        InputError: if not, or for a signal-to-noise ratio that is not above 0.
    """
    if snr is not None and (isinstance(snr, bool) or not isinstance(snr, int | float) or not snr > 0):
        raise InputError(f"snr: found {snr}; give a ratio above 0, or null for no noise")
    warn_of_noise(methods, [snr])
    for method in methods.learned.values():
        try:
            method.check(acquisition)
        except OtherProtocol as error:
            raise InputError(
                f"{error.network}: trained for another protocol ({error.found}); leave the acquisition out to take "
                f"the one that it was trained for; {ANY_PROTOCOL}"
            ) from None
