"""No table shows nan: a score that is not defined is a dash with its reason, and maps of no numbers are refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qtmnet.commands import evaluate as evaluation
from qtmnet.commands.evaluate import evaluate_on_cubes
from qtmnet.datasets.cubes import Cubes, cubes_by_split
from qtmnet.evaluation.estimates import Estimates
from qtmnet.evaluation.map_checks import check_maps
from qtmnet.evaluation.metrics import Scores, score, score_parts
from qtmnet.evaluation.score_tables import print_regions, print_table
from qtmnet.methods.base import Methods
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.network.estimator import Estimator
from qtmnet.methods.network.method import NetworkMethod
from qtmnet.methods.single_delay import SingleDelay
from qtmnet.quantities import CBF
from simulators import CubeParameters, InputError
from simulators.transport.numba import NumbaSimulator
from tests.qtmnet.networks import described

TRUTH = np.random.default_rng(0).uniform(10, 80, (2, 5, 6, 7))
FLAT = np.full_like(TRUTH, 50.0)


@pytest.mark.parametrize(
    ("truth", "mask", "undefined"),
    [
        (TRUTH, None, {}),
        (FLAT, None, {"slope": "true perfusion does not vary"}),
        (0 * TRUTH, None, {"NRMSE": "true perfusion is 0 throughout", "slope": "true perfusion does not vary"}),
        (TRUTH[..., :2], None, {"SSIM": "thinner than 3 voxels"}),
        (
            TRUTH,
            np.zeros(TRUTH.shape, bool),
            dict.fromkeys(("NRMSE", "bias (mL/100g/min)", "SSIM", "slope"), "no voxel to compare"),
        ),
    ],
    ids=["defined", "flat", "zero", "thin", "empty"],
)
@pytest.mark.parametrize("estimate", [TRUTH + 1, FLAT], ids=["varied", "constant"])
def test_tables_tell_why_a_score_is_not_defined(
    capsys, truth: np.ndarray, mask: np.ndarray | None, undefined: Mapping[str, str], estimate: np.ndarray
) -> None:
    scores = score(estimate[..., : truth.shape[-1]], truth, mask)
    print_table({"single_delay": scores}, "two cubes")
    told = capsys.readouterr().out
    assert "nan" not in told
    notes = dict(re.findall(r"^– (.+) is not defined: (.+)$", told, re.MULTILINE))
    assert notes.keys() == undefined.keys()
    for name, reason in undefined.items():
        assert reason in notes[name]
    assert sum(value is None for value in scores.as_dict().values()) == len(undefined)
    json.dumps(scores.as_dict(), allow_nan=False)


def test_regions_tell_why_a_score_is_not_defined(capsys) -> None:
    regions = {"all": np.ones(TRUTH.shape[1:], bool), "dead": np.indices(TRUTH.shape[1:])[0] == 0}
    regions["nowhere"] = ~regions["all"]
    truth = np.where(regions["dead"], 0, TRUTH[0])
    scores = {name: {"multi_delay": s} for name, s in score_parts(TRUTH[0], truth, regions["all"], regions).items()}
    print_regions({"tissue": scores}, {"tissue": {name: int(r.sum()) for name, r in regions.items()}}, "parts")
    told = capsys.readouterr().out
    assert "nan" not in told
    assert "– NRMSE of dead is not defined: the true perfusion is 0 throughout" in told
    assert "– NRMSE of nowhere is not defined: there is no voxel to compare" in told
    assert told.count("not defined") == 3  # and the bias of nowhere


PHANTOM = replace(CubeParameters(), shape=(8, 8, 8))
NETWORK = described(phantom=PHANTOM)


ESTIMATOR = Estimator(NETWORK)
KINETIC = {"single_delay": SingleDelay(), "multi_delay": MultiDelay()}
METHODS = Methods({"qtmnet": NetworkMethod.of(ESTIMATOR)}, KINETIC)


def of_perfusion(truth: np.ndarray | None, maps: Mapping[str, np.ndarray]) -> Estimates:
    """Maps of perfusion by method, as an evaluation has them."""
    return Estimates(
        {} if truth is None else {"cbf": truth}, {name: {"cbf": found} for name, found in maps.items()}, {}
    )


@pytest.fixture
def evaluated(monkeypatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Evaluate made-up maps of cubes into a folder."""

    def evaluate(truth: np.ndarray, maps: Mapping[str, np.ndarray]) -> tuple[dict[str, Scores], Path]:
        cubes = cubes_by_split(
            NETWORK.acquisition, PHANTOM, NumbaSimulator(), n_cubes={"test": 64}, seed=0, dir=tmp_path / "cubes"
        )["test"]
        monkeypatch.setattr(Cubes, "simulate", lambda *_: None)
        monkeypatch.setattr(evaluation, "estimate_cubes", lambda *_: of_perfusion(truth, maps))
        return evaluate_on_cubes(ESTIMATOR, METHODS, cubes, tmp_path / "run")["cbf"], tmp_path / "run"

    return evaluate


@pytest.mark.parametrize("truth", [0 * TRUTH, FLAT, TRUTH[..., :2]], ids=["zero", "flat", "thin"])
@pytest.mark.parametrize("level", [0.0, 50.0, -3.0])
def test_a_whole_evaluation_without_nan(evaluated, truth: np.ndarray, level: float) -> None:
    maps = {"qtmnet": np.full_like(truth, level), "single_delay": truth + 1, "multi_delay": 0 * truth}
    _, run = evaluated(truth.astype(np.float32), maps)
    text = (run / "metrics.json").read_text(encoding="utf-8")
    assert not re.search(r"NaN|Infinity", text)
    assert None in json.loads(text)["qtmnet"].values()
    page = (run / "report.html").read_text(encoding="utf-8")
    page = re.sub(r"<(script|style|svg).*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf)\b", page)


@pytest.mark.parametrize("method", ["truth", "qtmnet", "single_delay", "multi_delay"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_that_is_not_finite_ends_the_evaluation(evaluated, tmp_path: Path, method: str, value: float) -> None:
    maps = {name: TRUTH.copy() for name in ("truth", "qtmnet", "single_delay", "multi_delay")}
    maps[method][1, 2, 3, 4] = value
    told = rf"test cubes, {method.replace('_', ' ')}: its map is not finite in 1 of 420 voxels; "
    with pytest.raises(InputError, match=told):
        evaluated(maps.pop("truth"), maps)
    assert not (tmp_path / "run").exists()


def test_single_voxels_may_be_beyond_measure_and_a_network_may_not() -> None:
    noisy = TRUTH.copy()
    noisy[0, 0, 0, 0] = 100 * CBF.beyond
    check_maps(of_perfusion(None, {"qtmnet": noisy, "multi_delay": 1e9 * TRUTH}), METHODS)
    with pytest.raises(InputError, match="of no perfusion: its values lie around"):
        check_maps(of_perfusion(None, {"qtmnet": -1e9 * TRUTH}), METHODS)
    outside = np.where(TRUTH > 20, TRUTH, np.nan)
    check_maps(of_perfusion(None, {"qtmnet": outside}), METHODS, TRUTH > 20)
