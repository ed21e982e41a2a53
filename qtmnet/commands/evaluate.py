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
from qtmnet.commands.methods import compared_methods, readable
from qtmnet.costs.afford import afford
from qtmnet.costs.brains import brain_evaluation_costs
from qtmnet.costs.datasets import cubes_costs
from qtmnet.costs.training import evaluation_cost
from qtmnet.datasets.cubes import Cubes, cubes_by_split
from qtmnet.evaluation.brain_estimates import RegionScores
from qtmnet.evaluation.cubes import QuantityScores, estimate_cubes, score_cubes
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.evaluation.metrics import Scores
from qtmnet.evaluation.score_files import metrics_path, write_cube_scores
from qtmnet.evaluation.score_tables import print_table
from qtmnet.figures.comparison import save_comparison
from qtmnet.learning.samples import SampleMaker
from qtmnet.methods.base import Frames, Maps, Methods
from qtmnet.methods.network.checkpoint import load_estimator
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


def evaluate(cfg: DictConfig) -> Evaluation:
    """Evaluate a checkpoint, and the compared methods beside it; see `conf/evaluate.yaml`.

    Raises:
        InputError: for settings that do not fit the phantom.
    """
    if cfg.get("phantom") is None:
        return Evaluation(first_of(evaluate_cubes_of(cfg)))
    by_region = evaluate_phantom(cfg)
    return Evaluation(first_of(by_region)["brain"]["all"], by_region)


def evaluate_phantom(cfg: DictConfig) -> dict[str, RegionScores]:
    """Evaluate on the phantom of the configuration, with the network if there is one."""
    phantom = instantiate(cfg.phantom, _convert_="all")
    if not isinstance(phantom, BrainParameters):
        raise InputError(
            f"phantom: found {type(phantom).__name__}; leave it out for cubes like those of the checkpoint's training, "
            "or give phantom=brain"
        )
    estimator = load_estimator(cfg.ckpt, trusted=cfg.trust) if cfg.ckpt is not None else None
    acquisition = _protocol(cfg, estimator)
    methods = readable(compared_methods(cfg, estimator, str(cfg.ckpt)), acquisition)
    check_settings(methods, acquisition, cfg.snr)
    simulator = instantiate(cfg.simulator)
    afford(brain_evaluation_costs(phantom, acquisition, simulator, cfg.dir or FOLDER, estimator))
    brain = simulate_brain_for(phantom, acquisition, simulator, cfg.dir)
    asked = (("Checkpoint", str(cfg.ckpt)), ("Seed of the brain", str(phantom.seed)))[cfg.ckpt is None :]
    return evaluate_brain(brain, acquisition, methods, Path(cfg.run_dir), snr=cfg.snr, seed=cfg.seed, asked=asked)


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
    if cfg.ckpt is None:
        raise InputError("ckpt: not given; give a checkpoint of a training, or phantom=brain to do without")
    if cfg.snr is not None:
        raise InputError(
            f"snr: found {cfg.snr}; cubes get the noise of the training, leave it out or give phantom=brain"
        )
    if instantiate(cfg.acquisition, _convert_="all") != ProtocolChanges({}):
        raise InputError("acquisition: cubes are read with the checkpoint's; leave it out, or give phantom=brain")
    estimator = load_estimator(cfg.ckpt, trusted=cfg.trust)
    phantom = _training_phantom(cfg.ckpt, estimator)
    methods = readable(compared_methods(cfg, estimator, str(cfg.ckpt)), estimator.description.acquisition)
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
    return evaluate_on_cubes(estimator, methods, cubes, Path(cfg.run_dir), (("Checkpoint", str(cfg.ckpt)),))


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
    page = cubes_report(estimates, scores, methods, frames, (*stated, ("Noise", noise(snr_of(estimator.description)))))
    for key in scores:
        print(f"metrics: {metrics_path(run_dir, key)}")
    print(f"figure: {run_dir / 'comparison.png'}")
    print(f"report: {write_page(run_dir / 'report.html', page)}")
    for key, by_method in scores.items():
        of = "" if key == MAIN else f"{QUANTITIES[key].name}, "
        print_table(by_method, f"{of}{cubes.n_cubes} unseen cubes", QUANTITIES[key])
    return scores


def _samples(estimator: Estimator, methods: Methods, cubes: Cubes) -> Iterator[tuple[Frames, Maps]]:
    """Frames of each cube, whose tissue is known, and the truth of what the methods make, by quantity."""
    made = in_order(key for method in methods.all.values() for key in method.quantities)
    truths = [key for key in made if QUANTITIES[key].truth]
    acquired, maker = cubes.acquired(), SampleMaker.of(cubes, snr=snr_of(estimator.description), truths=truths)
    for index in range(cubes.n_cubes):
        sample = maker.sample(acquired[index], (0, index))
        timing = tuple(sample["slice_time"][0, 0, 0].tolist()) if cubes.acquisition.slice_timing else ()
        acquisition = replace(cubes.acquisition, slice_timing=timing)
        frames = Frames(sample["concentration"], acquisition, tissue=cubes.recipe.phantom)
        yield frames, {key: sample[key][0] for key in truths}


def _blank(estimator: Estimator, cubes: Cubes, shape: tuple[int, ...]) -> Frames:
    """Frames that stand for those of all cubes where a page says how such frames are read."""
    concentration = np.zeros((cubes.acquisition.n_frames, *shape), np.float32)
    return Frames(concentration, cubes.acquisition, tissue=cubes.recipe.phantom)


Each = TypeVar("Each")


def first_of(by_quantity: Mapping[str, Each]) -> Each:
    """What there is of the main quantity, or else of the first."""
    return by_quantity[MAIN if MAIN in by_quantity else next(iter(by_quantity))]
