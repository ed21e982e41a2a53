"""`evaluate`: the network beside what it is compared with, on cubes that training never saw or on a whole brain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.commands.brains import FOLDER, simulate_brain_for, tell
from qtmnet.commands.evaluate_brain import check_settings, evaluate_brain
from qtmnet.commands.evaluate_protocols import evaluate_protocols
from qtmnet.commands.evaluate_scan import ScanEvaluation, evaluate_scans
from qtmnet.commands.methods import compared_methods, given_network, readable
from qtmnet.commands.paper.figures import draw_paper_figures
from qtmnet.commands.paper.robustness import evaluate_robustness
from qtmnet.costs.afford import afford
from qtmnet.costs.brains import brain_evaluation_costs
from qtmnet.costs.datasets import cubes_costs
from qtmnet.costs.training import evaluation_cost
from qtmnet.datasets.cubes import Cubes, cubes_by_split
from qtmnet.evaluation.brain_estimates import RegionScores
from qtmnet.evaluation.cubes import QuantityScores, estimate_cubes, score_cubes
from qtmnet.evaluation.intervals import score_intervals
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.evaluation.metrics import Scores
from qtmnet.evaluation.protocols.scans import Row
from qtmnet.evaluation.score_files import metrics_path, write_cube_scores, write_interval_scores
from qtmnet.evaluation.score_tables import print_intervals, print_table
from qtmnet.figures.comparison import save_comparison
from qtmnet.learning.samples import SampleMaker
from qtmnet.methods.base import Frames, Maps, Methods
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.training_record import phantom_of, snr_of
from qtmnet.quantities import MAIN, QUANTITIES, in_order
from qtmnet.report.cubes import cubes_report
from qtmnet.report.page import write_page
from qtmnet.report.settings import Settings
from qtmnet.scans.acquisitions import ProtocolChanges
from qtmnet.scans.words import noise
from simulators.errors import InputError
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.phantoms.cube import CubeParameters


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation finds.

    Attributes:
        scores: of the main quantity, or else the first, by method, over all cubes or the whole brain.
        by_region: of a brain, by quantity, kind of region, region and method.
    """

    scores: dict[str, Scores]
    by_region: dict[str, RegionScores] | None = None

    def measures(self) -> dict[str, float]:
        """What a sweep compares: the relative error of each method."""
        return {method: score.nrmse for method, score in self.scores.items()}


@dataclass(frozen=True)
class ProtocolEvaluation:
    """What an evaluation on many scans finds: a row for each scan and method."""

    rows: list[Row]

    def measures(self) -> dict[str, float]:
        """What a sweep compares: the relative error of each method, its mean over all scans that it can read."""
        errors: dict[str, list[float]] = {}
        for row in self.rows:
            if "nrmse" in row:
                errors.setdefault(row["method"], []).append(row["nrmse"])
        return {method: float(np.mean(values)) for method, values in errors.items()}


def evaluate(cfg: DictConfig) -> Evaluation | ProtocolEvaluation | ScanEvaluation:
    """Evaluate a checkpoint, and the compared methods beside it; see `conf/evaluate.yaml`.

    Raises:
        InputError: for settings that do not fit the phantom.
    """
    if cfg.get("figures") is not None:
        by_kind = draw_figures_of(cfg)
        return Evaluation(by_kind["brain"]["all"], {MAIN: by_kind})
    if cfg.get("input") is not None:
        return evaluate_scans_of(cfg)
    if cfg.get("protocols") is not None:
        return ProtocolEvaluation(evaluate_protocols_of(cfg))
    if cfg.get("robustness") is not None:
        return ProtocolEvaluation(evaluate_robustness_of(cfg))
    if cfg.get("phantom") is None:
        return Evaluation(first_of(evaluate_cubes_of(cfg)))
    by_region = evaluate_phantom(cfg)
    return Evaluation(first_of(by_region)["brain"]["all"], by_region)


def evaluate_phantom(cfg: DictConfig) -> dict[str, RegionScores]:
    """Evaluate on the phantom of the configuration, with the network if there is one."""
    phantom = _brain_of(cfg, "leave it out for cubes like those of the checkpoint's training, or give phantom=brain")
    estimator, network = given_network(cfg)
    acquisition = _protocol(cfg, estimator)
    methods = readable(compared_methods(cfg, estimator, network), acquisition)
    check_settings(methods, acquisition, cfg.snr)
    simulator = instantiate(cfg.simulator)
    afford(brain_evaluation_costs(phantom, acquisition, simulator, cfg.dir or FOLDER, estimator))
    brain = simulate_brain_for(phantom, acquisition, simulator, cfg.dir)
    asked = (("Weights", network), ("Seed of the brain", str(phantom.seed)))[not network :]
    return evaluate_brain(brain, acquisition, methods, Path(cfg.run_dir), snr=cfg.snr, seed=cfg.seed, asked=asked)


def draw_figures_of(cfg: DictConfig) -> RegionScores:
    """Draw the figures of the paper, with the network if there is one; see `draw_paper_figures`.

    Raises:
        InputError: for figures beside a table.
    """
    for name in ("protocols", "robustness"):
        if cfg.get(name) is not None:
            raise InputError(f"figures: found beside {name}; give one of them")
    phantom = _brain_of(cfg, "give phantom=brain, which figures are drawn of")
    estimator, network = given_network(cfg)
    acquisition = _protocol(cfg, estimator)
    methods = readable(compared_methods(cfg, estimator, network), acquisition)
    return draw_paper_figures(cfg, phantom, acquisition, methods, estimator)


def evaluate_protocols_of(cfg: DictConfig) -> list[Row]:
    """Evaluate on all protocols of a table, with the network if there is one; see `evaluate_protocols`."""
    phantom = _brain_of(cfg, "give phantom=brain, which protocols are read from")
    return evaluate_protocols(cfg, phantom, compared_methods(cfg, *given_network(cfg)))


def evaluate_robustness_of(cfg: DictConfig) -> list[Row]:
    """Evaluate where one thing after the other is off, with the network if there is one; see `evaluate_robustness`."""
    phantom = _brain_of(cfg, "give phantom=brain, which is read under each disturbance")
    estimator, network = given_network(cfg)
    acquisition = _protocol(cfg, estimator)
    methods = readable(compared_methods(cfg, estimator, network), acquisition)
    return evaluate_robustness(cfg, phantom, acquisition, methods)


def evaluate_scans_of(cfg: DictConfig) -> ScanEvaluation:
    """Evaluate on parts of real scans, with the network if there is one; see `evaluate_scans`.

    Raises:
        InputError: if there is a phantom besides.
    """
    if any(cfg.get(name) is not None for name in ("phantom", "protocols", "robustness")):
        raise InputError("input: found a phantom, protocols or robustness besides; give one of them")
    return evaluate_scans(cfg, compared_methods(cfg, *given_network(cfg)))


def _brain_of(cfg: DictConfig, advice: str) -> BrainParameters:
    """The brain of the configuration.

    Raises:
        InputError: if its phantom is none.
    """
    phantom = None if cfg.get("phantom") is None else instantiate(cfg.phantom, _convert_="all")
    if not isinstance(phantom, BrainParameters):
        found = "none" if phantom is None else type(phantom).__name__
        raise InputError(f"phantom: found {found}; {advice}")
    return phantom


def _protocol(cfg: DictConfig, estimator: Estimator | None) -> Acquisition:
    """The protocol that is asked for; what of it is not, is the checkpoint's, or without one the paper's."""
    asked = instantiate(cfg.acquisition, _convert_="all")
    if isinstance(asked, Acquisition):
        return asked
    rest = "the default protocol" if estimator is None else "the checkpoint's protocol"
    changed = f", but for {', '.join(asked.given)}" if asked.given else ""
    tell(f"acquisition: {rest}{changed}")
    return asked.of(Acquisition() if estimator is None else estimator.description.acquisition)


def evaluate_cubes_of(cfg: DictConfig) -> QuantityScores:
    """Evaluate a checkpoint on cubes like those that it was trained on."""
    estimator, network = given_network(cfg)
    if estimator is None:
        raise InputError(
            "phantom: not given, and cubes are those of a network for one protocol; give phantom=brain, or ckpt of one"
        )
    if cfg.snr is not None:
        raise InputError(
            f"snr: found {cfg.snr}; cubes get the noise of the training, leave it out or give phantom=brain"
        )
    if instantiate(cfg.acquisition, _convert_="all") != ProtocolChanges({}):
        raise InputError("acquisition: cubes are read with the checkpoint's; leave it out, or give phantom=brain")
    phantom = _training_phantom(network, estimator)
    methods = readable(compared_methods(cfg, estimator, network), estimator.description.acquisition)
    cubes = cubes_by_split(
        estimator.description.acquisition,
        phantom,
        instantiate(cfg.simulator),
        n_cubes={"test": cfg.n_cubes},
        seed=cfg.seed,
        dir=cfg.dir,
        cluster=instantiate(cfg.cluster),
    )["test"]
    afford([*cubes_costs(cubes, "n_cubes", "dir"), evaluation_cost(cubes, "n_cubes")])
    return evaluate_on_cubes(estimator, methods, cubes, Path(cfg.run_dir), (("Weights", network),))


def _training_phantom(ckpt: str, estimator: Estimator) -> CubeParameters:
    """What the cubes were drawn from that a network was trained on.

    Raises:
        InputError: if the checkpoint does not say, or not with what noise they were read.
    """
    try:
        snr_of(estimator.description)
        return phantom_of(estimator.description)
    except InputError as error:
        raise InputError(f"{ckpt}: ckpt: {error}; give phantom=brain") from None


def evaluate_on_cubes(
    estimator: Estimator, methods: Methods, cubes: Cubes, run_dir: Path, asked: Settings = ()
) -> QuantityScores:
    """Score all methods on cubes, made if they are missing.

    Writes `metrics.json` (of further quantities `metrics_<quantity>.json`), `comparison.png` and `report.html`, and
    prints tables.

    A map that is not finite ends it before anything is written, the other methods' rows too: beside a method that is
    left out they would pass for the whole comparison.

    Args:
        estimator: the network.
        methods: it, and what it is compared with.
        cubes: that training never saw; they get the noise that it had.
        run_dir: folder to write into.
        asked: further settings that the report is to state.

    Raises:
        InputError: for a map that is not finite.
    """
    cubes.simulate()
    estimates = estimate_cubes(_samples(estimator, methods, cubes), cubes.n_cubes, methods)
    check_maps(estimates, methods, where="test cubes, ")
    scores = score_cubes(estimates)
    if not scores:
        raise InputError("method: found none whose maps have a truth to score them by; give another besides")
    run_dir.mkdir(parents=True, exist_ok=True)
    write_cube_scores(run_dir, scores)
    main = next(iter(scores))
    first = {method: maps[0] for method, maps in estimates.of(main).items()}
    save_comparison(run_dir / "comparison.png", estimates.truth[main][0], first, QUANTITIES[main])
    stated = (*asked, ("Test cubes", str(cubes.n_cubes)), ("Seed of the cubes", str(cubes.recipe.seed)))
    frames = _blank(estimator, cubes, estimates.truth[main].shape[1:])
    intervals = score_intervals(estimates, {"all": np.ones(estimates.truth[main].shape, bool)})
    stated = (*stated, ("Noise", noise(snr_of(estimator.description))))
    page = cubes_report(estimates, scores, methods, frames, stated, intervals)
    for key in scores:
        print(f"metrics: {metrics_path(run_dir, key)}")
    if path := write_interval_scores(run_dir, intervals):
        print(f"intervals: {path}")
    print(f"figure: {run_dir / 'comparison.png'}")
    print(f"report: {write_page(run_dir / 'report.html', page)}")
    for key, by_method in scores.items():
        of = "" if key == MAIN else f"{QUANTITIES[key].name}, "
        print_table(by_method, f"{of}{cubes.n_cubes} unseen cubes", QUANTITIES[key])
    print_intervals(intervals, f"{cubes.n_cubes} unseen cubes")
    return scores


def _samples(estimator: Estimator, methods: Methods, cubes: Cubes) -> Iterator[tuple[Frames, Maps]]:
    """Frames of each cube, whose tissue is known, and the truth of what the methods make, by quantity."""
    made = in_order(key for method in methods.all.values() for key in method.quantities)
    truths = [key for key in made if QUANTITIES[key].truth]
    acquired, maker = cubes.acquired(), SampleMaker.of(cubes, snr=snr_of(estimator.description), truths=truths)
    for index in range(cubes.n_cubes):
        sample, deviation = maker.sample_and_noise(acquired[index], (0, index))
        timing = tuple(sample["slice_time"][0, 0, 0].tolist()) if cubes.acquisition.slice_timing else ()
        acquisition = replace(cubes.acquisition, slice_timing=timing)
        frames = Frames(
            sample["concentration"],
            acquisition,
            tissue=cubes.recipe.phantom,
            noise=np.full((1, 1, 1, 1), deviation, np.float32),
        )
        yield frames, {key: sample[key][0] for key in truths}


def _blank(estimator: Estimator, cubes: Cubes, shape: tuple[int, ...]) -> Frames:
    """Frames that stand for those of all cubes where a page says how such frames are read."""
    concentration = np.zeros((cubes.acquisition.n_frames, *shape), np.float32)
    return Frames(concentration, cubes.acquisition, tissue=cubes.recipe.phantom)


Each = TypeVar("Each")


def first_of(by_quantity: Mapping[str, Each]) -> Each:
    """What there is of the main quantity, or else of the first."""
    return by_quantity[MAIN if MAIN in by_quantity else next(iter(by_quantity))]
