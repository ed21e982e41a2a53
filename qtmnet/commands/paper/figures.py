"""The figures 2 to 5 of the QTMnet paper by one command, of a brain of ours and of a real scan."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.commands.brains import FOLDER, simulate_brain_for
from qtmnet.commands.evaluate_brain import check_settings
from qtmnet.costs.afford import afford
from qtmnet.costs.brains import brain_evaluation_costs
from qtmnet.evaluation.brain_estimates import BrainEstimates, RegionScores, estimate_brain, score_regions, with_noise
from qtmnet.evaluation.brain_regions import brain_regions
from qtmnet.evaluation.score_tables import print_table
from qtmnet.figures.brain_vessels import vessels_by_territory
from qtmnet.figures.paper import PaperFigures, save_agreement, save_in_vivo, save_label, save_maps_with_errors
from qtmnet.figures.vessel_views import save_vessel_picture
from qtmnet.methods.base import Frames, Method, Methods
from qtmnet.methods.network.estimator import Estimator
from qtmnet.quantities import CBF, MAIN, number_text
from qtmnet.report.gallery.page import Gallery, Plate, write_gallery
from qtmnet.report.lines import lines_of
from qtmnet.report.scan_numbers.lines import RegionTable
from qtmnet.report.settings import Settings, origin, protocol
from qtmnet.scans.bids.finding import find_scans, nifti_stem
from qtmnet.scans.scan import read_scan
from qtmnet.scans.words import noise
from simulators.errors import InputError, printable
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.phantoms.brain_scan import BrainScan, laid_over, scan_brain
from simulators.phantoms.simulated_brain import Brain

ARTERIES = 0.05
"""mL/mL of arterial blood, over which a voxel is drawn as one of arteries."""


class NotDrawn(InputError):
    """A figure cannot be drawn of what there is; the others can."""


@dataclass(frozen=True, eq=False)
class Phantom:
    """A simulated brain, its scan, and what methods make of it."""

    brain: Brain
    scan: BrainScan
    estimates: BrainEstimates
    scores: RegionScores


def draw_paper_figures(
    cfg: DictConfig,
    phantom: BrainParameters,
    acquisition: Acquisition,
    methods: Methods,
    estimator: Estimator | None = None,
) -> RegionScores:
    """Draw the figures of the paper as PNG, and a page that shows them with captions.

    Writes `figure_2_vessels.png`, `figure_2_label.png`, `figure_3.png`, `figure_4.png`, `figure_5.png` (of a scan
    `figure_5_<scan>.png`) and `figures.html` into the run's folder.

    Args:
        cfg: of `conf/evaluate.yaml`, with `figures`.
        phantom: the brain.
        acquisition: protocol that it is read with.
        methods: the network, if there is one, and what it is compared with.
        estimator: that of a checkpoint, whose memory is looked at beforehand.

    Returns:
        Scores of perfusion by kind of region, region and method.

    Raises:
        InputError: for settings that fit neither the methods nor the brain, if no figure can be drawn, or for files
            that cannot be written.
    """
    figures: PaperFigures = instantiate(cfg.figures, _convert_="all")
    check_settings(methods, acquisition, cfg.snr)
    scans = find_scans(Path(cfg.input)) if cfg.input is not None else []
    simulator, run_dir = instantiate(cfg.simulator), Path(cfg.run_dir)
    afford(brain_evaluation_costs(phantom, acquisition, simulator, cfg.dir or FOLDER, estimator))
    brain = simulate_brain_for(phantom, acquisition, simulator, cfg.dir)
    acquisition = laid_over(acquisition, brain)
    scan = with_noise(scan_brain(brain, acquisition), cfg.snr, cfg.seed)
    estimates = estimate_brain(scan, acquisition, brain.label, methods)
    if MAIN not in estimates.scored:
        raise InputError("method: found none that maps perfusion; give another besides")
    scores = score_regions(estimates, brain_regions(scan, brain.territory_names), MAIN)
    seen = Phantom(brain, scan, estimates, scores)
    run_dir.mkdir(parents=True, exist_ok=True)
    plates: list[Plate] = []
    notes: list[str] = []
    for number in figures.drawn:
        for path in scans if number == 5 and scans else (None,):
            try:
                if path is None:
                    plates += FIGURES[number](seen, methods, acquisition, run_dir)
                else:
                    plates.append(_in_vivo(path, methods, run_dir))
            except NotDrawn as error:
                notes.append(f"figure {number} is left out: {error}" if path is None else f"{path}: {error}")
    if not plates:
        raise InputError(notes[0])
    for note in notes:
        print(printable(note))
    print_table(scores["brain"]["all"], f"a brain, {int(estimates.inside.sum())} voxels")
    for plate in plates:
        print(printable(f"figure: {plate.path}"))
    page = _page(seen, methods, plates, notes, (*protocol(acquisition), ("Noise", noise(cfg.snr))))
    print(f"page: {write_gallery(run_dir / 'figures.html', page)}")
    return scores


def _vessels_and_label(seen: Phantom, methods: Methods, acquisition: Acquisition, run_dir: Path) -> Iterator[Plate]:
    brain, scan = seen.brain, seen.scan
    path = run_dir / "figure_2_vessels.png"
    save_vessel_picture(path, vessels_by_territory(brain), brain.anatomy.affine, mask=brain.anatomy.in_tissue)
    yield Plate(
        "Figure 2, vessels",
        "Arteries by the territory that they feed, and veins, of the simulated brain, from below, the front and the "
        f"left; the thickest of {brain.vessels.arteries.n_nodes:,} arterial and {brain.vessels.veins.n_nodes:,} venous "
        "segments, as wide as they are.",
        path,
    )
    path, inside = run_dir / "figure_2_label.png", seen.estimates.inside
    tissues = {
        "grey matter": inside & (scan.grey >= 0.7),
        "white matter": inside & (scan.white >= 0.7),
        f"over {100 * ARTERIES:g} % arteries": inside & (scan.arterial_blood > ARTERIES),
    }
    save_label(
        path,
        scan.concentration,
        _times(acquisition),
        inside,
        scan.affine,
        {name: voxels for name, voxels in tissues.items() if voxels.any()},
    )
    yield Plate(
        "Figure 2, label over time",
        "Labeled blood, mL/100 mL of tissue, in each frame in three planes, and its mean in the frames by tissue. "
        f"{'; '.join(f'{name}: {value}' for name, value in protocol(acquisition))}.",
        path,
    )


def _times(acquisition: Acquisition) -> list[str]:
    delays = acquisition.post_labeling_delays
    if len(delays) == acquisition.n_frames:
        return [f"PLD {delay:g} s" for delay in delays]
    return [f"frame {k}" for k in range(1, acquisition.n_frames + 1)]


def _maps(seen: Phantom, methods: Methods, acquisition: Acquisition, run_dir: Path) -> Iterator[Plate]:
    estimates, path = seen.estimates, run_dir / "figure_3.png"
    errors = {methods.titles[name]: found.nrmse for name, found in seen.scores["brain"]["all"].items()}
    maps = {methods.titles[name]: values for name, values in estimates.of(MAIN).items()}
    save_maps_with_errors(path, estimates.truth[MAIN], maps, errors, estimates.inside, estimates.affine)
    told = "; ".join(f"{title} {number_text(100 * error, '.2f')} %" for title, error in errors.items())
    yield Plate(
        "Figure 3, maps and errors",
        f"Perfusion, {CBF.unit}: truth and estimates on one scale, and below each its error, estimate less truth. "
        f"Relative error ‖Q̂ − Q‖ / ‖Q‖ of the whole brain: {told}. The paper has 7.04 % for its network, 25.15 % for "
        "the single-delay and 12.62 % for the multi-delay model, on a brain of its own.",
        path,
    )


def _agreement(seen: Phantom, methods: Methods, acquisition: Acquisition, run_dir: Path) -> Iterator[Plate]:
    estimates, path, titles = seen.estimates, run_dir / "figure_4.png", methods.titles
    inside = estimates.inside
    regions = {"brain": seen.scores["brain"]["all"], **seen.scores["tissue"], **seen.scores["territory"]}
    save_agreement(
        path,
        estimates.truth[MAIN][inside].astype(float),
        {titles[name]: values[inside].astype(float) for name, values in estimates.of(MAIN).items()},
        {
            region: {titles[name]: found.nrmse for name, found in by_method.items()}
            for region, by_method in regions.items()
        },
        {line.title: line.colour for line in lines_of(methods).values()},
    )
    yield Plate(
        "Figure 4, agreement",
        f"Above: perfusion as estimated against the truth, {CBF.unit}, of all voxels of the brain, with the line where "
        "they are equal and the slope of the least-squares line; what lies beyond the axes is drawn at their ends. "
        "Below: relative error ‖Q̂ − Q‖ / ‖Q‖, %, of the brain, its tissues and its arteries' territories.",
        path,
    )


def _difference(seen: Phantom, methods: Methods, acquisition: Acquisition, run_dir: Path) -> Iterator[Plate]:
    estimates, maps, path = seen.estimates, seen.estimates.of(MAIN), run_dir / "figure_5.png"
    one, other = _pair(methods, tuple(maps))
    titled = (methods.titles[one], maps[one]), (methods.titles[other], maps[other])
    save_in_vivo(path, titled, estimates.inside, estimates.affine)
    yield Plate(
        "Figure 5, difference",
        f"Perfusion, {CBF.unit}, by {methods.titles[one]} and {methods.titles[other]}, and the former less the latter, "
        "of the simulated brain: the paper shows it in vivo, which an input does here, too.",
        path,
    )


FIGURES = {2: _vessels_and_label, 3: _maps, 4: _agreement, 5: _difference}


def _in_vivo(path: Path, methods: Methods, run_dir: Path) -> Plate:
    """Figure 5 of a real scan.

    Raises:
        NotDrawn: for a scan that cannot be read, or by fewer than two methods.
    """
    try:
        frames = Frames.of_scan(read_scan(path))
    except InputError as error:
        raise NotDrawn(str(error)) from None
    readable, reasons = [], []
    for name, method in methods.all.items():
        if reason := _refusal(method, frames.acquisition):
            reasons.append(f"{method.title}: {reason}")
        else:
            readable.append(name)
    if len(readable) < 2:
        raise NotDrawn(f"two methods are compared, found {len(readable)} that read it; {'; '.join(reasons)}")
    one, other = _pair(methods, tuple(readable))
    assert frames.affine is not None  # of a file
    maps = {name: methods.all[name].maps(frames)[MAIN] for name in (one, other)}
    inside = frames.inside & np.all([np.isfinite(values) for values in maps.values()], axis=0)
    titles, target = methods.titles, run_dir / f"figure_5_{nifti_stem(path)}.png"
    save_in_vivo(target, ((titles[one], maps[one]), (titles[other], maps[other])), inside, frames.affine)
    medians = "; ".join(f"{titles[name]} {np.median(values[inside]):.1f}" for name, values in maps.items())
    left_out = f" Left out: {'; '.join(reasons)}." if reasons else ""
    apart = float((maps[one] - maps[other])[inside].mean())
    return Plate(
        f"Figure 5, in vivo: {nifti_stem(path)}",
        f"Perfusion, {CBF.unit}, by {titles[one]} and {titles[other]}, and the former less the latter. Medians in the "
        f"mask: {medians}; mean difference {apart:+.1f} {CBF.unit}.{left_out}",
        target,
    )


def _refusal(method: Method, acquisition: Acquisition) -> str:
    """Why a method does not read a protocol, or has no perfusion; empty if it does."""
    if MAIN not in method.quantities:
        return "it does not map perfusion"
    try:
        method.check(acquisition)
    except InputError as error:
        return str(error)
    return ""


def _pair(methods: Methods, names: tuple[str, ...]) -> tuple[str, str]:
    """The first network and the multi-delay model, or who else there is.

    Raises:
        NotDrawn: for a single method.
    """
    one = next((name for name in methods.learned if name in names), names[0])
    rest = [name for name in names if name != one]
    if not rest:
        raise NotDrawn(f"method: found {one} alone; figure 5 compares two, give method=multi_delay besides")
    return one, "multi_delay" if "multi_delay" in rest else rest[0]


def _page(seen: Phantom, methods: Methods, plates: list[Plate], notes: list[str], settings: Settings) -> Gallery:
    rows = tuple(
        (
            methods.titles[name],
            tuple(
                text.replace("-", "−")
                for text in (
                    number_text(100 * found.nrmse, ".2f"),
                    number_text(found.bias, "+.2f"),
                    number_text(found.ssim, ".3f"),
                    number_text(found.slope, ".3f"),
                )
            ),
        )
        for name, found in seen.scores["brain"]["all"].items()
    )
    headings = (("Relative error", "%"), ("Bias", CBF.unit), ("SSIM", ""), ("Slope", ""))
    return Gallery(
        title="The figures of the QTMnet paper, drawn anew",
        summary="Figures 2 to 5 of Hu et al. 2023 (arXiv:2311.10640) as they come out of this package: simulated "
        "vessels and label, maps and errors, agreement with the truth, and the difference of methods.",
        plates=tuple(plates),
        tables=(RegionTable("Perfusion of the whole brain", headings, rows),),
        notes=tuple(notes),
        settings=settings,
        provenance=origin(),
    )
