"""Some of the odd inputs of `python -m tests.fuzz`, the same in each run, in this process."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qtmnet.methods.network.checkpoint import load_estimator
from simulators.errors import InputError
from tests.fuzz import scenery
from tests.fuzz.here import run_here
from tests.fuzz.judge import verdict
from tests.fuzz.kinds import KINDS, drawn

KINDS_HERE = (
    *("known", "setting", "two settings", "position", "option", "flags", "many words", "sidecar", "table", "header"),
    *("name that is taken", "path by place", "path by name"),
)
"""Kinds that neither take long nor change this process."""

settings.register_profile(
    "fuzz",
    derandomize=True,
    database=None,
    deadline=None,  # what takes long is looked for by `python -m tests.fuzz`
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FUZZ = settings.get_profile("fuzz")
SEEN: Counter[str] = Counter()


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenery.make_quickly(tmp_path_factory.mktemp("fuzz") / "scenery")


@pytest.mark.parametrize("kind", KINDS_HERE)
@settings(FUZZ, max_examples=4)
@given(rng=st.integers(0, 2**32 - 1).map(Random))
def test_odd_inputs_are_refused_in_one_line_or_taken(kind: str, rng: Random, around: Path, tmp_path: Path) -> None:
    item = replace(drawn(kind, rng), work=False)
    outcome = run_here(item, around, tmp_path / "scratch")
    how, fault = verdict(item, outcome)
    assert not fault, f"{item.line()}: {fault}: {outcome.err}"
    SEEN[how] += 1


@pytest.mark.parametrize("kind", ["field of a checkpoint", "weights", "bytes of a checkpoint"])
@settings(FUZZ, max_examples=20)
@given(rng=st.integers(0, 2**32 - 1).map(Random))
def test_checkpoints_of_strangers_are_refused_in_one_line_or_taken(
    kind: str, rng: Random, around: Path, tmp_path: Path
) -> None:
    item, path = drawn(kind, rng), tmp_path / "best.ckpt"
    path.write_bytes((around / "best.ckpt").read_bytes())
    assert item.prepare is not None
    item.prepare(tmp_path)
    line = refusal(path)
    assert not line or (line.startswith(f"{path}: ckpt: ") and line.isprintable())


def refusal(path: Path) -> str:
    """The line that refuses a checkpoint; empty if nothing does."""
    try:
        load_estimator(path)
    except InputError as error:
        return str(error)
    return ""


def test_most_are_refused_and_some_are_taken() -> None:
    """The tests above would pass as well with inputs that are all alike."""
    if SEEN:  # not where this test runs alone, or in another process
        assert SEEN["refused"] > SEEN["taken"] > 0


def test_all_kinds_draw_the_same_for_the_same_seed() -> None:
    for kind in KINDS:
        assert drawn(kind, Random(1)).line() == drawn(kind, Random(1)).line()
