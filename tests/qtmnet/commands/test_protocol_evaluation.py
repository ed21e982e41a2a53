"""Methods on many protocols, read from a small brain."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qtmnet.configuration.conf_folder import CONF
from qtmnet.evaluation.protocols.scans import divide_errors, scans_of, score_scan
from qtmnet.evaluation.protocols.settings import Protocol, ProtocolTable
from qtmnet.methods.base import About, Frames, Maps, Method, Methods
from qtmnet.methods.multi_delay import MultiDelay
from qtmnet.methods.network.checkpoint import load_estimator
from qtmnet.methods.network.weights import save_weights
from qtmnet.methods.shipped.files import shipped_weights
from qtmnet.methods.single_delay import SingleDelay
from simulators import PASL, PCASL, BrainParameters, HadamardPCASL, InputError
from simulators.phantoms.averaged_brain import AveragedBrain, AveragedBrains
from simulators.phantoms.brain import BrainStages

COARSE = ("phantom=brain", "phantom.voxel_size_mm=[8,8,8]")
QUICK = ("protocols=table", "protocols.share=0.01", "protocols.snr=[null,3]", "protocols.until=5")
SIZE = (8.0, 8.0, 8.0)


@pytest.fixture(scope="module")
def kept_stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("brain")


@pytest.fixture(scope="module")
def brain(kept_stages: Path) -> AveragedBrain:
    stages = BrainStages(BrainParameters(voxel_size_mm=SIZE), folder=kept_stages)
    return AveragedBrains(stages, ProtocolTable({"one": Protocol()}, until=5.0).times(200.0), [SIZE]).on(SIZE)


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


class Oracle(Method):
    """Knows the truth, and gives an interval around it; reads two delays or more."""

    title = "oracle"
    quantities = ("cbf", "att")
    learned = True

    def __init__(self, truth: Mapping[str, np.ndarray]) -> None:
        self.truth, self.seen = truth, []

    def check(self, acquisition) -> None:
        if acquisition.n_frames < 2:
            raise InputError("post_labeling_delays: found one; give two")

    def maps(self, frames: Frames) -> Maps:
        self.seen.append(frames)
        cbf = self.truth["cbf"]
        return {"cbf": cbf, "cbf_low": 0.9 * cbf, "cbf_high": 1.1 * cbf, "att": np.nan_to_num(self.truth["att"])}

    def about(self, frames: Frames) -> About:
        return About(self.title, "")


def test_command_scores_all_scans_and_goes_on_where_it_was_stopped(command, kept_stages: Path, tmp_path: Path) -> None:
    given = (
        *COARSE,
        *QUICK,
        "protocols.only=[paper,delays_1]",
        "brain_seeds=[0,3]",
        f"dir={kept_stages}",
        "run_dir=run",
    )
    outcome = command("evaluate", *given)
    assert outcome.status == 0, outcome.err
    rows = rows_of(tmp_path / "run" / "protocols.csv")
    assert len(rows) == 2 * 2 * 2 * 2 * 3  # brains, protocols, arterial label, noise, methods
    dashes = [row for row in rows if not row["nrmse"]]
    assert {(row["method"], row["protocol"]) for row in dashes} == {("multi_delay", "delays_1")}
    assert "multi_delay on delays_1: post_labeling_delays: found one delay" in outcome.out
    assert "–" in (tmp_path / "run" / "protocols.md").read_text(encoding="utf-8")
    assert {row["brain"] for row in rows} == {"0", "3"}

    files = sorted((tmp_path / "run" / "brains").iterdir())
    assert len(files) == 2
    stopped = json.loads(files[0].read_text(encoding="utf-8"))
    del stopped["rows"]["paper"]
    stopped["rows"]["delays_1"]["rows"][0]["nrmse"] = 123.0
    files[0].write_text(json.dumps(stopped), encoding="utf-8")
    assert command("evaluate", *given).status == 0
    again = rows_of(tmp_path / "run" / "protocols.csv")
    assert [row["nrmse"] for row in again if row["nrmse"] == "123.0"] == ["123.0"]  # that was kept
    kept = {row["method"]: row for row in again if row["protocol"] == "paper"}
    assert kept["single_delay"]["nrmse"]  # and this made


def test_rows_of_other_weights_under_one_name_are_not_taken_for_these(
    command, kept_stages: Path, tmp_path: Path
) -> None:
    given = (*COARSE, *QUICK, "method=[]", "protocols.only=[paper]", f"dir={kept_stages}", "run_dir=run")
    estimator = load_estimator(shipped_weights("any_scan"))
    errors = []
    for shift in (0.0, 1.0):
        with torch.no_grad():
            estimator.network.head.bias += shift
        save_weights(tmp_path / "mine", estimator)
        assert command("evaluate", *given, f"weights={tmp_path / 'mine.json'}").status == 0
        rows = rows_of(tmp_path / "run" / "protocols.csv")
        assert {row["method"] for row in rows} == {"any_scan"}
        errors.append([float(row["nrmse"]) for row in rows])
    assert (np.array(errors[1]) > np.array(errors[0])).all()


@pytest.mark.parametrize("protocols", sorted(file.stem for file in (CONF / "protocols").glob("*.yaml")))
def test_option_is_read(command, kept_stages: Path, tmp_path: Path, protocols: str) -> None:
    quick = ("protocols.share=0.002", "protocols.snr=[10]", "protocols.arterial_label=[crushed]", f"dir={kept_stages}")
    outcome = command("evaluate", *COARSE, f"protocols={protocols}", *quick, "run_dir=run")
    assert outcome.status == 0, outcome.err
    rows = rows_of(tmp_path / "run" / "protocols.csv")
    assert all(row["nrmse"] or "delay" in row["reason"] for row in rows)
    assert all(float(row["nrmse"]) < 1 for row in rows if row["method"] == "single_delay")  # crushed: no arteries in it


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("protocols=table",), "phantom: found none; give phantom=brain"),
        (("protocols=table", "phantom=cube"), "phantom: found CubeParameters; give phantom=brain"),
        (("protocols=table", "phantom=brain", "snr=3"), "snr: found 3.*protocols.snr; leave it out"),
        (("protocols=table", "phantom=brain", "labeling=pasl"), "labeling: .*; leave it out"),
        (("protocols=table", "phantom=brain", "phantom.seed=1", "brain_seeds=[2]"), "phantom.seed: .*; leave it out"),
        (("phantom=brain", "brain_seeds=[1,2]"), "brain_seeds: .*; leave it out"),
        (("protocols=table", "phantom=brain", "brain_seeds=[1,1]"), "brain_seeds: found .1, 1.; give"),
        (("protocols=table", "phantom=brain", "brain_seeds=[]"), "brain_seeds: found ..; give a list of seeds"),
        (("protocols=table", "phantom=brain", "protocols.only=[papre]"), "only: found 'papre'; give some of"),
        (("protocols=table", "phantom=brain", "protocols.snr=[0]"), "protocols.snr: found .0.; give ratios"),
        (("protocols=table", "phantom=brain", "protocols.arterial_label=none"), "arterial_label: .*give all label"),
    ],
)
def test_settings_that_do_not_go_together(command, given: tuple[str, ...], told: str) -> None:
    outcome = command("evaluate", *given)
    assert outcome.status == 2
    assert re.search(told, outcome.err), outcome.err


def test_intervals_and_the_reasons_of_a_network(brain: AveragedBrain) -> None:
    oracle = Oracle({"cbf": brain.seen.perfusion, "att": brain.seen.att})
    methods = Methods({"oracle": oracle}, {"single_delay": SingleDelay()})
    table = ProtocolTable({"paper": Protocol(voxel_size_mm=SIZE)}, share=0.5)
    rows = [row for scan in scans_of(brain, table.protocols["paper"], table, 0) for row in score_scan(scan, methods)]
    assert len(rows) == 2 * 3 * 2
    for row in rows:
        if row["method"] == "oracle":
            assert row["nrmse"] == row["att_error"] == 0
            assert row["coverage"] == 1
            assert row["share_0.1 to 0.2"] + row["share_0 to 0.1"] == 1  # 0.1 but for rounding
        assert row["n_voxels"] < 0.6 * oracle.seen[0].inside.sum()  # a network sees all, half is scored
    one = Protocol(voxel_size_mm=SIZE, post_labeling_delays=(1.8,))
    scan = next(scans_of(brain, one, table, 0))
    (row, _) = score_scan(scan, methods)
    assert row["reason"] == "post_labeling_delays: found one; give two"
    assert "nrmse" not in row


def test_a_share_that_leaves_no_voxel_is_refused(brain: AveragedBrain) -> None:
    table = ProtocolTable({"paper": Protocol(voxel_size_mm=SIZE)}, share=1e-9)
    with pytest.raises(InputError, match=r"^protocols.share: found 1e-09, which leaves no voxel"):
        next(scans_of(brain, table.protocols["paper"], table, 0))


def test_a_map_that_is_not_finite_has_no_scores(brain: AveragedBrain) -> None:
    broken = Oracle({"cbf": np.full(brain.seen.perfusion.shape, np.inf), "att": brain.seen.att})
    table = ProtocolTable({"paper": Protocol(voxel_size_mm=SIZE)})
    (row,) = score_scan(next(scans_of(brain, table.protocols["paper"], table, 0)), Methods({"oracle": broken}))
    assert row["reason"].startswith("its map of cbf is not finite in")
    assert "nrmse" not in row


@pytest.mark.parametrize("protocol", [Protocol(), Protocol(PASL(), (0.9, 1.8)), Protocol(HadamardPCASL(), (0.3,))])
def test_kinetic_models_take_frames_in_any_order(brain: AveragedBrain, protocol: Protocol) -> None:
    protocol = replace(protocol, voxel_size_mm=SIZE)
    table = ProtocolTable({"one": protocol}, snr=(10.0,), arterial_label=("all label",))
    scan = next(scans_of(brain, protocol, table, 0))
    methods = Methods(compared={"single_delay": SingleDelay(), "multi_delay": MultiDelay()})
    for row in score_scan(scan, methods, permuted=True):
        assert row["permuted_difference"] < 1e-3  # mL/100g/min, of sums in another order


def test_frames_taken_away_leave_those_of_a_protocol_without_them(brain: AveragedBrain) -> None:
    delays = (0.5, 1.0, 1.5, 2.0)
    noiseless = ProtocolTable({"one": Protocol()}, snr=(None,), arterial_label=("crushed",))
    some = Protocol(PCASL((1.0, 1.2, 1.4, 1.6)), delays, SIZE, kept=(1, 3))
    fewer = Protocol(PCASL((1.2, 1.6)), (1.0, 2.0), SIZE)
    found, expected = (next(scans_of(brain, protocol, noiseless, 0)).frames for protocol in (some, fewer))
    np.testing.assert_allclose(found.concentration, expected.concentration, rtol=1e-6)
    assert found.acquisition.frames == expected.acquisition.frames
    assert found.acquisition.post_labeling_delays == (1.0, 2.0)
    maps, others = (MultiDelay().maps(frames)["cbf"] for frames in (found, expected))
    np.testing.assert_allclose(maps, others, rtol=1e-5)
    noisy = ProtocolTable({"one": Protocol()}, snr=(5.0,))
    whole, part = (next(scans_of(brain, replace(some, kept=kept), noisy, 0)).frames for kept in (None, (1, 3)))
    np.testing.assert_array_equal(part.concentration, whole.concentration[[1, 3]])  # the same noise
    assert part.noise == whole.noise


def test_noise_is_told_as_it_is_or_as_asked(brain: AveragedBrain) -> None:
    table = ProtocolTable({"one": Protocol()}, snr=(None, 5.0), arterial_label=("all label",))
    right, half = (
        [scan.frames for scan in scans_of(brain, Protocol(voxel_size_mm=SIZE, told_noise=told), table, 0)]
        for told in (1.0, 0.5)
    )
    added = right[1].concentration - right[0].concentration
    assert right[0].noise == half[0].noise == 0
    assert right[1].noise == pytest.approx(added.std(), rel=0.02)  # of 20,000 draws
    assert half[1].noise == pytest.approx(0.5 * right[1].noise)


def test_errors_are_divided_by_those_of_the_protocol_beside() -> None:
    table = ProtocolTable({"slices": Protocol(beside="plain"), "plain": Protocol()})
    scan = {"arterial_label": "crushed", "snr": 3.0, "method": "a"}
    rows = [
        {"protocol": "slices", **scan, "nrmse": 0.3},
        {"protocol": "plain", **scan, "nrmse": 0.2},
        {"protocol": "slices", **scan, "method": "b", "nrmse": 0.3},
        {"protocol": "plain", **scan, "method": "b", "reason": "cannot"},
    ]
    assert [row.get("ratio") for row in divide_errors(rows, table)] == [pytest.approx(1.5), None, None, None]
    with pytest.raises(InputError, match=r"^protocols.slices.beside: found 'none such'; give one of"):
        ProtocolTable({"slices": Protocol(beside="none such")})
