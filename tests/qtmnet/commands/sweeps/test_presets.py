"""Sweeps from files: what stands on the command line comes first, and each file makes runs that can be composed."""

from typing import Any

import pytest
import yaml

from qtmnet.commands.sweeps.conclusion import LawWanted
from qtmnet.commands.sweeps.grid import Row
from qtmnet.commands.sweeps.presets import params_words, rows_of
from qtmnet.commands.sweeps.runner import SweepRunner
from qtmnet.configuration.conf_folder import CONF
from simulators import InputError

N_RUNS = {
    "attention": 12,
    "cubes": 12,
    "delays": 12,
    "exchange": 6,
    "gradient_weight": 18,
    "layout": 9,
    "linear_start": 6,
    "norm": 9,
    "normalization": 6,
    "width": 9,
}
"""Of each file, three seeds of each setting."""


def test_there_is_a_number_for_each_file() -> None:
    assert [*N_RUNS] == sorted(path.stem for path in (CONF / "sweep").glob("*.yaml"))


@pytest.mark.parametrize("name", N_RUNS)
def test_all_runs_of_a_file_can_be_composed(command, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(SweepRunner, "run", lambda _runner, _number, swept, _overrides: seen.append(swept))
    outcome = command("train", "--multirun", f"sweep={name}", "experiment=quickstart")
    assert outcome.status == 0, outcome.err
    assert "will fail" not in outcome.err
    assert f"results will be in runs/quickstart/sweep-{name}" in outcome.err
    assert len(seen) == N_RUNS[name]
    assert len({tuple(swept.items()) for swept in seen}) == N_RUNS[name]
    assert {swept["seed"] for swept in seen} == {"0", "1", "2"}
    assert all("data.seed" not in swept for swept in seen)


@pytest.mark.parametrize(("name", "sizes"), [("cubes", [360, 1440, 5760, 23040]), ("width", [8, 16, 32])])
def test_rows_have_the_sizes_of_their_law(name: str, sizes: list[int]) -> None:
    sweeper = yaml.safe_load((CONF / "sweep" / f"{name}.yaml").read_text(encoding="utf-8"))["hydra"]["sweeper"]
    assert [row.size for row in rows_of(sweeper["together"], [])] == sizes
    assert LawWanted.of(sweeper["law"]) is not None
    for row in sweeper["together"]:
        if name == "width":
            assert row["model.base_channels"] == row["size"]
        elif row.get("data") == "cco_stream":
            assert row["size"] == row["data.samples_per_epoch"] * row["trainer.max_epochs"]
        else:  # a tenth is to validate with; all see as many samples
            assert row["size"] == 0.9 * row["data.n_cubes"]
            assert row["size"] * row["trainer.max_epochs"] == 23040


def test_the_command_line_comes_first() -> None:
    params = {"model.attention": "none,both", "seed": "0,1,2"}
    assert params_words(params, ["seed=5", "name=x"]) == ["model.attention=none,both"]
    assert params_words(params, ["+model.attention=both"]) == ["seed=0,1,2"]
    assert params_words({"data.snr": None, "data.flips": True, "a": [1, 2]}, []) == [
        "data.snr=null",
        "data.flips=true",
        "a=[1, 2]",
    ]
    assert params_words(None, []) == []


def test_rows_lose_what_the_command_line_sets_and_then_their_size() -> None:
    together = [{"size": 8, "a": 1, "b": "x"}, {"size": 16, "a": 2, "b": "x"}]
    assert rows_of(together, ["c=1"]) == [Row({"a": "1", "b": "x"}, 8.0), Row({"a": "2", "b": "x"}, 16.0)]
    assert rows_of(together, ["b=y"]) == [Row({"a": "1"}), Row({"a": "2"})]
    assert rows_of(together, ["a=3"]) == [Row({"b": "x"})]  # which are one
    assert rows_of(None, []) == [Row({})]


@pytest.mark.parametrize("together", [[], "a", {"a": 1}, [1], [{"size": 0}], [{"size": True}], [{"size": "many"}]])
def test_what_is_no_row_is_refused(together: Any) -> None:
    with pytest.raises(InputError, match=r"^hydra.sweeper.together: "):
        rows_of(together, [])


def test_params_are_a_mapping() -> None:
    with pytest.raises(InputError, match=r"^hydra.sweeper.params: found "):
        params_words(["a=1"], [])


@pytest.mark.parametrize(
    "law", [{}, {"size": "cubes"}, {"size": 1, "predict": 1}, {"size": "n", "predict": 0}, {"size": "n", "at": 2}]
)
def test_a_law_has_a_size_and_what_it_foretells(law: Any) -> None:
    with pytest.raises(InputError, match=r"^hydra.sweeper.law: give "):
        LawWanted.of(law)


def test_a_sweep_is_no_single_run(command, tiny) -> None:
    outcome = command("train", "sweep=attention", *tiny)
    assert outcome.status == 2
    assert "sweep: found attention, which is for many trainings; give --multirun, too" in outcome.err


def test_a_search_takes_no_sweep_from_a_file(command, tmp_path) -> None:
    outcome = command("train", "--multirun", "hydra/sweeper=bayes", "sweep=attention", "experiment=quickstart")
    assert outcome.status == 2
    assert outcome.told == ["error: hydra.sweeper.params: for a grid alone; leave out sweep=…, or hydra/sweeper=bayes"]
    assert not [*tmp_path.iterdir()]
