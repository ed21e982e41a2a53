"""`evaluate`: the network beside the kinetic models, on cubes that training never saw or on a whole brain."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig

from qtmnet.commands.brains import FOLDER, simulate_brain_for, tell
from qtmnet.commands.evaluate_brain import check_settings, evaluate_brain
from qtmnet.costs.afford import afford
from qtmnet.costs.brains import brain_evaluation_costs
from qtmnet.costs.datasets import cubes_costs
from qtmnet.costs.training import evaluation_cost
from qtmnet.datasets.cubes import Cubes, cubes_by_split
from qtmnet.evaluation.brain_estimates import RegionScores
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.evaluation.metrics import Scores, score
from qtmnet.evaluation.score_tables import print_table
from qtmnet.figures.comparison import save_comparison
from qtmnet.learning.samples import SampleMaker
from qtmnet.methods.base import Frames
from qtmnet.methods.baselines import KINETIC_METHODS, fit_baselines
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.record import phantom_of, snr_of
from qtmnet.process.progress import watched
from qtmnet.report.cubes import cubes_report
from qtmnet.report.page import write_report
from qtmnet.report.settings import Settings
from qtmnet.scans.acquisitions import ProtocolChanges
from simulators.errors import InputError
from simulators.files.json_files import write_json
from simulators.imaging.acquisition import Acquisition
from simulators.phantoms.brain_parameters import BrainParameters
from simulators.phantoms.cube import CubeParameters

METHODS = ("qtmnet", *KINETIC_METHODS)


@dataclass(frozen=True)
class Estimates:
    """Perfusion maps of the same cubes, mL/100g/min, (n, X, Y, Z): the truth and each method's."""

    truth: np.ndarray
    by_method: dict[str, np.ndarray]


@dataclass(frozen=True)
class Evaluation:
    """Scores by method, over all cubes or the whole brain; of a brain also by kind of region, region and method."""

    scores: dict[str, Scores]
    by_region: RegionScores | None = None

    def measures(self) -> dict[str, float]:
        """What a sweep compares: the relative error of each method."""
        return {method: score.nrmse for method, score in self.scores.items()}


def evaluate(cfg: DictConfig) -> Evaluation:
    """Evaluate a checkpoint, and the kinetic models beside it; see `conf/evaluate.yaml`.

    Raises:
        InputError: for settings that do not fit the phantom.
    """
    if cfg.get("phantom") is None:
        return Evaluation(evaluate_cubes_of(cfg))
    by_region = evaluate_phantom(cfg)
    return Evaluation(by_region["brain"]["all"], by_region)


def evaluate_phantom(cfg: DictConfig) -> RegionScores:
    """Evaluate on the phantom of the configuration, with the network if there is one."""
    phantom = instantiate(cfg.phantom, _convert_="all")
    if not isinstance(phantom, BrainParameters):
        raise InputError(
            f"phantom: found {type(phantom).__name__}; leave it out for cubes like those of the checkpoint's training, "
            "or give phantom=brain"
        )
    estimator = load_estimator(cfg.ckpt, trusted=cfg.trust) if cfg.ckpt is not None else None
    acquisition = _protocol(cfg, estimator)
    check_settings(estimator, acquisition, cfg.snr)
    simulator = instantiate(cfg.simulator)
    afford(brain_evaluation_costs(phantom, acquisition, simulator, cfg.dir or FOLDER, estimator))
    brain = simulate_brain_for(phantom, acquisition, simulator, cfg.dir)
    asked = (("Checkpoint", str(cfg.ckpt)), ("Seed of the brain", str(phantom.seed)))[cfg.ckpt is None :]
    return evaluate_brain(brain, acquisition, estimator, Path(cfg.run_dir), snr=cfg.snr, seed=cfg.seed, asked=asked)


def _protocol(cfg: DictConfig, estimator: Estimator | None) -> Acquisition:
    """The protocol that is asked for; what of it is not, is the checkpoint's, or without one the paper's."""
    asked = instantiate(cfg.acquisition, _convert_="all")
    if isinstance(asked, Acquisition):
        return asked
    rest = "the default protocol" if estimator is None else "the checkpoint's protocol"
    changed = f", but for {', '.join(asked.given)}" if asked.given else ""
    tell(f"acquisition: {rest}{changed}")
    return asked.of(Acquisition() if estimator is None else estimator.description.acquisition)


def evaluate_cubes_of(cfg: DictConfig) -> dict[str, Scores]:
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
    phantom, _ = _training(cfg.ckpt, estimator)
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
    scores = evaluate_on_cubes(estimator, cubes, Path(cfg.run_dir), (("Checkpoint", str(cfg.ckpt)),))
    print_table(scores, f"{cfg.n_cubes} unseen cubes")
    return scores


def _training(ckpt: str, estimator: Estimator) -> tuple[CubeParameters, float | tuple[float, float] | None]:
    """What the cubes were drawn from that a network was trained on, and the signal-to-noise ratio of its frames.

    Raises:
        InputError: if the checkpoint does not say.
    """
    try:
        return phantom_of(estimator.description), snr_of(estimator.description)
    except InputError as error:
        raise InputError(f"{ckpt}: ckpt: {error}; give phantom=brain") from None


def evaluate_on_cubes(estimator: Estimator, cubes: Cubes, run_dir: Path, asked: Settings = ()) -> dict[str, Scores]:
    """Score all methods on cubes, made if they are missing; writes `metrics.json`, `comparison.png` and `report.html`.

    A map that is not finite ends it before anything is written, the other methods' rows too: beside a method that is
    left out they would pass for the whole comparison.

    Args:
        estimator: the network.
        cubes: that training never saw; they get the noise that it had.
        run_dir: folder to write into.
        asked: further settings that the report is to state.

    Raises:
        InputError: for a map that is not finite.
    """
    cubes.simulate()
    estimates = estimate_cubes(estimator, cubes)
    check_maps({"truth": estimates.truth, **estimates.by_method}, where="test cubes, ")
    scores = {method: score(maps, estimates.truth) for method, maps in estimates.by_method.items()}
    run_dir.mkdir(parents=True, exist_ok=True)
    metrics = {method: scores[method].as_dict() for method in scores}
    write_json(run_dir / "metrics.json", metrics)
    first = {method: maps[0] for method, maps in estimates.by_method.items()}
    save_comparison(run_dir / "comparison.png", estimates.truth[0], first)
    stated = (*asked, ("Test cubes", str(len(estimates.truth))), ("Seed of the cubes", str(cubes.recipe.seed)))
    network, phantom = estimator.description, cubes.recipe.phantom
    page = cubes_report(estimates.truth, estimates.by_method, scores, network, phantom, stated)
    print(f"metrics: {run_dir / 'metrics.json'}\nfigure: {run_dir / 'comparison.png'}")
    print(f"report: {write_report(run_dir / 'report.html', page)}")
    return scores


def estimate_cubes(estimator: Estimator, cubes: Cubes) -> Estimates:
    """Estimate cubes with the network and both kinetic models, from the same frames."""
    pairs: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []
    with watched(lambda: len(pairs), cubes.n_cubes, "Estimating test cubes"):
        for pair in _estimate_each(estimator, cubes):
            pairs.append(pair)
    truth = np.stack([truth for truth, _ in pairs])
    return Estimates(truth, {method: np.stack([maps[method] for _, maps in pairs]) for method in METHODS})


def _estimate_each(estimator: Estimator, cubes: Cubes) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    acquired, maker = cubes.acquired(), SampleMaker.of(cubes, snr=snr_of(estimator.description))
    for index in range(cubes.n_cubes):
        sample = maker.sample(acquired[index], (0, index))
        slice_time = sample["slice_time"][0, 0, 0]
        timing = tuple(slice_time.tolist()) if cubes.acquisition.slice_timing else ()
        acquisition = replace(cubes.acquisition, slice_timing=timing)
        maps = {"qtmnet": estimator.maps(Frames(sample["concentration"], acquisition))["cbf"]}
        fitted = fit_baselines(sample["concentration"], acquisition, cubes.recipe.phantom)
        maps |= {method: fitted[method].cbf for method in KINETIC_METHODS}
        yield sample["cbf"][0], maps
