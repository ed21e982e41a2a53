"""`evaluate.py`: the network beside the kinetic models, on cubes that training never saw."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from qtmnet import kinetic
from qtmnet.checkpoint import load_estimator
from qtmnet.data import QTMDataModule
from qtmnet.estimator import Estimator
from qtmnet.figures import save_comparison
from qtmnet.metrics import Scores, score
from simulators.cube import CubeParameters

METHODS = ("qtmnet", "single_delay", "multi_delay")


@dataclass(frozen=True)
class Estimates:
    """Perfusion maps of the same cubes, mL/100g/min, (n, X, Y, Z): the truth and each method's."""

    truth: np.ndarray
    by_method: dict[str, np.ndarray]


def evaluate(cfg: DictConfig) -> dict[str, Scores]:
    """Evaluate a checkpoint; see `conf/evaluate.yaml`."""
    estimator = load_estimator(cfg.ckpt)
    recipe = estimator.recipe
    data = QTMDataModule(
        recipe.acquisition,
        recipe.phantom,
        instantiate(cfg.simulator),
        n_cubes=2,
        n_test=cfg.n_cubes,
        dir=cfg.dir,
        seed=cfg.seed,
        snr=recipe.snr,
        n_workers=cfg.n_workers,
    )
    scores = evaluate_on_cubes(estimator, data, Path(cfg.run_dir))
    print_table(scores, f"{cfg.n_cubes} unseen cubes")
    return scores


def evaluate_on_cubes(estimator: Estimator, data: QTMDataModule, run_dir: Path) -> dict[str, Scores]:
    """Score all methods on the test cubes; writes `metrics.json` and `comparison.png` into the run's folder."""
    data.simulate("test")
    estimates = estimate_cubes(estimator, data)
    scores = {method: score(maps, estimates.truth) for method, maps in estimates.by_method.items()}
    run_dir.mkdir(parents=True, exist_ok=True)
    metrics = {method: scores[method].as_dict() for method in scores}
    (run_dir / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    first = {method: maps[0] for method, maps in estimates.by_method.items()}
    save_comparison(run_dir / "comparison.png", estimates.truth[0], first)
    print(f"metrics: {run_dir / 'metrics.json'}\nfigure: {run_dir / 'comparison.png'}")
    return scores


def estimate_cubes(estimator: Estimator, data: QTMDataModule) -> Estimates:
    """Estimate the test cubes with the network and both kinetic models, from the same frames."""
    pairs = list(_estimate_each(estimator, data))
    truth = np.stack([truth for truth, _ in pairs])
    return Estimates(truth, {method: np.stack([maps[method] for _, maps in pairs]) for method in METHODS})


def _estimate_each(estimator: Estimator, data: QTMDataModule) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    dataset = data.dataset("test", slice(None), augmented=False)
    for index in range(len(dataset)):
        sample = {name: value.numpy() for name, value in dataset[0, index].items()}
        slice_time = sample["slice_time"][0, 0, 0]
        maps = {"qtmnet": estimator.perfusion(sample["concentration"], slice_time)}
        timing = tuple(slice_time.tolist()) if data.acquisition.slice_timing else ()
        acquisition = replace(data.acquisition, slice_timing=timing)
        for method in METHODS[1:]:
            maps[method] = kinetic.fit(
                sample["concentration"], acquisition, method=method, **kinetic_parameters(estimator.recipe.phantom)
            ).cbf
        yield sample["perfusion"][0], maps


def kinetic_parameters(phantom: CubeParameters) -> dict[str, float]:
    """Constants that the kinetic models would be given if the tissue's own were known."""
    if phantom.exchange == "none":
        return {"t1_blood": phantom.t1_blood, "t1_tissue": phantom.t1_blood, "partition_coefficient": np.inf}
    return {"t1_blood": phantom.t1_blood, "t1_tissue": phantom.t1_tissue}


def print_table(scores: dict[str, Scores], caption: str) -> None:
    """Print the scores, a row for each method."""
    table = Table("method", "NRMSE", "bias (mL/100g/min)", "SSIM", "slope", title=caption)
    for method, value in scores.items():
        table.add_row(
            method, f"{value.nrmse:.3f}", f"{value.bias_ml_100g_min:+.2f}", f"{value.ssim:.3f}", f"{value.slope:.3f}"
        )
    Console(width=100).print(table)
